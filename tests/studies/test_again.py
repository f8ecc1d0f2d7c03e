"""The repair experiment with fine-tuning again, on a tiny transformer: what is foretold comes, and what ran is kept."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from quiet import quiet
from tiny_models import save_model

from inffeed_core.studies.draws import RepairSet, read
from inffeed_core.studies.json_lines import lines
from inffeed_core.studies.repair import again_runs
from inffeed_core.studies.repair.again import ORDERS, Again, AgainSettings, part_of
from inffeed_core.studies.repair.again_runs import Task, complete
from inffeed_core.studies.repair.review import ALL_GOLD
from inffeed_core.studies.repair.runs import BASELINE, Places, unpacked

SIZES = {"seed": 20, "extension": 40, "validation": 20, "test": 20}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set: good is positive, bad is negative; a third of the silver labels is wrong."""
    folder = tmp_path_factory.mktemp("sets")
    with gzip.open(folder / "words.jsonl.gz", "wt", encoding="utf-8") as file:
        for split, size in SIZES.items():
            for k in range(size):
                word, gold, other = [("bad", "negative", "positive"), ("good", "positive", "negative")][k % 2]
                row = {"id": f"{split}-{k}", "text": f"{word} {split} {k}", "gold": gold, "split": split}
                file.write(json.dumps(row | {"silver": gold if k % 3 else other, "source": "a model"}) + "\n")
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> AgainSettings:
    model = str(save_model(tmp_path_factory.mktemp("learner"), "BertModel", initializer_range=0.1))
    return AgainSettings(model=model, gold=12, silver=24, validation=16, test=18, epochs=2)


@pytest.fixture(scope="module")
def draw(sets: Path, settings: AgainSettings) -> RepairSet:
    return part_of(read(sets, "words"), settings, 0)


@pytest.fixture(scope="module")
def again(draw: RepairSet, settings: AgainSettings, tmp_path_factory: pytest.TempPathFactory) -> Again:
    return Again(draw, settings, 0, tmp_path_factory.mktemp("work"), quiet)


def test_a_part_has_the_sizes_asked_for_and_keeps_texts_with_their_labels(draw: RepairSet):
    assert (draw.seed_rows, len(draw.silver), len(draw.texts), len(draw.gold)) == (12, 24, 36, 36)
    assert (len(draw.validation_texts), len(draw.validation[1])) == (16, 16)
    assert (len(draw.test_texts), len(draw.test[1])) == (18, 18)
    assert [text.startswith("good") for text in draw.texts] == [bool(label) for label in draw.gold]
    assert draw.said is not None
    assert draw.steering is not None
    assert draw.said.labels[12:, 0].tolist() == draw.silver.tolist()
    assert len(draw.steering.labels) == 16


def test_what_a_correction_is_foretold_to_bring_comes(again: Again):
    before = again.first()["validation_loss"]
    checked = np.flatnonzero(again.errors)[:1]
    after = again.scored(again.trained(again.corrected(checked)))["validation_loss"]
    assert again.foretold(checked) == pytest.approx(before - after, rel=0.25)
    assert again.foretold(np.flatnonzero(~again.errors)) == 0  # their labels stay


def test_orders_through_the_training_are_its_own(again: Again):
    again.first()
    assert list(again.scores) == list(ORDERS)
    assert all(scores.shape == (24,) and np.isfinite(scores).all() for scores in again.scores.values())
    gains = torch.einsum("t,tnc->nc", again._shares, again._gains)
    influence = again.scores["negative-influence, training"]
    silver, other = again.draw.silver, 1 - again.draw.silver
    np.testing.assert_allclose(gains[torch.arange(24), silver], 0, atol=1e-12)
    # Taking a lesson away and giving its opposite both help where it harms; they are not the same.
    assert np.corrcoef(influence, gains[torch.arange(24), other])[0, 1] > 0.5
    assert len(again.checked("random", 0.25)) == 6


@pytest.mark.parametrize("method", ["fine-tune", "lora"])
def test_every_training_is_a_row_and_only_missing_ones_are_made(
    method: str, sets: Path, settings: AgainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    places = Places(sets, tmp_path / "work", tmp_path / "rows.jsonl")
    settings, task = replace(settings, method=method), Task("words", 1, [0.25])
    complete(places, task, settings, quiet)
    rows, whole = lines(places.results), places.results.read_bytes()
    assert [(row["order"], row["budget"]) for row in rows] == task.cells()
    assert [row["order"] for row in rows[:2]] == [BASELINE, ALL_GOLD]
    for row in rows:
        assert len(unpacked(row["decided"]["argmax"])) == 18
        twins = [one for one in rows if one["labels"] == row["labels"]]
        assert len({one["test_loss"] for one in twins}) == 1
    asked = []

    def watched(again: Again, name: str, *rest: object) -> dict[str, object]:
        asked.append(name)
        return made(again, name, *rest)

    made = again_runs._made
    monkeypatch.setattr(again_runs, "_made", watched)
    complete(places, task, settings, quiet)
    assert asked == []
    places.results.write_bytes(whole[:-5])
    complete(places, task, settings, quiet)
    assert asked == ["random"]
    made_again = lines(places.results)
    assert [{**row, "seconds": 0} for row in made_again] == [{**row, "seconds": 0} for row in rows]
