"""The labels of a project as they change: every change is one row, made whole and undone whole.

A class keeps its number for life, whatever it is called. A version knows the classes that there were when it was
trained; if they are others today, its figures can be read, but nothing is computed from it until somebody retrains.
A rename and a merge rewrite the labels that are stored. Which rows had a merged label is kept in `relabelled`, so the
undo restores them, while what annotators decided since then stays.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from sqlite_utils import Database

from inffeed_core.errors import NotReady
from inffeed_core.store.clock import now
from inffeed_core.store.instances import project_settings, save_project_settings
from inffeed_core.store.jobs import open_jobs


class LabelAct(StrEnum):
    """What can be done to the labels of a project."""

    ADD = "add"
    RENAME = "rename"
    MERGE = "merge"
    RETIRE = "retire"
    RESTORE = "restore"
    REORDER = "reorder"
    DESCRIBE = "describe"
    KEY = "key"
    COLOUR = "colour"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels at one moment, as `ProjectSettings` has them, with the number of each class for life."""

    labels: tuple[str, ...]
    classes: tuple[int, ...]
    next_class: int
    """The number of the next label that is added: none is given twice."""
    label_order: tuple[str, ...]
    retired: tuple[str, ...]
    descriptions: Mapping[str, str]
    model_labels: Mapping[str, str]
    keys: Mapping[str, int] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `json.dumps` on `asdict`."""
        told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
        return cls(**told)

    def named(self, old: str, new: str) -> Self:
        """With this name in place of the other."""

        def each(labels: Sequence[str]) -> tuple[str, ...]:
            return tuple(new if label == old else label for label in labels)

        return replace(
            self,
            labels=each(self.labels),
            label_order=each(self.label_order),
            retired=each(self.retired),
            descriptions={new if label == old else label: said for label, said in self.descriptions.items()},
            model_labels={its: new if label == old else label for its, label in self.model_labels.items()},
            keys={new if label == old else label: key for label, key in self.keys.items()},
            colours={new if label == old else label: colour for label, colour in self.colours.items()},
        )

    def without(self, label: str) -> Self:
        """Without this label; a classifier's own label that stood for it stands for none."""
        at = self.labels.index(label)
        return replace(
            self,
            labels=self.labels[:at] + self.labels[at + 1 :],
            classes=self.classes[:at] + self.classes[at + 1 :],
            label_order=tuple(one for one in self.label_order if one != label),
            retired=tuple(one for one in self.retired if one != label),
            descriptions={one: said for one, said in self.descriptions.items() if one != label},
            model_labels={its: one for its, one in self.model_labels.items() if one != label},
            keys={one: key for one, key in self.keys.items() if one != label},
            colours={one: colour for one, colour in self.colours.items() if one != label},
        )


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One act on the labels, as it was recorded."""

    n: int
    act: LabelAct
    label: str
    """The label that it is about; of an undo, that of the act that it undoes; "" for an order."""
    into: str
    """The new name, the label that took the other in, the chosen key or colour; "" for other acts."""
    texts: int
    """How many texts carried the label then."""
    by: str
    at: str
    undone: bool


class _Place(NamedTuple):
    """A column that holds labels, with the columns that identify its rows."""

    table: str
    column: str
    key: str


_PLACES = tuple(
    _Place(table, column, key)
    for table, columns, key in (
        ("instance", ("label",), "n"),
        ("decision", ("label", "suggested"), "n"),
        ("silver_label", ("label",), "instance, source"),
        ("proposal", ("label", "proposed"), "proposal_set, rank"),
        ("voter", ("label", "vote"), "proposal_set, target, rank"),
        ("score", ("label", "predicted", "suggested", "decided"), "analysis, instance"),
    )
    for column in columns
)
_SCHEMA = "SELECT sql FROM sqlite_master WHERE name = 'decision_is_append_only'"


def label_changes(db: Database) -> list[LabelChange]:
    """All acts, the latest first."""
    rows = list(db.query("SELECT * FROM label_change ORDER BY n DESC"))
    undone = {row["undoes"] for row in rows if row["undoes"] is not None}
    return [
        LabelChange(
            n=row["n"],
            act=LabelAct(row["act"]),
            label=row["label"],
            into=row["into"],
            texts=row["texts"],
            by=row["by"],
            at=row["at"],
            undone=row["n"] in undone,
        )
        for row in rows
    ]


def label_set(db: Database) -> LabelSet:
    """The labels as they are now."""
    about = project_settings(db)
    classes, used = tuple(range(len(about.labels))), len(about.labels)
    for row in db.query("SELECT before, after FROM label_change ORDER BY n"):
        both = [LabelSet.from_json(row[state]).classes for state in ("before", "after")]
        classes, used = both[1], max(used, *(number + 1 for numbers in both for number in numbers))
    return LabelSet(
        labels=about.labels,
        classes=classes,
        next_class=used,
        label_order=about.label_order,
        retired=about.retired,
        descriptions=about.descriptions,
        model_labels=about.model_labels,
        keys=about.keys,
        colours=about.colours,
    )


def change_labels(db: Database, act: LabelAct, after: LabelSet, by: str, label: str = "", into: str = "") -> None:
    """Record an act, and rewrite what is stored. `after` are the labels that there are then.

    The caller has checked that it can be done. Raises NotReady while a job is under way: it would end with the labels
    that it began with.
    """
    _require_quiet(db)
    before, texts = label_set(db), label_counts(db).get(label, 0)
    n = _record(db, act, (before, after), (by, label, into, texts))
    if act is LabelAct.RENAME:
        _rewrite(db, label, into)
    elif act is LabelAct.MERGE:
        _remember(db, n, label)
        _rewrite(db, label, into)


def undo_label_change(db: Database, by: str) -> LabelChange:
    """Undo the latest act that stands, and return it. Raises NotReady if there is none, if a job is under way, or if a
    label that was added is in use meanwhile."""
    _require_quiet(db)
    standing = [one for one in label_changes(db) if one.act is not LabelAct.UNDO and not one.undone]
    if not standing:
        raise NotReady("No change of labels is left to undo.")
    last = standing[0]
    (row,) = db.query("SELECT before, version FROM label_change WHERE n = ?", [last.n])
    if last.act is LabelAct.ADD:
        _require_unused(db, last.label, row["version"])
    elif last.act is LabelAct.RENAME:
        _rewrite(db, last.into, last.label)
    _restore(db, last.n)
    both = label_set(db), LabelSet.from_json(row["before"])
    _record(db, LabelAct.UNDO, both, (by, last.label, last.into, last.texts), undoes=last.n)
    return last


def label_counts(db: Database) -> dict[str, int]:
    """How many texts came with each label, or were given it by a decision that stands, or by a source."""
    sql = """
        SELECT label, count(*) AS texts FROM (
            SELECT id, label FROM instance
            UNION SELECT instance, label FROM standing WHERE label IS NOT NULL
            UNION SELECT i.id, s.label FROM silver_label s JOIN instance i ON i.n = s.instance
            WHERE s.label IS NOT NULL)
        GROUP BY label"""
    return {row["label"]: row["texts"] for row in db.query(sql)}


def called_now(db: Database, label: str) -> str | None:
    """The label that had this name once: what it is called now, or what took it in. None for a name that never was."""
    present = label_set(db)
    for row in db.query("SELECT before FROM label_change ORDER BY n DESC"):
        then = LabelSet.from_json(row["before"])
        if label in then.labels:
            return _now(present, _merged(db), then.classes[then.labels.index(label)])
    return None


def names_since(db: Database, id: str) -> dict[str, str]:
    """What the labels of a version were called when it was trained → what they are called now.

    A label that another took in has that one's name; one that is gone is left out.
    """
    return names_after(db, _number(db, id))


def names_after(db: Database, version: int) -> dict[str, str]:
    """`names_since`, by the number of the version's row."""
    then, present, merged = _labels_of(db, version), label_set(db), _merged(db)
    found = {name: _now(present, merged, number) for name, number in zip(then.labels, then.classes, strict=True)}
    return {name: today for name, today in found.items() if today is not None}


