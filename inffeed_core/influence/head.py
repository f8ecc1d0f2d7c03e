"""Influence of training rows on any target through a converged softmax head: exact curvature, no approximation
but the single Newton step.

    fit = fit_head(data, l2=1e-3)
    scores = HeadInfluence(data, fit).on_losses(test_features, test_labels)   # [targets, rows], nats

Koh and Liang (ICML 2017) eq. 2 with the Hessian of the head; the leverage correction is the single-step Newton
estimate of leaving one row out (Pregibon 1981), generalised to C classes.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.newton import HeadFit
from inffeed_core.influence.scores import relabel_gains, removal_influence
from inffeed_core.influence.softmax import (
    BLOCK,
    HeadData,
    blocks,
    curvature,
    logit_curvature,
    probabilities,
    residuals,
    sum_zero_basis,
)
from inffeed_core.influence.topk import top_k

Gradients = Float[Tensor, "t k d1"]


class HeadInfluence:
    """Scores of the rows a head was fitted on. Signs and units are those of `scores`.

    With `leverage` removal scores carry the exact correction for each row's own pull on the curvature, which fixes
    their magnitude; without it they are the plain first-order influence function.
    """

    def __init__(self, data: HeadData, fit: HeadFit, *, leverage: bool = True) -> None:
        self.data, self.fit, self.leverage = data, fit, leverage
        self.probabilities = probabilities(fit.theta, data.features)

    @cached_property
    def _factor(self) -> Float[Tensor, "kd1 kd1"]:
        factor: Tensor = torch.linalg.cholesky(curvature(self.probabilities, self.data, self.fit.l2))
        return factor

    @cached_property
    def _block_inverse(self) -> Float[Tensor, "k d1 k d1"]:
        k, d1 = self.fit.theta.shape
        return torch.cholesky_inverse(self._factor).view(k, d1, k, d1)

    @cached_property
    def _pulls(self) -> Float[Tensor, "n k"]:
        """Weighted reduced residuals, leverage-corrected: `w (I − (w/N) S M)⁻¹ r` with `M = J G⁻¹ Jᵀ`."""
        weights = self.data.row_weights
        raw = residuals(self.probabilities, self.data.labels)
        if not self.leverage:
            return raw * weights.unsqueeze(1)
        basis, identity = sum_zero_basis(self.data.classes), torch.eye(raw.shape[1], dtype=torch.float64)
        corrected = []
        for where, rows in blocks(self.data.features):
            spread = logit_curvature(self.probabilities[where], basis)
            shrink = identity - (weights[where] / len(raw)).view(-1, 1, 1) * (spread @ self._reach(rows))
            corrected.append(torch.linalg.solve(shrink, raw[where].unsqueeze(2)).squeeze(2))
        return torch.cat(corrected) * weights.unsqueeze(1)

    def _reach(self, rows: Float[Tensor, "b d1"]) -> Float[Tensor, "b k k"]:
        """`M = J G⁻¹ Jᵀ` of every row."""
        k = len(self.fit.theta)
        reach = torch.empty(len(rows), k, k, dtype=torch.float64)
        for a in range(k):
            for b in range(a + 1):
                reach[:, a, b] = reach[:, b, a] = ((rows @ self._block_inverse[a, :, b]) * rows).sum(1)
        return reach

    def loss_gradients(self, features: Float[Tensor, "t d"], labels: Int[Tensor, " t"]) -> Gradients:
        """Gradient of each target's loss with its label, at the fitted weights."""
        pulls = residuals(probabilities(self.fit.theta, features), labels)
        return torch.cat([pulls[where].unsqueeze(2) * rows.unsqueeze(1) for where, rows in blocks(features)])

    def validation_gradient(self, features: Float[Tensor, "m d"], labels: Int[Tensor, " m"]) -> Gradients:
        """Gradient of the mean loss over a validation set, as a single target."""
        pulls = residuals(probabilities(self.fit.theta, features), labels) / len(features)
        return sum(pulls[where].T @ rows for where, rows in blocks(features)).unsqueeze(0)  # type: ignore[union-attr]

    def on_gradients(self, gradients: Gradients) -> Float[Tensor, "t n"]:
        """Influence of every row on the targets with these gradients. Needs memory for t × n scores."""
        return torch.cat([scores for _, scores in self._scored(self._solve(gradients))], 1)

    def on_losses(self, features: Float[Tensor, "t d"], labels: Int[Tensor, " t"]) -> Float[Tensor, "t n"]:
        """Influence of every row on each target's loss. Needs memory for t × n scores."""
        return self.on_gradients(self.loss_gradients(features, labels))

    def relabel_gains(self, gradient: Float[Tensor, "1 k d1"]) -> Float[Tensor, "n c"]:
        """Gain for one target (such as the validation loss) of relabelling each row to each class."""
        directions = self._solve(gradient)
        projections = torch.cat([p for _, p in self._projected(directions)], 1).squeeze(0).double()
        return relabel_gains(self.data.row_weights, projections, self.data.labels, len(self.data.features))

    def self_influence(self) -> Float[Tensor, " n"]:
        """Influence of every row on its own loss: never negative, large where the head has to memorise the row."""
        raw = residuals(self.probabilities, self.data.labels)
        scores = [
            torch.einsum("na,nab,nb->n", self._pulls[where], self._reach(rows), raw[where])
            for where, rows in blocks(self.data.features)
        ]
        return torch.cat(scores) / len(raw)

    def top_influencers(
        self, gradients: Gradients, k: int, *, leave_out: Int[Tensor, " t"] | None = None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The k most helpful and the k most harmful rows of each target: ((scores, rows), (scores, rows)), each [t, k].

        Streamed: targets × rows is never held. `leave_out` names one row per target that must not appear (itself),
        −1 for none. A list is padded with ±inf scores only where fewer than k rows are eligible.
        """
        directions = self._solve(gradients)
        helpful = top_k(self._eligible(directions, leave_out, 1.0), k)
        harmful = top_k(self._eligible(directions, leave_out, -1.0), k)
        return helpful, (-harmful[0], harmful[1])

    def most_harmed(self, gradients: Gradients, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row the k targets on which its influence is lowest, lowest first: (influence, target numbers).

        Streamed over rows: only targets × one block is held.
        """
        found = [top_k([(0, -scores.T)], k) for _, scores in self._scored(self._solve(gradients))]
        return -torch.cat([values for values, _ in found]), torch.cat([targets for _, targets in found])

    def _eligible(
        self, directions: Gradients, leave_out: Int[Tensor, " t"] | None, sign: float
    ) -> Iterator[tuple[int, Float[Tensor, "t b"]]]:
        for first, scores in self._scored(directions):
            signed = sign * scores
            if leave_out is not None:
                inside = (leave_out >= first) & (leave_out < first + scores.shape[1])
                signed[inside.nonzero().squeeze(1), (leave_out[inside] - first)] = -torch.inf
            yield first, signed

    def _solve(self, gradients: Gradients) -> Gradients:
        """`V_t = G⁻¹ ∇L_t`, float64."""
        flat = gradients.double().reshape(len(gradients), -1)
        return torch.cholesky_solve(flat.T, self._factor).T.reshape(gradients.shape)

    def _projected(self, directions: Gradients, size: int = BLOCK) -> Iterator[tuple[int, Float[Tensor, "t b k"]]]:
        """The rows' features under each direction, in the precision of the features: one matrix product a block."""
        t, k, d1 = directions.shape
        features = self.data.features
        weight = directions[:, :, :-1].reshape(t * k, d1 - 1).to(features.dtype)
        bias = directions[:, :, -1].reshape(t * k).to(features.dtype)
        for start in range(0, len(features), size):
            projected = torch.addmm(bias, features[start : start + size], weight.T)
            yield start, projected.view(-1, t, k).transpose(0, 1)

    def _scored(self, directions: Gradients) -> Iterator[tuple[int, Float[Tensor, "t b"]]]:
        """Influence on each direction's target, a block of rows at a time."""
        pulls = self._pulls.to(self.data.features.dtype)
        for first, projections in self._projected(directions):
            here = pulls[first : first + projections.shape[1]]
            yield first, removal_influence(here, projections, len(self.data.features))
