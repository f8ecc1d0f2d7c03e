"""The review by command: flags and why, decisions, the audit and the discussion."""

from pathlib import Path

from commands import answer, run, write
from reviewing import take

from inffeed_core.analysis import exploring
from inffeed_core.project.folder import Project
from inffeed_core.review.progress import Sitting
from inffeed_core.store import history, reading


def test_flags_and_influencers_of_an_analysis(reviewable_project: Project) -> None:
    folder = reviewable_project.folder
    flags = answer("flags", folder, "--limit", 2)
    assert isinstance(flags, list)
    assert [f["id"] for f in flags] == ["s000", "s001"]
    assert all(f["reason"] for f in flags)
    assert "s000" in run("flags", folder, "--policy", "knn").stdout
    assert "no-such" in run("flags", folder, "--policy", "no-such", code=2).stderr
    evidence = answer("influencers", folder, "s000")
    assert isinstance(evidence, dict)
    stored = exploring.portrait(reviewable_project, "s000").evidence
    assert stored is not None
    assert [i["id"] for i in evidence["evidence"]["supporters"]] == [i.id for i in stored.supporters]
    assert stored.supporters[0].id in run("influencers", folder, "s000", "--limit", 1).stdout


def test_decide_one_and_undo(project: Project) -> None:
    assert "relabel saved" in run("decide", project.folder, "silver-3", "positive", "--annotator", "Ana").stdout
    [decision] = answer("decide", project.folder, "silver-5", "--act", "skip", "--annotator", "Ana")  # type: ignore[misc]
    assert decision["act"] == "skip"
    assert "skip of silver-5" in run("undo", project.folder, "--annotator", "Ana").stdout
    assert "relabel of silver-3" in run("undo", project.folder, "--annotator", "Ana").stdout
    assert "no decision left" in run("undo", project.folder, "--annotator", "Ana", code=1).stderr
    assert "nobody" in run("decide", project.folder, "nobody", "positive", "--annotator", "Ana", code=1).stderr
    assert "either an ID" in run("decide", project.folder, "--annotator", "Ana", code=2).stderr
    assert "--annotator" in run("decide", project.folder, "silver-3", "positive", code=2).stderr


def test_decide_from_a_file(project: Project, tmp_path: Path) -> None:
    good = write(tmp_path / "d.csv", ["id,label", "silver-3,positive", "silver-10,negative"])
    bad = write(tmp_path / "bad.csv", ["id,label", "silver-4,positive", "nobody,negative"])
    assert "Row 2" in run("decide", project.folder, "--file", bad, "--annotator", "Ana", code=1).stderr
    assert "2 decisions saved" in run("decide", project.folder, "--file", good, "--annotator", "Ana").stdout
    with reading(project.db) as db:
        assert {d.instance_id for d in history(db)} == {"silver-3", "silver-10"}


def test_flags_are_given_back(reviewable_project: Project):
    take(reviewable_project, Sitting("Ada"), 4)
    told = run("release", reviewable_project.folder, "--annotator", "Ada").stdout
    assert told == "4 flags are free for others again.\n"


def test_flags_can_be_filtered(reviewable_project: Project):
    found = answer("flags", reviewable_project.folder, "--label", "positive", "--search", "text 1", "--limit", 2)
    assert [flag["id"] for flag in found] == ["s001", "s011"]
    assert "KEY=VALUE" in run("flags", reviewable_project.folder, "--where", "year", code=2).stderr


def test_the_audit_tells_what_it_has_seen(reviewable_project: Project):
    told = answer("audit", reviewable_project.folder)
    assert told["counts"]["silver"] == 40
    assert told["estimate"] is None
    assert "so far 0 are audited" in run("audit", reviewable_project.folder).stdout


def test_a_discussion_is_listed_and_settled(reviewable_project: Project):
    folder = reviewable_project.folder
    run("decide", folder, "s000", "--act", "flag", "--note", "sarcasm?", "--annotator", "Ada")
    assert "Ada: flag (sarcasm?)" in run("discussion", folder).stdout
    assert answer("discussion", folder)[0]["instance"]["id"] == "s000"
    run("decide", folder, "s000", "positive", "--settle", "--annotator", "Bob")
    assert "There is nothing to discuss" in run("discussion", folder).stdout


def test_status_tells_what_is_undecided_and_flags_lists_it(reviewable_project):
    folder = str(reviewable_project.folder)
    for id, said in (
        ("s000", ["positive"]),
        ("s001", ["--act", "keep"]),
        ("s002", ["--act", "skip", "--note", "long"]),
    ):
        run("decide", folder, id, *said, "--annotator", "Ada")
    told = run("status", folder).output
    assert "37 open flags, 1 skipped" in told
    assert "since then 1 corrected, 1 confirmed" in told
    assert "s002" in run("flags", folder, "--undecided", "skip").output
    assert "s002" not in run("flags", folder, "--undecided", "unsure").output
