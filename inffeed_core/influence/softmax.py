"""The softmax head: its loss, gradient and exact curvature, as pure functions on blocks of rows.

The layout is the same in the whole head tier. A row of features `h` has `d` entries; a constant 1 is appended on
use, so that the bias is a weight like any other (and is regularised like any other). The logits of C classes are
`W h` with `W = U θ`: `U` (C × k, k = C−1) is an orthonormal basis of the vectors whose entries sum to zero, and
θ (k × (d+1)) are the *reduced* weights. Nothing is lost: softmax ignores a shift common to all classes, so the
regularised optimum sums to zero over classes and ‖W‖ = ‖θ‖. Curvature shrinks by (C/k)², four times for two classes.

Objective: `J(θ) = (1/N) Σ_i w_i ℓ_i(θ) + (λ/2)‖θ‖²`, N = number of rows, ℓ_i = −log p_i[y_i] in nats.
Gradient of ℓ_i: `r_i ⊗ h_i` with the reduced residual `r_i = Uᵀ(p_i − e_{y_i})`.
A row may be taught a distribution t_i over classes instead of one class: ℓ_i = −Σ_c t_i[c] log p_i[c], and t_i stands
for e_{y_i} everywhere. The curvature is the same, because it does not depend on labels.
Hessian, equal to the Gauss-Newton matrix: `G = (1/N) Σ_i w_i (Uᵀ S_i U) ⊗ h_i h_iᵀ + λI`, `S_i = diag(p_i) − p_i p_iᵀ`.

Features may be float32 and memory-mapped; sums and solves are float64; memory is bounded by `BLOCK` rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepted, accepting

BLOCK = 8192
CACHED = 1024
"""Rows of a block that is read more than once: as float64 they stay in the processor's cache."""
PANEL = 128
"""Columns that are multiplied at once when half of a symmetric product is enough."""
Taught = Int[Tensor, " n"] | Float[Tensor, "n c"]
"""A class for each row, or a distribution over classes for each."""


@dataclass(frozen=True, slots=True)
class HeadData:
    """What a head is fitted on: n rows of d features, a class for each, and weights (1 by default).

    Kept as floating-point numbers and class numbers on the CPU, whatever type was given; see `accepted`.
    """

    features: Shaped[Tensor, "n d"]
    labels: Shaped[Tensor, " n"]
    classes: int
    weights: Shaped[Tensor, " n"] | None = None
    targets: Shaped[Tensor, "n c"] | None = None
    """Distributions over classes that the rows are taught instead of their labels, or None."""

    def __post_init__(self) -> None:
        for name, kind in (("features", "rows"), ("labels", "classes"), ("weights", "rows"), ("targets", "rows")):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, accepted(getattr(self, name), name, kind))
        n = len(self.features)
        if len(self.labels) != n or (self.weights is not None and len(self.weights) != n):
            raise ValueError(f"{n} rows of features, but {len(self.labels)} labels and weights {self.weights}.")
        if n == 0:
            raise ValueError("A head needs at least one row to learn from.")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= self.classes:
            raise ValueError(f"Labels must lie in 0..{self.classes - 1}.")
        if self.weights is not None and not bool(self.weights.isfinite().all()):
            raise ValueError("A weight is infinite or not a number.")
        if self.targets is not None:
            _require_distributions(self.targets, (n, self.classes))

    @property
    def taught(self) -> Taught:
        """What the loss compares predictions with: `targets` if there are any, else `labels`."""
        return self.labels if self.targets is None else self.targets

    @property
    def row_weights(self) -> Float[Tensor, " n"]:
        """Weights as float64."""
        return torch.ones(len(self.features), dtype=torch.float64) if self.weights is None else self.weights.double()


def _require_distributions(targets: Tensor, shape: tuple[int, int]) -> None:
    if targets.shape != shape:
        raise ValueError(f"Targets have shape {tuple(targets.shape)}; these rows and classes need {shape}.")
    if not (targets.min() >= 0 and (targets.sum(1) - 1).abs().max() <= 1e-6):
        raise ValueError("Targets must be distributions: no entry below 0, each row summing to 1.")


@cache
def sum_zero_basis(classes: int) -> Float[Tensor, "c k"]:
    """Orthonormal columns that each sum to zero (Helmert contrasts), float64. Shared: do not write to it."""
    basis = torch.zeros(classes, classes - 1, dtype=torch.float64)
    for j in range(1, classes):
        basis[:j, j - 1] = 1.0
        basis[j, j - 1] = -float(j)
        basis[:, j - 1] /= (j * (j + 1)) ** 0.5
    return basis


