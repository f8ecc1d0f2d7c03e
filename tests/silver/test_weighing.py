import pytest
import torch
from torch import Tensor

from inffeed_core.silver.calibration import calibration
from inffeed_core.silver.channel import UNKNOWN, estimate_channel, estimate_channels
from inffeed_core.silver.said import Said, signs
from inffeed_core.silver.stack import fit_stack
from inffeed_core.silver.weighing import ENOUGH, tempered, weigh

N = 3000
RIGHT = (0.9, 0.75, 0.6)


def labelled(seed: int = 0, right: tuple[float, ...] = RIGHT) -> tuple[Tensor, Said, Tensor]:
    """Boastful beliefs about three classes, independent sources that are right so often, and the truth."""
    generator = torch.Generator().manual_seed(seed)
    belief = torch.softmax(torch.randn(N, 3, generator=generator, dtype=torch.float64), 1)
    truth = torch.multinomial(belief, 1, generator=generator).squeeze(1)
    hits = torch.rand(N, len(right), generator=generator) < torch.tensor(right)
    other = (truth.unsqueeze(1) + torch.randint(1, 3, hits.shape, generator=generator)) % 3
    labels = torch.where(hits, truth.unsqueeze(1), other)
    said = Said(labels=labels, confidence=torch.full(labels.shape, torch.nan, dtype=torch.float64))
    return torch.softmax(2 * belief.log(), 1), said, truth


def known(truth: Tensor, count: int) -> Tensor:
    return torch.where(torch.arange(N) < count, truth, UNKNOWN)


def nobody() -> Tensor:
    """Of no text did a silver label come first."""
    return torch.zeros(N, dtype=torch.bool)


def loss(posterior: Tensor, truth: Tensor) -> float:
    return float(-posterior.gather(1, truth.unsqueeze(1)).log().mean())


def test_known_truths_teach_a_stack_that_beats_the_channels():
    belief, said, truth = labelled()
    without, taught = weigh(belief, said, known(truth, 0), nobody()), weigh(belief, said, known(truth, 600), nobody())
    assert (without.way, taught.way) == ("channel", "stack")
    assert taught.losses["stack"] < taught.losses["channel"]
    rest = slice(600, None)
    assert loss(taught.posterior[rest], truth[rest]) < loss(without.posterior[rest], truth[rest]) - 0.02


def test_probabilities_of_wrong_labels_hold_on_texts_that_nobody_has_confirmed():
    belief, said, truth = labelled(1)
    found = weigh(belief, said, known(truth, 800), nobody())
    rest = torch.arange(800, N)
    label = said.labels[rest, 1]
    measured = calibration(1 - found.posterior[rest, label], label != truth[rest])
    assert measured.error < 0.04
    assert found.calibration is not None
    assert found.calibration.error < 0.04
    assert found.calibration.labels == 3 * 800


def test_with_few_truths_the_channels_answer():
    belief, said, truth = labelled()
    found = weigh(belief, said, known(truth, ENOUGH - 1), nobody())
    assert (found.way, found.known, found.losses, found.calibration) == ("channel", ENOUGH - 1, {}, None)


def test_texts_chosen_for_their_labels_do_not_found_a_stack():
    """Of reviewed texts alone every label is wrong; who takes that for the rule says that all others are, too."""
    belief, said, truth = labelled(4, (0.85,))
    wrong = (said.labels[:, 0] != truth) & (torch.arange(N) < 2000)
    found = weigh(belief, said, torch.where(wrong, truth, UNKNOWN), wrong)
    assert (found.way, found.known) == ("channel", 0)
    columns, rest = signs(said, 3), ~wrong
    misled = fit_stack(belief[wrong], columns[wrong], truth[wrong]).posterior(belief, columns)
    label = said.labels[rest, 0]
    assert float(misled[rest, label].mean()) < 0.5 < float(found.posterior[rest, label].mean())


