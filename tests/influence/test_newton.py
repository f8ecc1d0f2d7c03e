from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from inffeed_core.influence import HeadData, HeadFit, NotConverged, choose_l2, fit_head, losses, newton, probabilities
from inffeed_core.influence.factor import factorised
from inffeed_core.influence.kronecker import curved
from inffeed_core.influence.softmax import curvature, evaluated
from inffeed_core.settings import L2_GRID


def test_agrees_with_scikit_learn(noisy_data: HeadData, fitted: HeadFit):
    rows = torch.cat([noisy_data.features, torch.ones(len(noisy_data.features), 1)], 1).double().numpy()
    peer = LogisticRegression(C=1 / (len(rows) * fitted.l2), fit_intercept=False, tol=1e-10, max_iter=10_000)
    peer.fit(rows, noisy_data.labels.numpy(), sample_weight=noisy_data.row_weights.numpy())
    theirs = torch.from_numpy(peer.predict_proba(rows))
    # scikit-learn regularises one weight vector for two classes, this head two that mirror each other
    if noisy_data.classes == 2:
        peer.set_params(C=2 * peer.C).fit(rows, noisy_data.labels.numpy(), sample_weight=noisy_data.row_weights.numpy())
        theirs = torch.from_numpy(peer.predict_proba(rows))
    torch.testing.assert_close(probabilities(fitted.theta, noisy_data.features), theirs, atol=1e-5, rtol=1e-4)


def test_ends_at_a_stationary_point(noisy_data: HeadData, fitted: HeadFit):
    assert evaluated(fitted.theta, noisy_data, fitted.l2).gradient.norm() <= 1e-9
    assert fitted.gradient_norm <= 1e-9


def test_does_not_depend_on_the_start(noisy_data: HeadData, fitted: HeadFit):
    start = 5 * torch.randn(fitted.theta.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(fit_head(noisy_data, fitted.l2, start=start).theta, fitted.theta, atol=1e-6, rtol=1e-6)


def test_a_warm_start_needs_few_steps_and_fewer_factors(
    noisy_data: HeadData, fitted: HeadFit, monkeypatch: pytest.MonkeyPatch
):
    labels = noisy_data.labels.clone()
    labels[:5] = (labels[:5] + 1) % noisy_data.classes
    corrected = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.weights)
    formed = []
    monkeypatch.setattr(newton, "factorised", lambda *args: formed.append(1) or factorised(*args))
    assert fit_head(corrected, fitted.l2, start=fitted.theta).iterations <= 8
    assert len(formed) <= 2


def test_a_factor_given_is_the_only_one_needed_after_a_correction(
    noisy_data: HeadData, fitted: HeadFit, monkeypatch: pytest.MonkeyPatch
):
    labels = noisy_data.labels.clone()
    labels[0] = (labels[0] + 1) % noisy_data.classes
    corrected = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.weights)
    expected = fit_head(corrected, fitted.l2)
    here = factorised(probabilities(fitted.theta, noisy_data.features), noisy_data, fitted.l2)
    monkeypatch.setattr(newton, "factorised", None)
    fit = fit_head(corrected, fitted.l2, start=fitted.theta, factor=here)
    torch.testing.assert_close(fit.theta, expected.theta, atol=1e-6, rtol=1e-6)


def test_steps_correct_an_old_factor_where_a_fifth_of_the_labels_changed(
    noisy_data: HeadData, fitted: HeadFit, monkeypatch: pytest.MonkeyPatch
):
    labels = noisy_data.labels.clone()
    labels[::5] = 0
    corrected = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.weights)
    expected = fit_head(corrected, fitted.l2)
    here = factorised(probabilities(fitted.theta, noisy_data.features), noisy_data, fitted.l2)
    formed = []
    monkeypatch.setattr(newton, "factorised", lambda *args: formed.append(1) or factorised(*args))
    fit = fit_head(corrected, fitted.l2, start=fitted.theta, factor=here)
    torch.testing.assert_close(fit.theta, expected.theta, atol=1e-6, rtol=1e-6)
    assert len(formed) <= 1


def test_separable_data_converge_all_the_same():
    features = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    fit = fit_head(HeadData(features, torch.tensor([0, 0, 1, 1]), 2), 1e-5)
    assert probabilities(fit.theta, features).argmax(1).tolist() == [0, 0, 1, 1]


def test_says_so_when_it_runs_out_of_steps(noisy_data: HeadData):
    with pytest.raises(NotConverged, match="l2 = 0.01.*after 1 Newton steps.*Choose a larger l2"):
        fit_head(noisy_data, 1e-2, max_iterations=1)


def test_chooses_the_l2_with_the_lowest_validation_loss(noisy_data: HeadData, targets):
    grid = (1.0, 1e-1, 1e-2, 1e-4)
    chosen = choose_l2(noisy_data, *targets, grid)
    by_hand = {
        l2: float(losses(probabilities(fit_head(noisy_data, l2).theta, targets[0]), targets[1]).mean()) for l2 in grid
    }
    assert chosen.l2 == min(by_hand, key=by_hand.__getitem__)


@pytest.mark.parametrize(
    ("labels", "classes"), [(torch.tensor([0, 2]), 2), (torch.tensor([0]), 2), (torch.tensor([-1, 0]), 2)]
)
def test_refuses_data_that_cannot_be(labels: torch.Tensor, classes: int):
    with pytest.raises((ValueError, TypeError)):
        HeadData(torch.zeros(2, 3), labels, classes)


