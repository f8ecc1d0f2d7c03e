"""The data set of a project as a list: its pages, and texts that occur twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Split
from inffeed_core.store import (
    count_by_split,
    count_paged,
    duplicates,
    find,
    instance_page,
    leaks,
    reading,
    remembered,
    search,
    second_texts,
)

FOUND_AT_MOST = 500
SHOWN_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Page:
    """Some instances in import order, or the best matches of a search."""

    rows: Sequence[Instance]
    total: int
    """How many there are on all pages."""


@dataclass(frozen=True, slots=True)
class Twins:
    """Two instances with equal texts."""

    left_out: str
    """Id of the instance that the fix would leave out."""
    kept: str
    text: str
    pair: str | None = None
    """The second text of the one left out."""


@dataclass(frozen=True, slots=True)
class Doubled:
    """Harmful duplicates. The lists hold the first SHOWN_AT_MOST."""

    duplicates: Sequence[Twins]
    total_duplicates: int
    leaks: Sequence[Twins]
    total_leaks: int


def browse(
    project: Project,
    splits: Sequence[Split],
    labels: Sequence[str],
    *,
    pairs: Sequence[str] = (),
    query: str = "",
    page: int = 0,
    size: int = 100,
) -> Page:
    """Page number `page` (from 0) of the instances in these splits with these current labels.

    `pairs` leaves only those with one of these second texts. With a query, pages of its FOUND_AT_MOST best matches
    instead.
    """
    with reading(project.db) as db:
        if query.strip():
            found = [i for i in search(db, query, FOUND_AT_MOST) if i.split in splits and i.label in labels]
            found = [i for i in found if not pairs or i.pair in pairs]
            return Page(found[page * size : (page + 1) * size], len(found))
        if pairs:
            total = count_paged(db, splits, labels, pairs)
        else:
            counts = count_by_split(db)
            total = sum(n for split in splits for label, n in counts[split].items() if label in labels)
        return Page(instance_page(db, splits, labels, offset=page * size, limit=size, pairs=pairs), total)


def targets(project: Project) -> list[str]:
    """The second texts to filter by; see `store.second_texts`."""
    with reading(project.db) as db:
        return second_texts(db)


def doubled(project: Project) -> Doubled:
    """Duplicates within a split, and train or silver texts that are also in validation or test."""
    return remembered(project.db, "doubled", lambda: _doubled(project))


def _doubled(project: Project) -> Doubled:
    with reading(project.db) as db:
        again = [(later, group[0]) for group in duplicates(db) for later in group[1:]]
        leaked = leaks(db)
        shown = again[:SHOWN_AT_MOST], leaked[:SHOWN_AT_MOST]
        known = find(db, sorted({id for pairs in shown for pair in pairs for id in pair}))
        lists = [
            [Twins(left_out=out, kept=kept, text=known[out].text, pair=known[out].pair) for out, kept in pairs]
            for pairs in shown
        ]
        return Doubled(duplicates=lists[0], total_duplicates=len(again), leaks=lists[1], total_leaks=len(leaked))
