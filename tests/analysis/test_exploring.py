"""What is known about one instance, and its place on the map."""

import pytest

from inffeed_core import store
from inffeed_core.analysis import exploring
from inffeed_core.analysis.exploring import Marked, find_instances, portrait, text_map
from inffeed_core.errors import UnknownInstance
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import create_project
from inffeed_core.records import Act, Decision, Split
from inffeed_core.settings import ProjectSettings


def test_a_portrait_holds_what_the_analysis_and_the_annotators_said(reviewable_project):
    with store.writing(reviewable_project.db) as db:
        store.record_decision(db, Decision("k", "s003", "anna", Act.KEEP, "positive"))
        store.undo_last(db, "anna", "u")
    shown = portrait(reviewable_project, "s003")
    assert shown.instance.id == "s003"
    assert [d.act for d in shown.trail] == [Act.KEEP, Act.UNDO]
    assert shown.score is not None
    assert shown.score.instance == "s003"
    assert list(shown.standings) == list(POLICIES)
    assert shown.standings["expected-gain"] == (4, 0.037)
    assert shown.evidence is not None
    assert len(shown.evidence.supporters) == 5


def test_gold_is_not_ranked_and_has_no_stored_evidence(reviewable_project):
    shown = portrait(reviewable_project, "t000")
    assert shown.score is not None
    assert shown.standings == {}
    assert shown.evidence is None


def test_a_portrait_before_the_first_analysis_has_the_instance_alone(tmp_path):
    project = create_project(tmp_path / "p", ProjectSettings("New", ("a", "b")))
    with pytest.raises(UnknownInstance):
        portrait(project, "nobody")
    assert find_instances(project, "") == []


def test_without_a_query_the_first_flags_are_found(reviewable_project):
    assert [i.id for i in find_instances(reviewable_project, "", limit=3)] == ["s000", "s001", "s002"]


def test_a_query_finds_by_words_and_by_id(reviewable_project):
    assert [i.id for i in find_instances(reviewable_project, "s007")][:1] == ["s007"]
    assert {i.split for i in find_instances(reviewable_project, "validation")} == {Split.VALIDATION}
    assert find_instances(reviewable_project, '" OR 1=1 --') == []


def test_the_map_marks_the_first_flags_of_the_policy(reviewable_project):
    drawn = text_map(reviewable_project, portrait(reviewable_project, "s000"), Marked("expected-gain", 5))
    assert drawn is not None
    assert not drawn.dense
    points = drawn.points
    assert len(points) == 60
    assert {p.id for p in points if p.flagged} == {f"s{n:03}" for n in range(5)}


def test_a_thinned_map_keeps_flags_target_and_influencers(reviewable_project, monkeypatch):
    monkeypatch.setattr(exploring, "MAP_POINTS", 6)
    monkeypatch.setattr(exploring, "DENSE_POINTS", 6)
    shown = portrait(reviewable_project, "s030")
    assert shown.evidence is not None
    drawn = text_map(reviewable_project, shown, Marked("expected-gain", 3))
    assert drawn is not None
    assert drawn.dense
    assert len(drawn.places.ids) == 60
    kept = {p.id for p in drawn.points}
    needed = {"s000", "s001", "s002", "s030"} | {i.id for i in (*shown.evidence.supporters, *shown.evidence.opposers)}
    assert needed <= kept
    assert len(kept) < 30