def test_reviewed_texts_join_the_gold_and_leave_the_measures_to_it():
    belief, said, truth = labelled()
    reviewed = nobody()
    reviewed[600:900] = True
    found = weigh(belief, said, known(truth, 900), reviewed)
    assert (found.way, found.known) == ("stack", 600)
    assert found.calibration is not None
    assert found.calibration.labels == 3 * 600
    rest = slice(900, None)
    assert loss(found.posterior[rest], truth[rest]) < loss(belief[rest], truth[rest]) - 0.2
    assert found.report() == {
        "way": "stack",
        "known": 600,
        "enough": ENOUGH,
        "losses": found.losses,
        "error": found.calibration.error,
        "labels": 1800,
    }


def test_texts_of_which_no_source_says_anything_teach_nothing():
    belief, said, truth = labelled()
    labels = said.labels.clone()
    labels[:600] = UNKNOWN
    found = weigh(belief, Said(labels=labels, confidence=said.confidence), known(truth, 600), nobody())
    assert (found.way, found.known) == ("channel", 0)


def test_a_stack_that_leads_by_chance_is_not_taken():
    belief, said, truth = labelled(2, (0.97,))
    exact = torch.softmax(0.5 * belief.log(), 1)  # the channel's assumptions hold: there is nothing more to learn
    found = weigh(exact, said, known(truth, ENOUGH), nobody())
    assert found.way == "channel"
    assert abs(found.losses["channel"] - found.losses["stack"]) < 0.05
    assert found.calibration is not None


def test_several_sources_say_more_than_one():
    belief, said, truth = labelled()
    one = estimate_channels(belief, said.labels[:, :1], known(truth, 0)).posterior
    three = estimate_channels(belief, said.labels, known(truth, 0)).posterior
    assert loss(three, truth) < loss(one, truth) - 0.02


def test_one_source_is_the_channel_of_one_source():
    belief, said, truth = labelled()
    confirmed = known(truth, 100)
    one = estimate_channel(belief, said.labels[:, 0], confirmed, trust=0.5)
    same = estimate_channels(belief, said.labels[:, :1], confirmed, trust=0.5)
    torch.testing.assert_close(same.posterior, one.posterior, atol=1e-6, rtol=0)
    torch.testing.assert_close(same.rates, one.rates, atol=1e-6, rtol=0)


def test_copies_do_not_make_channels_sure():
    belief, said, truth = labelled(3, (0.7,))
    copied = estimate_channels(belief, said.labels.repeat(1, 30), known(truth, 0)).posterior
    twice = estimate_channels(belief, said.labels.repeat(1, 2), known(truth, 0)).posterior
    torch.testing.assert_close(copied, twice, atol=0.01, rtol=0)


def test_a_text_without_labels_keeps_its_belief():
    belief, said, truth = labelled()
    labels = said.labels.clone()
    labels[7] = UNKNOWN
    found = estimate_channels(belief, labels, known(truth, 0)).posterior
    torch.testing.assert_close(found[7], belief[7])


def test_trust_lies_between_belief_and_posterior():
    belief, said, truth = labelled()
    found = weigh(belief, said, known(truth, 600), nobody()).posterior
    assert tempered(belief, found, 1.0) is found
    torch.testing.assert_close(tempered(belief, found, 0.0), belief)
    half = tempered(belief, found, 0.5)
    ratio = (half[:, 0] / half[:, 1]).log()
    ends = [(one[:, 0] / one[:, 1]).log() for one in (belief, found)]
    torch.testing.assert_close(ratio, (ends[0] + ends[1]) / 2)


def test_calibration_error_is_the_mean_gap_of_the_bins():
    said = torch.tensor([0.05, 0.05, 0.95, 0.95])
    assert calibration(said, torch.tensor([False, True, True, True])).error == pytest.approx((0.45 + 0.05) / 2)
    assert calibration(torch.tensor([1.0, 0.0]), torch.tensor([True, False])).error == 0
    with pytest.raises(ValueError, match="at least one label"):
        calibration(torch.empty(0), torch.empty(0, dtype=torch.bool))
