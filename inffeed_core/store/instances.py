"""Instances and the project's settings: what was imported, and its current state.

The current label of an instance is the one with the most votes, each annotator voting by the last act that counts (see
`votes`). If the votes tie, the instance is disputed: it keeps its imported label and is unconfirmed, even if gold.
Without any vote it has its imported label too. `as_of` (a decision's row number) gives the labels as they were then.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlite_utils import Database

from inffeed_core.characters import folded
from inffeed_core.errors import ProjectError, UnknownInstance
from inffeed_core.records import Example, Instance, Passage, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.clock import now
from inffeed_core.store.many_rows import indexing_many, storing_many
from inffeed_core.store.searching import found_ids, indexed_both, put_words
from inffeed_core.store.sources import Arriving, put
from inffeed_core.store.votes import votes_about

_WITHOUT_EXCLUDED = "WHERE i.id NOT IN (SELECT instance FROM exclusion)"


def instances_as_of(table: str) -> str:
    """The query for instances with their labels as of `:as_of`, from the votes in this table or view."""
    votes = votes_about(table, "i.id")
    return f"""
SELECT i.n, i.id, i.text, i.pair, i.split, i.label AS original_label, coalesce(d.label, i.label) AS label,
       (t.n IS NULL AND i.split != 'silver') OR d.n IS NOT NULL AS confirmed,
       t.n IS NOT NULL AND d.n IS NULL AS disputed, i.source, i.metadata, d.annotator, d.at AS decided_at
FROM instance i
LEFT JOIN decision t ON t.n = (SELECT n FROM ({votes} ORDER BY votes DESC, n DESC LIMIT 1))
LEFT JOIN decision d ON d.n = t.n AND ( -- the first condition is the cheap one, and mostly enough
    NOT EXISTS (SELECT 1 FROM decision o WHERE o.instance = i.id AND o.label != t.label)
    OR 1 = (SELECT count(*) FROM ({votes}) GROUP BY votes ORDER BY votes DESC LIMIT 1))
{_WITHOUT_EXCLUDED}
"""


INSTANCES_AS_OF = instances_as_of("decision")
NO_LIMIT = 2**62
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_TOGETHER = 1000
"""Examples whose rows are written in one go."""


def save_project_settings(db: Database, settings: ProjectSettings) -> None:
    """Store the project's settings, replacing those before."""
    db.table("setting").upsert({"key": "project", "value": json.dumps(settings.as_dict())}, pk="key")


def project_settings(db: Database) -> ProjectSettings:
    """The project's settings. Raises ProjectError for a project without any."""
    for row in db.query("SELECT value FROM setting WHERE key = 'project'"):
        return ProjectSettings.from_dict(json.loads(row["value"]))
    raise ProjectError("The project has no settings: its creation was interrupted. Create it again.")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An example with all that follows from it alone, so that nobody waits in a transaction for that."""

    example: Example
    hash: str
    """See `text_hash`."""
    lot: str
    """See `lot`."""
    metadata: str
    """JSON."""
    words: str
    """As the index of words takes them."""


def prepared(example: Example) -> Prepared:
    """The example with what `add_examples` would work out otherwise, which is half of its work."""
    hash = text_hash(example.text, example.pair)
    return Prepared(
        example=example,
        hash=hash,
        lot=lot(example.id, hash),
        metadata=_JSON(dict(example.metadata)) if example.metadata else "{}",
        words=indexed_both(example.text, example.pair),
    )


def add_examples(db: Database, examples: Iterable[Example | Prepared], count: int = 0) -> int:
    """Insert examples with what sources say of them; returns how many.

    Many are stored quicker if `count` says how many come.
    An id that exists already raises sqlite3.IntegrityError, a source that cannot be one InvalidSilver.
    """
    ready = (one if isinstance(one, Prepared) else prepared(one) for one in examples)
    with storing_many(db, "instance", count), indexing_many(db, "instance_fts"):
        return _put_instances(db, enumerate(ready, last_instance(db) + 1))


def _put_instances(db: Database, numbered: Iterator[tuple[int, Prepared]]) -> int:
    arriving, count = Arriving(db), 0
    while batch := list(islice(numbered, _TOGETHER)):
        said = [(n, one, arriving.said(one.example)) for n, one in batch]
        db.conn.executemany(
            "INSERT INTO instance (n, id, text, pair, text_hash, label, split, source, metadata, lot)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_as_row(n, one, *arriving.label(one.example, labels)) for n, one, labels in said],
        )
        put(db, [(n, source, label) for n, _, labels in said for source, label in labels], "INSERT")
        put_words(db, ((n, one.words) for n, one in batch))
        count += len(batch)
    return count


def _as_row(n: int, one: Prepared, label: str, source: str) -> tuple[object, ...]:
    e = one.example
    return n, e.id, e.text, e.pair, one.hash, label, e.split.value, source, one.metadata, one.lot


def text_hash(text: str, pair: str | None = None) -> str:
    """Equal for texts that differ only in case, white space, Unicode form or what cannot be seen: 128 bits, hex.

    Their second texts as well; a text without one equals none that has one.
    """
    seen = folded(text) if pair is None else f"{folded(text)}\0{folded(pair)}"
    return hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def lot(id: str, hash: str) -> str:
    """A uniformly distributed number in hex that depends only on the id and text; sorting by it shuffles instances."""
    return hashlib.sha256(f"{id}\0{hash}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def existing_ids(db: Database, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that the project already holds, including excluded instances."""
    if not _holds_any(db):
        return set()
    wanted = json.dumps(list(ids))
    return {r["id"] for r in db.query("SELECT id FROM instance WHERE id IN (SELECT value FROM json_each(?))", [wanted])}


