"""Many answers given another label, or taken back, as one act that one act undoes; foretold by what it then does."""

from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable, take, texts

from inffeed_core import review, store
from inffeed_core.errors import InvalidDecision
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, FlagFilter
from inffeed_core.review.messages import Sent, receive
from inffeed_core.review.progress import Sitting, progress
from inffeed_core.review.revising import Revision, foretell, last_act, reverse, revise
from inffeed_core.store import AnswerFilter

IDS = ("s000", "s001", "s002")
SILVER = ("negative", "positive", "negative")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Ada relabelled s000, kept s001, was unsure of s002 and has a note; Bob relabelled s003."""
    made = make_reviewable(tmp_path / "p", Filling(silver=12))
    said = [
        Decision("a0", "s000", "Ada", Act.RELABEL, "positive", policy=POLICIES[0], suggested="positive"),
        Decision("a1", "s001", "Ada", Act.KEEP, "positive", policy="audit"),
        Decision("a2", "s002", "Ada", Act.UNSURE, note="Irony?", policy=POLICIES[0]),
        Decision("b3", "s003", "Bob", Act.RELABEL, "negative"),
    ]
    for one in said:
        review.decide(made, one)
    return made


def wish(*tokens: str, label: str | None = None, by: str = "Ada", token: str = "w") -> Revision:
    return Revision(tokens=tokens, annotator=by, token=token, label=label)


def labels(project: Project, *ids: str) -> list[tuple[str, bool]]:
    found = texts(project, ids)
    return [(found[id].label, found[id].confirmed) for id in ids]


def tokens(project: Project, viewer: str = "Ada", overlap: int = 1, **wanted: object) -> list[str]:
    with store.reading(project.db) as db:
        found = store.answered(db, AnswerFilter(**wanted), viewer, overlap)  # type: ignore[arg-type]
        assert store.count_answered(db, AnswerFilter(**wanted), viewer, overlap) == len(found)  # type: ignore[arg-type]
        return [one.decision.token for one in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["b3", "a2", "a1", "a0"]),
        ({"annotators": ("Ada",)}, ["a2", "a1", "a0"]),
        ({"acts": (Act.UNSURE, Act.KEEP)}, ["a2", "a1"]),
        ({"labels": ("positive",)}, ["a1", "a0"]),
        ({"changed": True}, ["b3", "a0"]),
        ({"changed": False}, ["a1"]),
        ({"note": "irony"}, ["a2"]),
        ({"note": "*"}, ["a2"]),
        ({"note": "%"}, []),
        ({"policies": ("audit", "")}, ["b3", "a1"]),
        ({"since": "2999"}, []),
    ],
)
def test_answers_are_found_by_what_they_say(project, wanted, found):
    assert tokens(project, **wanted) == found


def test_nobody_sees_what_others_say_of_a_text_that_they_are_to_answer(project):
    assert tokens(project, overlap=2) == ["a2", "a1", "a0"]
    assert tokens(project, "Bob", overlap=2) == ["b3"]
    review.decide(project, Decision("b0", "s000", "Bob", Act.KEEP, "negative"))
    assert tokens(project, overlap=2) == ["b0", "a2", "a1", "a0"]


def test_only_the_last_answer_of_each_is_listed(project):
    review.decide(project, Decision("a3", "s000", "Ada", Act.KEEP, "negative"))
    assert tokens(project, annotators=("Ada",)) == ["a3", "a2", "a1"]
    review.undo(project, "Ada", "u")
    assert tokens(project, annotators=("Ada",)) == ["a2", "a1", "a0"]


def test_another_label_for_many_is_one_act_and_undone_as_one(project):
    before = labels(project, *IDS)
    wanted = wish("a0", "a1", "a2", label="negative")
    told = [(one.before.label, one.after.label, one.after.confirmed) for one in foretell(project, wanted)]
    assert labels(project, *IDS) == before  # a preview stores nothing
    assert revise(project, wanted) == 3
    assert [(label, True) for _, label, _ in told] == labels(project, *IDS) == [("negative", True)] * 3
    assert revise(project, wanted) == 0  # it arrives once
    last = last_act(project, "Ada")
    assert last is not None
    assert (last.kind, last.label, last.count) == ("relabel", "negative", 3)
    assert reverse(project, "Ada", last.token, "back") == 3
    assert labels(project, *IDS) == before
    assert reverse(project, "Ada", last.token, "back") == 0


def test_the_key_for_undo_undoes_it_as_one_too(project):
    before = labels(project, *IDS)
    revise(project, wish("a0", "a1", "a2", label="negative"))
    undone = review.undo(project, "Ada", "z")
    assert undone is not None
    assert labels(project, *IDS) == before
    last = last_act(project, "Ada")
    assert last is not None
    assert (last.kind, last.count) == ("take-back", 3)
    reverse(project, "Ada", last.token, "again")
    assert labels(project, *IDS) == [("negative", True)] * 3


def test_what_is_taken_back_is_open_again_and_restored_as_one(project):
    before = labels(project, *IDS)
    wanted = wish("a0", "a1", "a2")
    told = [(one.after.label, one.after.confirmed) for one in foretell(project, wanted)]
    revise(project, wanted)
    assert told == labels(project, *IDS) == [(label, False) for label in SILVER]
    assert [i.flag.id for i in review.queue(project, limit=3)] == list(IDS)
    last = last_act(project, "Ada")
    assert last is not None
    assert reverse(project, "Ada", last.token, "back") == 3
    assert labels(project, *IDS) == before
    restored = tokens(project, annotators=("Ada",))
    with store.reading(project.db) as db:
        said = store.answered(db, AnswerFilter(tokens=tuple(restored)), "Ada", 1)
    assert [(one.decision.act, one.decision.note, one.decision.policy) for one in said] == [
        (Act.UNSURE, "Irony?", POLICIES[0]),
        (Act.KEEP, "", "audit"),
        (Act.RELABEL, "", POLICIES[0]),
    ]


def test_once_something_else_is_decided_an_act_is_no_longer_the_last(project):
    revise(project, wish("a0", "a1"))
    review.decide(project, Decision("a9", "s009", "Ada", Act.SKIP))
    assert last_act(project, "Ada") is None
    with pytest.raises(InvalidDecision, match="decided since"):
        reverse(project, "Ada", "w", "back")
    assert last_act(project, "Bob") is None  # one decision is no act about several


def test_others_answers_are_settled_and_never_taken_back(project):
    with pytest.raises(InvalidDecision, match="belongs to Bob"):
        revise(project, wish("a0", "b3"))
    assert tokens(project) == ["b3", "a2", "a1", "a0"]  # all or nothing
    revise(project, wish("a0", "b3", label="positive"))
    with store.reading(project.db) as db:
        found = store.answered(db, AnswerFilter(annotators=("Ada",)), "Ada", 1)
    settled = {one.decision.instance_id: one.decision.settles for one in found}
    assert (settled["s003"], settled["s000"]) == (True, False)
    assert labels(project, "s003") == [("positive", True)]


def test_what_was_undone_meanwhile_is_refused_whole(project):
    review.undo(project, "Ada", "u")  # a2
    for label in (None, "negative"):
        with pytest.raises(InvalidDecision, match="1 of the answers"):
            revise(project, wish("a0", "a2", label=label))
    with pytest.raises(InvalidDecision, match="All of the answers"):
        revise(project, wish(label="negative"))
    with pytest.raises(InvalidDecision, match="not a label"):
        foretell(project, wish("a0", label="mixed"))
    assert labels(project, "s000") == [("positive", True)]


def test_texts_are_opened_again_in_their_order_whatever_was_said_of_them(project):
    with store.reading(project.db) as db:
        only = FlagFilter(reopened=("s003", "s000", "t000"), since=store.last_decision_row(db))
    ada = Sitting("Ada", only=only)
    handed = take(project, ada, 10)
    assert [(i.flag.id, i.again, i.flag.rank) for i in handed.items] == [
        ("s003", True, 4),
        ("s000", True, 1),
        ("t000", True, 0),
    ]
    assert (progress(project, ada).done, progress(project, ada).open) == (0, 3)
    sent = [Sent(token=f"r{id}", id=id, act="relabel", label="negative", again=True) for id in ("s003", "t000")]
    receipt = receive(project, ada, [sent[0], sent[1]])
    assert (receipt.passed_on, receipt.refused) == ({}, {})
    assert (progress(project, ada).done, progress(project, ada).open) == (2, 1)
    assert [i.flag.id for i in take(project, ada, 10).items] == ["s000"]
