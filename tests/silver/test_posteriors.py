import pytest
import torch

from inffeed_core.influence import HeadData, fit_head, probabilities
from inffeed_core.influence.calibrating import temperature
from inffeed_core.influence.factor import factorised
from inffeed_core.silver.posteriors import calibrated, out_of_fold


def two_clouds(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    return torch.randn(n, 3, generator=generator) + 2.0 * labels.unsqueeze(1), labels


def test_temperature_undoes_a_scaling_of_calibrated_logits():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4000, 3, generator=generator, dtype=torch.float64)
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)
    assert 2.6 < temperature(3 * logits, labels) < 3.4
    assert 0.9 < temperature(logits, labels) < 1.1


@pytest.mark.parametrize(("texts", "classes"), [(12, 2), (30, 3)])
def test_a_few_texts_that_are_all_right_make_nothing_certain(texts: int, classes: int):
    labels = torch.arange(texts) % classes
    logits = 4 * torch.nn.functional.one_hot(labels, classes).double()
    believed = torch.softmax(logits / temperature(logits, labels), 1).max(1).values
    assert believed.numpy() == pytest.approx((texts + 1) / (texts + classes), abs=1e-3)


def test_a_calibrated_belief_is_right_about_what_the_gold_teaches():
    features, labels = two_clouds(80, 1)
    unseen, truth = two_clouds(200, 2)
    fit = fit_head(HeadData(features, labels, 2), 1e-2)
    probs = calibrated(fit, *two_clouds(80, 3), unseen)
    assert (probs.argmax(1) == truth).double().mean() > 0.9
    torch.testing.assert_close(probs.sum(1), torch.ones(200, dtype=torch.float64))


def test_out_of_fold_has_not_seen_the_row_it_judges():
    """A row alone in its place, with the wrong label: a fit that includes it bends to it, out-of-fold ones cannot."""
    features, labels = two_clouds(60, 4)
    features[0], labels[0] = torch.tensor([-9.0, 0.0, 9.0]), 1
    data = HeadData(features, labels, 2)
    whole = fit_head(data, 1e-4)
    assert out_of_fold(data, whole, 5, seed=0)[0, 1] < probabilities(whole.theta, features)[0, 1]


def test_out_of_fold_is_the_same_for_a_seed_and_covers_every_row():
    features, labels = two_clouds(40, 5)
    data = HeadData(features, labels, 2)
    whole = fit_head(data, 1e-2)
    first, again = out_of_fold(data, whole, 5, seed=3), out_of_fold(data, whole, 5, seed=3)
    assert torch.equal(first, again)
    torch.testing.assert_close(first.sum(1), torch.ones(40, dtype=torch.float64))


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_with_a_single_row_each_are_no_obstacle(classes: int):
    data = HeadData(torch.eye(classes), torch.arange(classes), classes)
    whole = fit_head(data, 1e-2)
    found = out_of_fold(data, whole, 5, seed=0)
    torch.testing.assert_close(found.sum(1), torch.ones(classes, dtype=torch.float64))
    assert bool((found.diag() < probabilities(whole.theta, data.features).diag()).all())


def test_a_class_with_a_single_row_is_no_obstacle():
    features, labels = two_clouds(12, 6)
    data = HeadData(features, torch.cat([labels[:-1], torch.tensor([2])]), 3)
    assert torch.isfinite(out_of_fold(data, fit_head(data, 1e-2), 5, seed=0)).all()


def test_out_of_fold_is_the_same_with_the_factor_of_the_whole():
    features, labels = two_clouds(60, 7)
    data = HeadData(features, labels, 2)
    whole = fit_head(data, 1e-3)
    near = factorised(probabilities(whole.theta, features), data, whole.l2)
    torch.testing.assert_close(out_of_fold(data, whole, 5, 0, near), out_of_fold(data, whole, 5, 0), atol=1e-6, rtol=0)