@accepting(features="rows")
def blocks(
    features: Float[Tensor, "n d"], size: int = BLOCK, dtype: torch.dtype = torch.float64
) -> Iterator[tuple[slice, Float[Tensor, "b d1"]]]:
    """(slice of the rows, these rows with the constant 1 appended) by block; each block overwrites the last.

    One buffer serves all: a new one for each block fragmented the heap until a million rows took 2.8 GB.
    """
    if not dtype.is_floating_point:
        raise ValueError(f"Blocks of type {dtype} were requested; expected floating point, such as torch.float64.")
    padded = torch.ones(min(size, len(features)), features.shape[1] + 1, dtype=dtype)
    for start in range(0, len(features), size):
        rows = features[start : start + size]
        padded[: len(rows), :-1] = rows
        yield slice(start, start + len(rows)), padded[: len(rows)]


@accepting(theta="float64", features="rows")
def probabilities(theta: Float[Tensor, "k d1"], features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
    """Class probabilities of every row, float64."""
    return torch.softmax(logits(theta, features), 1)


@accepting(theta="float64", features="rows")
def logits(theta: Float[Tensor, "k d1"], features: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
    """Logits of every row, summing to zero over classes, float64. No rows give none."""
    weight = sum_zero_basis(len(theta) + 1) @ theta
    made = torch.empty(len(features), len(weight), dtype=weight.dtype)
    for where, rows in blocks(features, CACHED):
        made[where] = rows @ weight.T
    return made


@accepting(thetas="float64", features="rows", labels="classes")
def mean_losses(
    thetas: Float[Tensor, "t k d1"], features: Float[Tensor, "m d"], labels: Int[Tensor, " m"]
) -> Float[Tensor, " t"]:
    """Mean loss of these rows under each of t heads, nats. Holds t × C numbers for each row of a block."""
    basis, total = sum_zero_basis(thetas.shape[1] + 1), torch.zeros(len(thetas), dtype=torch.float64)
    for where, rows in blocks(features):
        logits = (thetas @ rows.T).mT @ basis.T
        own = logits.gather(2, labels[where].expand(len(thetas), -1).unsqueeze(2)).squeeze(2)
        total += (logits.logsumexp(2) - own).sum(1)
    return total / len(features)


@accepting(probs="float64", labels="classes")
def losses(probs: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Negative log-likelihood of every row's label, in nats."""
    return -probs.gather(1, labels.unsqueeze(1)).squeeze(1).clamp_min(1e-300).log()


@accepting(probs="rows", taught="taught")
def residuals(probs: Float[Tensor, "n c"], taught: Taught) -> Float[Tensor, "n k"]:
    """Reduced residuals `Uᵀ(p − e_y)`, or `Uᵀ(p − t)`: the part of each loss gradient that belongs to the logits.

    In the precision of `probs`. `1 − p_y` is summed from the other classes, so that it keeps its digits near 0; class
    by class, which is five times faster than row by row if there are few classes.
    """
    basis = sum_zero_basis(probs.shape[1]).to(probs.dtype)
    if taught.is_floating_point():
        return (probs - taught.to(probs.dtype)) @ basis
    own = taught.unsqueeze(0)
    others = probs.T.scatter(0, own, 0.0)
    return (basis.T @ others.scatter(0, own, -others.sum(0, keepdim=True))).T


@dataclass(frozen=True, slots=True)
class Point:
    """A head and the objective there, float64."""

    theta: Shaped[Tensor, "k d1"]
    probs: Shaped[Tensor, "n c"]
    objective: float
    """J, nats."""
    gradient: Shaped[Tensor, "k d1"]
    """∇J."""

    def __post_init__(self) -> None:
        for name in ("theta", "probs", "gradient"):
            object.__setattr__(self, name, accepted(getattr(self, name), name, "float64"))


@accepting(theta="float64", offsets="float64")
def evaluated(
    theta: Float[Tensor, "k d1"], data: HeadData, l2: float, offsets: Float[Tensor, "n c"] | None = None
) -> Point:
    """J, its gradient and the probabilities at θ in one pass; `offsets` are added to the rows' logits."""
    weight, shares = sum_zero_basis(data.classes) @ theta, data.row_weights / len(data.features)
    probs = torch.empty(len(data.features), data.classes, dtype=torch.float64)
    loss, slope = 0.5 * l2 * theta.square().sum(), l2 * theta
    for where, rows in blocks(data.features, CACHED):
        scores, taught, share = rows @ weight.T, data.taught[where], shares[where]
        scores = scores if offsets is None else scores + offsets[where]
        probs[where] = torch.softmax(scores, 1)
        loss = loss + share @ torch.nn.functional.cross_entropy(scores, taught, reduction="none")
        slope = slope + (residuals(probs[where], taught) * share.unsqueeze(1)).T @ rows
    return Point(theta=theta, probs=probs, objective=float(loss), gradient=slope)


@accepting(theta="float64")
def change_of_gradient(theta: Float[Tensor, "k d1"], before: HeadData, after: HeadData) -> Float[Tensor, "k d1"]:
    """∇J for `after` minus that for `before` at θ: the same rows, of which only those with another label or weight
    are read."""
    rows, change = _differing(before, after), torch.zeros_like(theta)
    weight, old, new = sum_zero_basis(after.classes) @ theta, before.row_weights, after.row_weights
    for where, padded in blocks(after.features[rows]):
        these, probs = rows[where], torch.softmax(padded @ weight.T, 1)
        pulls = new[these].unsqueeze(1) * residuals(probs, after.taught[these])
        pulls -= old[these].unsqueeze(1) * residuals(probs, before.taught[these])
        change += pulls.T @ padded / len(after.features)
    return change


def _differing(before: HeadData, after: HeadData) -> Int[Tensor, " changed"]:
    """Numbers of the rows whose teaching or weight differs."""
    if before.taught.shape != after.taught.shape:
        return torch.arange(len(after.features))
    taught = (before.taught != after.taught).view(len(after.features), -1).any(1)
    return (taught | (before.row_weights != after.row_weights)).nonzero().squeeze(1)


@accepting(probs="float64")
def curvature(
    probs: Float[Tensor, "n c"], data: HeadData, l2: float, dtype: torch.dtype = torch.float64
) -> Float[Tensor, "kd1 kd1"]:
    """G at these probabilities: symmetric positive definite, rows ordered class first, in `dtype`.

    Every block of it is symmetric, so only the part on and below the diagonal is multiplied, panel by panel. Sums
    within a block of rows are taken in `dtype`, those over blocks in float64.
    """
    basis = sum_zero_basis(data.classes)
    k, d1 = basis.shape[1], data.features.shape[1] + 1
    total = torch.zeros(k, d1, k, d1, dtype=torch.float64)
    weights = data.row_weights / len(data.features)
    for where, rows in blocks(data.features, dtype=dtype):
        spread = (logit_curvature(probs[where], basis) * weights[where].view(-1, 1, 1)).to(dtype)
        for a in range(k):
            for b in range(a + 1):
                scaled = rows * spread[:, a, b].unsqueeze(1)
                for start in range(0, d1, PANEL):
                    end = min(start + PANEL, d1)
                    total[a, start:end, b, :end] += scaled[:, start:end].T @ rows[:, :end]
    for a in range(k):
        for b in range(a + 1):
            lower = total[a, :, b].tril()
            total[a, :, b] = total[b, :, a] = lower + lower.tril(-1).T
    full = total.view(k * d1, k * d1).to(dtype)
    full.diagonal().add_(l2)
    return full


@accepting(probs="float64")
def curvature_trace(probs: Float[Tensor, "n c"], data: HeadData) -> float:
    """Trace of G without its λI, which bounds the largest eigenvalue."""
    spread = data.row_weights * (1 - probs.square().sum(1))  # the trace of Uᵀ S U is that of S
    total = 0.0
    for where, rows in blocks(data.features, dtype=torch.float32):
        total += float(spread[where] @ torch.linalg.vector_norm(rows, dim=1).double().square())
    return total / len(data.features)


@accepting(probs="float64", basis="float64")
def logit_curvature(probs: Float[Tensor, "n c"], basis: Float[Tensor, "c k"]) -> Float[Tensor, "n k k"]:
    """`Uᵀ S_i U` of every row."""
    mean = probs @ basis
    return torch.einsum("nc,ca,cb->nab", probs, basis, basis) - mean.unsqueeze(2) * mean.unsqueeze(1)