def find_any(db: Database, ids: Iterable[str]) -> dict[str, Instance]:
    """The instances with these ids, excluded ones too, by id; unknown ids are left out."""
    sql = f"{INSTANCES_AS_OF.replace(_WITHOUT_EXCLUDED, 'WHERE 1')} AND i.id IN (SELECT value FROM json_each(:ids))"
    return {row["id"]: as_instance(row) for row in db.query(sql, {"as_of": NO_LIMIT, "ids": json.dumps(list(ids))})}


def text_hashes(db: Database, ids: Iterable[str]) -> dict[str, str]:
    """By id the text hash of those of `ids` that the project holds, without excluded instances."""
    sql = """
        SELECT id, text_hash FROM instance WHERE id IN (SELECT value FROM json_each(?))
        AND id NOT IN (SELECT instance FROM exclusion)
    """
    return {r["id"]: r["text_hash"] for r in db.query(sql, [json.dumps(list(ids))])}


def ids_by_hash(db: Database, hashes: Iterable[str]) -> dict[str, list[str]]:
    """By text hash the ids of the instances with that text, in import order; hashes without any are left out."""
    found: dict[str, list[str]] = {}
    for id, _, hash in same_texts(db, hashes):
        found.setdefault(hash, []).append(id)
    return found


def next_numbers(db: Database) -> dict[Split, int]:
    """For each split, the lowest n such that neither `<split>-n` nor any higher number is an id in the project.

    Numbers may be longer than SQLite's integers; those of more than a thousand digits are not looked at.
    """
    sql = """
        SELECT ltrim(substr(id, length(:split) + 2), '0') AS digits FROM instance
        WHERE id GLOB :split || '-[0-9]*' AND NOT substr(id, length(:split) + 2) GLOB '*[^0-9]*'
        AND length(digits) <= 1000 ORDER BY length(digits) DESC, digits DESC LIMIT 1
    """
    found = {split: next((row["digits"] for row in db.query(sql, {"split": split.value})), "") for split in Split}
    return {split: int(digits or "0") + 1 for split, digits in found.items()}


def same_texts(db: Database, hashes: Iterable[str]) -> list[tuple[str, Split, str]]:
    """(id, split, hash) of the instances whose text hash is one of these, in import order, without excluded ones."""
    sql = """
        SELECT id, split, text_hash FROM instance WHERE text_hash IN (SELECT value FROM json_each(?))
        AND id NOT IN (SELECT instance FROM exclusion) ORDER BY n
    """
    rows = db.query(sql, [json.dumps(sorted(set(hashes)))]) if _holds_any(db) else ()
    return [(r["id"], Split(r["split"]), r["text_hash"]) for r in rows]


def _holds_any(db: Database) -> bool:
    """Whether there is anything to compare with: the first file of a project may hold a million texts."""
    return bool(list(db.query("SELECT 1 FROM instance LIMIT 1")))


def instances(db: Database, splits: Sequence[Split] = tuple(Split), *, as_of: int | None = None) -> Iterator[Instance]:
    """The instances of these splits in import order, without excluded ones."""
    sql = f"{INSTANCES_AS_OF} AND i.split IN (SELECT value FROM json_each(:splits)) ORDER BY i.n"
    for row in db.query(sql, {"as_of": _as_of(as_of), "splits": json.dumps([s.value for s in splits])}):
        yield as_instance(row)


def instance(db: Database, id: str) -> Instance:
    """One instance. Raises UnknownInstance."""
    for row in db.query(f"{INSTANCES_AS_OF} AND i.id = :id", {"as_of": NO_LIMIT, "id": id}):
        return as_instance(row)
    raise UnknownInstance(f"No instance has the id {id!r}; `inffeed export` and the Data page list all ids.")


def last_instance(db: Database) -> int:
    """The number of the instance that was imported last; 0 if there is none."""
    return int(next(iter(db.query("SELECT coalesce(max(n), 0) AS n FROM instance")))["n"])


def find(db: Database, ids: Sequence[str]) -> dict[str, Instance]:
    """The instances with these ids, by id; unknown and excluded ids are left out."""
    sql = f"{INSTANCES_AS_OF} AND i.id IN (SELECT value FROM json_each(:ids))"
    return {row["id"]: as_instance(row) for row in db.query(sql, {"as_of": NO_LIMIT, "ids": json.dumps(list(ids))})}


