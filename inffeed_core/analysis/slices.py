"""Where a model errs most: macro-F1 on slices of the validation gold, and what repairing the silver there would bring.

A slice is all texts with one value of one metadatum, all of about one length, or all of one of two labels. Its macro-F1
has a bootstrap interval, since slices are small; its wrong silver labels are counted by the analysis's own probability
that each is wrong (`store.stopping.CHANCE`), so they are expected, not found. Only validation gold is used: test gold
steers nothing, not even what is looked at next.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np

from inffeed_core import store
from inffeed_core.data.table import as_text
from inffeed_core.errors import NotReady
from inffeed_core.models.metrics import macro_f1_interval
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Interval, Split
from inffeed_core.store.silver_chances import SilverChance, silver_chances

SliceKind = Literal["metadata", "length", "labels"]
SLICE_KINDS: tuple[SliceKind, ...] = get_args(SliceKind)
FEWEST = 10
"""Validation texts of a slice: the score of fewer says next to nothing."""
MOST_VALUES = 30
"""Values of a metadatum; one with more tells texts apart, not groups of them."""
LENGTHS = 4
"""Groups of lengths, with about as many validation texts each."""
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice of the texts."""

    kind: SliceKind
    name: str
    """The metadatum; "" for the other kinds."""
    value: str
    """Its value, the lengths in characters ("0–45"), or the two labels ("a / b")."""
    texts: int
    """Of validation."""
    errors: int
    """How many of these the model predicts wrongly."""
    macro_f1: Interval
    """Of the classes with gold there, with a 95 % bootstrap interval."""
    silver: int
    """Silver texts that nobody has confirmed."""
    wrong: float
    """How many of their labels are expected to be wrong."""
    gain: float
    """How much of the validation loss, in nats, their suggested labels are predicted to take off, each weighed by its
    probability."""
    listed: tuple[str, ...]
    """Ids of its first texts: the validation errors, then the silver ones, likeliest wrong first."""


@dataclass(frozen=True, slots=True)
class _Texts:
    gold: Sequence[Instance]
    predicted: Mapping[str, str]
    silver: Sequence[Instance]
    chances: Mapping[str, SilverChance]
    labels: Sequence[str]


_Test = Callable[[Instance], bool]


def slices(project: Project) -> list[Slice]:
    """The slices of the analysis in use, worst macro-F1 first. Raises NotReady without one."""
    known = _read(project)
    found = [
        _slice(known, kind, name, value, belongs)
        for kind, name, value, belongs in (*_by_metadata(known), *_by_length(known), *_by_labels(known))
    ]
    return sorted((one for one in found if one is not None), key=lambda one: (one.macro_f1.value, one.kind, one.value))


def _read(project: Project) -> _Texts:
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        if analysis is None:
            raise NotReady("There is no analysis yet; train a model first (`inffeed train`, or the Models page).")
        gold = [one for one in store.instances(db, [Split.VALIDATION]) if not one.disputed]
        rows = store.scored(db, analysis.id, [one.id for one in gold])
        chances = {one.instance: one for one in silver_chances(db, analysis.id)}
        silver = [one for one in store.instances(db, [Split.SILVER]) if not one.confirmed and one.id in chances]
        labels = store.project_settings(db).labels
    predicted = {row.instance: row.predicted for row in rows if row.predicted in labels}
    return _Texts(
        gold=[one for one in gold if one.id in predicted],
        predicted=predicted,
        silver=silver,
        chances=chances,
        labels=labels,
    )


def _by_metadata(known: _Texts) -> Iterable[tuple[SliceKind, str, str, _Test]]:
    values: dict[str, set[str]] = defaultdict(set)
    for one in known.gold:
        for name, value in one.metadata.items():
            if value is not None and not name.startswith("inffeed:"):
                values[name].add(as_text(value))
    for name, its in values.items():
        if 1 < len(its) <= MOST_VALUES:
            for value in sorted(its):
                yield "metadata", name, value, _having(name, value)


def _having(name: str, value: str) -> _Test:
    return lambda one: one.metadata.get(name) is not None and as_text(one.metadata[name]) == value


def _by_length(known: _Texts) -> Iterable[tuple[SliceKind, str, str, _Test]]:
    """Characters rather than words, which some scripts do not part."""
    if len(known.gold) < LENGTHS * FEWEST:
        return
    sizes = np.array([_length(one) for one in known.gold])
    ends = sorted({int(end) for end in np.quantile(sizes, np.arange(1, LENGTHS) / LENGTHS, method="lower")})
    for low, high in zip((0, *(end + 1 for end in ends)), (*ends, None), strict=True):
        value = f"{low}–{high}" if high is not None else f"{low}–"
        yield "length", "", value, _between(low, high)


def _length(one: Instance) -> int:
    return len(one.text) + len(one.pair or "")


def _between(low: int, high: int | None) -> _Test:
    return lambda one: low <= _length(one) and (high is None or _length(one) <= high)


def _by_labels(known: _Texts) -> Iterable[tuple[SliceKind, str, str, _Test]]:
    """Pairs of labels that the model takes for each other at least once; of two labels the pair is everything."""
    if len(known.labels) < 3:
        return
    confused = {frozenset((one.label, known.predicted[one.id])) for one in known.gold}
    for pair in combinations(known.labels, 2):
        if frozenset(pair) in confused:
            yield "labels", "", " / ".join(pair), _labelled(*pair)


def _labelled(*pair: str) -> _Test:
    return lambda one: one.label in pair


def _slice(known: _Texts, kind: SliceKind, name: str, value: str, belongs: _Test) -> Slice | None:
    """None where too few validation texts belong to it."""
    gold = [one for one in known.gold if belongs(one)]
    if len(gold) < FEWEST:
        return None
    number = {label: n for n, label in enumerate(known.labels)}
    truth = np.array([number[one.label] for one in gold])
    guessed = np.array([number[known.predicted[one.id]] for one in gold])
    silver = [one for one in known.silver if belongs(one)]
    chances = {one.id: known.chances[one.id] for one in silver}
    errors = [one.id for one, right in zip(gold, truth == guessed, strict=True) if not right]
    likeliest = sorted(chances, key=lambda id: (-chances[id].wrong, id))
    return Slice(
        kind=kind,
        name=name,
        value=value,
        texts=len(gold),
        errors=len(errors),
        macro_f1=macro_f1_interval(guessed, truth, len(known.labels)),
        silver=len(silver),
        wrong=sum(one.wrong for one in chances.values()),
        gain=sum(one.gain for one in chances.values()),
        listed=tuple((errors + likeliest)[:MOST_LISTED]),
    )
