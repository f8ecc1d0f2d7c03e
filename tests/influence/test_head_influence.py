from pathlib import Path

import numpy as np
import pytest
import torch

from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, fit_head, losses, probabilities
from inffeed_core.influence import head as head_module
from inffeed_core.influence.softmax import evaluated


def refit_without(data: HeadData, fit: HeadFit, row: int) -> HeadFit:
    weights = data.row_weights.clone()
    weights[row] = 0
    return fit_head(HeadData(data.features, data.labels, data.classes, weights), fit.l2, start=fit.theta)


def mean_loss(fit: HeadFit, targets) -> float:
    return float(losses(probabilities(fit.theta, targets[0]), targets[1]).mean())


def test_a_harmful_row_scores_below_zero_and_a_helpful_one_above():
    features = torch.tensor([[1.0], [1.1], [0.9], [-1.0], [-1.1], [-0.9], [1.0]])
    labels = torch.tensor([1, 1, 1, 0, 0, 0, 0])  # the last one is mislabelled
    data = HeadData(features, labels, 2)
    scores = HeadInfluence(data, fit_head(data, 0.1)).on_losses(torch.tensor([[1.0]]), torch.tensor([1]))[0]
    assert scores[6] < 0 < scores[0]


def test_an_influence_has_the_sign_of_what_removing_the_row_does(
    noisy_data: HeadData, fitted: HeadFit, influence: HeadInfluence, targets
):
    predicted = influence.on_gradients(influence.validation_gradient(*targets))[0]
    now = mean_loss(fitted, targets)
    for row in (int(predicted.argmax()), int(predicted.argmin())):
        actual = mean_loss(refit_without(noisy_data, fitted, row), targets) - now
        assert actual * float(predicted[row]) > 0