def many_labels(classes: int, noise: float) -> tuple[HeadData, torch.Tensor, torch.Tensor]:
    """Fewer rows than weights, some of their labels wrong and of unequal weight; and validation."""
    generator = torch.Generator().manual_seed(classes)
    centres = torch.randn(classes, 24, generator=generator)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(count) % classes
        return centres[labels] + 1.5 * torch.randn(count, 24, generator=generator), labels

    features, truth = drawn(120)
    wrong = torch.rand(120, generator=generator) < noise
    weights = torch.where(wrong, 0.5, 1.0).double()
    return HeadData(features, torch.where(wrong, (truth + 1) % classes, truth), classes, weights), *drawn(60)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("classes", [3, 13])
def test_many_labels_get_the_same_heads_without_a_factor_as_with_one(
    classes: int, noise: float, monkeypatch: pytest.MonkeyPatch
):
    data, *validation = many_labels(classes, noise)
    monkeypatch.setattr(newton, "SMALL", 0)
    without = [fit_head(data, l2) for l2 in L2_GRID]
    chosen = choose_l2(data, *validation, L2_GRID)
    monkeypatch.setattr(newton, "FACTORED", 99)
    for fit, l2 in zip(without, L2_GRID, strict=True):
        torch.testing.assert_close(fit.theta, fit_head(data, l2).theta, atol=1e-5, rtol=1e-5)
        assert fit.gradient_norm <= 1e-9
    assert choose_l2(data, *validation, L2_GRID).l2 == chosen.l2


def test_soft_targets_and_offsets_of_many_labels_get_the_same_head_too(monkeypatch: pytest.MonkeyPatch):
    data, *_ = many_labels(7, 0.2)
    generator = torch.Generator().manual_seed(0)
    soft = replace(data, targets=torch.softmax(torch.randn(120, 7, generator=generator).double(), 1))
    offsets = torch.randn(120, 7, generator=generator).double()
    fit = fit_head(soft, 1e-3, offsets=offsets)
    monkeypatch.setattr(newton, "FACTORED", 99)
    torch.testing.assert_close(fit.theta, fit_head(soft, 1e-3, offsets=offsets).theta, atol=1e-6, rtol=1e-6)


def test_few_labels_of_few_features_get_the_same_head_too(monkeypatch: pytest.MonkeyPatch):
    data, *_ = many_labels(3, 0.3)
    factored = fit_head(data, 1e-3)
    monkeypatch.setattr(newton, "SMALL", 0)
    monkeypatch.setattr(newton, "factorised", None)
    torch.testing.assert_close(factored.theta, fit_head(data, 1e-3).theta, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 5])
def test_fewer_rows_than_features_get_the_same_head_in_their_own_coordinates(
    classes: int, monkeypatch: pytest.MonkeyPatch
):
    data, *validation = many_labels(classes, 0.3)
    few = HeadData(data.features[[*range(15), 3]], data.labels[[*range(15), 3]], classes, data.weights[:16])
    narrow, axes = newton.narrowed(few)
    assert axes is not None
    assert (narrow.features.shape, axes.shape) == ((16, 16), (24, 16))
    torch.testing.assert_close(narrow.features @ axes.T, few.features.double())
    offsets = torch.randn(16, classes, generator=torch.Generator().manual_seed(0)).double()
    narrowly = choose_l2(few, *validation, L2_GRID, offsets=offsets)
    assert evaluated(narrowly.theta, few, narrowly.l2, offsets).gradient.norm() <= 2e-9
    monkeypatch.setattr(newton, "FEW", 0)
    assert newton.narrowed(few) == (few, None)
    widely = choose_l2(few, *validation, L2_GRID, offsets=offsets)
    assert narrowly.l2 == widely.l2
    torch.testing.assert_close(narrowly.theta, widely.theta, atol=1e-5, rtol=1e-5)


def test_the_curvature_of_many_labels_is_never_formed(monkeypatch: pytest.MonkeyPatch):
    data, *validation = many_labels(13, 0.2)
    monkeypatch.setattr(newton, "factorised", None)
    choose_l2(data, *validation, L2_GRID)


def test_a_product_with_the_curvature_is_that_of_the_matrix(noisy_data: HeadData, fitted: HeadFit):
    probs = probabilities(fitted.theta, noisy_data.features)
    matrix = curvature(probs, noisy_data, fitted.l2)
    direction = torch.randn(fitted.theta.shape, generator=torch.Generator().manual_seed(1)).double()
    [product] = curved(direction.unsqueeze(0), probs, noisy_data, fitted.l2)
    torch.testing.assert_close(product.flatten(), matrix @ direction.flatten())


@pytest.mark.parametrize("classes", [2, 5])
def test_a_report_is_heard_within_a_fit_and_can_end_it(classes: int):
    data, *validation = many_labels(classes, 0.2)
    heard: list[tuple[int, int]] = []
    choose_l2(data, *validation, L2_GRID, report=lambda *one: heard.append(one))
    assert {of for _, of in heard} == {len(L2_GRID)}
    assert len(heard) > 2 * len(set(heard))

    def stop(done: int, of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        choose_l2(data, *validation, L2_GRID, report=stop)


@pytest.mark.parametrize("classes", [2, 3])
def test_where_no_row_counts_the_penalty_alone_decides(classes: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(newton, "SMALL", 0)
    data = HeadData(torch.eye(classes), torch.arange(classes), classes, torch.zeros(classes))
    fit = fit_head(data, 1e-2, start=torch.ones(classes - 1, classes + 1))
    assert fit.theta.abs().max() < 1e-6
