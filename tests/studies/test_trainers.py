"""Studies with transformers fine-tuned for them, on a tiny one that learns within a second."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from click.testing import CliRunner
from quiet import quiet
from tiny_models import save_model

from inffeed_core.cli import main
from inffeed_core.settings import FeedbackSettings, FineTuneSettings
from inffeed_core.studies.draws import RepairSet, drawn, encoded, read
from inffeed_core.studies.feedback import runs
from inffeed_core.studies.feedback.runs import FeedbackPlan, complete
from inffeed_core.studies.feedback.study import Feedback, study
from inffeed_core.studies.repair.runs import Places
from inffeed_core.studies.trainers import FineTuner, HeadTrainer, Trained, Trainer, Tuning, first_rows, tuned_on_seed

SIZES = {"seed": 30, "extension": 40, "validation": 20, "test": 20}
SETTINGS = FineTuneSettings(epochs=3, learning_rate=1e-2, batch_size=4, patience=100, scorings=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_model(tmp_path_factory.mktemp("learner"), "BertModel", initializer_range=0.1))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set: good is positive, bad is negative, whatever stands around it."""
    folder = tmp_path_factory.mktemp("sets")
    with gzip.open(folder / "words.jsonl.gz", "wt", encoding="utf-8") as file:
        for split, size in SIZES.items():
            for k in range(size):
                text, gold = f"{'good' if k % 2 else 'bad'} {split} {k}", ("negative", "positive")[k % 2]
                file.write(json.dumps({"id": f"{split}-{k}", "text": text, "gold": gold, "split": split}) + "\n")
    return folder


@pytest.fixture(scope="module")
def draw(sets: Path) -> RepairSet:
    return drawn(read(sets, "words"), 0)


@pytest.fixture
def tuner(draw: RepairSet, model: str, tmp_path: Path) -> FineTuner:
    return FineTuner(draw, Tuning(model, SETTINGS, 0, tmp_path), quiet)


def ones(labels: np.ndarray) -> np.ndarray:
    return np.ones(len(labels))


def accuracy(found: Trained, draw: RepairSet) -> float:
    return float((found.test.argmax(1) == draw.test[1]).double().mean())


def test_a_transformer_learns_the_labels_given_and_starts_from_the_base_each_time(
    draw: RepairSet, model: str, tmp_path: Path
):
    gold = draw.gold.numpy()
    first = FineTuner(draw, Tuning(model, SETTINGS, 0, tmp_path / "a"), quiet)(gold, ones(gold))
    assert accuracy(first, draw) > 0.9
    other = FineTuner(draw, Tuning(model, replace(SETTINGS, stop_on="macro-f1"), 0, tmp_path / "b"), quiet)
    turned = other(1 - gold, ones(gold))
    assert accuracy(turned, draw) < 0.6  # validation stops it before it is as wrong as its labels
    again = FineTuner(draw, Tuning(model, SETTINGS, 0, tmp_path / "b"), quiet)(gold, ones(gold))
    torch.testing.assert_close(again.test, first.test)


def test_probabilities_are_those_of_the_classifier_that_was_fine_tuned(
    draw: RepairSet, tuner: FineTuner, tmp_path: Path
):
    gold = draw.gold.numpy()
    found = tuner(gold, ones(gold))
    (folder,) = (tmp_path / "fine-tuned").glob("*/result")
    classify = transformers.pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    told = [{each["label"]: each["score"] for each in one} for one in classify(list(draw.test_texts))]
    expected = torch.tensor([[one[label] for label in draw.labels] for one in told])
    torch.testing.assert_close(found.test, expected, atol=1e-5, rtol=1e-4)
    assert found.rows.features.shape == (len(gold), 32)
    assert found.fit.gradient_norm < 1e-8


def test_rows_left_out_teach_nothing(draw: RepairSet, tuner: FineTuner):
    labels = draw.gold.numpy().copy()
    weights = ones(labels)
    weights[:5] = 0.0
    kept = tuner(labels, weights)
    labels[:5] = 1 - labels[:5]
    torch.testing.assert_close(tuner(labels, weights).test, kept.test)


def test_a_head_keeps_the_l2_that_validation_chose_first(draw: RepairSet, model: str, tmp_path: Path):
    data = encoded(draw, model, tmp_path, quiet)
    train, gold = HeadTrainer(data), data.gold.numpy()
    first = train(gold, ones(gold))
    changed = train(1 - gold, ones(gold))
    assert changed.fit.l2 == first.fit.l2
    torch.testing.assert_close(train(gold, ones(gold)).validation, first.validation)
    torch.testing.assert_close(changed.validation, 1 - first.validation)


