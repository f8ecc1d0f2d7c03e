"""The review use cases, over a real project on disk."""

from dataclasses import replace
from pathlib import Path

import pytest
from reviewing import Filling, history, make_reviewable

from inffeed_core import feedback, review, store
from inffeed_core.errors import InvalidDecision, NotReady, UnknownInstance
from inffeed_core.flags.policies import POLICIES
from inffeed_core.flags.reasons import reason
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Evidence, Influencer, Split
from inffeed_core.review.progress import Sitting
from inffeed_core.settings import SENT, ProjectSettings

POLICY = POLICIES[0]


def ids(project: Project, **options) -> list[str]:
    return [i.flag.id for i in review.queue(project, POLICY, **options)]


def relabel(id: str, token: str, label: str = "positive", annotator: str = "Ada") -> Decision:
    return Decision(token, id, annotator, Act.RELABEL, label)


def test_the_queue_is_the_policys_order_with_evidence(reviewable_project):
    first, second = review.queue(reviewable_project, POLICY, limit=2)
    assert (first.flag.id, second.flag.id) == ("s000", "s001")
    assert (first.flag.rank, first.flag.of, first.flag.score) == (1, 40, 0.04)
    assert (first.flag.label, first.flag.suggested) == ("negative", "positive")
    assert [len(side) for side in (first.evidence.supporters, first.evidence.opposers, first.evidence.harmed)] == [
        5,
        5,
        3,
    ]
    assert first.most_incompatible == first.evidence.opposers[0]
    said = reason(first.flag, first.evidence, 2)
    assert said.startswith("Removing it would lower the validation loss of some label more than removing")


def test_a_decision_takes_a_flag_out_and_its_undo_puts_it_back(reviewable_project):
    assert review.decide(reviewable_project, relabel("s001", "t1"))
    assert ids(reviewable_project, limit=3) == ["s000", "s002", "s003"]
    undone = review.undo(reviewable_project, "Ada", "u1")
    assert (undone.token, undone.instance_id) == ("t1", "s001")
    assert ids(reviewable_project, limit=3) == ["s000", "s001", "s002"]


@pytest.mark.parametrize("act", [Act.SKIP, Act.UNSURE, Act.FLAG])
def test_acts_without_a_label_take_a_flag_out_but_leave_its_label(reviewable_project, act):
    review.decide(reviewable_project, Decision("t1", "s000", "Ada", act))
    assert ids(reviewable_project, limit=1) == ["s001"]
    with store.reading(reviewable_project.db) as db:
        assert store.instance(db, "s000").confirmed is False


def test_flags_that_a_client_holds_are_left_out(reviewable_project):
    assert ids(reviewable_project, limit=2, leave_out=["s000", "s002"]) == ["s001", "s003"]


def test_a_decision_that_arrives_again_changes_nothing(reviewable_project):
    assert review.decide(reviewable_project, relabel("s000", "t1"))
    assert not review.decide(reviewable_project, relabel("s000", "t1"))
    assert len(history(reviewable_project)) == 1


def test_an_undo_by_token_that_arrives_again_changes_nothing(reviewable_project):
    for token, id in (("t1", "s000"), ("t2", "s001")):
        review.decide(reviewable_project, relabel(id, token))
    undo = Decision("u1", "s000", "Ada", Act.UNDO, undoes="t1")
    assert review.decide(reviewable_project, undo)
    assert not review.decide(reviewable_project, undo)
    assert [d.token for d in history(reviewable_project)] == ["t2"]


def test_an_undo_lands_on_the_instance_of_what_it_undoes(reviewable_project):
    review.decide(reviewable_project, relabel("s000", "t1"))
    review.decide(reviewable_project, Decision("u1", "s005", "Ada", Act.UNDO, undoes="t1"))
    with store.reading(reviewable_project.db) as db:
        assert [d.act for d in store.decisions_about(db, "s000")] == [Act.RELABEL, Act.UNDO]


def test_undoing_the_last_with_the_same_token_undoes_once(reviewable_project):
    for token, id in (("t1", "s000"), ("t2", "s001")):
        review.decide(reviewable_project, relabel(id, token))
    first = review.undo(reviewable_project, "Ada", "u1")
    again = review.undo(reviewable_project, "Ada", "u1")
    assert first.token == again.token == "t2"
    assert [d.token for d in history(reviewable_project, "Ada")] == ["t1"]


def test_nobody_undoes_what_another_decided(reviewable_project):
    review.decide(reviewable_project, relabel("s000", "t1"))
    assert review.undo(reviewable_project, "Bob", "u1") is None
    with pytest.raises(InvalidDecision, match="Ada"):
        review.decide(reviewable_project, Decision("u2", "s000", "Bob", Act.UNDO, undoes="t1"))


def test_progress_counts_flags_once_by_their_last_act(reviewable_project):
    review.decide(reviewable_project, Decision("t1", "s000", "Ada", Act.SKIP))
    review.decide(reviewable_project, relabel("s000", "t2", annotator="Bob"))
    review.decide(reviewable_project, Decision("t3", "s001", "Ada", Act.UNSURE))
    review.decide(reviewable_project, relabel("t000", "t4"))
    progress = review.progress(reviewable_project, Sitting("Ada"))
    assert (progress.done, progress.open) == (2, 38)
    assert progress.by_act == {Act.RELABEL: 1, Act.UNSURE: 1}
    assert progress.today == 3
    assert progress.changes.total == 2