def search(db: Database, query: str, limit: int = 50) -> list[Instance]:
    """Instances whose text holds the words of `query` (see `searching`), best first; also one whose id is `query`."""
    id = query.encode("utf-8", "replace").decode().replace("\0", " ").strip()
    ids = [r["id"] for r in db.query("SELECT id FROM instance WHERE id = ?", [id])] + found_ids(db, query, limit)
    found = find(db, ids)
    return [found[i] for i in dict.fromkeys(ids) if i in found][:limit]


def count_instances(db: Database) -> int:
    """How many instances the project holds, without excluded ones; fast."""
    sql = "SELECT (SELECT count(*) FROM instance) - (SELECT count(*) FROM exclusion) AS n"
    return int(next(iter(db.query(sql)))["n"])


def has_pairs(db: Database) -> bool:
    """Whether any text of the project has a second text; quick where the first ones have, as in most projects."""
    return bool(list(db.query("SELECT 1 FROM instance WHERE pair IS NOT NULL LIMIT 1")))


def count_by_split(db: Database) -> dict[Split, dict[str, int]]:
    """Current label counts of every split, by label; a split without instances has an empty dict."""
    sql = f"SELECT split, label, count(*) AS n FROM ({INSTANCES_AS_OF}) GROUP BY split, label"
    counts: dict[Split, dict[str, int]] = {s: {} for s in Split}
    for row in db.query(sql, {"as_of": NO_LIMIT}):
        counts[Split(row["split"])][row["label"]] = row["n"]
    return counts


def texts_from(db: Database, size: int) -> tuple[int, list[tuple[Split, Passage]]]:
    """(how many texts there are, excluded ones left out; the split and the passage of those of at least `size` bytes).

    A pair's bytes are those of both texts.
    """
    kept = "FROM instance WHERE id NOT IN (SELECT instance FROM exclusion)"
    bytes = "length(CAST(text AS BLOB)) + coalesce(length(CAST(pair AS BLOB)), 0)"
    rows = db.query(f"SELECT split, text, pair {kept} AND {bytes} >= ? ORDER BY n", [size])
    found = [(Split(r["split"]), r["text"] if r["pair"] is None else (r["text"], r["pair"])) for r in rows]
    return next(iter(db.query(f"SELECT count(*) AS n {kept}")))["n"], found


def duplicates(db: Database) -> list[tuple[str, ...]]:
    """Groups of ids in one split that share a text (see `text_hash`), in import order within and between groups."""
    sql = """
        SELECT json_group_array(id) AS ids FROM (
            SELECT id, split, text_hash, n FROM instance WHERE id NOT IN (SELECT instance FROM exclusion) ORDER BY n
        ) GROUP BY split, text_hash HAVING count(*) > 1 ORDER BY min(n)
    """
    return [tuple(json.loads(row["ids"])) for row in db.query(sql)]


def leaks(db: Database) -> list[tuple[str, str]]:
    """Pairs (train or silver id, validation or test id) whose texts are equal, in import order of the first.

    CROSS JOIN makes SQLite begin with what is held out, of which there is less.
    """
    sql = """
        SELECT a.id AS learned, min(b.id) AS held_out FROM instance b CROSS JOIN instance a USING (text_hash)
        WHERE a.split IN ('train', 'silver') AND b.split IN ('validation', 'test')
          AND a.id NOT IN (SELECT instance FROM exclusion) AND b.id NOT IN (SELECT instance FROM exclusion)
        GROUP BY a.id ORDER BY a.n
    """
    return [(row["learned"], row["held_out"]) for row in db.query(sql)]


def exclude(db: Database, ids: Iterable[str], reason: str) -> int:
    """Exclude these instances from now on; nothing is deleted. Returns how many were newly excluded."""
    rows = [(i, reason, now()) for i in ids]
    return db.conn.executemany("INSERT OR IGNORE INTO exclusion (instance, reason, at) VALUES (?, ?, ?)", rows).rowcount


def _as_of(row: int | None) -> int:
    return NO_LIMIT if row is None else row


def as_instance(row: Mapping[str, object]) -> Instance:
    """A row of `INSTANCES_AS_OF` as a record."""
    return Instance(
        id=str(row["id"]),
        text=str(row["text"]),
        pair=None if row["pair"] is None else str(row["pair"]),
        split=Split(str(row["split"])),
        original_label=str(row["original_label"]),
        label=str(row["label"]),
        confirmed=bool(row["confirmed"]),
        source=str(row["source"]),
        metadata=json.loads(str(row["metadata"])),
        annotator=None if row["annotator"] is None else str(row["annotator"]),
        decided_at=None if row["decided_at"] is None else str(row["decided_at"]),
        disputed=bool(row["disputed"]),
    )
