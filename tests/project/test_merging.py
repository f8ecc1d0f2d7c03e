"""Two copies of a project become one: nothing is lost, conflicts are shown, and merging again changes nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from reviewing import Filling, examples, make_reviewable

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.errors import ProjectError
from inffeed_core.project.backing_up import backup
from inffeed_core.project.folder import Project, create_project, open_project
from inffeed_core.project.merging import merge
from inffeed_core.records import Act, Decision, Instance
from inffeed_core.settings import ProjectSettings


def decide(project: Project, instance: str, label: str | None, annotator: str, at: str, **more: object) -> Decision:
    act = more.pop("act", Act.RELABEL)
    token = f"{instance} {label} {annotator} {at} {act}"
    made = Decision(token=token, instance_id=instance, annotator=annotator, act=act, label=label, at=at, **more)  # type: ignore[arg-type]
    with store.writing(project.db) as db:
        store.record_decision(db, made)
    return made


def undo(project: Project, made: Decision, at: str = "2026-01-09T00:00:00Z") -> None:
    decide(project, made.instance_id, None, made.annotator, at, act=Act.UNDO, undoes=made.token)


def found(project: Project, id: str) -> Instance:
    with store.reading(project.db) as db:
        return store.find(db, [id])[id]


def trail(project: Project) -> list[tuple[object, ...]]:
    with store.reading(project.db) as db:
        return [
            tuple(row.values())
            for row in db.query("SELECT token, instance, annotator, act, label, note, at FROM decision ORDER BY n")
        ]


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Project, Project]:
    here = make_reviewable(tmp_path / "here")
    decide(here, "s000", "positive", "Ana", "2026-01-01T00:00:00Z")
    backup(here, tmp_path / "there", lambda *_: None)
    return here, open_project(tmp_path / "there")


def test_every_act_arrives_with_who_and_when_and_only_once(copies: tuple[Project, Project]):
    here, there = copies
    decide(here, "s001", "positive", "Ana", "2026-01-02T00:00:00Z")
    taken = decide(there, "s002", "negative", "Bo", "2026-01-03T00:00:00+02:00", note="sure")
    undo(there, decide(there, "s003", "positive", "Bo", "2026-01-04T00:00:00Z"))
    decide(there, "s004", None, "Bo", "2026-01-05T00:00:00Z", act=Act.LEAVE_OUT)
    before, other = trail(here), trail(there)
    done = merge(here, there)
    assert (done.decisions, done.texts, done.superseded, done.conflicts) == (4, 3, 0, [])
    assert trail(here) == before + other[1:]
    assert (taken.token, "s002", "Bo", "relabel", "negative", "sure", "2026-01-03T00:00:00+02:00") in trail(here)
    assert (found(here, "s002").label, found(here, "s003").confirmed) == ("negative", False)
    with store.reading(here.db) as db:
        assert "s004" not in store.find(db, ["s004"])
    assert trail(there) == other
    after = trail(here)
    assert merge(here, there).decisions == 0
    assert trail(here) == after


def test_a_dry_run_says_the_same_and_changes_nothing(copies: tuple[Project, Project]):
    here, there = copies
    decide(here, "s001", "positive", "Ana", "2026-01-02T00:00:00Z")
    decide(there, "s001", "negative", "Bo", "2026-01-03T00:00:00Z")
    before = trail(here)
    told = merge(here, there, dry_run=True)
    assert trail(here) == before
    assert merge(here, there) == told


def test_votes_of_two_people_make_a_shown_conflict(copies: tuple[Project, Project]):
    here, there = copies
    decide(here, "s001", "positive", "Ana", "2026-01-02T00:00:00Z")
    decide(there, "s001", "negative", "Bo", "2026-01-03T00:00:00Z")
    [conflict] = merge(here, there).conflicts
    assert (conflict.here.label, conflict.there.label, conflict.merged.disputed) == ("positive", "negative", True)
    assert conflict.here.by == ["Ana: positive (2026-01-02T00:00:00Z)"]
    assert found(here, "s001").disputed
    merge(there, here)
    assert found(there, "s001").disputed


@pytest.mark.parametrize(("at", "label", "superseded"), [("05", "positive", 1), ("01", "negative", 0)])
def test_of_one_persons_decisions_the_later_counts(
    copies: tuple[Project, Project], at: str, label: str, superseded: int
):
    here, there = copies
    decide(here, "s001", "positive", "Ana", f"2026-01-{at}T00:00:00Z")
    decide(there, "s001", "negative", "Ana", "2026-01-03T00:00:00Z")
    done = merge(here, there)
    assert done.superseded == superseded
    assert len(done.conflicts) == 1
    merge(there, here)
    for project in copies:
        now = found(project, "s001")
        assert (now.label, now.confirmed, now.disputed) == (label, True, False)
        assert sum(row[1] == "s001" and row[3] == "relabel" for row in trail(project)) == 2
    merge(here, there)  # the undo of what is outdated
    settled = [trail(one) for one in copies]
    assert [merge(here, there).decisions, merge(there, here).decisions] == [0, 0]
    assert [trail(one) for one in copies] == settled


def test_an_undo_in_both_copies_is_one_undo(copies: tuple[Project, Project]):
    for number, project in enumerate(copies):
        with store.reading(project.db) as db:
            [first] = store.decisions_about(db, "s000")
        undo(project, first, f"2026-01-0{number + 5}T00:00:00Z")
    assert merge(*copies).decisions == 0
    assert not found(copies[0], "s000").confirmed


def test_a_text_left_out_here_keeps_the_decision_made_there(copies: tuple[Project, Project]):
    here, there = copies
    out = decide(here, "s001", None, "Ana", "2026-01-02T00:00:00Z", act=Act.LEAVE_OUT)
    decide(there, "s001", "negative", "Bo", "2026-01-03T00:00:00Z")
    [conflict] = merge(here, there).conflicts
    assert conflict.merged.label is None
    undo(here, out)
    assert found(here, "s001").label == "negative"


def part(folder: Path, labels: tuple[str, ...] = Filling().labels, **changed: object) -> Project:
    """A project of the first silver texts of `make_reviewable`."""
    project = create_project(folder, ProjectSettings("Part", labels))
    given = [one for one in examples(Filling()) if one.id in ("s000", "s001")]
    with store.writing(project.db) as db:
        store.add_examples(db, [replace(one, **changed) for one in given])  # type: ignore[arg-type]
    return project


def test_a_part_of_the_texts_can_be_merged_and_the_whole_not_into_it(tmp_path: Path, copies: tuple[Project, Project]):
    one = part(tmp_path / "part", ("positive", "negative"))
    decide(one, "s001", "negative", "Bo", "2026-01-03T00:00:00Z")
    assert merge(copies[0], one).decisions == 1
    with pytest.raises(ProjectError, match=r"are not in .*other way round"):
        merge(one, copies[0])


def test_other_projects_are_refused_in_words(tmp_path: Path, copies: tuple[Project, Project]):
    here = copies[0]
    before = trail(here)
    for wrong, words in (
        (part(tmp_path / "text", text="Another text"), "2 texts differ .*'s000', 's001'"),
        (part(tmp_path / "label", ("negative", "positive", "other")), "has the labels negative, positive, and .*other"),
        (here, "with itself"),
    ):
        with pytest.raises(ProjectError, match=words):
            merge(here, wrong)
    assert trail(here) == before


def test_the_command_lists_conflicts(copies: tuple[Project, Project]):
    here, there = copies
    decide(here, "s001", "positive", "Ana", "2026-01-02T00:00:00Z")
    decide(there, "s001", "negative", "Bo", "2026-01-03T00:00:00Z")
    names = [str(one.folder) for one in copies]
    told = CliRunner().invoke(main, ["merge", *names, "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "would be taken in" in told.output
    assert "here positive (Ana), there negative (Bo), now disputed" in told.output
    done = json.loads(CliRunner().invoke(main, ["merge", *names, "--json"]).stdout)
    assert (done["decisions"], done["conflicts"][0]["id"]) == (1, "s001")
    assert "nothing to merge" in CliRunner().invoke(main, ["merge", *names]).output