def test_without_correction_scores_are_the_textbook_formula(noisy_data: HeadData, fitted: HeadFit, targets):
    """−g_tᵀ H⁻¹ g_j up to sign, with gradients and Hessian from autograd on full weights."""
    ones = torch.ones(len(noisy_data.features), 1)
    rows = torch.cat([noisy_data.features, ones], 1).double()
    target_rows = torch.cat([targets[0], torch.ones(len(targets[0]), 1)], 1).double()
    from inffeed_core.influence.softmax import sum_zero_basis

    weight = sum_zero_basis(noisy_data.classes) @ fitted.theta

    def objective(flat: torch.Tensor) -> torch.Tensor:
        each = torch.nn.functional.cross_entropy(rows @ flat.view(weight.shape).T, noisy_data.labels, reduction="none")
        return (noisy_data.row_weights * each).mean() + fitted.l2 / 2 * flat.square().sum()

    hessian = torch.autograd.functional.hessian(objective, weight.flatten())

    def gradients(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        residual = torch.softmax(x @ weight.T, 1) - torch.nn.functional.one_hot(y, noisy_data.classes)
        return (residual.unsqueeze(2) * x.unsqueeze(1)).flatten(1)

    train = gradients(rows, noisy_data.labels) * noisy_data.row_weights.unsqueeze(1)
    expected = gradients(target_rows, targets[1]) @ torch.linalg.solve(hessian, train.T) / len(rows)
    plain = HeadInfluence(noisy_data, fitted, leverage=False).on_losses(*targets)
    torch.testing.assert_close(plain.double(), expected, atol=1e-6, rtol=1e-3)


def test_removal_with_leverage_predicts_refits(
    noisy_data: HeadData, fitted: HeadFit, influence: HeadInfluence, targets
):
    predicted = influence.on_gradients(influence.validation_gradient(*targets))[0].double()
    now = mean_loss(fitted, targets)
    actual = torch.tensor([mean_loss(refit_without(noisy_data, fitted, j), targets) - now for j in range(60)])
    both = torch.stack([predicted[:60], actual])
    assert torch.corrcoef(both)[0, 1] > 0.99
    slope = (predicted[:60] @ actual.double()) / predicted[:60].square().sum()
    assert 0.9 < slope < 1.1


def test_relabel_gain_is_zero_for_the_present_label(noisy_data: HeadData, influence: HeadInfluence, targets):
    gains = influence.relabel_gains(influence.validation_gradient(*targets))
    own = gains.gather(1, noisy_data.labels.unsqueeze(1))
    assert torch.equal(own, torch.zeros_like(own))
    assert gains.abs().max() > 0


def test_validation_gradient_is_the_mean_of_the_instances_gradients(influence: HeadInfluence, targets):
    mean = influence.loss_gradients(*targets).mean(0, keepdim=True)
    torch.testing.assert_close(influence.validation_gradient(*targets), mean)


def test_self_influence_is_the_diagonal_and_never_negative(noisy_data: HeadData, influence: HeadInfluence):
    everything = influence.on_losses(noisy_data.features, noisy_data.labels)
    torch.testing.assert_close(influence.self_influence(), everything.diagonal().double(), atol=1e-6, rtol=1e-3)
    assert influence.self_influence().min() >= 0


def test_row_order_leaves_scores_alone(noisy_data: HeadData, fitted: HeadFit, influence: HeadInfluence, targets):
    order = torch.randperm(len(noisy_data.features), generator=torch.Generator().manual_seed(4))
    shuffled = HeadData(
        noisy_data.features[order], noisy_data.labels[order], noisy_data.classes, noisy_data.row_weights[order]
    )
    again = HeadInfluence(shuffled, fit_head(shuffled, fitted.l2)).on_losses(*targets)
    torch.testing.assert_close(again, influence.on_losses(*targets)[:, order], atol=1e-6, rtol=1e-4)


def test_block_size_and_target_batches_leave_scores_alone(
    noisy_data: HeadData, fitted: HeadFit, influence: HeadInfluence, targets, monkeypatch: pytest.MonkeyPatch
):
    whole = influence.on_losses(*targets)
    one_by_one = torch.cat([influence.on_losses(x[None], y[None]) for x, y in zip(*targets, strict=True)])
    torch.testing.assert_close(one_by_one, whole, atol=1e-7, rtol=1e-4)
    monkeypatch.setattr(head_module, "ROWS", 7)
    torch.testing.assert_close(HeadInfluence(noisy_data, fitted).on_losses(*targets), whole, atol=1e-7, rtol=1e-4)


def test_scores_after_a_correction_are_those_of_starting_over(
    noisy_data: HeadData, influence: HeadInfluence, targets, monkeypatch: pytest.MonkeyPatch
):
    labels = noisy_data.labels.clone()
    labels[:5] = (labels[:5] + 1) % noisy_data.classes
    data = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.weights)
    afresh = HeadInfluence(data, fit_head(data, influence.fit.l2), leverage=False).on_losses(*targets)
    influence.on_losses(*targets)
    monkeypatch.setattr(head_module, "solver_for", None)  # no new curvature is formed
    again = influence.corrected(data).on_losses(*targets)
    assert (again - afresh).norm() <= 10 * head_module.RESIDUAL * afresh.norm()
    few = influence.corrected(data).on_losses(targets[0][:3], targets[1][:3])
    assert (few - afresh[:3]).norm() <= 10 * head_module.RESIDUAL * afresh[:3].norm()
    assert not torch.allclose(influence.on_losses(*targets), afresh, atol=1e-6, rtol=1e-2)


def test_the_first_step_after_a_correction_reads_only_what_changed(
    noisy_data: HeadData, influence: HeadInfluence, monkeypatch: pytest.MonkeyPatch
):
    labels = noisy_data.labels.clone()
    labels[0] = (labels[0] + 1) % noisy_data.classes
    data = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.weights)
    seen = []
    monkeypatch.setattr(
        "inffeed_core.influence.newton.evaluated", lambda *args: seen.append(evaluated(*args)) or seen[-1]
    )
    fit = influence.corrected(data).fit
    assert fit.iterations == len(seen) - 1
    by_hand = fit_head(data, fit.l2, start=influence.fit.theta, factor=influence.near)
    assert by_hand.iterations == fit.iterations + 1
    torch.testing.assert_close(fit.theta, by_hand.theta, atol=1e-7, rtol=1e-7)


