"""Every way to solve with the curvature gives the answer of the dense one."""

import pytest
import torch

from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, fit_head, losses, probabilities
from inffeed_core.influence import head as head_module
from inffeed_core.influence import products as products_module
from inffeed_core.influence import row_dual as row_dual_module
from inffeed_core.influence.factor import Solver, factorised
from inffeed_core.influence.kronecker import curved
from inffeed_core.influence.newton import NotConverged
from inffeed_core.influence.products import products
from inffeed_core.influence.row_dual import row_dual
from inffeed_core.influence.softmax import curvature
from inffeed_core.solving import follows, plan

CLASSES, ROWS, WIDTH = 9, 160, 12
WAYS = {"rows": row_dual, "products": products}


@pytest.fixture(scope="module")
def data() -> HeadData:
    generator = torch.Generator().manual_seed(8)
    features = torch.randn(ROWS, WIDTH, generator=generator)
    truth = features @ torch.randn(WIDTH, CLASSES, generator=generator)
    labels = (truth + 2 * torch.randn(truth.shape, generator=generator)).argmax(1)
    weights = torch.where(torch.rand(ROWS, generator=generator) < 0.3, 0.5, 1.0).double()
    weights[7] = 0
    return HeadData(features, labels, CLASSES, weights)


@pytest.fixture(scope="module")
def fit(data: HeadData) -> HeadFit:
    return fit_head(data, 1e-2)


@pytest.fixture(scope="module")
def targets() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(99)
    return torch.randn(30, WIDTH, generator=generator), torch.randint(CLASSES, (30,), generator=generator)


