"""The labels of a project change as acts that are undone whole; what was learned and decided under old names stays."""

import json
import shutil
import time
from pathlib import Path

import pytest

from inffeed_core import review, store
from inffeed_core.analysis.analysing import explain, load
from inffeed_core.analysis.verifying import verify
from inffeed_core.errors import InvalidDecision, NotReady, SettingsError
from inffeed_core.learning.comparing import changes, compare
from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.training import train
from inffeed_core.project import labels
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.project.status import Step, status
from inffeed_core.records import Act, Decision
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.store.labels import LabelAct

BY = "Ana"
PLACES = ("instance", "decision", "silver_label", "proposal", "voter", "score")


def rows(project: Project) -> dict[str, list[dict[str, object]]]:
    """Everything that is stored, but the record of acts."""
    with store.reading(project.db) as db:
        tables = [
            t for t in db.table_names() if not t.startswith(("instance_fts", "label_change", "relabelled", "sqlite_"))
        ]
        return {name: list(db.query(f'SELECT * FROM "{name}"')) for name in tables}


def said(project: Project, label: str) -> int:
    """How many cells of the tables hold exactly this label."""
    kept = rows(project)
    return sum(value == label for table in PLACES for row in kept[table] for value in row.values())


def decide(project: Project, id: str, label: str | None, act: Act = Act.RELABEL) -> None:
    with store.writing(project.db) as db:
        store.record_decision(db, Decision(f"{id} {label} {time.monotonic_ns()}", id, BY, act, label))


@pytest.fixture
def project(analysed: Project) -> Project:
    decide(analysed, "silver-3", "positive")
    return analysed


def test_a_rename_reaches_everything_that_is_stored_and_its_undo_brings_every_row_back(project):
    before = rows(project)
    assert said(project, "positive") > 50
    assert labels.rename_label(project, "positive", " glad ", BY) == "glad"
    assert (said(project, "positive"), settings_of(project).labels) == (0, ("negative", "glad"))
    (act,) = _acts(project)
    assert (act.act, act.label, act.into, act.by) == (LabelAct.RENAME, "positive", "glad", BY)
    assert act.texts == sum(row["label"] == "positive" for row in before["instance"]) + 1  # and the one decided
    assert labels.undo_labels(project, "Bo").n == act.n
    assert rows(project) == before
    assert [(one.act, one.by, one.undone) for one in _acts(project)] == [
        (LabelAct.UNDO, "Bo", False),
        (LabelAct.RENAME, BY, True),
    ]


def test_after_a_rename_the_version_and_its_flags_are_used_on(project, tmp_path):
    labels.rename_label(project, "positive", "glad", BY)
    state = load(project, AnalysisSettings(), _quiet)
    assert state.about.labels == ("negative", "glad")
    explain(project, ["silver-5"], _quiet)
    assert len(verify(project, 2, _quiet).removal) == 2
    now = status(project)
    assert not now.data_changed
    assert set(now.version.validation.f1) == {"negative", "glad"}
    assert set(next(iter(store.rules_of(now.version).values())).validation.f1) == {"negative", "glad"}
    folder = export_model(project, "v1", tmp_path / "out", _quiet)
    assert json.loads((folder / "head" / "head.json").read_text())["labels"] == ["negative", "glad"]
    train(project, TrainSettings(max_tokens=32), _quiet)
    assert compare(project, "v1", "v2").interval is not None
    assert changes(project, "v1", "v2").labels == ("negative", "glad")


def test_a_decision_under_the_old_name_arrives_under_the_new_one(project):
    labels.rename_label(project, "positive", "glad", BY)
    labels.rename_label(project, "glad", "very glad", BY)
    decide(project, "silver-1", "positive")
    decide(project, "silver-2", "glad")
    with store.reading(project.db) as db:
        assert {store.instance(db, id).label for id in ("silver-1", "silver-2")} == {"very glad"}