def labels_of_version(db: Database, id: str) -> tuple[str, ...]:
    """The labels that a version tells apart, in the order of its classes, by their names of today if they have one."""
    then, present = _labels_of(db, _number(db, id)), label_set(db)
    today = dict(zip(present.classes, present.labels, strict=True))
    named = tuple(today.get(number, name) for name, number in zip(then.labels, then.classes, strict=True))
    return named if len(set(named)) == len(named) else then.labels


def outdated(db: Database, id: str) -> bool:
    """Whether a version tells other classes apart than the project has now."""
    return _labels_of(db, _number(db, id)).classes != label_set(db).classes


def require_same_classes(db: Database, id: str) -> None:
    """Raise NotReady if the version is `outdated`."""
    if outdated(db, id):
        known, wanted = (", ".join(labels) for labels in (labels_of_version(db, id), project_settings(db).labels))
        raise NotReady(f"{id} was trained for the labels {known}; the project now has {wanted}. Retrain first.")


def _record(
    db: Database,
    act: LabelAct,
    both: tuple[LabelSet, LabelSet],
    told: tuple[str, str, str, int],
    undoes: int | None = None,
) -> int:
    """`both` are the labels before and after; `told` is by, label, into, texts."""
    before, after = both
    fields = asdict(after)
    kept = {name: value for name, value in fields.items() if name not in ("classes", "next_class")}
    save_project_settings(db, replace(project_settings(db), **kept))
    by, label, into, texts = told
    (last,) = db.query("SELECT coalesce(max(n), 0) AS n FROM version")
    row = {"act": act.value, "label": label, "into": into, "texts": texts, "by": by, "at": now(), "undoes": undoes}
    states = {"before": json.dumps(asdict(before)), "after": json.dumps(fields), "version": last["n"]}
    return int(str(db.table("label_change").insert(row | states).last_pk))