def test_excluded_flags_are_neither_open_nor_done(reviewable_project):
    review.decide(reviewable_project, relabel("s000", "t1"))
    with store.writing(reviewable_project.db) as db:
        store.exclude(db, ["s000", "s001"], "leak")
    progress = review.progress(reviewable_project, Sitting("Ada"))
    assert (progress.done, progress.open) == (0, 38)
    assert ids(reviewable_project, limit=1) == ["s002"]


def test_yesterdays_decisions_are_not_todays(reviewable_project):
    review.decide(reviewable_project, replace(relabel("s000", "t1"), at="2020-01-01T12:00:00.000Z"))
    assert review.progress(reviewable_project, Sitting("Ada")).today == 0


def test_an_item_can_be_asked_for_after_its_decision(reviewable_project):
    before = review.item(reviewable_project, "s003", POLICY)
    review.decide(reviewable_project, relabel("s003", "t1", label="negative"))
    assert review.item(reviewable_project, "s003", POLICY) == before


def test_an_instance_that_is_no_flag_has_no_item(reviewable_project):
    with pytest.raises(UnknownInstance, match="review queue"):
        review.item(reviewable_project, "t000", POLICY)


def test_influencers_carry_todays_labels(reviewable_project):
    supporter = review.item(reviewable_project, "s000", POLICY).evidence.supporters[0]
    other = "negative" if supporter.label == "positive" else "positive"
    review.decide(reviewable_project, relabel(supporter.id, "t1", label=other))
    assert review.item(reviewable_project, "s000", POLICY).evidence.supporters[0].label == other


def test_a_project_without_a_model_says_what_to_do(tmp_path: Path):
    project = create_project(tmp_path / "new", ProjectSettings("New", ("a", "b")))
    with pytest.raises(NotReady, match="train"):
        review.queue(project, POLICY)


def test_a_policy_without_ranking_says_so(reviewable_project):
    with pytest.raises(NotReady, match="Choose another policy"):
        review.queue(reviewable_project, "no-such-policy")


def test_a_flag_without_influencers_still_comes(tmp_path: Path):
    project = make_reviewable(tmp_path / "p", Filling(train=0, validation=0))
    first = review.queue(project, POLICY, limit=1)[0]
    assert first.evidence == Evidence("s000", (), ())
    assert first.most_incompatible is None


def influencer(id: str, split: Split, influence: float, label: str = "positive") -> Influencer:
    return Influencer(id, "text", label, split, influence)


def test_the_most_incompatible_is_gold_and_the_most_negative_of_both_directions():
    silver = influencer("silver", Split.SILVER, -0.9)
    gold = influencer("gold", Split.TRAIN, -0.2)
    harmed = influencer("harmed", Split.VALIDATION, -0.3)
    helped = influencer("helped", Split.VALIDATION, 0.4)
    assert review.most_incompatible(Evidence("x", (), (silver, gold), (harmed,)), "negative") == harmed
    assert review.most_incompatible(Evidence("x", (), (silver, gold), (helped,)), "negative") == gold
    assert review.most_incompatible(Evidence("x", (), (silver,), (helped,)), "negative") is None


def test_only_a_gold_text_of_another_label_contradicts():
    worst = influencer("worst", Split.TRAIN, -0.9, "negative")
    other = influencer("other", Split.VALIDATION, -0.1, "neutral")
    assert review.most_incompatible(Evidence("x", (), (worst,), (other,)), "negative") == other
    assert review.most_incompatible(Evidence("x", (), (worst,)), "negative") is None


def test_no_flag_of_many_classes_is_told_to_contradict_its_own_label(tmp_path: Path):
    project = make_reviewable(tmp_path / "p", Filling(labels=tuple("abcdef"), train=24, validation=12))
    items = review.queue(project, POLICY, limit=40)
    told = [(i.flag.label, i.most_incompatible.label) for i in items if i.most_incompatible]
    assert len(told) > 30
    assert all(own != other for own, other in told)


def test_the_label_it_came_with_is_told_after_it_was_changed(reviewable_project):
    review.decide(reviewable_project, relabel("s000", "t1", label="positive"))
    assert review.item(reviewable_project, "s000", POLICY).original == "negative"


def test_a_proposal_to_leave_out_says_so_and_offers_it(reviewable_project):
    with store.writing(reviewable_project.db) as db:
        proposed = [("t000", "negative", None, 0.034), ("s003", "positive", "negative", 0.02)]
        made = store.add_proposals(db, "v1", 0, {"method": "discard"}, proposed, {})
    feedback.send_to_review(reviewable_project, made, ["t000", "s003"], "Ada")
    out, other = review.queue(reviewable_project, SENT)
    assert (out.flag.id, out.leave_out, other.leave_out) == ("t000", True, False)
    assert "leave it out: without it the validation loss should fall by 0.034 nats" in reason(out.flag, out.evidence, 2)
    assert (out.harm_known, other.harm_known) == (False, True)  # of gold nothing says whom it harms
    assert not any(item.leave_out for item in review.queue(reviewable_project, POLICY, limit=40))
    review.decide(reviewable_project, Decision("t", "t000", "Ada", Act.LEAVE_OUT))
    assert [i.flag.id for i in review.queue(reviewable_project, SENT)] == ["s003"]
    review.undo(reviewable_project, "Ada", "u")
    assert [i.flag.id for i in review.queue(reviewable_project, SENT)] == ["t000", "s003"]
