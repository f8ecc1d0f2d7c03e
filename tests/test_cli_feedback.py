"""Feedback on training labels by command."""

from pathlib import Path

import pytest
from commands import answer, run
from tiny_models import save_model

from inffeed_core.cli import main
from inffeed_core.feedback import proposing
from inffeed_core.project.folder import Project, open_project
from inffeed_core.store import count_by_split, reading


@pytest.fixture
def analysed(project: Project, tmp_path: Path) -> Path:
    """A project with one version on a tiny encoder."""
    base = save_model(tmp_path / "base", "BertModel", initializer_range=0.1)
    run("train", project.folder, "--model", base, "--max-tokens", 32)
    return project.folder


@pytest.mark.parametrize("command", sorted(main.commands["feedback"].commands))  # type: ignore[attr-defined]
def test_every_feedback_command_has_help_with_an_example(command: str) -> None:
    shown = run("feedback", command, "--help").stdout
    assert f"inffeed feedback {command}" in shown


def test_feedback_is_proposed_shown_applied_and_undone(analysed: Path) -> None:
    with reading(open_project(analysed).db) as db:
        before = count_by_split(db)
    proposed = answer("feedback", "propose", analysed, "--method", "confident-learning", "--cap", 0.3)
    assert isinstance(proposed, dict)
    ids = [one["id"] for one in proposed["proposals"]]
    assert proposed["set"]["id"] == 1
    assert ids
    shown = run("feedback", "show", analysed, "--id", ids[0]).stdout
    assert f"1. {ids[0]}" in shown
    assert "(train, " in shown or "(silver, " in shown
    tried = run("feedback", "apply", analysed, "--annotator", "Ana").stdout
    assert "95 % interval" in tried
    if "did not confirm" in tried:
        run("feedback", "apply", analysed, "--annotator", "Ana", "--unchecked")
    (act,) = answer("feedback", "acts", analysed)
    assert act["relabelled"] == len(ids)
    assert (
        "only they can undo it" in run("feedback", "undo", analysed, act["token"], "--annotator", "Ben", code=1).stderr
    )
    assert f"{len(ids)} relabelled" in run("feedback", "undo", analysed, "--annotator", "Ana").stdout
    with reading(open_project(analysed).db) as db:
        assert count_by_split(db) == before
    assert "has no feedback left to undo" in run("feedback", "undo", analysed, "--annotator", "Ana", code=1).stderr


def test_a_proposal_without_stored_influencers_says_where_they_are_found(
    analysed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposing, "EXPLAINED", 1)
    proposed = answer("feedback", "propose", analysed, "--method", "confident-learning", "--cap", 0.3)
    assert isinstance(proposed, dict)
    first, second = (one["id"] for one in proposed["proposals"][:2])
    told = "`inffeed influencers` finds those of any text"
    assert told not in run("feedback", "show", analysed, "--id", first).stdout
    assert told in run("feedback", "show", analysed, "--id", second).stdout


def test_proposals_can_be_sent_to_review(analysed: Path) -> None:
    run("analyse", analysed, "--influencers", 3)
    proposed = answer("feedback", "propose", analysed, "--method", "confident-learning", "--cap", 0.3)
    assert isinstance(proposed, dict)
    first = proposed["proposals"][0]["id"]
    assert "1 text was sent" in run("feedback", "send", analysed, "--id", first, "--annotator", "Ana").stdout
    assert [flag["id"] for flag in answer("flags", analysed, "--policy", "feedback")] == [first]


def test_feedback_comes_after_a_model(project: Project) -> None:
    assert "train one first" in run("feedback", "propose", project.folder, code=1).stderr
    assert "no proposals yet" in run("feedback", "show", project.folder, code=1).stderr
    assert "cap is 2.0" in run("feedback", "propose", project.folder, "--cap", 2, code=1).stderr
