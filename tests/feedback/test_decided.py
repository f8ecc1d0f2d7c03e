"""Proposals about texts that somebody has decided: they are marked, and nothing takes them unasked."""

import pytest
from click.testing import CliRunner

from inffeed_core import feedback, store
from inffeed_core.cli import main
from inffeed_core.errors import NotReady
from inffeed_core.feedback.rounds import run_rounds
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.settings import FeedbackSettings


def decide(project: Project, id: str, annotator: str, act: Act = Act.KEEP) -> None:
    with store.writing(project.db) as db:
        label = store.instance(db, id).label if act is Act.KEEP else None
        store.record_decision(db, Decision(f"{id} {annotator} {act}", id, annotator, act, label))


def propose(project: Project, *ids: str) -> int:
    settings = FeedbackSettings(method="discard").as_dict()
    with store.writing(project.db) as db:
        rows = [(id, store.instance(db, id).label, None, 0.5) for id in ids]
        return store.add_proposals(db, "v1", store.last_decision_row(db), settings, rows, {})


def excluded(project: Project) -> list[str]:
    with store.reading(project.db) as db:
        return [row["instance"] for row in db.query("SELECT instance FROM exclusion ORDER BY instance")]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    return result.output


@pytest.fixture
def decided(reviewable_project: Project) -> Project:
    """Proposed are three texts, of which Ben has kept the second and Eve is unsure about the third."""
    decide(reviewable_project, "s001", "Ben")
    decide(reviewable_project, "s002", "Eve")
    decide(reviewable_project, "s002", "Eve", Act.UNSURE)
    propose(reviewable_project, "s000", "s001", "s002")
    return reviewable_project


def test_it_tells_who_decided(decided: Project):
    shown = feedback.preview(decided)
    assert [one.decided_by for one in shown.proposals] == [None, "Ben", None]
    assert shown.open == ["s000", "s001", "s002"]
    assert shown.untouched == ["s000", "s002"]
    said = run("feedback", "show", decided.folder)
    assert "3 open.\nSomebody has decided about 1 of them" in said
    assert said.count(", decided by Ben on 2") == 1


def test_without_ids_the_command_line_leaves_them(decided: Project):
    run("feedback", "apply", decided.folder, "--unchecked", "--annotator", "Ada")
    assert excluded(decided) == ["s000", "s002"]
    run("feedback", "apply", decided.folder, "--unchecked", "--annotator", "Ada", "--id", "s001")
    assert excluded(decided) == ["s000", "s001", "s002"]


def test_where_all_are_decided_it_says_so(reviewable_project: Project):
    decide(reviewable_project, "s001", "Ben")
    id = propose(reviewable_project, "s001")
    for command in (("apply", "--unchecked"), ("apply",), ("send",)):
        said = run("feedback", command[0], reviewable_project.folder, *command[1:], "--annotator", "Ada")
        assert "Somebody has decided about each open one: name texts with --id" in said
    with pytest.raises(NotReady, match="no open proposal about a text that nobody has decided"):
        run_rounds(reviewable_project, id, None, "Ada", 1, lambda *_: None)
    assert excluded(reviewable_project) == []


def test_what_feedback_relabelled_is_no_answer_of_a_person(reviewable_project: Project):
    with store.writing(reviewable_project.db) as db:
        rows = [("s003", store.instance(db, "s003").label, "negative", 0.5)]
        set_id = store.add_proposals(db, "v1", 0, FeedbackSettings().as_dict(), rows, {})
        store.apply_proposals(db, store.proposal_set(db, set_id), ["s003"], "Ada", "act")
    propose(reviewable_project, "s003")
    assert feedback.preview(reviewable_project).untouched == ["s003"]
