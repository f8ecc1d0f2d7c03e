"""Feedback in the store: never about held-out texts, one act, undone exactly, and never over somebody's decision."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from inffeed_core.errors import InvalidDecision, NotReady
from inffeed_core.records import Act, Decision, Example, ModelVersion, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    add_proposals,
    add_version,
    apply_proposals,
    audit_counts,
    count_by_split,
    create,
    exposure,
    feedback_acts,
    history,
    instance,
    instances,
    last_decision_row,
    proposal_set,
    proposals,
    record_decision,
    save_project_settings,
    still_open,
    undo_feedback,
    undo_last,
    voters,
    writing,
)
from inffeed_core.store.flags import Viewer
from inffeed_core.store.proposals import ProposalState

LABELS = ("a", "b", "c")
SPLITS = {"gold": Split.TRAIN, "dev": Split.VALIDATION, "held": Split.TEST}
IDS = ("gold", "one", "two", "three")
PEOPLE = ("Ana", "Ben", "Cem")
PROPOSED = [("gold", "b"), ("one", "c"), ("two", None)]
"""Three is not proposed about."""


def filled(folder: str | Path) -> Path:
    path = Path(folder) / "project.db"
    create(path)
    with writing(path) as db:
        save_project_settings(db, ProjectSettings("x", LABELS))
        add_examples(db, [Example(id, id, "a", SPLITS.get(id, Split.SILVER)) for id in (*IDS, "dev", "held")])
        add_version(db, ModelVersion("v1", None, "", "none", "", "", 0, {}, 0, {}, None, None))
    return path


def propose(db: Database, wanted=PROPOSED) -> int:
    rows = [(id, instance(db, id).label, label, 0.5) for id, label in wanted]
    cast = {id: [("gold", "a", -0.2, "a", -0.2), ("two", "a", 0.1, "a", 0.1)] for id, _ in wanted if id == "one"}
    return add_proposals(db, "v1", last_decision_row(db), {"method": "discard"}, rows, cast)


def labels(db: Database) -> dict[str, tuple[str, bool]]:
    return {i.id: (i.label, i.confirmed) for i in instances(db)}


@pytest.fixture
def db(tmp_path: Path):
    with writing(filled(tmp_path)) as open_db:
        yield open_db


def apply(db: Database, set_id: int, ids=IDS, annotator="Ana", token="act"):
    return apply_proposals(db, proposal_set(db, set_id), ids, annotator, token)


def states(db: Database, set_id: int) -> dict[str, ProposalState]:
    return {one.id: one.state for one in proposals(db, proposal_set(db, set_id))}


@pytest.mark.parametrize("id", ["dev", "held"])
def test_validation_and_test_are_never_proposed_about(db: Database, id: str):
    with pytest.raises(sqlite3.IntegrityError, match="never touches validation and test"):
        add_proposals(db, "v1", 0, {}, [(id, "a", "b", 1.0)], {})


def test_a_set_is_read_as_it_was_stored(db: Database):
    found = proposal_set(db, propose(db))
    assert (found.version, found.as_of_decision, found.size) == ("v1", 0, 3)
    assert [(p.rank, p.id, p.split, p.proposed, p.state) for p in proposals(db, found)] == [
        (1, "gold", Split.TRAIN, "b", "open"),
        (2, "one", Split.SILVER, "c", "open"),
        (3, "two", Split.SILVER, None, "open"),
    ]
    assert [(v.id, v.influence, v.vote, v.weight) for v in voters(db, found.id, "one")] == [
        ("gold", -0.2, "a", -0.2),
        ("two", 0.1, "a", 0.1),
    ]
    later = propose(db)
    assert (proposal_set(db).id, proposal_set(db, found.id)) == (later, found)
    with pytest.raises(NotReady, match="no set of proposals 7"):
        proposal_set(db, 7)


def test_applying_is_one_act_that_arrives_once_and_is_undone_as_one(db: Database):
    set_id, before = propose(db), labels(db)
    act = apply(db, set_id)
    assert (act.relabelled, act.left_out, act.undone) == (2, 1, False)
    assert labels(db) == {k: v for k, v in before.items() if k != "two"} | {"gold": ("b", True), "one": ("c", True)}
    assert apply(db, set_id) == act
    assert set(states(db, set_id).values()) == {ProposalState.APPLIED}
    undone = undo_feedback(db, "act", "Ana")
    assert (undone.relabelled, undone.left_out, undone.undone) == (2, 1, True)
    assert labels(db) == before
    assert set(states(db, set_id).values()) == {ProposalState.OPEN}
    assert apply(db, set_id, token="again").relabelled == 2
    assert [a.token for a in feedback_acts(db)] == ["again", "act"]


def test_only_what_is_chosen_and_open_is_applied(db: Database):
    set_id = propose(db)
    record_decision(db, Decision("t", "one", "Ben", Act.KEEP, "a"))  # Ben has looked since, and keeps it
    assert states(db, set_id)["one"] is ProposalState.OVERTAKEN
    apply(db, set_id, ["one", "gold", "three"])
    assert labels(db) == {k: ("a", k in ("gold", "one", "dev", "held")) for k in labels(db)} | {"gold": ("b", True)}
    with pytest.raises(InvalidDecision, match="None of the 2 chosen proposals"):
        apply(db, set_id, ["one", "gold"], token="more")
    with pytest.raises(InvalidDecision, match="give a name"):
        apply(db, set_id, annotator=" ", token="more")


def test_it_outvotes_what_was_said_before_and_yields_to_what_is_said_after(db: Database):
    for person in PEOPLE:
        record_decision(db, Decision(f"{person}", "one", person, Act.KEEP, "a"))
    apply(db, propose(db), ["one"])
    assert instance(db, "one").label == "c"
    record_decision(db, Decision("later", "one", "Ben", Act.RELABEL, "b"))
    assert instance(db, "one").label == "b"
    undo_feedback(db, "act", "Ana")
    assert instance(db, "one").label == "a"  # Ana and Cem against Ben


def test_an_act_is_undone_by_whoever_applied_it_and_once(db: Database):
    apply(db, propose(db))
    with pytest.raises(InvalidDecision, match="only they can undo it"):
        undo_feedback(db, "act", "Ben")
    with pytest.raises(InvalidDecision, match="No feedback was applied as 'other'"):
        undo_feedback(db, "other", "Ana")
    undo_feedback(db, "act", "Ana")
    with pytest.raises(InvalidDecision, match="already been undone"):
        undo_feedback(db, "act", "Ana")


def test_feedback_is_no_answer(db: Database):
    """It changes labels, but nobody has read the texts: they stay open, in the audit, and out of somebody's day."""
    audited = audit_counts(db)
    apply(db, propose(db, [("gold", "b"), ("one", "c"), ("three", "b")]))
    assert still_open(db, ["one", "three"], Viewer("Ana")) == {"one", "three"}
    assert audit_counts(db) == audited
    assert exposure(db, "Ana", "").texts == 0
    assert history(db, "Ana", with_parts=False) == []
    assert undo_last(db, "Ana", "u") is None
    assert instance(db, "one").label == "c"


