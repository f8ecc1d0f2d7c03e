"""What sources say, as columns of an export: so many for each source as there is something to tell.

A project in which every silver text has one label of a source without a record needs none: the columns `original_label`
and `source` say it all.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlite_utils import Database

from inffeed_core.data.silver_columns import ANSWER, AT, CONFIDENCE, SILVER, SOURCES
from inffeed_core.data.table import Cell, Kind
from inffeed_core.project.sources import described
from inffeed_core.records import SilverLabel, Split
from inffeed_core.store import one_label_says_all, silver_labels, silver_parts

_PARTS = {CONFIDENCE: Kind.NUMBER, ANSWER: Kind.TEXT, AT: Kind.TEXT}


class SourceColumns:
    """The columns, and their cells for one text after the other in the order of import."""

    def __init__(self, db: Database, splits: Sequence[Split]) -> None:
        parts = {} if one_label_says_all(db) else silver_parts(db)
        self.kinds: dict[str, Kind] = {}
        for name, told in parts.items():
            self.kinds[f"{SILVER}:{name}"] = Kind.TEXT
            self.kinds |= {f"{part}:{name}": kind for part, kind in _PARTS.items() if part in told}
        self.kinds |= {SOURCES: Kind.TEXT} if parts else {}
        self._first = described(db) if parts else None
        self._said = _by_text(silver_labels(db, splits)) if parts else iter(())
        self._next = next(self._said, None)

    def cells(self, id: str) -> list[Cell]:
        """Those of this text, which comes after all that were asked for before."""
        labels: list[SilverLabel] = []
        if self._next is not None and self._next[0] == id:
            labels, self._next = self._next[1], next(self._said, None)
        told: dict[str, Cell] = {SOURCES: self._first}
        self._first = None
        for one in labels:
            parts = {SILVER: one.label, CONFIDENCE: one.confidence, ANSWER: one.answer or None, AT: one.at or None}
            told |= {f"{part}:{one.source}": cell for part, cell in parts.items()}
        return [told.get(column) for column in self.kinds]


def _by_text(labels: Iterator[SilverLabel]) -> Iterator[tuple[str, list[SilverLabel]]]:
    return ((id, list(said)) for id, said in groupby(labels, key=lambda one: one.instance_id))
