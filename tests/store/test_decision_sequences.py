"""Whatever annotators do in whatever order, the store says what a list of standing decisions says."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    changed_since,
    create,
    history,
    instances,
    last_decision_row,
    record_decision,
    save_project_settings,
    undo_last,
    writing,
)

LABELS = ("a", "b", "c")
IDS = ("gold", "one", "two", "three")
ANNOTATORS = ("Ana", "Ben", "Cem", "Dee")

Label = tuple[str, bool, bool]
"""(current label, whether confirmed, whether disputed)."""


@dataclass
class Standing:
    """The simple model: decisions that stand, in order, and what the labels were after each event."""

    decisions: list[Decision] = field(default_factory=list)
    moments: list[dict[str, Label]] = field(default_factory=lambda: [{id: ("a", id == "gold", False) for id in IDS}])

    def take(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self._remember()

    def undo(self, annotator: str) -> Decision | None:
        own = [d for d in self.decisions if d.annotator == annotator]
        if not own:
            return None
        self.decisions.remove(own[-1])
        self._remember()
        return own[-1]

    def _remember(self) -> None:
        self.moments.append({id: self._label(id) for id in IDS})

    def _label(self, id: str) -> Label:
        given = self._votes(id)
        most = max((given.count(label) for label in given), default=0)
        best = {label for label in given if given.count(label) == most}
        if len(best) == 1:
            return best.pop(), True, False
        return "a", id == "gold" and not best, bool(best)

    def _votes(self, id: str) -> list[str]:
        """Of each annotator the last act, where it is a label; a settlement that is not withdrawn ends those before."""
        about = [d for d in self.decisions if d.instance_id == id]
        settled = [n for n, d in enumerate(about) if d.settles and not self._withdrawn(about[n:])]
        first = settled[-1] if settled else 0
        last = {d.annotator: n for n, d in enumerate(about)}
        return [about[n].label or "" for n in last.values() if n >= first and about[n].label]

    @staticmethod
    def _withdrawn(since: list[Decision]) -> bool:
        return any(d.annotator == since[0].annotator and not d.label for d in since)


labelled = st.tuples(st.sampled_from([Act.RELABEL, Act.KEEP]), st.sampled_from(LABELS), st.booleans())
unlabelled = st.tuples(st.sampled_from([Act.UNSURE, Act.SKIP, Act.FLAG]), st.none(), st.just(False))
decide = st.tuples(st.just("decide"), st.sampled_from(IDS), st.sampled_from(ANNOTATORS), labelled | unlabelled)
undo = st.tuples(st.just("undo"), st.sampled_from(ANNOTATORS))
resend = st.tuples(st.just("resend"), st.integers(0, 40))
sequences = st.lists(decide | undo | resend, max_size=40)


def filled(folder: str) -> Path:
    path = Path(folder) / "project.db"
    create(path)
    with writing(path) as db:
        save_project_settings(db, ProjectSettings("x", LABELS))
        splits = {"gold": Split.TRAIN}
        add_examples(db, [Example(id, id, "a", splits.get(id, Split.SILVER)) for id in IDS])
    return path


def play(db: Database, sequence: list[tuple[object, ...]]) -> Standing:
    model = Standing()
    sent: list[Decision] = []
    for n, event in enumerate(sequence):
        match event:
            case ("decide", str(id), str(annotator), (Act() as act, label, bool(settles))):
                sent.append(Decision(f"t{n}", id, annotator, act, label, settles=settles))
                assert record_decision(db, sent[-1])
                model.take(sent[-1])
            case ("undo", str(annotator)):
                expected = model.undo(annotator)
                for _ in range(2):  # the second is a resend of the same undo
                    undone = undo_last(db, annotator, f"u{n}")
                    assert (undone and undone.token) == (expected and expected.token)
                    if expected is None:
                        break
            case ("resend", int(k)) if sent:
                assert not record_decision(db, sent[k % len(sent)])
    return model


@settings(max_examples=60, deadline=None)
@given(sequences)
def test_the_store_agrees_with_a_list_of_standing_decisions(sequence: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, writing(filled(folder)) as db:
        model = play(db, sequence)
        last = len(model.moments) - 1
        assert last_decision_row(db) == last
        for row, labels in enumerate(model.moments):
            assert {i.id: (i.label, i.confirmed, i.disputed) for i in instances(db, as_of=row)} == labels
            assert changed_since(db, row) == sum(labels[id][:2] != model.moments[-1][id][:2] for id in IDS)
        assert {i.id: (i.label, i.confirmed, i.disputed) for i in instances(db)} == model.moments[-1]
        assert [d.token for d in history(db)] == [d.token for d in reversed(model.decisions)]
        for annotator in ANNOTATORS:
            own = [d.token for d in reversed(model.decisions) if d.annotator == annotator]
            assert [d.token for d in history(db, annotator)] == own
