"""Feedback on the sample: what may be a target, what validation decides, and what a stop at any moment leaves."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from inffeed_core import store
from inffeed_core.errors import Cancelled, InvalidDecision, NotReady
from inffeed_core.records import Act, Decision, ModelVersion, ProposalState, Split
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, Remedy
from inffeed_core.workflow import feedback
from inffeed_core.workflow.analysing import analyse
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.proposing import propose
from inffeed_core.workflow.rounds import run_rounds

METHODS: tuple[Remedy, ...] = ("discard", "relabel-harmful", "confident-learning", "influence-vote")
KILLED = """
import os, signal, sys
from pathlib import Path
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.rounds import run_rounds

def progress(stage, done, total):
    if stage == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

run_rounds(Project(Path(sys.argv[1])), 1, None, "Ana", 1, progress)
"""


def quiet(stage: str, done: int, total: int) -> None:
    pass


def labels(project: Project) -> dict[str, tuple[str, bool]]:
    with store.reading(project.db) as db:
        return {i.id: (i.label, i.confirmed) for i in store.instances(db)}


def versions(project: Project) -> list[ModelVersion]:
    with store.reading(project.db) as db:
        return store.versions(db)


@pytest.mark.parametrize("method", METHODS)
def test_targets_are_training_texts_with_their_influencers(trained: Project, method: Remedy):
    settings = FeedbackSettings(method=method, influencers=4, cap=0.03)
    found = propose(trained, settings, quiet)
    shown = feedback.preview(trained)
    assert (shown.set, shown.settings, shown.stale) == (found, settings, False)
    assert 0 < found.size <= 0.03 * 380
    now = labels(trained)
    for one in shown.proposals:
        assert one.split in (Split.TRAIN, Split.SILVER)
        assert one.state is ProposalState.OPEN
        assert one.label == now[one.id][0] != one.proposed
        assert (one.proposed is None) == (method == "discard")
        cast = feedback.votes(trained, found.id, one.id)
        assert len(cast) == 4
        assert one.id not in {voter.id for voter in cast}
        assert {voter.split for voter in cast} <= {Split.TRAIN, Split.SILVER}
        strengths = [abs(voter.influence) for voter in cast]
        assert strengths == sorted(strengths, reverse=True)
        if method == "influence-vote":
            _check_votes(one.label, one.proposed, one.lead, cast)
        else:
            assert {voter.vote for voter in cast} == {None}


def _check_votes(label: str, proposed: str | None, lead: float, cast: list) -> None:
    """The votes that are shown add up to the lead that is shown."""
    for voter in cast:
        assert voter.vote == (label if voter.influence > 0 else voter.label)
        assert (voter.weight < 0) == (voter.influence < 0 and voter.label == label)
    votes = {name: sum(v.weight for v in cast if v.vote == name) for name in (label, proposed)}
    total = sum(abs(v) for v in votes.values())
    assert lead == pytest.approx((votes[proposed] - votes[label]) / total)


def test_the_same_labels_give_the_same_proposals(trained: Project):
    sets = [propose(trained, FeedbackSettings(), quiet).id for _ in range(2)]
    first, second = (feedback.preview(trained, id).proposals for id in sets)
    assert first == second


def test_a_set_grows_stale_when_labels_change(trained: Project):
    found = propose(trained, FeedbackSettings(method="confident-learning"), quiet)
    shown = feedback.preview(trained)
    one = next(p for p in shown.proposals if p.split is Split.SILVER)
    with store.writing(trained.db) as db:
        store.record_decision(db, Decision("t", one.id, "Ben", Act.KEEP, one.label))
    now = feedback.preview(trained, found.id)
    assert now.open == [id for id in shown.open if id != one.id]
    assert (now.stale, now.changed_since) == (True, 1)


def test_what_validation_confirms_is_applied_learned_and_analysed(trained: Project):
    before = labels(trained)
    found = propose(trained, FeedbackSettings(), quiet)
    (one,) = run_rounds(trained, found.id, None, "Ana", 1, quiet)
    assert one.change.low > 0
    assert (one.count, one.version) == (found.size, "v2")
    first, second = versions(trained)
    assert second.report["difference"] == {
        "value": pytest.approx(one.change.value),
        "low": pytest.approx(one.change.low),
        "high": pytest.approx(one.change.high),
    }  # the trial in memory told what the retrained version then showed
    assert {key: second.report[key] for key in ("l2", "recipe", "trust")} == {
        key: first.report[key] for key in ("l2", "recipe", "trust")
    }
    with store.reading(trained.db) as db:
        active = store.active_version(db)
        assert active is not None
        assert active.id == "v2"
        assert store.latest_analysis(db, "v2") is not None
    (trial,) = feedback.preview(trained).trials
    assert (trial.act, trial.change, trial.examples) == (one.act, one.change, 100)
    (act,) = feedback.acts(trained)
    assert (act.token, act.annotator, act.left_out) == (one.act, "Ana", found.size)
    assert len(labels(trained)) == len(before) - found.size
    feedback.undo(trained, act.token, "Ana")
    assert labels(trained) == before
    with store.reading(trained.db) as db:
        active = store.active_version(db)
    assert active is not None
    assert active.id == "v1"  # v2 has learned from what was undone
    propose(trained, FeedbackSettings(), quiet)


def test_what_validation_refuses_changes_nothing(trained: Project):
    before = labels(trained)
    found = propose(trained, FeedbackSettings(method="influence-vote"), quiet)
    (one,) = run_rounds(trained, found.id, None, "Ana", 3, quiet)
    assert one.change.low <= 0
    assert (one.act, one.version) == (None, None)
    assert labels(trained) == before
    assert [v.id for v in versions(trained)] == ["v1"]
    assert feedback.acts(trained) == []
    (trial,) = feedback.preview(trained).trials
    assert "did not confirm" in feedback.outcome(trial)
    kept = feedback.apply(trained, found.id, feedback.preview(trained).open[:3], "Ana", "anyway")
    assert (kept.relabelled, kept.left_out) == (3, 0)
    feedback.undo(trained, "anyway", "Ana")
    assert labels(trained) == before


def test_rounds_go_on_until_one_is_refused_or_enough_were_made(trained: Project):
    found = propose(trained, FeedbackSettings(), quiet)
    done = run_rounds(trained, found.id, None, "Ana", 3, quiet)
    assert 1 <= len(done) <= 3
    assert all(one.act for one in done[:-1])
    assert [one.proposal_set for one in done] == [found.id + n for n in range(len(done))]
    assert len(versions(trained)) == 1 + sum(one.act is not None for one in done)
    for act in feedback.acts(trained):
        feedback.undo(trained, act.token, "Ana")
    assert len(labels(trained)) == 600


def test_only_the_chosen_are_tried(trained: Project):
    found = propose(trained, FeedbackSettings(), quiet)
    chosen = feedback.preview(trained).open[:2]
    (one,) = run_rounds(trained, found.id, chosen, "Ana", 1, quiet)
    assert one.count == 2
    with pytest.raises(NotReady, match="None of the chosen proposals"):
        run_rounds(trained, found.id, ["nobody"], "Ana", 1, quiet)


def stopping_at(wanted: str, stop: Callable[[], None]) -> Callable[[str, int, int], None]:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == wanted:
            stop()

    return progress


@pytest.mark.parametrize("stage", ["Trying the proposals", "Fitting the model"])
def test_a_cancelled_round_leaves_nothing_behind(trained: Project, stage: str):
    def stop() -> None:
        raise Cancelled("Cancelled.")

    before = labels(trained)
    found = propose(trained, FeedbackSettings(), quiet)
    with pytest.raises(Cancelled):
        run_rounds(trained, found.id, None, "Ana", 1, stopping_at(stage, stop))
    assert labels(trained) == before
    assert [v.id for v in versions(trained)] == ["v1"]
    assert all(act.undone for act in feedback.acts(trained))


@pytest.mark.parametrize(("stage", "applied"), [("Trying the proposals", 0), ("Fitting the model", 1)])
def test_a_kill_leaves_the_labels_as_before_or_one_act_that_can_be_undone(trained: Project, stage: str, applied: int):
    before = labels(trained)
    found = propose(trained, FeedbackSettings(), quiet)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(trained.folder), stage],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    acts = feedback.acts(trained)
    assert len(acts) == applied
    assert len(labels(trained)) == len(before) - applied * found.size
    for act in acts:
        assert act.left_out == found.size
        feedback.undo(trained, act.token, "Ana")
    assert labels(trained) == before
    assert [v.id for v in versions(trained)] == ["v1"]


def test_what_was_sent_has_an_order_of_its_own_that_later_analyses_keep(trained: Project):
    analyse(trained, AnalysisSettings(influencers=3, harmed=2, folds=3), quiet)
    found = propose(trained, FeedbackSettings(), quiet)
    ids = feedback.preview(trained).open[:5]
    assert feedback.send_to_review(trained, found.id, ids, "Ana") == 5
    assert feedback.send_to_review(trained, found.id, ids, "Ana") == 0
    assert {one.id for one in feedback.preview(trained).proposals if one.sent} == set(ids)
    for _ in range(2):
        with store.reading(trained.db) as db:
            analysis = store.latest_analysis(db)
            assert analysis is not None
            assert [r.row.instance for r in store.flagged(db, analysis.id, "feedback")] == ids
        analyse(trained, AnalysisSettings(influencers=3, harmed=2, folds=3), quiet)


def test_an_act_is_named_by_the_beginning_of_its_token(trained: Project):
    found = propose(trained, FeedbackSettings(method="relabel-harmful"), quiet)
    ids = feedback.preview(trained).open
    for n, token in enumerate(("aa1", "aa2")):
        feedback.apply(trained, found.id, [ids[n]], "Ana", token)
    assert feedback.act_of(trained, None, "Ana") == "aa2"
    assert feedback.act_of(trained, "aa1", "Ana") == "aa1"
    for beginning, person in (("aa", "Ana"), ("b", "Ana"), (None, "Ben")):
        with pytest.raises(InvalidDecision, match="feedback acts"):
            feedback.act_of(trained, beginning, person)
