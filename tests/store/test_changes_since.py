"""What has changed since a decision, counted at once, is what a comparison of the two states finds."""

import random

import pytest

from inffeed_core import store
from inffeed_core.records import Act, Changes, Decision

LABELS = ("negative", "positive")


def compared(db, row: int) -> Changes:
    before = {i.id: i for i in store.instances(db, as_of=row)}
    kinds = []
    for now in store.instances(db):
        then = before[now.id]
        if (then.label, then.confirmed) == (now.label, now.confirmed):
            continue
        lost = then.confirmed and not now.confirmed
        kinds.append("withdrawn" if lost else "corrected" if then.label != now.label else "confirmed")
    return Changes(*(kinds.count(kind) for kind in ("corrected", "confirmed", "withdrawn")))


@pytest.mark.parametrize("seed", range(4))
def test_changes_are_those_of_a_comparison(reviewable_project, seed):
    chance = random.Random(seed)
    given: list[Decision] = []
    with store.writing(reviewable_project.db) as db:
        for n in range(60):
            id = chance.choice([f"s{chance.randrange(40):03}", f"t{chance.randrange(12):03}"])
            who = chance.choice(["Ada", "Bob", "Cem"])
            act = chance.choice([Act.RELABEL, Act.KEEP, Act.UNSURE, Act.SKIP, Act.UNDO, Act.LEAVE_OUT])
            if act is Act.UNDO:
                store.undo_last(db, who, f"d{n}")
            elif store.find(db, [id]):
                label = chance.choice(LABELS) if act in (Act.RELABEL, Act.KEEP) else None
                given.append(Decision(token=f"d{n}", instance_id=id, annotator=who, act=act, label=label))
                store.record_decision(db, given[-1])
        for row in (0, 1, 10, 30, store.last_decision_row(db)):
            assert store.changes_since(db, row) == compared(db, row)