decide = st.tuples(
    st.just("decide"), st.sampled_from(IDS), st.sampled_from(PEOPLE), st.sampled_from([*LABELS, None]), st.booleans()
)
undo = st.tuples(st.just("undo"), st.sampled_from(PEOPLE))
events = st.lists(decide | undo, max_size=12)


def play(db: Database, name: str, sequence: list[tuple[object, ...]], spared: set[str]) -> None:
    """What people do meanwhile; texts in `spared` cannot be decided on, because they are left out."""
    for n, event in enumerate(sequence):
        match event:
            case ("decide", str(id), str(person), label, bool(settles)) if id not in spared:
                act = Act.SKIP if label is None else Act.RELABEL
                decision = Decision(f"{name}{n}", id, person, act, label, settles=settles and label is not None)
                record_decision(db, decision)
            case ("undo", str(person)):
                undo_last(db, person, f"{name}{n}")


@settings(max_examples=25, deadline=None)
@given(events, events, events, st.sampled_from(PEOPLE))
def test_after_the_undo_everything_is_as_if_the_act_had_never_been(before, between, after, person):
    """Labels, confirmations and counts agree with a project in which nobody ever applied anything."""
    found = []
    for applying in (True, False):
        with tempfile.TemporaryDirectory() as folder, writing(filled(folder)) as db:
            play(db, "before", before, set())
            set_id = propose(db, [(id, label) for id, label in PROPOSED if instance(db, id).label != label])
            at_start = labels(db)
            if applying:
                apply(db, set_id, annotator=person)
            play(db, "between", between, {"two"})
            if applying:
                undo_feedback(db, "act", person)
            if not between:
                assert labels(db) == at_start
            play(db, "after", after, set())
            found.append((labels(db), count_by_split(db)))
    assert found[0] == found[1]
