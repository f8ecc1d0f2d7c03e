"""The status names the next step at every point of the path from an empty project to the export."""

from dataclasses import replace

import pytest
from reviewing import make_reviewable

from inffeed_core.flags.policies import POLICIES
from inffeed_core.project import status as module
from inffeed_core.project.folder import Project
from inffeed_core.project.status import Step, status
from inffeed_core.records import Act, Decision, Example, ModelVersion, Split
from inffeed_core.store import (
    add_examples,
    add_version,
    enqueue,
    exclude,
    flagged,
    latest_analysis,
    promote,
    reading,
    record_decision,
    version,
    writing,
)

VERSION = ModelVersion("v1", None, "", "m", "w", "d", 0, {}, 0, {"gold": 12, "silver": 20}, None, None)


def next_step(project: Project) -> tuple[Step, str]:
    found = status(project).next_step
    return found.step, found.sentence


def in_step(project: Project) -> Project:
    """The reviewable project with its version's counts equal to its data."""
    with writing(project.db) as db:
        learned = sum(1 for _ in db.query("SELECT 1 FROM instance WHERE split IN ('train', 'silver')"))
        add_version(db, replace(version(db, "v1"), id="v2", parent="v1", train_counts={"gold": learned}))
        db.conn.execute("UPDATE analysis SET version = 'v2'")
        promote(db, "v2", "test")
    return project


@pytest.mark.parametrize(
    ("missing", "step"),
    [
        (Split.TRAIN, Step.IMPORT_TRAIN),
        (Split.VALIDATION, Step.IMPORT_VALIDATION),
        (Split.SILVER, Step.IMPORT_SILVER),
    ],
)
def test_what_is_missing_is_to_be_imported(project: Project, missing: Split, step: Step) -> None:
    with writing(project.db) as db:
        exclude(db, [r["id"] for r in db.query("SELECT id FROM instance WHERE split = ?", [missing.value])], "test")
    assert next_step(project)[0] is step


def test_the_counts_are_those_of_the_project(project: Project) -> None:
    found = status(project)
    assert found.counts[Split.SILVER] == {"negative": 11, "positive": 9}
    assert (found.version, found.analysis, found.open_flags, found.changed) == (None, None, 0, 0)
    assert found.next_step.step is Step.TRAIN


def test_a_version_without_analysis_is_to_be_analysed(project: Project) -> None:
    with writing(project.db) as db:
        add_version(db, VERSION)
        promote(db, "v1", "test")
    assert next_step(project)[0] is Step.ANALYSE


def test_new_texts_call_for_retraining(reviewable_project: Project) -> None:
    project = in_step(reviewable_project)
    assert not status(project).data_changed
    with writing(project.db) as db:
        add_examples(db, [Example("late", "A text that came late.", "positive", Split.SILVER)])
    found = status(project)
    assert found.data_changed
    assert found.analysis_stale
    assert found.next_step.step is Step.RETRAIN


def test_open_flags_are_to_be_reviewed_until_enough_labels_changed(
    reviewable_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = in_step(reviewable_project)
    monkeypatch.setattr(module, "RETRAIN_AFTER", 3)
    assert next_step(project) == (
        Step.REVIEW,
        "Review the flags: 40 silver labels are waiting, the most promising first.",
    )
    with reading(project.db) as db:
        analysis = latest_analysis(db)
        assert analysis is not None
        first = [r.row for r in flagged(db, analysis.id, POLICIES[0], limit=3)]
    for k, row in enumerate(first):
        with writing(project.db) as db:
            record_decision(db, Decision(f"t{k}", row.instance, "Ana", Act.KEEP, row.label))
    found = status(project)
    assert (found.changed, found.open_flags, found.analysis_stale) == (3, 37, True)
    assert dict(found.decisions) == {Act.KEEP: 3}
    assert next_step(project) == (Step.RETRAIN, "Retrain: 3 labels reviewed since v2.")


def test_skipping_everything_leaves_the_export(reviewable_project: Project) -> None:
    project = in_step(reviewable_project)
    with writing(project.db) as db:
        for row in list(db.query("SELECT id FROM instance WHERE split = 'silver'")):
            record_decision(db, Decision(f"t{row['id']}", row["id"], "Ana", Act.SKIP))
    assert status(project).open_flags == 0
    assert next_step(project)[0] is Step.EXPORT


def test_a_running_job_is_waited_for_unless_it_only_explains(project: Project) -> None:
    with writing(project.db) as db:
        enqueue(db, "a", "explain", {})
    assert next_step(project)[0] is Step.TRAIN
    with writing(project.db) as db:
        enqueue(db, "b", "retrain", {})
    found = status(project)
    assert found.next_step.step is Step.WAIT
    assert "retrain" in found.next_step.sentence
    assert {job.kind for job in found.jobs} == {"explain", "retrain"}


def test_another_project_is_another_status(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make_reviewable(tmp_path_factory.mktemp("other") / "p")
    assert status(project).settings.name == "Small"
    assert status(other).settings.name == "Reviews"
