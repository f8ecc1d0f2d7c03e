"""What every score means: the only place where sign and unit are defined.

**Influence of training row j on target t** is the predicted value of the experiment
`loss(t, trained without j) − loss(t, trained with j)`, in nats, where "without" sets j's weight to zero and leaves
N in the objective alone. Positive = helpful: without j the target would fare worse. `tests/influence/test_refits.py`
runs the experiment.

**Relabel gain of row z from y to c** is the predicted value of
`loss(t, now) − loss(t, z labelled c)`, in nats. Positive = worth doing. A row that is taught a distribution over
classes has a gain for every class, including its likeliest: confirming that one also changes what is taught. The
curvature of a softmax head does not depend on labels, so one Newton step needs no leverage correction here.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.softmax import Taught, sum_zero_basis


@accepting(pulls="rows", projections="rows")
def removal_influence(
    pulls: Float[Tensor, "n k"], projections: Float[Tensor, "t n k"], total: int
) -> Float[Tensor, "t n"]:
    """Influence of n rows on t targets, nats: `(1/N) r̃_j · (V_t h_j)`.

    `pulls` are weighted (and, if wanted, leverage-corrected) reduced residuals r̃, `projections` the rows' features
    under the targets' solved gradients `V_t = G⁻¹∇L_t`, `total` is N.
    """
    precision = torch.promote_types(pulls.dtype, projections.dtype)
    own, along = (pulls.to(precision) / total).T.contiguous(), projections.to(precision).unbind(2)
    found = along[0] * own[0]
    for pull, projection in zip(own[1:], along[1:], strict=True):
        found.addcmul_(projection, pull)
    return found


@accepting(weights="rows", projections="rows", taught="taught")
def relabel_gains(
    weights: Float[Tensor, " n"], projections: Float[Tensor, "n k"], taught: Taught, total: int
) -> Float[Tensor, "n c"]:
    """Gain for one target of giving row i label c instead of its own, nats: `(w_i/N)(s_i[y] − s_i[c])`; 0 at c = y.

    If a row is taught a distribution t over classes, `Σ_y t[y] s_i[y]` replaces `s_i[y]`.
    """
    full = projections @ sum_zero_basis(projections.shape[1] + 1).to(projections.dtype).T
    soft = taught.is_floating_point()
    own = (full * taught).sum(1, keepdim=True) if soft else full.gather(1, taught.unsqueeze(1))
    return (own - full) * weights.unsqueeze(1) / total
