import pytest
import torch
from small_networks import batched, dense_gradients, network_of, token_classifier, token_data
from torch import nn

from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings


def scores_under(data, targets, **changes):
    settings = WholeModelSettings(rank=None, dimension=None, **changes)
    return WholeModel(token_classifier(), settings).fit(data).index(data).influence(targets)


def test_batch_size_padding_and_order_leave_scores_alone():
    one = token_data(24, batch=24)
    sequences, labels = [row[row > 0] for row in one[0][0]["input_ids"]], one[0][1]
    targets = token_data(6, batch=6, seed=8)
    expected = scores_under(one, targets)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(2))
    shuffled = batched([sequences[i] for i in order], labels[order], batch=5, padding=3)
    again = scores_under(shuffled, token_data(6, batch=1, seed=8, padding=2))
    torch.testing.assert_close(again, expected[:, order], rtol=1e-4, atol=1e-7)


def test_top_influencers_are_the_extremes_of_the_scores(monkeypatch):
    monkeypatch.setattr("inffeed_core.influence.whole_model._BLOCK_ROWS", 7)
    train, targets = token_data(24, batch=5), token_data(4, batch=4, seed=8)
    analysis = WholeModel(token_classifier()).fit(train).index(train)
    scores = analysis.influence(targets)
    for helpful in (True, False):
        values, rows = analysis.top_influencers(targets, 3, helpful=helpful)
        expected = scores.sort(dim=1, descending=helpful, stable=True)
        torch.testing.assert_close(values, expected.values[:, :3])
        assert torch.equal(rows, expected.indices[:, :3])


def test_influence_on_the_mean_is_the_mean_of_influences():
    train, validation = token_data(24, batch=5), token_data(7, batch=3, seed=8)
    analysis = WholeModel(token_classifier()).fit(train).index(train)
    torch.testing.assert_close(analysis.influence_on_mean(validation), analysis.influence(validation).mean(0))


def test_margin_and_loss_tell_the_same_story_for_two_classes():
    """With two classes the loss's gradient is (1 − p_y) times the negative log-odds' gradient."""
    model, train, targets = token_classifier(2), token_data(24, batch=5, classes=2), token_data(5, batch=5, classes=2)
    analysis = WholeModel(model).fit(train).index(train)
    batch, labels = targets[0]
    with torch.no_grad():
        wrong = 1 - model.eval()(**batch).softmax(1).gather(1, labels.unsqueeze(1))
    torch.testing.assert_close(analysis.influence(targets), wrong * analysis.influence(targets, "margin"))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_subspace_of_all_components_is_the_exact_answer(classes):
    model, targets = token_classifier(classes), token_data(4, batch=4, classes=classes, seed=8)
    train = token_data(24, batch=5, classes=classes)
    settings = WholeModelSettings(factor_examples=None, rank=None, dimension=None)
    analysis = WholeModel(model, settings).fit(train).index(train)
    expected = analysis.dual(train).influence(dense_gradients(model, analysis.network, targets))
    torch.testing.assert_close(
        analysis.influence(targets), expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max())
    )


