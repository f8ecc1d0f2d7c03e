"""Influence of training rows on any target through a converged softmax head: exact curvature, no approximation
but the single Newton step. How the curvature is solved with depends on the size (`inffeed_core.solving`).

    fit = fit_head(data, l2=1e-3)
    scores = HeadInfluence(data, fit).on_losses(test_features, test_labels)   # [targets, rows], nats

Koh and Liang (ICML 2017) eq. 2 with the Hessian of the head; the leverage correction is the single-step Newton
estimate of leaving one row out (Pregibon 1981), generalised to C classes.

Scoring streams: the features, which may be a memory map, are read once in their own precision, block by block, and
only one block's products are held beyond them, whatever the number of rows. Without leverage nothing else is read
or kept: the rows' own logits come from the same product as their projections. Leverage costs one pass in float64
per fit, and keeps C−1 numbers per row.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.factor import Solver, refined
from inffeed_core.influence.kronecker import pulled_back
from inffeed_core.influence.newton import HeadFit, fit_head
from inffeed_core.influence.scores import relabel_gains, removal_influence
from inffeed_core.influence.softmax import (
    BLOCK,
    HeadData,
    blocks,
    change_of_gradient,
    logit_curvature,
    mean_losses,
    probabilities,
    residuals,
    sum_zero_basis,
)
from inffeed_core.influence.solvers import plan_for, solver_for
from inffeed_core.influence.topk import Kept, merged, top_k
from inffeed_core.solving import Plan, follows

Gradients = Float[Tensor, "t k d1"]
ROWS = 65_536
"""Most rows in a block: larger ones were not faster, smaller ones up to a third slower."""
PRODUCTS = 1 << 22
"""Most products of a row and a direction in a block: 16 MB in float32."""
SPREADS = 1 << 22
"""Numbers of the spreads of a block of rows, 32 MiB."""
TARGETS, GRADIENTS = 256, 1 << 23
"""Most targets, and numbers of their gradients, that are asked about at once."""
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
        near: Solver | None = None,
    ) -> None:
        """`near` solves with a similar curvature; it is used instead of a new one if refining it reaches `RESIDUAL`."""
        self.data, self.fit, self.leverage, self._near = data, fit, leverage, near

    def corrected(self, data: HeadData, tolerance: float = 1e-9) -> "HeadInfluence":
        """Refit after a few corrections, ready to score again by the old curvature's solver; without leverage.

        `data` holds the same rows with other labels or weights. At the old optimum the old gradient is 0, so the first
        Newton step reads only the rows that changed. The refit continues from there and converges like `fit_head`, to
        this tolerance, and solves are refined in the new curvature to `RESIDUAL`: it only saves time.
        """
        theta = self.fit.theta
        step = self.solver.solve(change_of_gradient(theta, self.data, data).view(1, -1)).view(theta.shape)
        fit = fit_head(data, self.fit.l2, start=theta - step, factor=self.near, tolerance=tolerance)
        return HeadInfluence(data, fit, leverage=False, near=self.near)

    @cached_property
    def solver(self) -> Solver:
        """What solves with the curvature at the fit."""
        return solver_for(probabilities(self.fit.theta, self.data.features), self.data, self.fit.l2)

    @property
    def near(self) -> Solver | None:
        """The solver, where solving once more costs little, so that it may help refits; else None."""
        return self.solver if self.plan.way != "products" else None

    @property
    def plan(self) -> Plan:
        """How the curvature is solved with, and what that costs."""
        return plan_for(self.data)

    @property
    def target_block(self) -> int:
        """Targets to ask about at once, so that their gradients take up 64 MiB at most."""
        return max(1, min(TARGETS, GRADIENTS // self.fit.theta.numel()))

    @property
    def _corrected_pulls(self) -> Float[Tensor, "n k"]:
        """Weighted reduced residuals, leverage-corrected: `w (I − (w/N) S M)⁻¹ r` with `M = J G⁻¹ Jᵀ`."""
        return self._own[0]

    @cached_property
    def _own(self) -> tuple[Float[Tensor, "n k"], Float[Tensor, " n"]]:
        """Weighted reduced residuals, corrected if `leverage`, and what each row does to its own loss, times N."""
        (k, _), basis = self.fit.theta.shape, sum_zero_basis(self.data.classes)
        pulls = torch.empty(len(self.data.features), k, dtype=self.data.features.dtype)
        own = torch.empty(len(pulls), dtype=torch.float64)
        for where, rows in blocks(self.data.features, max(1, min(BLOCK, SPREADS // k**2))):
            weights = self._weights(where)
            probs, reach = torch.softmax(rows @ (basis @ self.fit.theta).T, 1), self.solver.reach(rows)
            unweighted = residuals(probs, self.data.taught[where])
            found = weights.unsqueeze(1) * unweighted
            if self.leverage:
                own_share = (weights / len(pulls)).view(-1, 1, 1) * (logit_curvature(probs, basis) @ reach)
                found = self._without_own(found.unsqueeze(2), own_share).squeeze(2)
            pulls[where] = found.to(pulls.dtype)
            own[where] = torch.einsum("na,nab,nb->n", found.to(pulls.dtype).double(), reach, unweighted)
        return pulls, own

    def _without_own(self, pulls: Float[Tensor, "b k 1"], share: Float[Tensor, "b k k"]) -> Float[Tensor, "b k 1"]:
        """`(I − share)⁻¹ pulls`; with an estimated share, which may reach 1, the sum of the first two terms."""
        if not self.solver.exact_reach:
            return pulls + share @ pulls
        solution: Tensor = torch.linalg.solve(torch.eye(share.shape[1], dtype=share.dtype) - share, pulls)
        return solution

    def _plain_pulls(self, where: slice, reduced_logits: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
        """Weighted reduced residuals of these rows, in the precision of their logits."""
        basis = sum_zero_basis(self.data.classes).to(reduced_logits.dtype)
        raw = residuals(torch.softmax(basis @ reduced_logits.T, 0).T, self.data.taught[where])
        return raw if self.data.weights is None else raw * self._weights(where).unsqueeze(1).to(raw.dtype)

    def _weights(self, where: slice) -> Float[Tensor, " b"]:
        rows = self.data.labels[where]
        given = self.data.weights
        return torch.ones(len(rows), dtype=torch.float64) if given is None else given[where].double()

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
        return self.scores_along(self.solved(gradients))

    @accepting(features="rows", labels="classes")
    def on_losses(self, features: Float[Tensor, "t d"], labels: Int[Tensor, " t"]) -> Float[Tensor, "t n"]:
        """Influence of every row on each target's loss. Needs memory for t × n scores."""
        return self.on_gradients(self.loss_gradients(features, labels))

    @accepting(features="rows", labels="classes")
    def on_mean_loss(self, features: Float[Tensor, "m d"], labels: Int[Tensor, " m"]) -> Float[Tensor, " n"]:
        """Influence of every row on the mean loss of these targets: the loss at the weights without the row, less that
        at the fit, where `solving.follows` and the correction for leverage allow it; elsewhere along its slope.

        The weights without a row are those of one Newton step. Their loss is not additive over rows, as no refit's is.
        """
        (n, width), (k, d1) = self.data.features.shape, self.fit.theta.shape
        if not self.leverage or not follows(n, self.data.classes, width, len(features)):
            return self.on_gradients(self.validation_gradient(features, labels))[0].double()
        here = mean_losses(self.fit.theta.unsqueeze(0), features, labels)
        found = torch.empty(n, dtype=torch.float64)
        size = max(1, min(self.target_block, GRADIENTS // (self.data.classes * min(len(features), BLOCK))))
        for where, rows in blocks(self.data.features, size):
            sides = self._corrected_pulls[where].double().unsqueeze(2) * rows.unsqueeze(1) / n
            moved = self.fit.theta + self.solver.solve(sides.flatten(1)).view(-1, k, d1)
            found[where] = mean_losses(moved, features, labels) - here
        return found

    @accepting(gradient="float64")
    def relabel_gains(self, gradient: Float[Tensor, "1 k d1"]) -> Float[Tensor, "n c"]:
        """Gain for one target (such as the validation loss) of teaching each row each class instead, nats."""
        return self.gains_along(self.solved(gradient))

    @accepting(gradients="float64")
    def solved(self, gradients: Gradients) -> Gradients:
        """`V_t = G⁻¹ ∇L_t`, float64, for `scores_along` and `gains_along`."""
        flat = gradients.double().reshape(len(gradients), -1)
        found = None if self._near is None else refined(self._near, self._curved, flat, RESIDUAL)
        return (self.solver.solve(flat) if found is None else found).reshape(gradients.shape)

    @accepting(solved="float64")
    def scores_along(self, solved: Gradients) -> Float[Tensor, "t n"]:
        """`on_gradients` for targets that are `solved`."""
        return torch.cat([scores for _, scores in self._scored(solved)], 1)

    @accepting(solved="float64")
    def gains_along(self, solved: Float[Tensor, "1 k d1"]) -> Float[Tensor, "n c"]:
        """`relabel_gains` for a target that is `solved`."""
        projections = torch.cat([block for _, block in self._products(solved[0])], 1).T.double()
        return relabel_gains(self.data.row_weights, projections, self.data.taught, len(self.data.features))

    def self_influence(self) -> Float[Tensor, " n"]:
        """Influence of every row on its own loss: never negative, large if the head must memorise the row."""
        return self._own[1] / len(self.data.features)

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
        for first, scores in self._scored(self.solved(gradients)):
            helpful = merged(helpful, first, self._barred(scores, first, leave_out, -torch.inf), k)
            harmful = merged(harmful, first, self._barred(scores, first, leave_out, torch.inf), k, lowest=True)
        assert helpful is not None  # a head has at least one row
        assert harmful is not None
        return helpful, (-harmful[0], harmful[1])

    @accepting(gradients="float64")
    def most_harmed(self, gradients: Gradients, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row the k targets on which its influence is lowest, lowest first: (influence, target numbers).

        Streamed over rows: only targets × one block is held.
        """
        return self.most_harmed_of([(0, gradients)], k)

    def most_harmed_of(
        self, targets: Iterable[tuple[int, Gradients]], k: int
    ) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """`most_harmed` for targets that come in groups, each with the number of its first one, in order."""
        kept: Kept | None = None
        for number, gradients in targets:
            found = [top_k([(0, -scores.T)], k) for _, scores in self._scored(self.solved(gradients))]
            values, which = torch.cat([one for one, _ in found]), torch.cat([one for _, one in found]) + number
            if kept is not None:
                values, which = torch.cat([kept[0], values], 1), torch.cat([kept[1], which], 1)
            order = torch.sort(values, dim=1, descending=True, stable=True).indices[:, :k]
            kept = values.gather(1, order), which.gather(1, order)
        if kept is None:
            raise ValueError("There is no target that a row could harm.")
        return -kept[0], kept[1]

    def _barred(
        self, scores: Float[Tensor, "t b"], first: int, leave_out: Int[Tensor, " t"] | None, mark: float
    ) -> Float[Tensor, "t b"]:
        """These scores with each target's row to leave out set to `mark`, in place."""
        if leave_out is not None:
            inside = (leave_out >= first) & (leave_out < first + scores.shape[1])
            scores[inside.nonzero().squeeze(1), leave_out[inside] - first] = mark
        return scores

    def _curved(self, directions: Float[Tensor, "t kd1"]) -> Float[Tensor, "t kd1"]:
        """`G v` for each direction, in its precision, without forming G."""
        (k, d1), dtype = self.fit.theta.shape, directions.dtype
        basis, shaped = sum_zero_basis(k + 1).to(dtype), directions.reshape(-1, k, d1)
        weight, total = basis @ self.fit.theta.to(dtype), self.fit.l2 * shaped
        size = max(1, min(BLOCK, PRODUCTS // (len(shaped) * (k + 1))))
        for where, rows in blocks(self.data.features, size, dtype=dtype):
            shares = (self._weights(where) / len(self.data.features)).to(dtype)
            total = total + pulled_back(shaped, rows, torch.softmax(rows @ weight.T, 1), shares, basis)
        return total.view_as(directions)

    def _products(self, weights: Float[Tensor, "m d1"]) -> Iterator[tuple[int, Float[Tensor, "m b"]]]:
        """(first row, these weights times rows), in the precision of the features: one matrix product a block."""
        features = self.data.features
        weight, bias = weights[:, :-1].to(features.dtype), weights[:, -1:].to(features.dtype)
        size = max(1, min(ROWS, PRODUCTS // len(weights)))
        for start in range(0, len(features), size):
            yield start, torch.addmm(bias, weight, features[start : start + size].T)

    def _scored(self, directions: Gradients) -> Iterator[tuple[int, Float[Tensor, "t b"]]]:
        """Influence on each direction's target, a block of rows at a time."""
        t, k, d1 = directions.shape
        own = directions[:0, 0] if self.leverage else self.fit.theta
        for first, products in self._products(torch.cat([own, directions.reshape(t * k, d1)])):
            where = slice(first, first + products.shape[1])
            pulls = self._corrected_pulls[where] if self.leverage else self._plain_pulls(where, products[:k].T)
            projections = products[len(own) :].view(t, k, -1).mT
            yield first, removal_influence(pulls, projections, len(self.data.features))