def test_a_name_that_is_free_again_means_the_new_label(project):
    labels.rename_label(project, "positive", "glad", BY)
    labels.add_label(project, "positive", BY)
    decide(project, "silver-1", "positive")
    with store.reading(project.db) as db:
        assert store.instance(db, "silver-1").label == "positive"
        assert store.instance(db, "silver-3").label == "glad"
        assert store.names_since(db, "v1") == {"negative": "negative", "positive": "glad"}
        assert store.labels_of_version(db, "v1") == ("negative", "glad")


def test_a_merge_moves_every_text_and_its_undo_moves_back_only_those(project):
    labels.add_label(project, "mixed", BY)
    decide(project, "silver-1", "mixed")
    before = rows(project)
    labels.merge_labels(project, "positive", "mixed", BY)
    assert settings_of(project).labels == ("negative", "mixed")
    assert said(project, "positive") == 0
    decide(project, "silver-2", "positive")  # as a page that was open before would say it
    labels.undo_labels(project, BY)
    after = rows(project)
    assert after["decision"][:-1] == before["decision"]
    assert after["decision"][-1]["label"] == "mixed"
    assert {name: after[name] for name in after if name != "decision"} == {
        name: before[name] for name in before if name != "decision"
    }


def test_other_classes_need_a_retraining_first_and_get_it(project):
    labels.add_label(project, "mixed", BY)
    now = status(project)
    assert (now.data_changed, now.next_step.step) == (True, Step.RETRAIN)
    for refused in (
        lambda: load(project, AnalysisSettings(), _quiet),
        lambda: explain(project, ["silver-5"], _quiet),
        lambda: verify(project, 2, _quiet),
    ):
        with pytest.raises(NotReady, match="v1 was trained for the labels negative, positive; .* Retrain first"):
            refused()
    decide(project, "silver-1", "mixed")
    made = train(project, TrainSettings(max_tokens=32), _quiet, AnalysisSettings(influencers=3, harmed=2, folds=2))
    assert made.report["difference"] is not None  # the labels that v1 predicted are still labels
    assert load(project, AnalysisSettings(), _quiet).version.id == "v2"
    assert not status(project).data_changed
    with pytest.raises(NotReady, match="v2 has learned the label 'mixed'|1 texts have the label 'mixed'"):
        labels.undo_labels(project, BY)


def test_a_merged_label_leaves_old_versions_readable_and_exportable(project, tmp_path):
    labels.add_label(project, "mixed", BY)
    decide(project, "silver-1", "mixed")
    train(project, TrainSettings(max_tokens=32), _quiet)
    labels.merge_labels(project, "mixed", "positive", BY)
    made = train(project, TrainSettings(max_tokens=32), _quiet)
    found = changes(project, "v2", made.id)
    assert found.labels == ("negative", "positive")
    with store.reading(project.db) as db:
        assert store.labels_of_version(db, "v2") == ("negative", "positive", "mixed")
        assert set(store.version(db, "v2").validation.f1) <= {"negative", "positive"}
        assert [store.outdated(db, one.id) for one in store.versions(db)] == [False, True, False]
    folder = export_model(project, "v2", tmp_path / "out", _quiet)
    assert json.loads((folder / "head" / "head.json").read_text())["labels"] == ["negative", "positive", "mixed"]


def test_a_retired_label_is_kept_but_neither_given_nor_suggested(project):
    labels.add_label(project, "mixed", BY)
    labels.retire_label(project, "positive", BY)
    now = settings_of(project)
    assert (now.labels, now.offered) == (("negative", "positive", "mixed"), ("negative", "mixed"))
    with pytest.raises(InvalidDecision, match="'positive' has been retired.*choose one of negative, mixed"):
        decide(project, "silver-1", "positive")
    decide(project, "silver-1", "positive", Act.KEEP)
    items = review.queue(project)
    assert items
    assert all(one.flag.suggested != "positive" or one.flag.label == "positive" for one in items)
    labels.restore_label(project, "positive", BY)
    decide(project, "silver-2", "positive")