def _require_quiet(db: Database) -> None:
    kinds = [job.kind for job in open_jobs(db)]
    if kinds:
        raise NotReady(f"A job is under way ({', '.join(kinds)}); wait for it, or cancel it, then change the labels.")


def _require_unused(db: Database, label: str, version: int) -> None:
    if carried := label_counts(db).get(label, 0):
        raise NotReady(f"{carried:,} texts have the label {label!r}; merge it into another, or retire it.")
    for row in db.query("SELECT id FROM version WHERE n > ? ORDER BY n LIMIT 1", [version]):
        raise NotReady(f"{row['id']} has learned the label {label!r}; merge it into another, or retire it.")


def _rewrite(db: Database, old: str, new: str) -> None:
    (guard,) = db.query(_SCHEMA)
    db.conn.execute("DROP TRIGGER decision_is_append_only")
    for place in _PLACES:
        db.conn.execute(f"UPDATE {place.table} SET {place.column} = ? WHERE {place.column} = ?", [new, old])
    db.conn.execute(guard["sql"])


def _remember(db: Database, change: int, label: str) -> None:
    for table, column, key in _PLACES:
        db.conn.execute(
            f"""INSERT INTO relabelled (change, place, key, label)
            SELECT ?, ?, json_array({key}), {column} FROM {table} WHERE {column} = ?""",
            [change, f"{table}.{column}", label],
        )


def _restore(db: Database, change: int) -> None:
    (guard,) = db.query(_SCHEMA)
    db.conn.execute("DROP TRIGGER decision_is_append_only")
    for table, column, key in _PLACES:
        db.conn.execute(
            f"""UPDATE {table} SET {column} = r.label FROM relabelled r
            WHERE r.change = ? AND r.place = ? AND r.key = json_array({key})""",
            [change, f"{table}.{column}"],
        )
    db.conn.execute(guard["sql"])


def _number(db: Database, id: str) -> int:
    for row in db.query("SELECT n FROM version WHERE id = ?", [id]):
        return int(row["n"])
    raise NotReady(f"There is no model version {id!r}; `inffeed versions` lists the existing ones.")


def _labels_of(db: Database, version: int) -> LabelSet:
    """Those that there were when the version with this number was trained."""
    for row in db.query("SELECT before FROM label_change WHERE version >= ? ORDER BY n LIMIT 1", [version]):
        return LabelSet.from_json(row["before"])
    return label_set(db)


def _merged(db: Database) -> dict[int, int]:
    """The class that took each merged class in."""
    found: dict[int, int] = {}
    for row in db.query("SELECT before, label, \"into\" FROM label_change WHERE act = 'merge' ORDER BY n"):
        then = LabelSet.from_json(row["before"])
        number = dict(zip(then.labels, then.classes, strict=True))
        found[number[row["label"]]] = number[row["into"]]
    return found


def _now(present: LabelSet, merged: Mapping[int, int], number: int) -> str | None:
    for one in _chain(merged, number):
        if one in present.classes:
            return present.labels[present.classes.index(one)]
    return None


def _chain(merged: Mapping[int, int], number: int) -> Iterator[int]:
    """The class, what took it in, and so on."""
    seen: set[int] = set()
    while number not in seen:
        yield number
        seen.add(number)
        number = merged.get(number, number)
