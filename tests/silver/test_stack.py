import pytest
import torch
from torch import Tensor

from inffeed_core.silver.said import Said, signs, together
from inffeed_core.silver.stack import fit_stack, folds

CHANNEL = torch.tensor([[0.9, 0.1], [0.35, 0.65]], dtype=torch.float64)


def texts(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Calibrated beliefs, the truth drawn from them, and a silver label drawn through the channel."""
    generator = torch.Generator().manual_seed(seed)
    belief = torch.softmax(1.5 * torch.randn(n, 2, generator=generator, dtype=torch.float64), 1)
    truth = torch.multinomial(belief, 1, generator=generator).squeeze(1)
    return belief, truth, torch.multinomial(CHANNEL[truth], 1, generator=generator).squeeze(1)


def silent(labels: Tensor) -> Said:
    """Labels of sources that tell no confidence."""
    return Said(labels=labels, confidence=torch.full(labels.shape, torch.nan, dtype=torch.float64))


def loss(posterior: Tensor, truth: Tensor) -> float:
    return float(-posterior.gather(1, truth.unsqueeze(1)).log().mean())


def test_finds_the_posterior_of_bayes():
    belief, truth, silver = texts(3000, 0)
    stack = fit_stack(belief, signs(silent(silver.unsqueeze(1)), 2), truth)
    belief, truth, silver = texts(20_000, 1)
    found = stack.posterior(belief, signs(silent(silver.unsqueeze(1)), 2))
    exact = belief * CHANNEL[:, silver].T
    exact = exact / exact.sum(1, keepdim=True)
    assert loss(found, truth) < loss(exact, truth) + 0.003 < loss(belief, truth) - 0.05
    assert float((found - exact).abs().mean()) < 0.02


def test_unequal_beliefs_are_brought_to_measure():
    belief, truth, silver = texts(3000, 0)
    boastful = torch.softmax(3 * belief.log(), 1)
    stack = fit_stack(boastful, signs(silent(silver.unsqueeze(1)), 2), truth)
    again = fit_stack(belief, signs(silent(silver.unsqueeze(1)), 2), truth)
    assert stack.loss == pytest.approx(again.loss, abs=0.005)


def test_silver_that_says_nothing_leaves_the_belief():
    belief, truth, _ = texts(1500, 2)
    noise = torch.randint(2, (1500, 6), generator=torch.Generator().manual_seed(1))
    stack = fit_stack(belief, signs(silent(noise), 2), truth)
    assert stack.loss < loss(belief, truth) + 0.01
    assert float((stack.posterior(belief, signs(silent(noise), 2)) - belief).abs().mean()) < 0.05


def test_copies_of_a_source_are_no_new_witnesses():
    belief, truth, silver = texts(3000, 3)
    one, many = (silent(silver.unsqueeze(1).repeat(1, count)) for count in (1, 8))
    alone, copied = (fit_stack(belief, signs(said, 2), truth) for said in (one, many))
    torch.testing.assert_close(
        copied.posterior(belief, signs(many, 2)), alone.posterior(belief, signs(one, 2)), atol=0.03, rtol=0
    )


def test_a_label_counts_as_much_as_its_confidence_is_worth():
    belief, truth, _ = texts(3000, 4)
    generator = torch.Generator().manual_seed(5)
    sure = 0.5 + 0.5 * torch.rand(3000, 1, generator=generator, dtype=torch.float64)
    right = torch.rand(3000, generator=generator, dtype=torch.float64) < sure.squeeze(1)
    label = torch.where(right, truth, 1 - truth).unsqueeze(1)
    told, untold = Said(labels=label, confidence=sure), silent(label)
    losses = [fit_stack(belief, signs(said, 2), truth).loss for said in (told, untold)]
    assert losses[0] < losses[1] - 0.03


def test_no_text_is_scored_by_a_regression_that_learned_from_it():
    generator = torch.Generator().manual_seed(6)
    belief = torch.full((80, 2), 0.5, dtype=torch.float64)
    truth = torch.randint(2, (80,), generator=generator)
    labels = torch.randint(2, (80, 30), generator=generator)  # enough columns to learn every text by heart
    stack = fit_stack(belief, signs(silent(labels), 2), truth)
    assert stack.loss > 0.68
    assert loss(stack.held_out, truth) == pytest.approx(stack.loss)


def test_is_the_same_every_time():
    belief, truth, silver = texts(400, 7)
    columns = signs(silent(silver.unsqueeze(1)), 2)
    first, second = fit_stack(belief, columns, truth), fit_stack(belief, columns, truth)
    assert torch.equal(first.theta, second.theta)
    assert torch.equal(first.held_out, second.held_out)


def test_a_class_that_no_known_text_has_stays_possible():
    generator = torch.Generator().manual_seed(8)
    belief = torch.softmax(torch.randn(200, 3, generator=generator, dtype=torch.float64), 1)
    truth = torch.randint(2, (200,), generator=generator)
    columns = signs(silent(truth.unsqueeze(1)), 3)
    found = fit_stack(belief, columns, truth).posterior(belief, columns)
    assert bool((found[:, 2] > 0).all())
    torch.testing.assert_close(found.sum(1), torch.ones(200, dtype=torch.float64))


def test_folds_hold_each_class_evenly():
    truth = torch.tensor([0] * 53 + [1] * 12 + [2] * 3)
    fold = folds(truth, 5, 0)
    for label, count in ((0, 53), (1, 12), (2, 3)):
        sizes = torch.bincount(fold[truth == label], minlength=5)
        assert int(sizes.max()) - int(sizes.min()) <= 1
        assert int(sizes.sum()) == count


def test_a_source_that_says_nothing_adds_nothing():
    said = Said(
        labels=torch.tensor([[1, -1], [0, 1]]), confidence=torch.tensor([[0.9, torch.nan], [0.6, torch.nan]]).double()
    )
    columns = signs(said, 2)
    assert columns[:, :4].tolist() == [[0, 1, 0, 0], [1, 0, 0, 1]]
    odds = torch.logit(torch.tensor([0.9, 0.6], dtype=torch.float64))
    usual = odds.mean()
    expected = torch.stack([torch.stack([0 * usual, odds[0] - usual]), torch.stack([odds[1] - usual, 0 * usual])])
    torch.testing.assert_close(columns[:, 4:6], expected)
    torch.testing.assert_close(columns[:, 6:].sum(1), torch.zeros(2, dtype=torch.float64))
    assert columns[1, 6] == columns[1, 7] == 0  # the sources name different classes
    assert columns[0, 7] > 0
    both = together(said, said)
    assert both.labels.shape == (4, 2)
    assert both.where(torch.tensor([True, False, False, False])).spoken.tolist() == [1]
