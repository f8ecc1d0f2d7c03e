"""How long a retrain takes is estimated from similar ones, or not at all."""

from dataclasses import replace

import pytest
from reviewing import Filling, examples

from inffeed_core import store
from inffeed_core.learning.estimating import estimate_time
from inffeed_core.learning.solving_told import head_plan
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import JobState, ModelVersion, Split
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, ProjectSettings, TrainSettings

MODEL = "org/encoder"
FIRST = {"seconds": 120.0, "texts": 60, "encoding": {"seconds": 100.0, "texts": 60}}
NEXT = {"seconds": 9.0, "texts": 60, "encoding": {"seconds": 0.0, "texts": 0}}
KEPT = TrainSettings(l2=1e-3, recipe="plain")


@pytest.fixture
def project(tmp_path) -> Project:
    """60 texts: 12 train, 8 validation, 40 silver."""
    project = create_project(tmp_path / "p", ProjectSettings("Timed", Filling().labels, model=MODEL))
    with store.writing(project.db) as db:
        store.add_examples(db, examples(Filling()))
    return project


def add(project: Project, id: str, settings: TrainSettings, encoder: str = MODEL, **report: object) -> None:
    with store.writing(project.db) as db:
        one = ModelVersion(
            id=id,
            parent=None,
            created="",
            encoder=encoder,
            weights_hash="",
            data_hash="",
            as_of_decision=0,
            settings=settings.as_dict(),
            seed=0,
            train_counts={"gold": 12, "silver": 40},
            validation=None,
            test=None,
            report={"base": MODEL, "l2": 1e-3, **report},
        )
        store.add_version(db, one)
        store.promote(db, id, "test")


def grow(project: Project, count: int) -> None:
    found = [one for one in examples(Filling(silver=40 + count)) if one.split is Split.SILVER]
    with store.writing(project.db) as db:
        store.add_examples(db, [replace(one, id=f"new {one.id}") for one in found[:count]])


def test_encoding_all_texts_is_no_part_of_the_next_retrain(project):
    assert estimate_time(project, TrainSettings()) is None
    add(project, "v1", TrainSettings(), **FIRST)
    found = estimate_time(project, TrainSettings())
    assert found is not None
    assert found.seconds == pytest.approx(20)
    assert "at most: v1 also chose" in found.basis


def test_once_a_retrain_was_measured_it_is_the_like(project):
    add(project, "v1", TrainSettings(), **FIRST)
    add(project, "v2", KEPT, **NEXT)
    found = estimate_time(project, TrainSettings())
    assert found is not None
    assert (found.seconds, found.basis) == (pytest.approx(9), "as v2 took")


def test_texts_that_came_since_are_encoded_at_the_measured_pace_and_learned_from(project):
    add(project, "v1", TrainSettings(), **FIRST)
    add(project, "v2", KEPT, **NEXT)
    grow(project, 26)
    found = estimate_time(project, TrainSettings())
    assert found is not None
    assert found.seconds == pytest.approx(26 * 100 / 60 + 9 * 78 / 52)


@pytest.mark.parametrize("other", [{"max_tokens": 64}, {"precision": "int8"}])
def test_with_other_settings_of_encoding_nothing_is_told(project, other):
    add(project, "v1", TrainSettings(), **FIRST)
    assert estimate_time(project, TrainSettings(**other)) is None


def test_the_first_version_of_an_earlier_release_is_no_measure_but_its_second_is(project):
    add(project, "v1", TrainSettings(), seconds=120.0)
    assert estimate_time(project, TrainSettings()) is None
    add(project, "v2", KEPT, seconds=7.0)
    found = estimate_time(project, TrainSettings())
    assert found is not None
    assert found.seconds == pytest.approx(7)


def test_another_encoder_has_times_of_its_own(project):
    add(project, "v1", TrainSettings(), **FIRST)
    add(project, "v2", TrainSettings(method="fine-tune"), encoder="version:v2", **FIRST)
    assert estimate_time(project, TrainSettings()) is None


def test_fine_tuning_is_told_from_the_same_batch_and_tokens(project):
    small = FineTuneSettings(batch_size=4, epochs=2)
    told = {"seconds_per_text": 0.5}
    tuned = TrainSettings(method="fine-tune", fine_tune=small)
    add(project, "v1", tuned, encoder="version:v1", seconds=60.0, fine_tuning=told)
    found = estimate_time(project, replace(tuned, fine_tune=replace(small, epochs=3)))
    assert found is not None
    assert found.seconds == pytest.approx(0.5 * 52 * 3)
    assert estimate_time(project, replace(tuned, fine_tune=replace(small, batch_size=16))) is None
    assert estimate_time(project, replace(tuned, max_tokens=64)) is None
    assert estimate_time(project, replace(tuned, method="lora")) is None


def test_the_analysis_is_in_the_time_once_one_like_it_was_measured(project):
    add(project, "v1", TrainSettings(), **FIRST)
    add(project, "v2", KEPT, **NEXT)
    head, whole = AnalysisSettings(), AnalysisSettings(scope="all")
    without = estimate_time(project, TrainSettings(), head)
    assert without is not None
    assert not without.analysis
    with store.writing(project.db) as db:
        store.enqueue(db, "job", "retrain", {"train": {}, "analysis": head.as_dict()})
        store.mark_running(db, "job")
        store.end_job(db, "job", JobState.DONE, result={"version": "v2"})
        times = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:27.000Z", "job"]
        db.conn.execute("UPDATE job SET started = ?, ended = ? WHERE id = ?", times)
    found = estimate_time(project, TrainSettings(), head)
    assert found is not None
    assert (found.seconds, found.analysis) == (pytest.approx(27), True)
    other = estimate_time(project, TrainSettings(), whole)
    assert other is not None
    assert not other.analysis


def test_how_many_labels_are_solved_for_is_told_beforehand(tmp_path):
    labels = tuple(f"label {n}" for n in range(30))
    project = create_project(tmp_path / "many", ProjectSettings("Many", labels, model=MODEL))
    found = [replace(one, label=labels[n % 30]) for n, one in enumerate(examples(Filling()))]
    with store.writing(project.db) as db:
        store.add_examples(db, found)
    assert head_plan(project, TrainSettings()) is None  # the encoder is not on this machine
    add(project, "v1", TrainSettings(), features=384)
    told = head_plan(project, TrainSettings())
    assert told is not None
    assert told.way == "rows"
    assert "exactly" in told.said()
    beside = head_plan(project, TrainSettings(tfidf="on"))  # as many dimensions as texts, at most
    assert beside is not None
    assert beside.answer > told.answer
    add(project, "v2", TrainSettings(), features=436, tfidf={"dimensions": 300, "width": 52})
    assert head_plan(project, TrainSettings(tfidf="on")) == head_plan(project, TrainSettings())
    few = create_project(tmp_path / "few", ProjectSettings("Few", Filling().labels))  # the default encoder is here
    with store.writing(few.db) as db:
        store.add_examples(db, examples(Filling()))
    usual = head_plan(few, TrainSettings())
    assert usual is not None
    assert usual.said() == ""
