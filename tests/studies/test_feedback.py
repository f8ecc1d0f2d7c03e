from dataclasses import replace

import pytest
import torch
from quiet import quiet

from inffeed_core.feedback.methods import METHODS
from inffeed_core.records import Interval
from inffeed_core.settings import FeedbackSettings
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.feedback.study import markdown, study
from inffeed_core.studies.trainers import HeadTrainer


@pytest.fixture
def flipped() -> RepairSet:
    """Two clouds of points; a tenth of the training labels are wrong, validation and test are right."""
    generator = torch.Generator().manual_seed(0)

    def part(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(count) % 2
        return torch.randn(count, 4, generator=generator) + 1.5 * labels.unsqueeze(1), labels

    features, gold = part(200)
    gold = torch.where(torch.arange(200) % 10 == 3, 1 - gold, gold)
    texts = [str(i) for i in range(200)]
    return RepairSet(
        "clouds", ("a", "b"), texts, features, gold, 100, gold[100:], "a test", part(300), part(300), [], []
    )


def test_influencers_object_to_more_labels_where_some_are_wrong(flipped: RepairSet):
    settings = FeedbackSettings(rounds=1, cap=1.0, margin=0.5)
    changed = []
    for data in (flipped, replace(flipped, gold=torch.arange(200) % 2)):
        (found,) = study(data, HeadTrainer(data), ["influence-vote"], settings, 0, quiet)
        changed.append(found.changed)
    assert changed[0] > changed[1] + 5


def test_a_round_without_proof_on_validation_is_not_kept(flipped: RepairSet):
    for one in study(flipped, HeadTrainer(flipped), list(METHODS), FeedbackSettings(rounds=2, cap=0.02), 0, quiet):
        assert 0 <= one.kept <= one.rounds <= 2
        if one.validation.low <= 0:
            assert one.kept == 0
            assert one.guarded == one.before


def test_the_study_repeats_and_is_told_as_a_table(flipped: RepairSet):
    first, second = (
        list(study(flipped, HeadTrainer(flipped), list(METHODS), FeedbackSettings(rounds=1), 0, quiet))
        for _ in range(2)
    )
    assert first == second
    assert markdown(first).count("\n") == 1 + len(METHODS)


def test_the_table_counts_the_draws_that_test_says_were_better_and_worse(flipped: RepairSet):
    (one,) = study(flipped, HeadTrainer(flipped), ["discard"], FeedbackSettings(rounds=1), 0, quiet)
    assert one.test.value == pytest.approx(one.after - one.before)
    draws = [replace(one, test=Interval(value, value - 0.02, value + 0.02)) for value in (0.03, 0.01, -0.01, -0.03)]
    assert "| 4 | " in markdown(draws)
    assert "| 1, 1 | " in markdown(draws)
