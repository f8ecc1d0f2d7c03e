"""Silver texts without a label yet are part of the project, and nothing takes "" for a label."""

import csv
from pathlib import Path

import pytest
from commands import run
from quiet import quiet

from inffeed_core.analysis.analysing import analyse, explain
from inffeed_core.errors import InvalidDecision, NotReady
from inffeed_core.learning.training import train
from inffeed_core.project.exporting import export
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.status import Step, status
from inffeed_core.records import Act, Decision, Example, SilverLabel, Source, Split
from inffeed_core.review.scripted import Wish, decide_one
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.store import (
    Viewer,
    add_examples,
    add_source,
    audit_counts,
    choose_silver,
    latest_analysis,
    next_audited,
    reading,
    record_decision,
    record_silver_labels,
    scored,
    writing,
)

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


@pytest.fixture
def partly(project: Project) -> Project:
    """With three silver texts more that nobody has labelled."""
    with writing(project.db) as db:
        add_examples(db, [Example(f"blank-{n}", f"Not labelled yet, number {n}", "", Split.SILVER) for n in range(3)])
    return project


def test_training_and_flags_leave_them_out(partly: Project, base: Path) -> None:
    change_settings(partly, model=str(base))
    version = train(partly, TrainSettings(max_tokens=32), quiet)
    assert version.train_counts["silver"] == 20
    analyse(partly, FEW, quiet)
    with reading(partly.db) as db:
        analysis = latest_analysis(db, version.id)
        assert analysis is not None
        assert scored(db, analysis.id, ["blank-0"]) == []
    now = status(partly)
    assert (now.unlabelled, now.data_changed, now.next_step.step) == (3, False, Step.REVIEW)
    with pytest.raises(NotReady, match="'blank-0' has no label yet"):
        explain(partly, ["blank-0"], quiet)


def test_a_label_that_a_source_gives_later_asks_for_a_retrain(partly: Project, base: Path) -> None:
    change_settings(partly, model=str(base))
    train(partly, TrainSettings(max_tokens=32), quiet)
    with writing(partly.db) as db:
        add_source(db, Source("later"))
        record_silver_labels(db, [SilverLabel("later", "silver-0", "positive")])
    assert not status(partly).data_changed, "the vote is a tie, which goes to the source that was there first"
    with writing(partly.db) as db:
        record_silver_labels(db, [SilverLabel("later", "blank-1", "positive")])
    now = status(partly)
    assert (now.unlabelled, now.data_changed, now.next_step.step) == (2, True, Step.RETRAIN)
    with pytest.raises(NotReady, match="silver labels changed"):
        analyse(partly, FEW, quiet)


def test_another_choice_asks_for_a_retrain_and_leaves_the_version_as_it_was(analysed: Project) -> None:
    before = status(analysed)
    with writing(analysed.db) as db:
        add_source(db, Source("other"))
        others = {f"silver-{n}": "positive" for n in range(20)}
        record_silver_labels(db, [SilverLabel("other", id, label) for id, label in others.items()])
        assert choose_silver(db, "other", "Ana") == 11
    now = status(analysed)
    assert (now.version, now.data_changed, now.next_step.step) == (before.version, True, Step.RETRAIN)
    with writing(analysed.db) as db:
        choose_silver(db, None, "Ana")
    analyse(analysed, FEW, quiet)  # learns what it learned then: its hash says so


def test_where_none_has_a_label_the_next_step_is_to_get_some(project: Project) -> None:
    with writing(project.db) as db:
        add_source(db, Source("silent"))
        choose_silver(db, "silent", "Ana")
    now = status(project)
    assert (now.unlabelled, now.next_step.step) == (20, Step.IMPORT_SILVER)
    assert "none of 20 has a label yet" in now.next_step.sentence


def test_the_audit_checks_labels_and_there_is_none_to_check(partly: Project) -> None:
    with reading(partly.db) as db:
        assert len(next_audited(db, Viewer("Ana"), 100)) == 20
        assert audit_counts(db).silver == 20


def test_one_can_be_labelled_and_not_kept(partly: Project) -> None:
    with pytest.raises(InvalidDecision, match="'blank-0' has no label yet"), writing(partly.db) as db:
        record_decision(db, Decision("t", "blank-0", "Ana", Act.KEEP, label=""))
    with pytest.raises(InvalidDecision, match="'blank-0' has no label yet"):
        decide_one(partly, Wish(id="blank-0", act="keep"), "Ana")
    made = decide_one(partly, Wish(id="blank-0", label="positive"), "Ana")
    assert made.act is Act.RELABEL
    assert status(partly).unlabelled == 2


def test_what_annotators_labelled_is_learned_as_gold(partly: Project, base: Path) -> None:
    decide_one(partly, Wish(id="blank-0", label="positive"), "Ana")
    change_settings(partly, model=str(base))
    version = train(partly, TrainSettings(max_tokens=32, recipe="noise-aware"), quiet)
    assert (version.train_counts["silver_confirmed"], version.train_counts["silver"]) == (1, 20)


def test_export_writes_them_empty_and_status_says_how_many(partly: Project, tmp_path: Path) -> None:
    export(partly, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert (rows["blank-1"]["label"], rows["blank-1"]["original_label"]) == ("", "")
    assert "3 with no label yet" in run("status", partly.folder).stdout


def test_the_list_of_flags_says_how_many_are_not_ranked(analysed: Project) -> None:
    with writing(analysed.db) as db:
        add_examples(db, [Example("blank", "Not labelled yet", "", Split.SILVER)])
    assert "1 silver text has no label yet and is not ranked." in run("flags", analysed.folder).stderr