@pytest.fixture(params=["rows", "products"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Heads are solved with in this way; intermediate products are a few at a time."""
    monkeypatch.setattr(row_dual_module, "HELD", 4000)
    monkeypatch.setattr(products_module, "HELD", 800)
    monkeypatch.setattr(head_module, "solver_for", WAYS[request.param])
    return request.param


def solver(way: str, data: HeadData, fit: HeadFit) -> Solver:
    return WAYS[way](probabilities(fit.theta, data.features), data, fit.l2)


def dense(data: HeadData, fit: HeadFit, monkeypatch: pytest.MonkeyPatch, **how: bool) -> HeadInfluence:
    influence = HeadInfluence(data, fit, **how)
    probs = probabilities(fit.theta, data.features)
    influence.__dict__["solver"] = type(factorised(probs, data, fit.l2))(
        torch.linalg.cholesky(curvature(probs, data, fit.l2))
    )
    return influence


def close(found: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-6) -> None:
    assert (found - wanted).norm() <= tolerance * wanted.norm()


def test_solutions_are_those_of_the_dense_curvature(way: str, data: HeadData, fit: HeadFit):
    exact = curvature(probabilities(fit.theta, data.features), data, fit.l2)
    sides = torch.randn(25, len(exact), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    close(solver(way, data, fit).solve(sides), torch.linalg.solve(exact, sides.T).T, 1e-7)


def test_products_of_many_directions_are_those_of_the_dense_curvature(data: HeadData, fit: HeadFit):
    probs = probabilities(fit.theta, data.features)
    exact = curvature(probs, data, fit.l2)
    sides = torch.randn(5, CLASSES - 1, WIDTH + 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    close(curved(sides, probs, data, fit.l2).flatten(1), sides.flatten(1) @ exact, 1e-12)


@pytest.mark.parametrize("leverage", [True, False])
def test_every_score_is_that_of_the_dense_curvature(
    way: str, data: HeadData, fit: HeadFit, targets, leverage: bool, monkeypatch: pytest.MonkeyPatch
):
    ours, exact = HeadInfluence(data, fit, leverage=leverage), dense(data, fit, monkeypatch, leverage=leverage)
    validation = exact.validation_gradient(*targets)
    close(ours.relabel_gains(validation), exact.relabel_gains(validation))
    if way == "products":  # own pulls are estimates there
        if leverage:
            return
    else:
        close(ours.self_influence(), exact.self_influence())
    close(ours.on_gradients(validation).double(), exact.on_gradients(validation).double())
    gradients = exact.loss_gradients(*targets)
    for found, wanted in zip(ours.top_influencers(gradients, 5), exact.top_influencers(gradients, 5), strict=True):
        close(found[0], wanted[0])
        assert torch.equal(found[1][:, 0], wanted[1][:, 0])
    groups = ((n, gradients[n : n + 7]) for n in range(0, len(gradients), 7))
    found, wanted = ours.most_harmed_of(groups, 4), exact.most_harmed(gradients, 4)
    close(found[0], wanted[0])
    assert torch.equal(found[1][:, 0], wanted[1][:, 0])


def test_scores_after_corrections_are_those_of_starting_over(
    way: str, data: HeadData, fit: HeadFit, targets, monkeypatch: pytest.MonkeyPatch
):
    labels = data.labels.clone()
    labels[:5] = (labels[:5] + 1) % CLASSES
    after = HeadData(data.features, labels, CLASSES, data.weights)
    wanted = dense(after, fit_head(after, fit.l2), monkeypatch, leverage=False).on_losses(*targets)
    found = HeadInfluence(data, fit).corrected(after).on_losses(*targets)
    close(found, wanted, 10 * head_module.RESIDUAL)


def test_influence_foretells_refits_where_own_pulls_are_estimated(way: str, data: HeadData, targets):
    fit = fit_head(data, 3e-2)
    foretold = HeadInfluence(data, fit).on_gradients(HeadInfluence(data, fit).validation_gradient(*targets))[0]

    def loss(one: HeadFit) -> float:
        return float(losses(probabilities(one.theta, targets[0]), targets[1]).mean())

    actual = []
    for row in range(20, 50):
        weights = data.row_weights.clone()
        weights[row] = 0
        actual.append(loss(fit_head(HeadData(data.features, data.labels, CLASSES, weights), fit.l2, start=fit.theta)))
    both = torch.stack([foretold[20:50].double(), torch.tensor(actual, dtype=torch.float64) - loss(fit)])
    assert torch.corrcoef(both)[0, 1] > 0.99


def test_influence_on_validation_follows_the_loss_where_weights_are_many(monkeypatch: pytest.MonkeyPatch):
    generator = torch.Generator().manual_seed(1)
    centres, classes = torch.randn(12, 200, generator=generator), torch.arange(200) % 12
    features = centres[classes] + 1.5 * torch.randn(200, 200, generator=generator)
    features = features / features.norm(dim=1, keepdim=True)
    labels = torch.where(torch.rand(140, generator=generator) < 0.2, classes[:140].flip(0), classes[:140])
    data, validation = HeadData(features[:140], labels, 12), (features[140:], classes[140:])
    fit = fit_head(data, 1e-5)

    def loss(one: HeadFit) -> float:
        return float(losses(probabilities(one.theta, validation[0]), validation[1]).mean())

    influence = HeadInfluence(data, fit)
    along = influence.on_gradients(influence.validation_gradient(*validation))[0].double()
    followed = influence.on_mean_loss(*validation)
    chosen, actual = followed.sort().indices[torch.linspace(0, 139, 16).long()].tolist(), []
    for row in chosen:
        weights = data.row_weights.clone()
        weights[row] = 0
        actual.append(loss(fit_head(HeadData(data.features, data.labels, 12, weights), fit.l2, start=fit.theta)))
    came = torch.tensor(actual, dtype=torch.float64) - loss(fit)
    pearson = [float(torch.corrcoef(torch.stack([one[chosen], came]))[0, 1]) for one in (along, followed)]
    assert pearson[0] < 0.99 < pearson[1]
    monkeypatch.setattr(head_module, "GRADIENTS", 12 * 60 * 7)
    close(influence.on_mean_loss(*validation), followed, 1e-12)
    plain = HeadInfluence(data, fit, leverage=False)
    close(plain.on_mean_loss(*validation), plain.on_losses(*validation).mean(0), 1e-6)


@pytest.mark.parametrize(
    ("rows", "classes", "features", "targets", "so"),
    [
        (1_000_000, 2, 384, 500, False),  # few weights: the slope holds
        (400, 20, 384, 200, True),
        (2_000, 151, 384, 200, True),
        (2_000, 151, 384, 200_000, False),
        (6_000, 151, 384, 600, False),  # own pulls are estimates there
    ],
)
def test_whether_the_loss_is_followed_is_chosen_by_size(rows, classes, features, targets, so):
    assert follows(rows, classes, features, targets) is so


def test_a_system_that_does_not_converge_is_an_error(data: HeadData, fit: HeadFit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(products_module, "LIMIT", 2)
    with pytest.raises(NotConverged, match="residual"):
        solver("products", data, fit).solve(torch.ones(1, fit.theta.numel(), dtype=torch.float64))


@pytest.mark.parametrize(
    ("rows", "classes", "features", "way", "leverage"),
    [
        (100, 2, 384, "factor", True),
        (1_000_000, 3, 768, "factor", True),
        (400, 20, 384, "rows", True),
        (2_000, 151, 384, "rows", True),
        (2_000, 151, 768, "rows", True),
        (50_000, 12, 384, "factor", True),
        (6_000, 151, 384, "rows", False),
        (20_000, 151, 384, "products", False),
    ],
)
def test_the_way_is_chosen_by_size(rows: int, classes: int, features: int, way: str, leverage: bool):
    chosen = plan(rows, classes, features)
    assert (chosen.way, chosen.leverage) == (way, leverage)
    assert chosen.memory <= 2**30
    assert chosen.affordable >= 1