def test_the_order_is_shown_and_the_classes_stay(project):
    labels.reorder_labels(project, ["positive", "negative"], BY)
    now = settings_of(project)
    assert (now.labels, now.offered) == (("negative", "positive"), ("positive", "negative"))
    labels.add_label(project, "mixed", BY)
    assert settings_of(project).offered == ("positive", "negative", "mixed")
    labels.rename_label(project, "positive", "glad", BY)
    assert settings_of(project).offered == ("glad", "negative", "mixed")


def test_a_description_follows_its_label(project):
    labels.describe_label(project, "positive", " They would buy it again.\n", BY)
    labels.rename_label(project, "positive", "glad", BY)
    assert settings_of(project).descriptions == {"glad": "They would buy it again."}
    labels.describe_label(project, "glad", "", BY)
    assert settings_of(project).descriptions == {}


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda p: labels.add_label(p, "positive", BY), "has the label 'positive' already"),
        (lambda p: labels.add_label(p, "po\u200bsitive", BY), "has the label 'positive' already"),
        (lambda p: labels.add_label(p, " \u200b ", BY), "nothing that can be seen"),
        (lambda p: labels.rename_label(p, "positive", "negative", BY), "to join two labels, merge them"),
        (lambda p: labels.rename_label(p, "positive", "positive", BY), "called 'positive' already"),
        (lambda p: labels.rename_label(p, "glad", "happy", BY), "'glad' is not a label of this project"),
        (lambda p: labels.merge_labels(p, "positive", "positive", BY), "into itself"),
        (lambda p: labels.merge_labels(p, "positive", "negative", BY), "only 1 would be left"),
        (lambda p: labels.retire_label(p, "positive", BY), "only 1 would be left"),
        (lambda p: labels.restore_label(p, "positive", BY), "nothing to restore"),
        (lambda p: labels.reorder_labels(p, ["positive"], BY), "misses negative"),
        (lambda p: labels.reorder_labels(p, ["positive", "negative", "positive"], BY), "names positive more than once"),
        (lambda p: labels.describe_label(p, "positive", "x" * 5001, BY), "5,001 characters"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_changes(project, attempt, words):
    before = rows(project)
    with pytest.raises(SettingsError, match=words):
        attempt(project)
    assert rows(project) == before
    assert _acts(project) == []


def test_nothing_is_changed_while_a_job_is_under_way(project):
    with store.writing(project.db) as db:
        store.enqueue(db, "j1", "train", {})
    with pytest.raises(NotReady, match=r"A job is under way \(train\)"):
        labels.rename_label(project, "positive", "glad", BY)
    assert settings_of(project).labels == ("negative", "positive")


def test_nothing_left_to_undo_is_said(project):
    with pytest.raises(NotReady, match="No change of labels is left to undo"):
        labels.undo_labels(project, BY)


def test_any_characters_make_a_label(project):
    for name in ('yes, "sure"', "a=b", "naïve 😀", "'; DROP TABLE decision; --", "好"):
        labels.rename_label(project, settings_of(project).labels[1], name, BY)
        assert settings_of(project).labels[1] == name
        decide(project, "silver-1", name)
    for _ in range(5):
        labels.undo_labels(project, BY)
    with store.reading(project.db) as db:
        assert store.instance(db, "silver-1").label == "positive"


def test_decisions_stay_append_only_afterwards(project):
    labels.rename_label(project, "positive", "glad", BY)
    with pytest.raises(Exception, match="append-only"), store.writing(project.db) as db:
        db.conn.execute("UPDATE decision SET label = 'x'")


def test_a_copy_that_failed_half_way_is_as_before(project, tmp_path: Path, monkeypatch):
    before = rows(project)
    monkeypatch.setattr("inffeed_core.store.labels._rewrite", lambda *_: (_ for _ in ()).throw(OSError("no room left")))
    with pytest.raises(Exception, match="no room left"):
        labels.rename_label(project, "positive", "glad", BY)
    copy = Project(shutil.copytree(project.folder, tmp_path / "copy"))
    assert rows(copy) == before


def _acts(project: Project) -> list[store.LabelChange]:
    with store.reading(project.db) as db:
        return store.label_changes(db)


def _quiet(stage: str, done: int, total: int) -> None:
    pass
