"""Silver labels by source, and which of them is a text's silver label: what is said of it where nobody has decided.

Every source may label every text, gold ones too. What a silver text's label is follows from the project's choice:

- one *source*: what it says; a text about which it says nothing has no label yet;
- their *vote*, unless somebody chose: the label that most sources give. A tie goes to that of the source which came to
  the project first. A refusal, or an answer that nobody can read, is no vote.

The label is written to `instance.label`, which everything reads, in the transaction that changes the choice or what is
said: decisions stay apart from it. `silver_clock` counts the labels that ever changed so, by which a version knows that
it learned from others.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import Literal

from sqlite_utils import Database

from inffeed_core.characters import known_label
from inffeed_core.errors import InvalidSilver
from inffeed_core.records import UNNAMED, VOTE, Example, SilverLabel, Source, SourceKind, Split
from inffeed_core.store.clock import now

_CLOCK = "silver-clock"
_FIRST = itemgetter(0)
_TOGETHER = 10_000
"""Labels that are stored with one look at the instances."""
_LABELS = """
    SELECT i.id, s.name, l.label, l.confidence, l.answer, l.at FROM silver_label l
    JOIN instance i ON i.n = l.instance JOIN source s ON s.n = l.source
"""


def add_source(db: Database, source: Source) -> bool:
    """Make a source known; False where the same one, whenever it was created, is known already.

    Raises InvalidSilver for a name that cannot be one, and where another source has it: labels tell only together with
    what made them.
    """
    require_source_name(source.name)
    details = json.dumps(dict(source.details), ensure_ascii=False, sort_keys=True)
    for row in db.query("SELECT kind, details FROM source WHERE name = ?", [source.name]):
        if (row["kind"], row["details"]) != (source.kind.value, details):
            raise InvalidSilver(
                f"The source {source.name!r} is there already and is another one ({row['kind']}: {row['details']}); "
                "give this one its own name."
            )
        return False
    known = {"name": source.name, "kind": source.kind.value, "details": details, "created": source.created or now()}
    db.table("source").insert(known)
    return True


def change_source(db: Database, source: Source) -> None:
    """Make a source known, or put what made its labels in the place of what was known of it. Raises InvalidSilver."""
    require_source_name(source.name)
    details = json.dumps(dict(source.details), ensure_ascii=False, sort_keys=True)
    db.conn.execute(
        """
        INSERT INTO source (name, kind, details, created) VALUES (?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, details = excluded.details
        """,
        [source.name, source.kind.value, details, source.created or now()],
    )


def sources(db: Database) -> list[Source]:
    """All sources, in the order in which they came."""
    return [
        Source(r["name"], SourceKind(r["kind"]), json.loads(r["details"]), created=r["created"])
        for r in db.query("SELECT * FROM source ORDER BY n")
    ]


def record_silver_labels(db: Database, labels: Iterable[SilverLabel]) -> int:
    """Store what sources say of texts that are there, in place of what they said before; returns how many labels came.

    Labels of silver texts follow at once. Raises InvalidSilver for an unknown source, label or instance and for a
    confidence outside 0 to 1; nothing is stored then, if the transaction ends with the error.
    """
    known, names, count = _numbers(db), _project_labels(db), 0
    allowed = {*names, None}
    rest = iter(labels)
    while batch := list(islice(rest, _TOGETHER)):
        places = _places(db, {one.instance_id for one in batch})
        batch = [replace(one, label=one.label and (known_label(one.label, names) or one.label)) for one in batch]
        for one in batch:
            _check(one, known, allowed, places)
        put(db, ((places[one.instance_id], known[one.source], one) for one in batch))
        _tick(db, _refresh(db, sorted(places.values())))
        count += len(batch)
    return count


def withdraw_silver_labels(db: Database, source: str, ids: Sequence[str]) -> None:
    """Forget what a source said of these instances; labels of silver texts follow at once."""
    places, known = _places(db, ids), _numbers(db)
    db.conn.executemany(
        "DELETE FROM silver_label WHERE source = ? AND instance = ?",
        [(known[source], place) for place in places.values()],
    )
    _tick(db, _refresh(db, sorted(places.values())))


def labelled_by_all(db: Database, names: Sequence[str]) -> set[str]:
    """Ids of the instances of which every one of these sources has said something, refusals included."""
    sql = """
        SELECT i.id FROM silver_label l JOIN source s ON s.n = l.source JOIN instance i ON i.n = l.instance
        WHERE s.name IN (SELECT value FROM json_each(?)) GROUP BY l.instance HAVING count(*) = ?
    """
    return {r["id"] for r in db.query(sql, [json.dumps(list(names)), len(names)])}


def silver_labels_of(db: Database, ids: Iterable[str]) -> dict[str, list[SilverLabel]]:
    """What is said of these instances, by id, in the order of the sources; instances without any are left out."""
    found: dict[str, list[SilverLabel]] = {}
    sql = f"{_LABELS} WHERE i.id IN (SELECT value FROM json_each(?)) ORDER BY l.instance, l.source"
    for one in map(_as_label, db.query(sql, [json.dumps(list(ids))])):
        found.setdefault(one.instance_id, []).append(one)
    return found


def silver_labels(db: Database, splits: Sequence[Split] = tuple(Split)) -> Iterator[SilverLabel]:
    """All that is said of the instances of these splits, in the order of import, without excluded ones."""
    sql = f"""
        {_LABELS} WHERE i.split IN (SELECT value FROM json_each(?)) AND i.id NOT IN (SELECT instance FROM exclusion)
        ORDER BY l.instance, l.source
    """
    return map(_as_label, db.query(sql, [json.dumps([s.value for s in splits])]))


def silver_choice(db: Database) -> str | None:
    """The source that gives silver texts their labels; None for the vote of all."""
    sql = "SELECT s.name FROM silver_choice c LEFT JOIN source s ON s.n = c.source ORDER BY c.n DESC LIMIT 1"
    row = next(iter(db.query(sql)), None)
    return None if row is None else row["name"]


def choose_silver(db: Database, source: str | None, by: str) -> int:
    """Let this source give silver texts their labels, or None for the vote; returns how many have another one now.

    Raises InvalidSilver for an unknown source.
    """
    known = _numbers(db)
    if source is not None and source not in known:
        raise InvalidSilver(
            f"There is no source {source!r}; choose one of {', '.join(known) or 'none yet'}, or the vote."
        )
    chosen = None if source is None else known[source]
    db.conn.execute("INSERT INTO silver_choice (source, by, at) VALUES (?, ?, ?)", [chosen, by, now()])
    changed = _written(db, "1", {})
    _tick(db, changed)
    return changed


def silver_clock(db: Database) -> int:
    """How many silver labels have changed after they were imported, each as often as it did."""
    rows = db.query("SELECT value FROM setting WHERE key = ?", [_CLOCK])
    return next((int(row["value"]) for row in rows), 0)


def put(
    db: Database,
    rows: Iterable[tuple[int, int, SilverLabel]],
    verb: Literal["INSERT", "INSERT OR REPLACE"] = "INSERT OR REPLACE",
) -> None:
    """Store labels of (instance number, source number), which somebody has checked.

    INSERT is quicker, for instances about which nothing was said before.
    """
    db.conn.executemany(
        f"{verb} INTO silver_label (instance, source, label, confidence, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(n, source, one.label, one.confidence, one.answer, one.at) for n, source, one in rows],
    )


class Arriving:
    """What sources say of instances that are about to be stored, and the labels that follow: the rule of `_written`.

    A source that is not known yet is one that was imported. Its labels are stored with the instances, so that nothing
    has to be looked up for each.
    """

    def __init__(self, db: Database) -> None:
        self._db, self._known, choice = db, _numbers(db), silver_choice(db)
        self._choice = None if choice is None else self._known[choice]

    def said(self, example: Example) -> list[tuple[int, SilverLabel]]:
        """What every source says, with the source's number. Raises InvalidSilver for a name that cannot be one."""
        told: dict[int, SilverLabel] = {}
        if example.split is Split.SILVER and example.label:
            name = example.source or UNNAMED
            told[self._number(name)] = SilverLabel(name, example.id, example.label)
        for one in example.silver:
            told[self._number(one.source)] = one
        return list(told.items())

    def label(self, example: Example, said: Sequence[tuple[int, SilverLabel]]) -> tuple[str, str]:
        """The label of the example, and whose it is."""
        alone = self._choice is None and not example.silver
        if alone or example.split is not Split.SILVER:
            return example.label, example.source
        votes: dict[str, int] = {}
        whose = UNNAMED
        for n, one in sorted(said, key=_FIRST):
            if one.label and (self._choice is None or n == self._choice):
                whose = VOTE if votes else one.source
                votes[one.label] = votes.get(one.label, 0) + 1
        label = max(votes, key=votes.__getitem__, default="")  # of equal ones the first
        return label, "" if whose == UNNAMED else whose

    def _number(self, name: str) -> int:
        if name not in self._known:
            add_source(self._db, Source(name))
            self._known = _numbers(self._db)
        return self._known[name]


def _refresh(db: Database, numbers: Sequence[int]) -> int:
    return _written(db, "i.n IN (SELECT value FROM json_each(:numbers))", {"numbers": json.dumps(numbers)})


def _written(db: Database, which: str, values: Mapping[str, object]) -> int:
    """Bring `instance.label` in line; returns how many had another one.

    The bare columns beside max() come from the row that has it, which SQLite promises.
    """
    choice = silver_choice(db)
    votes = f"""
        SELECT l.instance, l.label, count(*) AS votes, min(l.source) AS first FROM silver_label l
        JOIN instance i ON i.n = l.instance AND i.split = 'silver' AND {which}
        WHERE l.label IS NOT NULL AND (:choice IS NULL OR l.source = (SELECT n FROM source WHERE name = :choice))
        GROUP BY l.instance, l.label
    """
    db.conn.execute(
        f"""
        CREATE TEMP TABLE moved AS SELECT * FROM (
            SELECT i.n, i.label AS before, i.source AS before_source, coalesce(w.label, '') AS label,
                   CASE WHEN w.all_votes > 1 THEN :vote ELSE coalesce(nullif(s.name, :unnamed), '') END AS source
            FROM instance i LEFT JOIN (
                SELECT instance, label, first, sum(votes) AS all_votes, max((votes << 32) - first)
                FROM ({votes}) GROUP BY instance) w ON w.instance = i.n
            LEFT JOIN source s ON s.n = w.first WHERE i.split = 'silver' AND {which})
        WHERE (before, before_source) IS NOT (label, source)
        """,
        {"choice": choice, "vote": VOTE, "unnamed": UNNAMED} | dict(values),
    )
    db.conn.execute("UPDATE instance SET label = m.label, source = m.source FROM moved m WHERE m.n = instance.n")
    changed = next(iter(db.query("SELECT count(*) AS n FROM moved WHERE label != before")))["n"]
    db.conn.execute("DROP TABLE moved")
    return int(changed)


def _tick(db: Database, changed: int) -> None:
    if changed:
        db.table("setting").upsert({"key": _CLOCK, "value": str(silver_clock(db) + changed)}, pk="key")


def _project_labels(db: Database) -> tuple[str, ...]:
    for row in db.query("SELECT value -> '$.labels' AS labels FROM setting WHERE key = 'project'"):
        return tuple(json.loads(row["labels"]))
    return ()


def _numbers(db: Database) -> dict[str, int]:
    return {r["name"]: r["n"] for r in db.query("SELECT name, n FROM source ORDER BY n")}


def _places(db: Database, ids: Iterable[str]) -> dict[str, int]:
    sql = "SELECT id, n FROM instance WHERE id IN (SELECT value FROM json_each(?))"
    return {r["id"]: r["n"] for r in db.query(sql, [json.dumps(sorted(ids))])}


def _check(one: SilverLabel, known: Mapping[str, int], allowed: set[str | None], places: Mapping[str, int]) -> None:
    about = f"what {one.source!r} says of {one.instance_id!r}"
    if one.source not in known:
        raise InvalidSilver(f"There is no source {one.source!r}; add it before its labels.")
    if one.instance_id not in places:
        raise InvalidSilver(f"No instance has the id {one.instance_id!r}; import the text before its silver labels.")
    if one.label not in allowed:
        choices = ", ".join(sorted(filter(None, allowed)))
        raise InvalidSilver(f"{one.label!r} ({about}) is no label of this project; expected one of {choices}.")
    if one.confidence is not None and not 0 <= one.confidence <= 1:
        raise InvalidSilver(f"The confidence {one.confidence} ({about}) is not between 0 and 1.")


def require_source_name(name: str) -> None:
    """Raise InvalidSilver for a name that no source can have."""
    if not name or name != name.strip():
        raise InvalidSilver(f"{name!r} cannot name a source; give it a name without spaces around it.")
    if name == VOTE:
        raise InvalidSilver(f"{VOTE!r} is the vote of all sources; give this source another name.")


def _as_label(row: Mapping[str, object]) -> SilverLabel:
    told = row["confidence"]
    return SilverLabel(
        source=str(row["name"]),
        instance_id=str(row["id"]),
        label=None if row["label"] is None else str(row["label"]),
        confidence=None if told is None else float(str(told)),
        answer=str(row["answer"]),
        at=str(row["at"]),
    )
