"""What is differentiated: cotangents on the logits, one row per example, as pure functions of the logits.

With p = softmax(z) and q = √p (a unit vector), the curvature of the cross-entropy in the logits is
`S = diag(p) − ppᵀ = F Fᵀ` with `F = diag(q) H`, H (C × C−1) an orthonormal basis of the complement of q. So C−1
backward passes give rows whose outer products sum to the exact Gauss-Newton matrix, and the loss gradient of label y is
`p − e_y = F c` with `c = −H[y] / q_y`: each example's gradient lies in the span of its own rows.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.accepted import accepting


@accepting(logits="floats", labels="labels")
def loss(logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
    """Gradient of −log p[label]: `p − e_y`."""
    return logits.softmax(1).scatter_add(1, labels.unsqueeze(1), -torch.ones_like(logits[:, :1]))


@accepting(logits="floats", classes="labels")
def negative_margin(logits: Float[Tensor, "n c"], classes: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
    """Gradient of −log(p_c / (1 − p_c)), the negative log-odds of the chosen class."""
    chosen = classes.unsqueeze(1)
    return logits.scatter(1, chosen, -torch.inf).softmax(1).scatter(1, chosen, -1.0)


@accepting(logits="floats")
def sampled_loss(logits: Float[Tensor, "n c"], generator: torch.Generator) -> Float[Tensor, "n c"]:
    """Gradient of the loss under a label drawn from the model; its outer product has expectation S."""
    draws = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64).to(logits.device)
    labels = (logits.double().softmax(1).cumsum(1) < draws).sum(1).clamp(max=logits.shape[1] - 1)
    return loss(logits, labels)


@accepting(logits="floats")
def curvature_rows(logits: Float[Tensor, "n c"]) -> Float[Tensor, "k n c"]:
    """The C−1 columns of F for every example: their outer products sum to S exactly."""
    q = logits.softmax(1).sqrt()
    return (q.unsqueeze(2) * _complement(q)).permute(2, 0, 1)


@accepting(logits="floats", labels="labels")
def loss_coordinates(logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, "n k"]:
    """The vector c with `F c = p − e_y`, for every example."""
    q = logits.softmax(1).sqrt()
    own = labels.unsqueeze(1)
    return -_complement(q).take_along_dim(own.unsqueeze(2), 1).squeeze(1) / q.gather(1, own)


def _complement(q: Float[Tensor, "n c"]) -> Float[Tensor, "n c k"]:
    """Columns 2 to C of the Householder reflection that takes −q to the first axis: orthonormal and orthogonal to q."""
    v = q.clone()
    v[:, 0] += 1
    reflection = torch.eye(q.shape[1], dtype=q.dtype, device=q.device) - v.unsqueeze(2) * (
        v / (1 + q[:, :1])
    ).unsqueeze(1)
    return reflection[:, :, 1:]
