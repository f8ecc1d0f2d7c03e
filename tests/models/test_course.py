"""The course of a fine-tuning: its schedule is transformers', its batches know no label, and it can be replayed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from models.test_fine_tuning import LABELS, SETTINGS, about, lessons
from quiet import quiet
from tiny_models import save_model

from inffeed_core.influence.replay import replay
from inffeed_core.models.batches import epochs_of_batches
from inffeed_core.models.course import Course, class_weights, course_of, labelled, rates
from inffeed_core.models.fine_tuning import fine_tune, prepared
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.sources import resolve


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("learner"), "BertModel", initializer_range=0.1)


def a_course(base: Path, tuning: FineTuning, learned: Lessons) -> Course:
    return course_of(*prepared(resolve(str(base)), tuning, quiet), learned.counted(), tuning)


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_learning_rates_are_those_of_transformers(steps: int):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3)
    theirs = transformers.get_linear_schedule_with_warmup(optimiser, -(-steps // 10), steps)
    for rate in rates(steps, 0.3):
        assert rate == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()


def test_every_text_is_read_once_an_epoch_beside_texts_of_its_length():
    lengths = np.random.default_rng(0).integers(1, 200, 1000)
    plan = epochs_of_batches(lengths, 16, 3, seed=1)
    per_epoch = len(plan) // 3
    for epoch in range(3):
        rows = np.concatenate(plan[epoch * per_epoch : (epoch + 1) * per_epoch])
        assert sorted(rows.tolist()) == list(range(1000))
    assert np.mean([np.ptp(lengths[batch]) for batch in plan]) < 0.3 * np.ptp(lengths)
    assert [batch.tolist() for batch in plan] == [b.tolist() for b in epochs_of_batches(lengths, 16, 3, seed=1)]
    assert [batch.tolist() for batch in plan] != [b.tolist() for b in epochs_of_batches(lengths, 16, 3, seed=2)]


def test_other_labels_change_what_is_taught_and_nothing_else(bert: Path, tmp_path: Path):
    tuning, data = about(tmp_path), lessons(40)
    turned = replace(data, targets=data.targets.flip(1))
    one, other = a_course(bert, tuning, data), a_course(bert, tuning, turned)
    assert torch.equal(one.start, other.start)
    for (inputs, rows), (same, also) in zip(one.run.batches, other.run.batches, strict=True):
        assert torch.equal(rows, also)
        assert all(torch.equal(inputs[name], same[name]) for name in inputs)
    assert torch.equal(one.taught, other.taught.flip(1))


def test_balanced_class_weights_give_every_class_the_same_weight():
    data = Lessons.of_labels(list("abcde"), torch.tensor([0, 0, 0, 1, 0]), 3)
    weights = class_weights(data, balanced=True)
    assert weights.tolist() == pytest.approx([5 / 8, 5 / 2, 0])
    assert class_weights(data, balanced=False).tolist() == [1, 1, 1]


@pytest.mark.parametrize("lora", [False, True])
def test_a_replay_repeats_the_training_to_the_bit_and_foretells_a_corrected_label(
    bert: Path, tmp_path: Path, lora: bool
):
    tuning = about(tmp_path / "w", lora=lora, settings=replace(SETTINGS, learning_rate=2e-3))
    data, validation = lessons(24), lessons(12)
    wrong = replace(data, targets=data.targets.clone())
    wrong.targets[3] = wrong.targets[3].flip(0)
    found = fine_tune(resolve(str(bert)), wrong, validation, tuning, quiet)
    course = a_course(bert, tuning, wrong)
    tokens = a_course(bert, tuning, validation).tokens
    target = labelled(course, tokens, validation.targets.argmax(1), 12)
    derivatives = replay(course.run, course.start, course.taught, [target], until=found.best_step)
    kept = next(point for point in found.curve if point.step == found.best_step)
    assert float(derivatives.losses[0]) == pytest.approx(kept.loss, abs=1e-6)
    share = 0.1
    partly = replace(wrong, targets=(1 - share) * wrong.targets + share * data.targets)
    again = fine_tune(resolve(str(bert)), partly, validation, replace(tuning, work=tmp_path / "v"), quiet)
    actual = kept.loss - next(point for point in again.curve if point.step == found.best_step).loss
    gains = derivatives.relabel_gains(course.lessons.weights[:, None] * course.class_weights, course.lessons.targets)
    predicted = share * float(gains[0, 3, data.targets[3].argmax()])
    assert predicted == pytest.approx(actual, rel=0.25, abs=2e-5)
    assert len(LABELS) == derivatives.by_taught.shape[2]