def test_fewer_rows_begin_with_the_seed(draw: RepairSet):
    few, more = first_rows(draw, 10), first_rows(draw, draw.seed_rows + 4)
    assert (list(few.texts), few.seed_rows, len(few.silver)) == (list(draw.texts[:10]), 10, 0)
    assert (more.seed_rows, len(more.silver), len(more.gold)) == (draw.seed_rows, 4, draw.seed_rows + 4)


def test_no_silver_label_shapes_the_features_of_a_transformer_tuned_on_the_seed(
    draw: RepairSet, model: str, tmp_path: Path
):
    found = tuned_on_seed(draw, Tuning(model, SETTINGS, 0, tmp_path / "a"), quiet)
    silver = torch.cat([draw.gold[: draw.seed_rows], 1 - draw.gold[draw.seed_rows :]])
    other = tuned_on_seed(replace(draw, gold=silver), Tuning(model, SETTINGS, 0, tmp_path / "b"), quiet)
    torch.testing.assert_close(found.features, other.features)
    assert found.features.shape == (len(draw.texts), 32)
    assert (found.silver == draw.gold[draw.seed_rows :]).double().mean() > 0.9  # by a model of what it had learned


def test_results_are_kept_by_method_and_a_torn_line_is_made_again(
    sets: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    places = Places(sets, tmp_path / "cache", tmp_path / "feedback.jsonl")
    plan = FeedbackPlan(("discard", "relabel-harmful"), FeedbackSettings(rounds=1), model, train_rows=20)
    found = complete(places, ["words"], 2, plan, quiet)
    whole = places.results.read_bytes()
    places.results.write_bytes(whole[:-5])
    asked = []

    def watched(data: RepairSet, trainer: Trainer, methods: list[str], *rest: Any) -> Iterator[Feedback]:
        asked.append((rest[1], methods))
        return study(data, trainer, methods, *rest)

    monkeypatch.setattr(runs, "study", watched)
    assert complete(places, ["words"], 2, plan, quiet) == found
    assert asked == [(1, ["relabel-harmful"])]
    assert places.results.read_bytes() == whole
    complete(places, ["words"], 1, replace(plan, train_rows=24), quiet)
    assert asked[1:] == [(0, ["discard", "relabel-harmful"])]


def test_the_feedback_command_fine_tunes(sets: Path, model: str, tmp_path: Path):
    arguments = ["bench", "feedback", "--data", str(sets), "--model", model, "--cache", str(tmp_path), "--seeds", "1"]
    arguments += ["--fine-tune", "--epochs", "1", "--train-rows", "24", "--methods", "discard,influence-vote"]
    arguments += ["--results", str(tmp_path / "feedback.jsonl")]
    told = CliRunner().invoke(main, [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [(one["method"], one["rows"]) for one in found] == [("discard", 24), ("influence-vote", 24)]
    assert all(one["rounds"] <= 1 for one in found)
    assert len({one["before"] for one in found}) == 1
    table = CliRunner().invoke(main, arguments).stdout
    assert "| words | discard | " in table


def test_the_repair_command_writes_the_page_of_fine_tuned_transformers(sets: Path, model: str, tmp_path: Path):
    arguments = ["bench", "repair", "--data", str(sets), "--model", model, "--cache", str(tmp_path / "cache")]
    arguments += ["--fine-tune", "--balanced", "--epochs", "1", "--seeds", "1", "--budgets", "10,20"]
    arguments += ["--train", "plain,auto"]
    arguments += ["--policies", "negative-influence,random,oracle", "--report", str(tmp_path / "docs")]
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 0, told.output
    page = (tmp_path / "docs" / "evidence_fine_tuned.md").read_text(encoding="utf-8")
    assert "| negative-influence, plain | " in page
    assert "| all gold | " in page
    assert "classes of equal weight (up to 1 epochs; the state of the best macro-f1" in page
    assert "| words | frozen | " in page
    assert "| words | fine-tuned | " in page
    assert "no head" not in page
    assert page.count("| words | fine-tuned | ") == 2  # under each rule
    assert "| gold alone | macro-f1 | " in page
    assert "1 sets, 1 draw of each" in page
    assert "nan" not in page
    assert "audit" not in page
    assert not (tmp_path / "docs" / "evidence.md").exists()
