"""Rows taught a distribution over classes are equivalent to rows split by class."""

from dataclasses import replace

import pytest
import torch

from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, fit_head, losses, probabilities


@pytest.fixture
def soft(noisy_data: HeadData) -> HeadData:
    """The noisy rows, each taught its label by .6 to 1 and the rest at random."""
    generator = torch.Generator().manual_seed(5)
    random = torch.rand(len(noisy_data.labels), noisy_data.classes, generator=generator, dtype=torch.float64)
    certain = torch.nn.functional.one_hot(noisy_data.labels, noisy_data.classes).double()
    share = 0.4 * torch.rand(len(random), 1, generator=generator, dtype=torch.float64)
    return replace(noisy_data, targets=(1 - share) * certain + share * random / random.sum(1, keepdim=True))


@pytest.fixture
def influence(soft: HeadData) -> HeadInfluence:
    return HeadInfluence(soft, fit_head(soft, 1e-2))


def mean_loss(fit: HeadFit, targets) -> float:
    return float(losses(probabilities(fit.theta, targets[0]), targets[1]).mean())


def test_certain_targets_are_labels(noisy_data: HeadData, targets):
    certain = replace(noisy_data, targets=torch.nn.functional.one_hot(noisy_data.labels, noisy_data.classes).double())
    one, other = fit_head(noisy_data, 1e-2), fit_head(certain, 1e-2)
    torch.testing.assert_close(one.theta, other.theta)
    by_labels = HeadInfluence(noisy_data, one)
    gradient = by_labels.validation_gradient(*targets)
    gains = HeadInfluence(certain, other).relabel_gains(gradient)
    torch.testing.assert_close(gains, by_labels.relabel_gains(gradient), atol=1e-9, rtol=1e-6)


def test_a_target_is_a_row_of_each_class_with_its_share_as_weight(soft: HeadData):
    assert soft.targets is not None
    n, c = soft.targets.shape
    split = HeadData(
        soft.features.repeat_interleave(c, 0),
        torch.arange(c).repeat(n),
        c,
        c * (soft.row_weights.unsqueeze(1) * soft.targets).flatten(),  # N in the objective counts every row
    )
    torch.testing.assert_close(fit_head(split, 1e-2).theta, fit_head(soft, 1e-2).theta, atol=1e-6, rtol=1e-6)


def test_removal_predicts_refits(soft: HeadData, influence: HeadInfluence, targets):
    predicted = influence.on_gradients(influence.validation_gradient(*targets))[0, :60].double()
    now, actual = mean_loss(influence.fit, targets), []
    for row in range(60):
        weights = soft.row_weights.clone()
        weights[row] = 0
        actual.append(mean_loss(fit_head(replace(soft, weights=weights), 1e-2, start=influence.fit.theta), targets))
    change = torch.tensor(actual, dtype=torch.float64) - now
    assert torch.corrcoef(torch.stack([predicted, change]))[0, 1] > 0.99
    assert 0.9 < (predicted @ change) / predicted.square().sum() < 1.1


def test_relabel_gains_predict_refits_with_the_row_confirmed(soft: HeadData, influence: HeadInfluence, targets):
    assert soft.targets is not None
    gains = influence.relabel_gains(influence.validation_gradient(*targets))
    now, predicted, actual = mean_loss(influence.fit, targets), [], []
    for row in range(40):
        for label in range(soft.classes):
            taught = soft.targets.clone()
            taught[row] = torch.eye(soft.classes, dtype=torch.float64)[label]
            refit = fit_head(replace(soft, targets=taught), 1e-2, start=influence.fit.theta)
            predicted.append(float(gains[row, label]))
            actual.append(now - mean_loss(refit, targets))
    both = torch.tensor([predicted, actual], dtype=torch.float64)
    assert torch.corrcoef(both)[0, 1] > 0.99
    assert 0.9 < (both[0] @ both[1]) / both[0].square().sum() < 1.1


def test_what_is_taught_balances_itself_to_first_order(soft: HeadData, influence: HeadInfluence, targets):
    """Expected gain under the very distribution that the row is taught is 0: so q must be another belief."""
    assert soft.targets is not None
    gains = influence.relabel_gains(influence.validation_gradient(*targets))
    assert (gains * soft.targets).sum(1).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("targets", "said"), [(torch.full((2, 3), 1 / 3), "need"), (torch.tensor([[1.2, -0.2], [1, 0]]), "distributions")]
)
def test_refuses_what_is_no_distribution(targets: torch.Tensor, said: str):
    with pytest.raises(ValueError, match=said):
        HeadData(torch.zeros(2, 3), torch.tensor([0, 1]), 2, targets=targets)