def test_scores_after_every_label_changed_are_those_of_starting_over(
    noisy_data: HeadData, influence: HeadInfluence, targets
):
    labels = (noisy_data.labels + 1) % noisy_data.classes
    data = HeadData(noisy_data.features, labels, noisy_data.classes, noisy_data.row_weights / 3)
    afresh = HeadInfluence(data, fit_head(data, influence.fit.l2), leverage=False).on_losses(*targets)
    again = influence.corrected(data).on_losses(*targets)
    assert (again - afresh).norm() <= 10 * head_module.RESIDUAL * afresh.norm()


def test_no_product_holds_more_than_a_block_and_a_memory_map_scores_like_memory(
    noisy_data: HeadData, fitted: HeadFit, targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "features.f32"
    path.write_bytes(noisy_data.features.numpy().tobytes())
    mapped = torch.from_numpy(np.memmap(path, dtype="<f4", mode="c", shape=tuple(noisy_data.features.shape)))
    data = HeadData(mapped, noisy_data.labels, noisy_data.classes, noisy_data.weights)
    in_memory = HeadInfluence(noisy_data, fitted, leverage=False)
    expected = in_memory.top_influencers(in_memory.loss_gradients(*targets), 10)
    held, addmm = [], torch.addmm
    monkeypatch.setattr(head_module, "PRODUCTS", 2000)
    monkeypatch.setattr(torch, "addmm", lambda *args: held.append(addmm(*args)) or held[-1])
    influence = HeadInfluence(data, fitted, leverage=False)
    found = influence.top_influencers(influence.loss_gradients(*targets), 10)
    assert len(held) > 1
    assert max(product.numel() for product in held) <= 2000
    for (scores, _), (values, _) in zip(found, expected, strict=True):
        torch.testing.assert_close(scores, values, atol=1e-7, rtol=1e-4)


def test_top_influencers_are_the_ends_of_the_full_matrix(noisy_data: HeadData, influence: HeadInfluence):
    gradients = influence.loss_gradients(noisy_data.features[:20], noisy_data.labels[:20])
    (high, high_rows), (low, low_rows) = influence.top_influencers(gradients, 5, leave_out=torch.arange(20))
    full = influence.on_gradients(gradients)
    full[torch.arange(20), torch.arange(20)] = torch.nan
    for t in range(20):
        scores = full[t][~full[t].isnan()]
        torch.testing.assert_close(high[t], scores.sort(descending=True).values[:5])
        torch.testing.assert_close(low[t], scores.sort().values[:5])
        assert t not in high_rows[t].tolist() + low_rows[t].tolist()


def test_most_harmed_targets_are_the_lowest_in_each_column(influence: HeadInfluence, targets):
    gradients = influence.loss_gradients(*targets)
    values, which = influence.most_harmed(gradients, 3)
    expected = influence.on_gradients(gradients).T.sort(dim=1)
    torch.testing.assert_close(values, expected.values[:, :3])
    assert torch.equal(which[:, 0], expected.indices[:, 0])


def test_a_row_of_weight_zero_has_no_influence(noisy_data: HeadData, targets):
    weights = noisy_data.row_weights.clone()
    weights[3] = 0
    data = HeadData(noisy_data.features, noisy_data.labels, noisy_data.classes, weights)
    assert HeadInfluence(data, fit_head(data, 1e-2)).on_losses(*targets)[:, 3].abs().max() == 0


def test_float32_and_float64_features_agree(noisy_data: HeadData, influence: HeadInfluence, targets):
    double = HeadData(noisy_data.features.double(), noisy_data.labels, noisy_data.classes, noisy_data.weights)
    scores = HeadInfluence(double, fit_head(double, 1e-2)).on_losses(targets[0].double(), targets[1])
    torch.testing.assert_close(influence.on_losses(*targets).double(), scores, atol=1e-6, rtol=1e-3)
