"""Calls of every public function of the influence package, with the tensors that each takes.

Values are small whole numbers that every type holds exactly (truth values: 0 and 1).
"""

from collections.abc import Callable

import torch
from small_networks import network_of, token_classifier, token_data
from torch import Tensor

from inffeed_core.influence import (
    HeadData,
    HeadFit,
    HeadInfluence,
    choose_l2,
    conjugate_gradient,
    cotangents,
    damping,
    fit_head,
    gauss_newton,
    kronecker,
    losses,
    newton,
    probabilities,
    scores,
    softmax,
    topk,
)
from inffeed_core.influence.adamw import AdamW
from inffeed_core.influence.calibrating import temperature
from inffeed_core.influence.capture import Tokens
from inffeed_core.influence.example_gradients import rotated, squared_norms, whole
from inffeed_core.influence.factor import Factor, factorised, refined
from inffeed_core.influence.linear_layers import by_layer
from inffeed_core.influence.products import products
from inffeed_core.influence.replay import Derivatives, replay
from inffeed_core.influence.row_dual import row_dual
from inffeed_core.influence.solvers import solver_for
from inffeed_core.influence.subspace import Subspace, factorise
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings
from inffeed_core.influence.woodbury import fit_dual

C, D, N = 3, 4, 12
K, WIDE = C - 1, D + 1
DTYPES = (torch.int64, torch.uint8, torch.bool, torch.float16, torch.bfloat16, torch.float32)
ROUNDING = {torch.float16: 2e-2, torch.bfloat16: 2e-2, torch.float32: 1e-4}


def bits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(2, shape, generator=torch.Generator().manual_seed(seed)).double()


LABELS = torch.arange(N) % C
ONE_HOT = torch.nn.functional.one_hot(LABELS, C).double()
FEATURES = bits(N, D, seed=1)
FIT = fit_head(HeadData(FEATURES, LABELS, C), 0.1)
GRADIENTS = bits(2, K, WIDE, seed=2)
THETA = bits(K, WIDE, seed=3)
MODEL = token_classifier()
DATA = token_data(8, 4)
NETWORK = network_of(MODEL, DATA)
WHOLE = WholeModel(MODEL, WholeModelSettings(dimension=None, rank=None)).fit(DATA).index(DATA)
P = NETWORK.size
LAMBDA = WHOLE.damping
RUN = TrainingRun(
    network=MODEL,
    batches=[(batch, torch.arange(4) + 4 * n) for n, (batch, _) in enumerate(DATA)],
    rates=[0.01, 0.01],
    optimiser=AdamW(decay=decay_of(MODEL, 0.1)),
    seed=0,
)
DERIVATIVES = Derivatives(torch.zeros(1), bits(1, 8, C, seed=7))


def head(features: Tensor, labels: Tensor = LABELS, **more: Tensor) -> HeadData:
    return HeadData(features, labels, C, **more)


def head_influence(*, leverage: bool = True) -> HeadInfluence:
    return HeadInfluence(head(FEATURES), FIT, leverage=leverage)


def parts(found: object) -> list[Tensor]:
    if isinstance(found, Tensor):
        return [found]
    if isinstance(found, (tuple, list)):
        return [one for each in found for one in parts(each)]
    if isinstance(found, HeadFit):
        return [found.theta]
    if isinstance(found, conjugate_gradient.Solution):
        return [found.solutions]
    return []


def square(rows: Tensor) -> Tensor:
    return 2.0 * rows


def same(rows: Tensor) -> Tensor:
    return rows


def tokens(inputs: Tensor, gradients: Tensor) -> Tokens:
    return Tokens(inputs, gradients, bias=True)


