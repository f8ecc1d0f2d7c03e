"""Decisions are append-only, arrive exactly once, and give every moment's labels."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlite_utils import Database

from inffeed_core.errors import InvalidDecision, UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Changes, Decision
from inffeed_core.store import (
    act_counts,
    changed_since,
    changes_since,
    decisions_about,
    exclude,
    history,
    instance,
    instances,
    last_decision_row,
    record_decision,
    under_discussion,
    undo_last,
    undo_token,
    undone_by,
    writing,
)


@pytest.fixture
def db(project: Project) -> Iterator[Database]:
    """An open write transaction on the small project."""
    with writing(project.db) as db:
        yield db


def relabel(token: str, id: str = "silver-3", label: str = "positive", annotator: str = "Ana") -> Decision:
    return Decision(token, id, annotator, Act.RELABEL, label)


def test_a_relabel_changes_the_current_label_only(db: Database) -> None:
    assert record_decision(db, relabel("t1"))
    now = instance(db, "silver-3")
    assert (now.original_label, now.label, now.confirmed, now.annotator) == ("negative", "positive", True, "Ana")
    assert now.decided_at is not None
    assert now.decided_at.endswith("Z")


@pytest.mark.parametrize("act", [Act.UNSURE, Act.SKIP, Act.FLAG])
def test_acts_without_a_label_leave_the_label_unconfirmed(db: Database, act: Act) -> None:
    record_decision(db, Decision("t1", "silver-3", "Ana", act, note="hm"))
    assert not instance(db, "silver-3").confirmed
    assert [d.note for d in decisions_about(db, "silver-3")] == ["hm"]


def test_the_last_labelling_decision_counts_whoever_took_it(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, Decision("t2", "silver-3", "Ben", Act.KEEP, "negative"))
    record_decision(db, Decision("t3", "silver-3", "Ana", Act.UNSURE))
    assert (instance(db, "silver-3").label, instance(db, "silver-3").annotator) == ("negative", "Ben")


def test_gold_can_be_corrected_too(db: Database) -> None:
    record_decision(db, relabel("t1", "train-0"))
    assert instance(db, "train-0").label == "positive"


def test_a_token_arrives_once(db: Database) -> None:
    assert record_decision(db, relabel("t1"))
    assert not record_decision(db, relabel("t1"))
    assert not record_decision(db, replace(relabel("t1"), label="negative"))
    assert instance(db, "silver-3").label == "positive"
    assert last_decision_row(db) == 1


def test_undo_gives_back_the_label_before(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2", label="negative"))
    undone = undo_last(db, "Ana", "u1")
    assert undone is not None
    assert undone.token == "t2"
    assert instance(db, "silver-3").label == "positive"
    assert undo_token(db, "t1", "Ana", "u2").token == "t1"
    assert (instance(db, "silver-3").label, instance(db, "silver-3").confirmed) == ("negative", False)
    assert undo_last(db, "Ana", "u3") is None
    assert [d.act for d in decisions_about(db, "silver-3")] == [Act.RELABEL, Act.RELABEL, Act.UNDO, Act.UNDO]
    assert history(db) == []


def test_an_undo_sent_twice_undoes_once(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2", "silver-10"))
    first, again = undo_last(db, "Ana", "u1"), undo_last(db, "Ana", "u1")
    assert first == again == undone_by(db, "u1")
    assert last_decision_row(db) == 3
    assert [d.token for d in history(db)] == ["t1"]


def test_undo_is_for_ones_own_standing_decisions(db: Database) -> None:
    record_decision(db, relabel("t1"))
    assert undo_last(db, "Ben", "u0") is None
    with pytest.raises(InvalidDecision, match="belongs to Ana"):
        undo_token(db, "t1", "Ben", "u1")
    with pytest.raises(InvalidDecision, match="about 'silver-3'"):
        record_decision(db, Decision("u1", "silver-10", "Ana", Act.UNDO, undoes="t1"))
    undo_token(db, "t1", "Ana", "u2")
    with pytest.raises(InvalidDecision, match="has already been undone"):
        undo_token(db, "t1", "Ana", "u3")
    with pytest.raises(InvalidDecision, match="not have been saved"):
        undo_token(db, "nothing", "Ana", "u4")
    with pytest.raises(InvalidDecision, match="has already been undone"):  # an undo is undone by deciding again
        undo_token(db, "u2", "Ana", "u5")


def test_a_decision_about_an_instance_excluded_since_can_still_be_undone(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2", "silver-10"))
    exclude(db, ["silver-10"], "duplicate")
    assert undo_last(db, "Ana", "u1") is not None
    assert undo_last(db, "Ana", "u2") is not None
    assert instance(db, "silver-3").label == "negative"


@pytest.mark.parametrize(
    ("decision", "error", "words"),
    [
        (relabel("t", id="nobody"), UnknownInstance, "nobody"),
        (relabel("t", label="neutral"), InvalidDecision, "choose one of negative, positive"),
        (relabel("t", annotator="  "), InvalidDecision, "annotator"),
        (relabel(""), InvalidDecision, "token"),
        (replace(relabel("t"), label=None), InvalidDecision, "not a label"),
        (Decision("t", "silver-3", "Ana", Act.SKIP, "positive"), InvalidDecision, "carries no label"),
        (Decision("t", "silver-3", "Ana", Act.UNDO), InvalidDecision, "Nothing to undo"),
    ],
)
def test_decisions_that_make_no_sense_are_refused(
    db: Database, decision: Decision, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        record_decision(db, decision)
    assert last_decision_row(db) == 0


@pytest.mark.parametrize("sql", ["UPDATE decision SET label = 'negative'", "DELETE FROM decision"])
def test_decisions_can_be_neither_changed_nor_deleted(db: Database, sql: str) -> None:
    record_decision(db, relabel("t1"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.conn.execute(sql)


def test_labels_as_of_a_row(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2", "silver-10", "negative"))
    undo_token(db, "t1", "Ana", "u1")

    def label(row: int | None) -> str:
        return next(i.label for i in instances(db, as_of=row) if i.id == "silver-3")

    assert [label(0), label(1), label(2), label(3), label(None)] == ["negative", "positive", "positive"] + [
        "negative"
    ] * 2


def test_changed_since_counts_instances_not_decisions(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2"))
    record_decision(db, Decision("t3", "silver-5", "Ana", Act.SKIP))
    assert changed_since(db, 0) == 1
    assert changed_since(db, 1) == 0
    record_decision(db, Decision("t4", "silver-6", "Ana", Act.KEEP, "negative"))
    assert changed_since(db, 0) == 2  # a confirmed label is a change, for it is no longer silver
    undo_token(db, "t4", "Ana", "u1")
    undo_token(db, "t2", "Ana", "u2")
    undo_token(db, "t1", "Ana", "u3")
    assert changed_since(db, 0) == 0
    assert changed_since(db, 1) == 1


def test_counts_leave_undone_decisions_out(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, relabel("t2", annotator="Ben"))
    record_decision(db, Decision("t3", "silver-5", "Ben", Act.SKIP))
    record_decision(db, relabel("t4"))
    undo_last(db, "Ana", "u1")
    assert act_counts(db) == {Act.RELABEL: 2, Act.SKIP: 1}
    assert [d.token for d in history(db, "Ben")] == ["t3", "t2"]
    assert [d.token for d in history(db, "Ana")] == ["t1"]
    assert len(history(db, limit=2)) == 2


def votes(db: Database, *given: tuple[str, str | None], act: Act = Act.UNSURE) -> tuple[str, bool, bool]:
    """Let each annotator (their initial) give a label, or this act for None; tells (label, confirmed, disputed)."""
    for annotator, label in given:
        token = f"t{last_decision_row(db)}"
        record_decision(db, Decision(token, "silver-3", annotator, Act.RELABEL if label else act, label))
    now = instance(db, "silver-3")
    return now.label, now.confirmed, now.disputed


SILENT = (Act.UNSURE, Act.SKIP, Act.FLAG)
NEG, POS = "negative", "positive"  # silver-3 was imported as negative
OPEN, DISPUTED = (NEG, False, False), (NEG, False, True)


@pytest.mark.parametrize("act", SILENT)
def test_an_act_without_a_label_withdraws_ones_vote_and_its_undo_brings_it_back(db: Database, act: Act) -> None:
    assert votes(db, ("Ana", POS)) == (POS, True, False)
    assert votes(db, ("Ana", None), act=act) == OPEN
    assert (instance(db, "silver-3").annotator, instance(db, "silver-3").decided_at) == (None, None)
    undo_last(db, "Ana", "u1")
    assert votes(db) == (POS, True, False)
    undo_last(db, "Ana", "u2")
    assert votes(db) == OPEN


@pytest.mark.parametrize("act", SILENT)
def test_a_label_after_an_act_without_one_counts_and_its_undo_withdraws_it_again(db: Database, act: Act) -> None:
    assert votes(db, ("Ana", NEG), ("Ana", None), ("Ana", POS), act=act) == (POS, True, False)
    undo_last(db, "Ana", "u1")
    assert votes(db) == OPEN


def test_nobody_withdraws_the_vote_of_another(db: Database) -> None:
    assert votes(db, ("Ana", POS), ("Ben", None)) == (POS, True, False)
    assert votes(db, ("Ben", NEG)) == DISPUTED
    assert votes(db, ("Ben", None)) == (POS, True, False)
    assert votes(db, ("Ana", None)) == OPEN


@pytest.mark.parametrize(
    "given",
    [
        [("Ana", POS), ("Ben", NEG)],
        [("Ana", NEG), ("Ben", POS)],
        [("Ana", POS), ("Ben", POS), ("Cem", NEG), ("Dee", NEG)],
        [("Ana", POS), ("Ben", POS), ("Cem", NEG), ("Ben", NEG), ("Cem", None)],
        [("Ana", POS), ("Ben", POS), ("Ben", NEG)],
    ],
)
def test_a_tie_is_disputed_whoever_spoke_last(db: Database, given: list[tuple[str, str | None]]) -> None:
    assert votes(db, *given) == DISPUTED
    assert under_discussion(db) == ["silver-3"]
    assert (instance(db, "silver-3").annotator, instance(db, "silver-3").decided_at) == (None, None)


def test_a_third_vote_a_change_of_mind_or_an_undo_ends_a_tie(db: Database) -> None:
    assert votes(db, ("Ana", POS), ("Ben", NEG), ("Cem", POS)) == (POS, True, False)
    assert under_discussion(db) == ["silver-3"]  # one of three still says otherwise
    undo_last(db, "Cem", "u1")
    assert votes(db) == DISPUTED
    assert votes(db, ("Ben", POS)) == (POS, True, False)
    assert under_discussion(db) == []
    undo_last(db, "Ben", "u2")
    assert votes(db) == DISPUTED
    undo_last(db, "Ben", "u3")
    assert votes(db) == (POS, True, False)


def test_a_tie_over_gold_leaves_it_unconfirmed_until_it_is_settled(db: Database) -> None:
    record_decision(db, relabel("t1", "train-0"))
    record_decision(db, relabel("t2", "train-0", "negative", "Ben"))
    now = instance(db, "train-0")
    assert (now.label, now.confirmed, now.disputed) == (now.original_label, False, True)
    record_decision(db, replace(relabel("t3", "train-0", annotator="Cem"), settles=True))
    now = instance(db, "train-0")
    assert (now.label, now.confirmed, now.disputed) == ("positive", True, False)


def test_a_settlement_that_its_annotator_withdraws_opens_the_dispute_again(db: Database) -> None:
    votes(db, ("Ana", POS), ("Ben", NEG))
    record_decision(db, replace(relabel("s", annotator="Cem"), settles=True))
    assert (votes(db), under_discussion(db)) == ((POS, True, False), [])
    assert votes(db, ("Cem", None)) == DISPUTED
    assert under_discussion(db) == ["silver-3"]
    assert votes(db, ("Cem", NEG)) == (NEG, True, False)  # with Ben's: two of three


def test_a_vote_against_a_settlement_ties_with_it(db: Database) -> None:
    votes(db, ("Ana", POS), ("Ben", NEG))
    record_decision(db, replace(relabel("s", annotator="Cem"), settles=True))
    assert votes(db, ("Ana", NEG)) == DISPUTED
    undo_last(db, "Ana", "u1")
    assert votes(db) == (POS, True, False)


@pytest.mark.parametrize("after", [[], [("Ana", POS)], [("Ana", None)]])
def test_a_mark_for_discussion_stands_until_whoever_made_it_says_otherwise(
    db: Database, after: list[tuple[str, str | None]]
) -> None:
    votes(db, ("Ana", None), ("Ben", POS), act=Act.FLAG)
    assert under_discussion(db) == ["silver-3"]
    votes(db, *after)
    assert under_discussion(db) == ([] if after else ["silver-3"])


def test_changes_are_told_by_what_they_are(db: Database) -> None:
    record_decision(db, relabel("t1"))
    record_decision(db, Decision("t2", "silver-6", "Ana", Act.KEEP, "negative"))
    record_decision(db, relabel("t3", "train-0"))
    assert changes_since(db, 0) == Changes(corrected=2, confirmed=1, withdrawn=0)
    learned = last_decision_row(db)
    record_decision(db, Decision("t4", "silver-6", "Ana", Act.UNSURE))
    record_decision(db, relabel("t5", label="negative", annotator="Ben"))
    assert changes_since(db, learned) == Changes(corrected=0, confirmed=0, withdrawn=2)
    assert changes_since(db, 0) == Changes(corrected=1, confirmed=0, withdrawn=0)


def test_acts_are_counted_as_they_stand_now(db: Database) -> None:
    votes(db, ("Ana", POS), ("Ana", None), ("Ben", POS))
    assert act_counts(db) == {Act.RELABEL: 1, Act.UNSURE: 1}
