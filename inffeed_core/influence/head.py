"""Influence of training rows on any target through a converged softmax head: exact curvature, no approximation
but the single Newton step.

    fit = fit_head(data, l2=1e-3)
    scores = HeadInfluence(data, fit).on_losses(test_features, test_labels)   # [targets, rows], nats

Koh and Liang (ICML 2017) eq. 2 with the Hessian of the head; the leverage correction is the single-step Newton
estimate of leaving one row out (Pregibon 1981), generalised to C classes.

Scoring streams: the features, which may be a memory map, are read once in their own precision, block by block, and
only one block's products are held beyond them, whatever the number of rows. Without leverage nothing else is read
or kept: the rows' own logits come from the same product as their projections. Leverage costs one pass in float64
per fit, and keeps C−1 numbers per row.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.factor import Factor, factorised, refined
from inffeed_core.influence.newton import HeadFit, fit_head
from inffeed_core.influence.scores import relabel_gains, removal_influence
from inffeed_core.influence.softmax import (
    HeadData,
    blocks,
    change_of_gradient,
    logit_curvature,
    probabilities,
    residuals,
    sum_zero_basis,
)
from inffeed_core.influence.topk import Kept, merged, top_k

Gradients = Float[Tensor, "t k d1"]
ROWS = 65_536
"""Most rows in a block: larger ones were not faster, smaller ones up to a third slower."""
PRODUCTS = 1 << 22
"""Most products of a row and a direction in a block: 16 MB in float32."""
RESIDUAL = 1e-4
"""Relative residual to which solves from an earlier factor are refined, the root mean square over targets."""


class HeadInfluence:
    """Scores of the rows a head was fitted on. Signs and units are those of `scores`.

    With `leverage` removal scores carry the exact correction for each row's own pull on the curvature, which fixes
    their magnitude; without it they are the plain first-order influence function.
    """

    def __init__(
        self,
        data: HeadData,
        fit: HeadFit,
        *,
        leverage: bool = True,
        near: Factor | None = None,
    ) -> None:
        """`near`, the factor of a similar curvature, is used instead of a new one if refining it reaches `RESIDUAL`."""
        self.data, self.fit, self.leverage, self._near = data, fit, leverage, near

    def corrected(self, data: HeadData, tolerance: float = 1e-9) -> "HeadInfluence":
        """Refit after a few corrections, ready to score again from the old curvature's factor; without leverage.

        `data` holds the same rows with other labels or weights. At the old optimum the old gradient is 0, so the first
        Newton step reads only the rows that changed. The refit continues from there and converges like `fit_head`, to
        this tolerance, and solves are refined in the new curvature to `RESIDUAL`: it only saves time.
        """
        theta = self.fit.theta
        step = self.factor.solve(change_of_gradient(theta, self.data, data).view(1, -1)).view(theta.shape)
        fit = fit_head(data, self.fit.l2, start=theta - step, factor=self.factor, tolerance=tolerance)
        return HeadInfluence(data, fit, leverage=False, near=self.factor)

    @cached_property
    def factor(self) -> Factor:
        """The factor of the curvature at the fit."""
        return factorised(probabilities(self.fit.theta, self.data.features), self.data, self.fit.l2)

    @cached_property
    def _block_inverse(self) -> Float[Tensor, "k d1 k d1"]:
        k, d1 = self.fit.theta.shape
        return torch.cholesky_inverse(self.factor.lower).view(k, d1, k, d1)

    @cached_property
    def _corrected_pulls(self) -> Float[Tensor, "n k"]:
        """Weighted reduced residuals, leverage-corrected: `w (I − (w/N) S M)⁻¹ r` with `M = J G⁻¹ Jᵀ`."""
        basis, identity = sum_zero_basis(self.data.classes), torch.eye(self.data.classes - 1, dtype=torch.float64)
        corrected = torch.empty(len(self.data.features), len(identity), dtype=self.data.features.dtype)
        for where, rows in blocks(self.data.features):
            weights = self._weights(where)
            probs = torch.softmax(rows @ (basis @ self.fit.theta).T, 1)
            spread = logit_curvature(probs, basis) @ self._reach(rows)
            shrink = identity - (weights / len(corrected)).view(-1, 1, 1) * spread
            raw = weights.unsqueeze(1) * residuals(probs, self.data.taught[where])
            corrected[where] = torch.linalg.solve(shrink, raw.unsqueeze(2)).squeeze(2).to(corrected.dtype)
        return corrected

    def _plain_pulls(self, where: slice, reduced_logits: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
        """Weighted reduced residuals of these rows, in the precision of their logits."""
        basis = sum_zero_basis(self.data.classes).to(reduced_logits.dtype)
        raw = residuals(torch.softmax(basis @ reduced_logits.T, 0).T, self.data.taught[where])
        return raw if self.data.weights is None else raw * self._weights(where).unsqueeze(1).to(raw.dtype)

    def _weights(self, where: slice) -> Float[Tensor, " b"]:
        rows = self.data.labels[where]
        given = self.data.weights
        return torch.ones(len(rows), dtype=torch.float64) if given is None else given[where].double()

    def _reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row."""
        k, rows = len(self.fit.theta), rows.to(self._block_inverse.dtype)
        reach = torch.empty(len(rows), k, k, dtype=torch.float64)
        for a in range(k):
            for b in range(a + 1):
                reach[:, a, b] = reach[:, b, a] = ((rows @ self._block_inverse[a, :, b]) * rows).sum(1)
        return reach

    @accepting(features="rows", labels="classes")
    def loss_gradients(self, features: Float[Tensor, "t d"], labels: Int[Tensor, " t"]) -> Gradients:
        """Gradient of each target's loss with its label, at the fitted weights."""
        pulls = residuals(probabilities(self.fit.theta, features), labels)
        return torch.cat([pulls[where].unsqueeze(2) * rows.unsqueeze(1) for where, rows in blocks(features)])

    @accepting(features="rows", labels="classes")
    def validation_gradient(self, features: Float[Tensor, "m d"], labels: Int[Tensor, " m"]) -> Gradients:
        """Gradient of the mean loss over a validation set, as a single target."""
        pulls = residuals(probabilities(self.fit.theta, features), labels) / len(features)
        return sum(pulls[where].T @ rows for where, rows in blocks(features)).unsqueeze(0)  # type: ignore[union-attr]

    @accepting(gradients="float64")
    def on_gradients(self, gradients: Gradients) -> Float[Tensor, "t n"]:
        """Influence of every row on the targets with these gradients. Needs memory for t × n scores."""
        return torch.cat([scores for _, scores in self._scored(self._solve(gradients))], 1)

    @accepting(features="rows", labels="classes")
    def on_losses(self, features: Float[Tensor, "t d"], labels: Int[Tensor, " t"]) -> Float[Tensor, "t n"]:
        """Influence of every row on each target's loss. Needs memory for t × n scores."""
        return self.on_gradients(self.loss_gradients(features, labels))

    @accepting(gradient="float64")
    def relabel_gains(self, gradient: Float[Tensor, "1 k d1"]) -> Float[Tensor, "n c"]:
        """Gain for one target (such as the validation loss) of teaching each row each class instead, nats."""
        projections = torch.cat([block for _, block in self._products(self._solve(gradient)[0])]).double()
        return relabel_gains(self.data.row_weights, projections, self.data.taught, len(self.data.features))

    def self_influence(self) -> Float[Tensor, " n"]:
        """Influence of every row on its own loss: never negative, large if the head must memorise the row."""
        weight = sum_zero_basis(self.data.classes) @ self.fit.theta
        scores = []
        for where, rows in blocks(self.data.features):
            raw = residuals(torch.softmax(rows @ weight.T, 1), self.data.taught[where])
            pulls = self._corrected_pulls[where].double() if self.leverage else raw * self._weights(where).unsqueeze(1)
            scores.append(torch.einsum("na,nab,nb->n", pulls, self._reach(rows), raw))
        return torch.cat(scores) / len(self.data.features)

    @accepting(gradients="float64", leave_out="classes")
    def top_influencers(
        self, gradients: Gradients, k: int, *, leave_out: Int[Tensor, " t"] | None = None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The k most helpful and the k most harmful rows of each target: ((scores, rows), (scores, rows)), each [t, k].

        Streamed: targets × rows is never held. `leave_out` names one row per target that must not appear (itself),
        −1 for none. A list is padded with ±inf scores only where fewer than k rows are eligible.
        """
        helpful: Kept | None = None
        harmful: Kept | None = None
        for first, scores in self._scored(self._solve(gradients)):
            helpful = merged(helpful, first, self._barred(scores, first, leave_out, -torch.inf), k)
            harmful = merged(harmful, first, -self._barred(scores, first, leave_out, torch.inf), k)
        assert helpful is not None  # a head has at least one row
        assert harmful is not None
        return helpful, (-harmful[0], harmful[1])

    @accepting(gradients="float64")
    def most_harmed(self, gradients: Gradients, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row the k targets on which its influence is lowest, lowest first: (influence, target numbers).

        Streamed over rows: only targets × one block is held.
        """
        found = [top_k([(0, -scores.T)], k) for _, scores in self._scored(self._solve(gradients))]
        return -torch.cat([values for values, _ in found]), torch.cat([targets for _, targets in found])

    def _barred(
        self, scores: Float[Tensor, "t b"], first: int, leave_out: Int[Tensor, " t"] | None, mark: float
    ) -> Float[Tensor, "t b"]:
        """These scores with each target's row to leave out set to `mark`, in place."""
        if leave_out is not None:
            inside = (leave_out >= first) & (leave_out < first + scores.shape[1])
            scores[inside.nonzero().squeeze(1), leave_out[inside] - first] = mark
        return scores

    def _solve(self, gradients: Gradients) -> Gradients:
        """`V_t = G⁻¹ ∇L_t`, float64."""
        flat = gradients.double().reshape(len(gradients), -1)
        found = None if self._near is None else refined(self._near, self._curved, flat, RESIDUAL)
        return (self.factor.solve(flat) if found is None else found).reshape(gradients.shape)

    def _curved(self, directions: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
        """`G v` for each direction, in its precision, without forming G."""
        (k, d1), dtype = self.fit.theta.shape, directions.dtype
        basis, total = sum_zero_basis(k + 1), self.fit.l2 * directions
        weight = (basis @ self.fit.theta).to(dtype)
        for where, rows in blocks(self.data.features, dtype=dtype):
            spread = logit_curvature(torch.softmax(rows @ weight.T, 1).double(), basis)
            spread *= (self._weights(where) / len(self.data.features)).view(-1, 1, 1)
            change = (rows @ directions.reshape(-1, d1).T).view(len(rows), -1, k) @ spread.to(dtype)
            total = total + (change.flatten(1).T @ rows).view_as(total)
        return total

    def _products(self, weights: Float[Tensor, "m d1"]) -> Iterator[tuple[int, Float[Tensor, "b m"]]]:
        """(first row, rows times these weights), in the precision of the features: one matrix product a block."""
        features = self.data.features
        weight, bias = weights[:, :-1].to(features.dtype), weights[:, -1].to(features.dtype)
        size = max(1, min(ROWS, PRODUCTS // len(weights)))
        for start in range(0, len(features), size):
            yield start, torch.addmm(bias, features[start : start + size], weight.T)

    def _scored(self, directions: Gradients) -> Iterator[tuple[int, Float[Tensor, "t b"]]]:
        """Influence on each direction's target, a block of rows at a time."""
        t, k, d1 = directions.shape
        own = directions[:0, 0] if self.leverage else self.fit.theta
        for first, products in self._products(torch.cat([own, directions.reshape(t * k, d1)])):
            where = slice(first, first + len(products))
            pulls = self._corrected_pulls[where] if self.leverage else self._plain_pulls(where, products[:, :k])
            projections = products[:, len(own) :].view(-1, t, k).transpose(0, 1)
            yield first, removal_influence(pulls, projections, len(self.data.features))