Call = Callable[..., object]
POINT = softmax.evaluated(THETA, head(FEATURES), 0.1)
CASES: dict[str, tuple[Call, dict[str, Tensor]]] = {
    "softmax.HeadData": (
        lambda features, weights: fit_head(head(features, weights=weights), 0.1),
        {"features": FEATURES, "weights": bits(N, seed=9)},
    ),
    "softmax.HeadData targets": (
        lambda features, targets: fit_head(head(features, targets=targets), 0.1),
        {"features": FEATURES, "targets": ONE_HOT},
    ),
    "softmax.blocks": (
        lambda features: [rows.clone() for _, rows in softmax.blocks(features, 5)],
        {"features": FEATURES},
    ),
    "softmax.probabilities": (probabilities, {"theta": THETA, "features": FEATURES}),
    "softmax.logits": (softmax.logits, {"theta": THETA, "features": FEATURES}),
    "calibrating.temperature": (
        lambda scores: torch.tensor(temperature(scores, LABELS)),
        {"scores": bits(N, C, seed=8)},
    ),
    "softmax.losses": (lambda probs: losses(probs, LABELS), {"probs": ONE_HOT}),
    "softmax.mean_losses": (
        lambda thetas, features: softmax.mean_losses(thetas.unsqueeze(0), features, LABELS),
        {"thetas": THETA, "features": FEATURES},
    ),
    "softmax.residuals": (softmax.residuals, {"probs": ONE_HOT, "taught": ONE_HOT.flip(1)}),
    "softmax.Point": (
        lambda theta, probs, gradient: kronecker.newton_step(
            softmax.Point(theta=theta, probs=probs, objective=1.0, gradient=gradient),
            head(FEATURES),
            0.1,
            kronecker.moments(head(FEATURES)),
            1e-9,
        ),
        {"theta": THETA, "probs": ONE_HOT, "gradient": GRADIENTS[0]},
    ),
    "softmax.evaluated": (
        lambda theta, offsets: vars_of(softmax.evaluated(theta, head(FEATURES), 0.1, offsets)),
        {"theta": THETA, "offsets": ONE_HOT},
    ),
    "softmax.change_of_gradient": (
        lambda theta: softmax.change_of_gradient(theta, head(FEATURES), head(FEATURES, LABELS.flip(0))),
        {"theta": THETA},
    ),
    "softmax.curvature": (lambda probs: softmax.curvature(probs, head(FEATURES), 0.1), {"probs": ONE_HOT}),
    "softmax.curvature_trace": (
        lambda probs: torch.tensor(softmax.curvature_trace(probs, head(FEATURES))),
        {"probs": ONE_HOT},
    ),
    "softmax.logit_curvature": (softmax.logit_curvature, {"probs": ONE_HOT, "basis": bits(C, K)}),
    "newton.fit_head": (
        lambda start, offsets: fit_head(head(FEATURES), 0.1, start=start, offsets=offsets),
        {"start": THETA, "offsets": ONE_HOT},
    ),
    "newton.first_step": (lambda theta: newton.first_step(theta, head(FEATURES), 0.1), {"theta": THETA}),
    "newton.turned": (newton.turned, {"theta": THETA, "axes": torch.eye(FEATURES.shape[1]).double()[:, :3]}),
    "newton.choose_l2": (
        lambda validation_features, offsets: choose_l2(
            head(FEATURES), validation_features, LABELS, [1.0, 0.1], offsets=offsets
        ),
        {"validation_features": FEATURES, "offsets": ONE_HOT},
    ),
    "newton.HeadFit": (
        lambda theta: HeadInfluence(
            head(FEATURES), HeadFit(theta=theta, l2=0.1, iterations=0, gradient_norm=0.0)
        ).on_gradients(GRADIENTS),
        {"theta": THETA},
    ),
    "factor.factorised": (lambda probs: factorised(probs, head(FEATURES), 0.1).lower, {"probs": ONE_HOT}),
    "factor.refined": (lambda sides: refined(Factor(torch.eye(4).double()), same, sides, 1e-6), {"sides": bits(3, 4)}),
    "factor.Factor": (
        lambda lower, sides: Factor(lower).solve(sides),
        {"lower": torch.eye(4).double(), "sides": bits(3, 4)},
    ),
    "kronecker.curved": (
        lambda directions, probs: kronecker.curved(directions, probs, head(FEATURES), 0.1),
        {"directions": GRADIENTS, "probs": ONE_HOT},
    ),
    "kronecker.mean_curvature": (
        lambda probs: kronecker.mean_curvature(probs, head(FEATURES), 0.1).scale,
        {"probs": ONE_HOT},
    ),
    "kronecker.Kronecker.solve": (
        lambda sides: kronecker.mean_curvature(POINT.probs, head(FEATURES), 0.1).solve(sides),
        {"sides": bits(3, K * WIDE)},
    ),
    "kronecker.Kronecker.reach": (
        lambda rows: kronecker.mean_curvature(POINT.probs, head(FEATURES), 0.1).reach(rows),
        {"rows": bits(3, WIDE)},
    ),
    "row_dual.row_dual": (lambda probs: row_dual(probs, head(FEATURES), 0.1).lower, {"probs": ONE_HOT}),
    "row_dual.RowDual.solve": (
        lambda sides: row_dual(POINT.probs, head(FEATURES), 0.1).solve(sides),
        {"sides": bits(3, K * WIDE)},
    ),
    "row_dual.RowDual.reach": (
        lambda rows: row_dual(POINT.probs, head(FEATURES), 0.1).reach(rows),
        {"rows": bits(3, WIDE)},
    ),
    "products.products": (
        lambda probs: products(probs, head(FEATURES), 0.1).reach(bits(3, WIDE).double()),
        {"probs": ONE_HOT},
    ),
    "products.Products.solve": (
        lambda sides: products(POINT.probs, head(FEATURES), 0.1).solve(sides),
        {"sides": bits(3, K * WIDE)},
    ),
    "products.Products.reach": (
        lambda rows: products(POINT.probs, head(FEATURES), 0.1).reach(rows),
        {"rows": bits(3, WIDE)},
    ),
    "solvers.solver_for": (
        lambda probs: solver_for(probs, head(FEATURES), 0.1).reach(bits(3, WIDE).double()),
        {"probs": ONE_HOT},
    ),
    "factor.Factor.reach": (
        lambda rows: factorised(POINT.probs, head(FEATURES), 0.1).reach(rows),
        {"rows": bits(3, WIDE)},
    ),
    "head.HeadInfluence.solved": (lambda gradients: head_influence().solved(gradients), {"gradients": GRADIENTS}),
    "head.HeadInfluence.scores_along": (
        lambda solved: head_influence().scores_along(solved),
        {"solved": GRADIENTS},
    ),
    "head.HeadInfluence.gains_along": (
        lambda solved: head_influence().gains_along(solved),
        {"solved": GRADIENTS[:1]},
    ),
    "kronecker.Moments": (
        lambda values, vectors: kronecker.newton_step(
            POINT, head(FEATURES), 0.1, kronecker.Moments(values, vectors), 1e-9
        ),
        {"values": torch.ones(WIDE).double(), "vectors": torch.eye(WIDE).double()},
    ),
    "scores.removal_influence": (
        lambda pulls, projections: scores.removal_influence(pulls, projections, N),
        {"pulls": bits(N, K), "projections": bits(2, N, K)},
    ),
    "scores.relabel_gains": (
        lambda weights, projections, taught: scores.relabel_gains(weights, projections, taught, N),
        {"weights": bits(N), "projections": bits(N, K), "taught": ONE_HOT},
    ),
    "topk.top_k": (lambda block: topk.top_k([(0, block)], 2)[0], {"block": bits(3, 6).cumsum(1).clamp(max=1)}),
    "topk.merged": (lambda block: topk.merged(None, 0, block, 2)[0], {"block": bits(3, 6)}),
    "head.HeadInfluence.loss_gradients": (
        lambda features: head_influence().loss_gradients(features, LABELS),
        {"features": FEATURES},
    ),
    "head.HeadInfluence.validation_gradient": (
        lambda features: head_influence().validation_gradient(features, LABELS),
        {"features": FEATURES},
    ),
    "head.HeadInfluence.on_gradients": (
        lambda gradients: head_influence().on_gradients(gradients),
        {"gradients": GRADIENTS},
    ),
    "head.HeadInfluence.on_losses": (
        lambda features: head_influence().on_losses(features, LABELS),
        {"features": FEATURES},
    ),
    "head.HeadInfluence.on_mean_loss": (
        lambda features: head_influence().on_mean_loss(features, LABELS),
        {"features": FEATURES},
    ),
    "head.HeadInfluence.relabel_gains": (
        lambda gradient: head_influence().relabel_gains(gradient),
        {"gradient": GRADIENTS[:1]},
    ),
    "head.HeadInfluence.top_influencers": (
        lambda gradients: head_influence().top_influencers(gradients, 3),
        {"gradients": GRADIENTS},
    ),
    "head.HeadInfluence.most_harmed": (
        lambda gradients: head_influence().most_harmed(gradients, 1)[0],
        {"gradients": GRADIENTS},
    ),
    "head.HeadInfluence": (
        lambda features: [
            one
            for leverage in (True, False)
            for one in parts(
                [
                    HeadInfluence(head(features), FIT, leverage=leverage).on_losses(FEATURES[:2], LABELS[:2]),
                    HeadInfluence(head(features), FIT, leverage=leverage).self_influence(),
                ]
            )
        ],
        {"features": FEATURES},
    ),
    "head.HeadInfluence.corrected": (
        lambda features: (
            HeadInfluence(head(features), FIT)
            .corrected(head(features, LABELS.flip(0)))
            .on_losses(FEATURES[:2], LABELS[:2])
        ),
        {"features": FEATURES},
    ),
    "cotangents.loss": (lambda logits: cotangents.loss(logits, LABELS), {"logits": ONE_HOT}),
    "cotangents.negative_margin": (lambda logits: cotangents.negative_margin(logits, LABELS), {"logits": ONE_HOT}),
    "cotangents.sampled_loss": (
        lambda logits: cotangents.sampled_loss(logits, torch.Generator().manual_seed(0)),
        {"logits": ONE_HOT},
    ),
    "cotangents.curvature_rows": (cotangents.curvature_rows, {"logits": ONE_HOT}),
    "cotangents.loss_coordinates": (lambda logits: cotangents.loss_coordinates(logits, LABELS), {"logits": ONE_HOT}),
    "conjugate_gradient.solve": (
        lambda right_sides: conjugate_gradient.solve(square, right_sides, precondition=same),
        {"right_sides": bits(3, 4)},
    ),
    "example_gradients.whole": (
        lambda inputs, gradients: whole(tokens(inputs, gradients)),
        {"inputs": bits(2, 3, 4), "gradients": bits(2, 3, 5)},
    ),
    "example_gradients.squared_norms": (
        lambda inputs, gradients: squared_norms(tokens(inputs, gradients)),
        {"inputs": bits(2, 3, 4), "gradients": bits(2, 3, 5)},
    ),
    "example_gradients.rotated": (
        lambda inputs, input_basis, gradient_basis: rotated(tokens(inputs, bits(2, 3, 5)), input_basis, gradient_basis),
        {"inputs": bits(2, 3, 4), "input_basis": bits(5, 2), "gradient_basis": bits(5, 2)},
    ),
    "gauss_newton.row_products": (
        lambda vectors: gauss_newton.row_products(NETWORK, DATA, vectors),
        {"vectors": bits(2, P)},
    ),
    "gauss_newton.combined_rows": (
        lambda coefficients: gauss_newton.combined_rows(NETWORK, DATA, coefficients),
        {"coefficients": bits(2, 8 * K)},
    ),
    "linear_layers.by_layer": (
        lambda vectors: [block for _, block in by_layer(vectors, NETWORK.layers)],
        {"vectors": bits(2, P)},
    ),
    "damping.spread": (lambda like: damping.spread(LAMBDA, NETWORK.layers, like), {"like": bits(1, 1)}),
    "capture.Recording.pull_back": (
        lambda cotangent: [t.gradients for t in NETWORK.record(DATA[0][0]).pull_back(cotangent).values()],
        {"cotangent": bits(4, C, seed=5)},
    ),
    "subspace.Subspace.solve": (
        lambda encoded: Subspace(torch.ones(4).double(), torch.eye(4).double()).solve(encoded),
        {"encoded": bits(3, 4)},
    ),
    "subspace.Subspace.solve_diagonal": (
        lambda encoded: Subspace(torch.ones(4).double(), torch.eye(4).double()).solve_diagonal(encoded),
        {"encoded": bits(3, 4)},
    ),
    "subspace.factorise": (
        lambda curvature: factorise(curvature.clone(), WHOLE.code, LAMBDA).diagonal,
        {"curvature": torch.eye(WHOLE.code.dimension).double()},
    ),
    "woodbury.Dual.influence": (
        lambda target_gradients: fit_dual(NETWORK, DATA, LAMBDA).influence(target_gradients),
        {"target_gradients": bits(2, P, seed=6)},
    ),
    "refined.Refined.influence": (
        lambda target_gradients: WHOLE.refined(DATA).influence(target_gradients, tolerance=1e-9)[0],
        {"target_gradients": bits(2, P, seed=6)},
    ),
    "replay.replay": (
        lambda taught: replay(RUN, start_of(MODEL), taught, [DATA]).by_taught,
        {"taught": ONE_HOT[:8]},
    ),
    "replay.Derivatives.by_weight": (DERIVATIVES.by_weight, {"taught": ONE_HOT[:8]}),
    "replay.Derivatives.influence": (DERIVATIVES.influence, {"taught": ONE_HOT[:8]}),
    "replay.Derivatives.relabel_gains": (
        DERIVATIVES.relabel_gains,
        {"weights": bits(8, C, seed=8), "targets": ONE_HOT[:8]},
    ),
    "refined.Refined.precondition": (
        lambda vectors: WHOLE.refined(DATA).precondition(vectors),
        {"vectors": bits(2, 8 * K)},
    ),
}


def vars_of(point: softmax.Point) -> list[Tensor]:
    return [point.theta, point.probs, point.gradient, torch.tensor(point.objective)]
