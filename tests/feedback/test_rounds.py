"""Feedback on the sample: what may be a target, what validation decides, and what a stop at any moment leaves."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from forked import ended
from quiet import quiet
from sqlite_utils import Database

from inffeed_core import feedback, store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.errors import Cancelled, InvalidDecision, NotReady
from inffeed_core.feedback import proposing
from inffeed_core.feedback.halves import choosing, confirming
from inffeed_core.feedback.proposing import propose
from inffeed_core.feedback.rounds import run_rounds
from inffeed_core.learning.training import train
from inffeed_core.project.encoded import Encoded
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Instance, ModelVersion, Split
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, Remedy, TrainSettings
from inffeed_core.store.proposals import ProposalSet, ProposalState

METHODS: tuple[Remedy, ...] = ("discard", "relabel-harmful", "confident-learning", "influence-vote")


def labels(project: Project) -> dict[str, tuple[str, bool]]:
    with store.reading(project.db) as db:
        return {i.id: (i.label, i.confirmed) for i in store.instances(db)}


def versions(project: Project) -> list[ModelVersion]:
    with store.reading(project.db) as db:
        return store.versions(db)


@pytest.fixture(scope="module")
def spoiled_once(tmp_path_factory: pytest.TempPathFactory, trained_once: Project) -> Project:
    """The sample with 70 of its 80 train labels turned round, and a version that has learned from that."""
    project = Project(shutil.copytree(trained_once.folder, tmp_path_factory.mktemp("spoiled") / "sample"))
    with store.writing(project.db) as db:
        for one in wrong_ones(db):  # as if they had been imported so: nobody has decided about them
            db.conn.execute("UPDATE instance SET label = ? WHERE id = ?", [other(one.label), one.id])
    version = train(project, TrainSettings(l2=1e-3, recipe="plain", silver_weight=0.2), quiet)
    with store.writing(project.db) as db:
        store.promote(db, version.id, "test")
    return project


@pytest.fixture
def spoiled(tmp_path: Path, spoiled_once: Project) -> Project:
    return Project(shutil.copytree(spoiled_once.folder, tmp_path / "spoiled"))


def other(label: str) -> str:
    return "negative" if label == "positive" else "positive"


def wrong_ones(db: Database) -> list[Instance]:
    """The 70 train texts whose labels are turned round."""
    return list(store.instances(db, [Split.TRAIN]))[10:]


def propose_repair(project: Project, out: int = 5) -> ProposalSet:
    """What a method that knew the truth would propose: some texts to be left out, and the right labels of the rest."""
    with store.writing(project.db) as db:
        wrong = wrong_ones(db)
        rows = [(one.id, one.label, None if n < out else other(one.label), 1.0) for n, one in enumerate(wrong)]
        version, row = store.active_version(db), store.last_decision_row(db)
        assert version is not None
        settings = FeedbackSettings(method="confident-learning").as_dict()
        return store.proposal_set(db, store.add_proposals(db, version.id, row, settings, rows, {}))


@pytest.mark.parametrize("method", METHODS)
def test_targets_are_training_texts_with_their_influencers(trained: Project, method: Remedy):
    settings = FeedbackSettings(method=method, influencers=4, cap=0.03)
    found = propose(trained, settings, quiet)
    shown = feedback.preview(trained)
    assert (shown.proposed, shown.settings, shown.stale) == (found, settings, False)
    assert 0 < found.size <= 0.03 * 380
    now = labels(trained)
    for one in shown.proposals:
        assert one.split in (Split.TRAIN, Split.SILVER)
        assert one.state is ProposalState.OPEN
        assert one.label == now[one.id][0] != one.proposed
        assert (one.proposed is None) == (method == "discard")
        with store.reading(trained.db) as db:
            cast = store.voters(db, found.id, one.id)
        assert len(cast) == 4
        assert one.id not in {voter.id for voter in cast}
        assert {voter.split for voter in cast} <= {Split.TRAIN, Split.SILVER}
        strengths = [abs(voter.influence) for voter in cast]
        assert strengths == sorted(strengths, reverse=True)
        if method == "influence-vote":
            _check_votes(one.label, one.proposed, one.lead, cast)
        else:
            assert {voter.vote for voter in cast} == {None}


def test_influencers_are_searched_for_the_surest_alone_where_nobody_votes(trained: Project, monkeypatch):
    """All of them would take time in the square of the texts: a twentieth of these is proposed."""
    monkeypatch.setattr(proposing, "EXPLAINED", 2)
    found = propose(trained, FeedbackSettings(method="discard", influencers=4), quiet)
    assert found.size > 3
    with store.reading(trained.db) as db:
        counts = [len(store.voters(db, found.id, one.id)) for one in store.proposals(db, found)]
    assert counts == [4, 4, *[0] * (found.size - 2)]


def test_a_page_that_is_drawn_again_reads_the_proposals_once(trained: Project, monkeypatch):
    """At a million texts there are 50,000, and every tick draws the page again."""
    found = propose(trained, FeedbackSettings(), quiet)
    time.sleep(0.1)  # what was written a moment ago is not trusted
    first = feedback.preview(trained)
    with monkeypatch.context() as patch:
        patch.setattr(store, "proposals", None)
        assert feedback.preview(trained) is first
    one = first.proposals[0]
    with store.writing(trained.db) as db:
        store.record_decision(db, Decision("d", one.id, "Ada", Act.KEEP, one.label))
    assert feedback.preview(trained, found.id).proposals[0].state is ProposalState.OVERTAKEN
    assert feedback.preview(trained).proposals[0].state is ProposalState.OVERTAKEN


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


def test_what_validation_confirms_is_applied_learned_and_analysed(spoiled: Project):
    before, found = labels(spoiled), propose_repair(spoiled)
    (one,) = run_rounds(spoiled, found.id, None, "Ana", 1, quiet)
    assert one.change.low > 0
    assert (one.count, one.version) == (70, "v3")
    first, second = versions(spoiled)[-2:]
    assert second.report["difference"] == {
        "value": pytest.approx(one.change.value),
        "low": pytest.approx(one.change.low),
        "high": pytest.approx(one.change.high),
    }  # the trial in memory told what the retrained version then showed
    for key in ("l2", "recipe", "trust"):
        assert second.report[key] == first.report[key]
    assert active(spoiled) == "v3"
    with store.reading(spoiled.db) as db:
        assert store.latest_analysis(db, "v3") is not None
    (trial,) = feedback.preview(spoiled).trials
    assert (trial.act, trial.change, trial.examples) == (one.act, one.change, 100)
    (act,) = feedback.acts(spoiled)
    assert (act.token, act.annotator, act.relabelled, act.left_out, act.version) == (one.act, "Ana", 65, 5, "v3")
    assert len(labels(spoiled)) == len(before) - 5
    feedback.undo(spoiled, act.token, "Ana")
    assert labels(spoiled) == before
    assert active(spoiled) == "v2"  # v3 has learned from what was undone
    propose(spoiled, FeedbackSettings(), quiet)


def active(project: Project) -> str:
    with store.reading(project.db) as db:
        version = store.active_version(db)
    assert version is not None
    return version.id


@pytest.mark.parametrize("method", ["discard", "relabel-harmful"])
def test_texts_that_confirm_have_no_say_in_what_is_proposed(spoiled: Project, method: Remedy):
    first = proposed(spoiled, method)
    chooses, confirms = halves(spoiled, method)
    turn_round(spoiled, confirms)
    assert proposed(spoiled, method) == first
    turn_round(spoiled, chooses)
    assert proposed(spoiled, method) != first
    run_rounds(spoiled, feedback.preview(spoiled).proposed.id, None, "Ana", 1, quiet)
    assert feedback.preview(spoiled).trials[0].examples == len(confirms) == 50


def test_halves_share_no_text_and_hold_each_label_alike(trained: Project):
    chooses, confirms = halves(trained, "discard")
    assert not {i.id for i in chooses} & {i.id for i in confirms}
    assert [sum(i.label == "positive" for i in half) for half in (chooses, confirms)] == [25, 25]
    for method in ("confident-learning", "influence-vote"):
        assert [len(half) for half in halves(trained, method)] == [100, 100]


def halves(project: Project, method: Remedy) -> tuple[Sequence[Instance], Sequence[Instance]]:
    """The validation texts that choose, and those that confirm."""
    with store.reading(project.db) as db:
        gold = list(store.instances(db, [Split.VALIDATION]))
    nothing = torch.zeros(len(gold), dtype=torch.long)
    validation = Encoded(gold, torch.zeros(len(gold), 1), nothing, nothing)
    return choosing(validation, method).instances, confirming(validation, method).instances


def turn_round(project: Project, found: Sequence[Instance]) -> None:
    with store.writing(project.db) as db:
        for one in found:
            store.record_decision(db, Decision(f"turned {one.id}", one.id, "Eve", Act.RELABEL, other(one.label)))


def proposed(project: Project, method: Remedy) -> list[tuple[str, str | None]]:
    found = propose(project, FeedbackSettings(method=method), quiet)
    return [(one.id, one.proposed) for one in feedback.preview(project, found.id).proposals]


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


def test_rounds_go_on_until_one_is_refused_or_enough_were_made(spoiled: Project):
    before, found = labels(spoiled), propose_repair(spoiled)
    done = run_rounds(spoiled, found.id, None, "Ana", 3, quiet)
    assert 2 <= len(done) <= 3
    assert all(one.act for one in done[:-1])
    assert [one.proposal_set for one in done] == [found.id + n for n in range(len(done))]
    assert len(versions(spoiled)) == 2 + sum(one.act is not None for one in done)
    for act in feedback.acts(spoiled):
        feedback.undo(spoiled, act.token, "Ana")
    assert labels(spoiled) == before
    assert active(spoiled) == "v2"


def test_only_the_chosen_are_tried(trained: Project):
    found = propose(trained, FeedbackSettings(), quiet)
    chosen = feedback.preview(trained).open[:2]
    (one,) = run_rounds(trained, found.id, chosen, "Ana", 1, quiet)
    assert one.count == 2
    with pytest.raises(NotReady, match="None of the 1 chosen proposals"):
        run_rounds(trained, found.id, ["nobody"], "Ana", 1, quiet)


def stopping_at(wanted: str, stop: Callable[[], None]) -> Callable[[str, int, int], None]:
    def progress(stage: str, done: int, total: int) -> None:
        if stage == wanted:
            stop()

    return progress


def test_what_somebody_decides_during_the_trial_stops_it(spoiled: Project):
    found = propose_repair(spoiled)
    first = feedback.preview(spoiled).proposals[0]

    def keep() -> None:
        with store.writing(spoiled.db) as db:
            store.record_decision(db, Decision("meanwhile", first.id, "Ben", Act.KEEP, first.label))

    before = labels(spoiled)
    with pytest.raises(NotReady, match="during the test; nothing was changed"):
        run_rounds(spoiled, found.id, None, "Ana", 1, stopping_at("Trying the proposals", keep))
    assert labels(spoiled) == before
    assert feedback.acts(spoiled) == []


@pytest.mark.parametrize("stage", ["Trying the proposals", "Fitting the model"])
def test_a_cancelled_round_leaves_nothing_behind(spoiled: Project, stage: str):
    def stop() -> None:
        raise Cancelled("Cancelled.")

    before = labels(spoiled)
    found = propose_repair(spoiled)
    with pytest.raises(Cancelled):
        run_rounds(spoiled, found.id, None, "Ana", 1, stopping_at(stage, stop))
    assert labels(spoiled) == before
    assert [v.id for v in versions(spoiled)] == ["v1", "v2"]
    assert all(act.undone for act in feedback.acts(spoiled))


@pytest.mark.parametrize(("stage", "applied"), [("Trying the proposals", 0), ("Fitting the model", 1)])
def test_a_kill_leaves_the_labels_as_before_or_one_act_that_can_be_undone(spoiled: Project, stage: str, applied: int):
    before = labels(spoiled)
    propose_repair(spoiled)
    die = stopping_at(stage, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert ended(run_rounds, spoiled, 1, None, "Ana", 1, die) == -signal.SIGKILL
    acts = feedback.acts(spoiled)
    assert len(acts) == applied
    assert len(labels(spoiled)) == len(before) - applied * 5
    for act in acts:
        assert (act.relabelled, act.left_out) == (65, 5)
        feedback.undo(spoiled, act.token, "Ana")
    assert labels(spoiled) == before
    assert [v.id for v in versions(spoiled)] == ["v1", "v2"]


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
