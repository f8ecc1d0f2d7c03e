"""What stands on a version's features works with those of two layers and with TF-IDF beside them."""

import json
from pathlib import Path

import pytest
from quiet import quiet

from inffeed_core import feedback, store
from inffeed_core.analysis.analysing import explain, refresh
from inffeed_core.analysis.exploring import Marked, portrait, text_map
from inffeed_core.analysis.verifying import correlation, slope, verify
from inffeed_core.feedback.proposing import propose
from inffeed_core.feedback.rounds import run_rounds
from inffeed_core.learning.training import train
from inffeed_core.models.heads import load_head
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Split
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, explained=5)
KINDS = {
    "two layers": {"layers": "middle+last"},
    "TF-IDF": {"layers": "last", "tfidf": "on"},
    "both": {"layers": "middle+last", "tfidf": "on", "tfidf_dimensions": 9},
}
WIDTHS = {"two layers": 64, "TF-IDF": 32 + 31, "both": 64 + 9}


@pytest.fixture(params=KINDS)
def trained(request: pytest.FixtureRequest, project: Project, base: Path) -> Project:
    """The small project with an analysed version that has such features, of this many columns."""
    change_settings(project, model=str(base))
    settings = {"max_tokens": 32, "l2": 1.0, "recipe": "plain", **KINDS[request.param]}
    version = train(project, TrainSettings.from_dict(settings), quiet, FEW)
    assert load_head(project.models / version.id).weight.shape[1] == WIDTHS[request.param]
    return project


def test_scores_come_true(trained: Project) -> None:
    found = verify(trained, 12, quiet)
    assert len(found.removal) == len(found.relabelling) == 12
    assert correlation(found.removal) == pytest.approx(1, abs=0.01)
    assert correlation(found.relabelling) == pytest.approx(1, abs=0.15)  # most suggest no change, two are few
    for kind in (found.removal, found.relabelling):
        assert slope(kind) == pytest.approx(1, abs=0.2)


def test_the_map_and_the_influencers_of_any_text_are_there(trained: Project) -> None:
    explain(trained, ["test-0"], quiet)
    shown = portrait(trained, "test-0")
    assert shown.evidence is not None
    assert shown.evidence.supporters
    drawn = text_map(trained, shown, Marked("random", 5))
    assert drawn is not None
    points = drawn.points
    assert len(points) == 48
    by_phrase = [{one.x > 0 for one in points if phrase in one.text} for phrase in ("broke", "works")]
    assert sorted(by_phrase, key=str) == [{False}, {True}]  # the two that the texts are made of lie apart


def test_flags_are_refreshed_from_what_was_decided(trained: Project) -> None:
    with store.writing(trained.db) as db:
        store.record_decision(db, Decision("k", "silver-3", "anna", Act.KEEP, "positive"))
    assert refresh(trained, quiet).as_of_decision > 0


@pytest.mark.parametrize("method", ["discard", "influence-vote"])
def test_feedback_is_proposed_tried_and_learned(trained: Project, method: str) -> None:
    found = propose(trained, FeedbackSettings.from_dict({"method": method}), quiet)
    assert feedback.preview(trained, found.id).proposals == feedback.preview(trained).proposals
    before = features_told(trained)
    with store.writing(trained.db) as db:
        version, row = store.active_version(db), store.last_decision_row(db)
        assert version is not None
        wrong = list(store.instances(db, [Split.TRAIN]))[:2]
        rows = [(one.id, one.label, None, 1.0) for one in wrong]
        found = store.proposal_set(db, store.add_proposals(db, version.id, row, found.settings, rows, {}))
    [trial] = run_rounds(trained, found.id, None, "Ana", 1, quiet)
    assert trial.count == 2
    assert (trial.version is None) == (trial.change.low <= 0)
    assert features_told(trained) == before


def features_told(project: Project) -> str:
    """What the newest version tells of its features."""
    with store.reading(project.db) as db:
        report = store.versions(db)[-1].report
    return json.dumps([report["layers"], report["tfidf"] and sorted(report["tfidf"])])  # type: ignore[call-overload]
