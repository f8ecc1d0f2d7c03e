"""How far the probabilities of a softmax model are to be trusted: one number for all of its logits."""

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.accepted import accepting


@accepting(scores="float64", labels="classes")
def temperature(scores: Float[Tensor, "m c"], labels: Int[Tensor, " m"]) -> float:
    """The divisor of logits, between 0.05 and 20, with the lowest mean loss on these labels (Guo et al., ICML 2017).

    Each label counts as if one further text of every class had been seen beside the m (Platt 1999, section 2.2, for C
    classes): where few texts are all right, logits would otherwise be blown up without end, to probabilities of 1.
    """

    from scipy.optimize import minimize_scalar  # takes 0.5 s, which explaining one text need not pay

    # By numpy: on a busy machine the threads of torch wait for each other far longer than they work.
    found, rows = scores.numpy(), np.arange(len(labels))
    below = found - found.max(1, keepdims=True)
    count, classes = below.shape
    aim = (count * below[rows, labels.numpy()] + below.sum(1)) / (count + classes)

    def loss(log_temperature: float) -> float:
        warmth = np.exp(log_temperature)
        return float((np.log(np.exp(below / warmth).sum(1)) - aim / warmth).mean())

    best = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))