def test_more_components_come_nearer_to_the_exact_answer():
    model, train, targets = token_classifier(), token_data(60, batch=20), token_data(10, batch=10, seed=8)
    analysis = WholeModel(model).fit(train)
    expected = analysis.dual(train).influence(analysis.gradients(targets))
    errors = []
    for dimension in (5, 20, 80, 140):
        settings = WholeModelSettings(factor_examples=None, rank=None, dimension=dimension)
        scores = WholeModel(model, settings).fit(train).index(train).influence(targets)
        errors.append(float((scores - expected).norm() / expected.norm()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1


def test_the_more_the_index_holds_the_fewer_products_refining_takes():
    model, train, targets = token_classifier(), token_data(60, batch=20), token_data(4, batch=4, seed=8)
    products = []
    for dimension in (5, 40, 140):
        settings = WholeModelSettings(factor_examples=None, rank=None, dimension=dimension)
        analysis = WholeModel(model, settings).fit(train).index(train)
        _, solution = analysis.refined(train).influence(analysis.gradients(targets), max_products=1000)
        assert solution.converged
        products.append(solution.products)
    assert products == sorted(products, reverse=True)
    assert products[-1] < products[0] / 3


def test_refined_on_mean_is_the_exact_answer():
    model, train = token_classifier(2), token_data(16, batch=5, classes=2)
    validation = token_data(6, batch=6, classes=2, seed=8)
    analysis = WholeModel(model, WholeModelSettings(rank=2, dimension=10)).fit(train).index(train)
    ours, solution = analysis.refined_on_mean(validation, train)
    expected = analysis.dual(train).influence(dense_gradients(model, analysis.network, validation)).mean(0)
    assert solution.converged
    assert solution.residuals.max() <= 1e-4
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def refit(features, labels, weights, l2):
    """Softmax regression with bias to convergence in float64: mean weighted loss (over all rows) + l2/2 ‖θ‖²."""
    layer = nn.Linear(features.shape[1], 3).double()
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), lr=1, max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        losses = nn.functional.cross_entropy(layer(features), labels, reduction="none")
        penalty = sum(p.square().sum() for p in layer.parameters())
        objective = (losses * weights).mean() + l2 / 2 * penalty
        objective.backward()
        return objective

    optimizer.step(closure)
    return layer


def test_sign_and_size_agree_with_real_refits_without_each_example():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(100, 4, dtype=torch.float64, generator=generator)
    labels = (features @ torch.randn(4, 3, dtype=torch.float64, generator=generator)).argmax(1)
    labels[:8] = (labels[:8] + 1) % 3
    l2, targets = 0.05, slice(80, 100)
    train_x, train_y, ones = features[:80], labels[:80], torch.ones(80, dtype=torch.float64)
    model = refit(train_x, train_y, ones, l2)

    def target_losses(layer):
        with torch.no_grad():
            return nn.functional.cross_entropy(layer(features[targets]), labels[targets], reduction="none")

    real = []
    for j in range(80):
        without = ones.clone()
        without[j] = 0
        real.append(target_losses(refit(train_x, train_y, without, l2)) - target_losses(model))
    real = torch.stack(real, dim=1)

    train = [({"input": train_x[i : i + 32]}, train_y[i : i + 32]) for i in range(0, 80, 32)]
    on = [({"input": features[targets]}, labels[targets])]
    settings = WholeModelSettings(rank=None, dimension=None, damping=Damping(l2, "absolute"))
    analysis = WholeModel(model, settings).fit(train).index(train)
    dual, gradients = analysis.dual(train), analysis.gradients(on)
    plain, exact = dual.influence(gradients), dual.influence(gradients, leverage=True)
    assert correlation(exact, real) > 0.995
    assert correlation(plain, real) > 0.98
    large = real.abs() > real.abs().median()
    assert (exact.sign() == real.sign())[large].all()
    slopes = [float((scores * real).sum() / real.square().sum()) for scores in (plain, exact)]
    assert 0.7 < slopes[0] < slopes[1]
    assert slopes[1] == pytest.approx(1, abs=0.05)
    ekfac = analysis.influence(on)
    assert correlation(ekfac, real) > 0.9


def correlation(a, b):
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@pytest.mark.parametrize("settings", [WholeModelSettings(), WholeModelSettings(rank=2, dimension=20, scope="head")])
def test_steps_out_of_order_are_refused(settings):
    analysis = WholeModel(token_classifier(), settings)
    train = token_data(8, batch=4)
    with pytest.raises(NotReady, match="fit"):
        analysis.index(train)
    with pytest.raises(NotReady, match="index"):
        analysis.fit(train).influence(train)
    with pytest.raises(NotReady, match="index"):
        analysis.fit(train).refined(train)


def test_data_that_can_be_read_only_once_is_refused():
    train = token_data(8, batch=4)
    with pytest.raises(SettingsError, match="gave no batch"):
        WholeModel(token_classifier()).fit(pair for pair in train)


def test_another_damping_needs_no_new_index():
    train, targets = token_data(24, batch=5), token_data(4, batch=4, seed=8)
    analysis = WholeModel(token_classifier()).fit(train).index(train)
    for value in (0.01, 1.0):
        settings = WholeModelSettings(damping=Damping(value))
        fresh = WholeModel(token_classifier(), settings).fit(train).index(train).influence(targets)
        torch.testing.assert_close(analysis.damped(Damping(value)).influence(targets), fresh)
    with pytest.raises(SettingsError, match="keep that unit"):
        analysis.damped(Damping(0.1, "absolute"))


def test_a_sweep_gives_what_each_damping_and_inverse_gives_alone():
    train, targets = token_data(24, batch=5), token_data(4, batch=4, seed=8)
    analysis = WholeModel(token_classifier()).fit(train).index(train)
    found = analysis.swept(targets, (0.01, 1.0))
    assert list(found) == [(0.01, "subspace"), (0.01, "ekfac"), (1.0, "subspace"), (1.0, "ekfac")]
    for (value, inverse), scores in found.items():
        torch.testing.assert_close(scores, analysis.damped(Damping(value)).influence(targets, inverse=inverse))


def test_weak_damping_works_with_fewer_examples_than_components():
    """In float32, a mean of outer products rounded to float32 is not positive definite enough for this."""
    model, train = token_classifier(2).float(), token_data(8, batch=4, classes=2)
    analysis = WholeModel(model, WholeModelSettings(damping=Damping(1e-6))).fit(train).index(train)
    assert torch.isfinite(analysis.influence(train)).all()


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(SettingsError, match="rank is 0"):
        WholeModelSettings(rank=0)
    with pytest.raises(SettingsError, match="factor_examples is 0"):
        WholeModelSettings(factor_examples=0)
    with pytest.raises(SettingsError, match="dimension is -1"):
        WholeModelSettings(dimension=-1)


def test_network_of_matches_fit():
    model, train = token_classifier(), token_data(8, batch=4)
    assert WholeModel(model).fit(train).network.layers == network_of(model, train).layers
