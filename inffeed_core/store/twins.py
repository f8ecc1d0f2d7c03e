"""Texts with nearly the same words, found for one text without comparing all pairs.

Two texts are twins if they have the same `text_hash`, or if the sets of their words
have a Jaccard similarity of at least SIMILAR. A twin shares at least SIMILAR of a text's n words, so it holds one
of *any* n − ⌈SIMILAR · n⌉ + 1 of them (prefix filtering; Chaudhuri, Ganti and Kaushik, ICDE 2006). The full-text
index finds the texts that hold one of that many rarest words, and only these few are compared: no twin is missed. A
text whose rarest words occur in more than MOST_COMPARED texts is compared only with equal ones. Second texts, such as
the targets of stances, are compared in the same way: of twins neither has one, or both have twins.
"""

import json
import math
from collections.abc import Sequence

from sqlite_utils import Database

from inffeed_core.characters import folded
from inffeed_core.store.flags import CLOSED, Viewer
from inffeed_core.store.instances import text_hash
from inffeed_core.store.searching import words

SIMILAR = 0.8
MOST_COMPARED = 500
FEWEST_WORDS = 5
"""In texts with fewer words, a single different word too easily changes the meaning."""


def twins(db: Database, id: str, text: str, viewer: Viewer, most: int = 50, *, pair: str | None = None) -> list[str]:
    """Ids of the silver instances that are twins of this text with its second text (`pair`) and open for the viewer.

    They come in import order.
    """
    found = (set(_equal(db, text, pair)) | set(_similar(db, text, pair))) - {id}
    sql = f"""
        SELECT r.instance FROM (SELECT n, id AS instance FROM instance WHERE split = 'silver'
                                AND id IN (SELECT value FROM json_each(:ids))) r
        WHERE NOT {CLOSED} ORDER BY r.n LIMIT :most
    """
    values = {"ids": json.dumps(sorted(found)), "most": most}
    return [r["instance"] for r in db.query(sql, values | viewer.values())] if found else []


def _equal(db: Database, text: str, pair: str | None) -> list[str]:
    return [r["id"] for r in db.query("SELECT id FROM instance WHERE text_hash = ?", [text_hash(text, pair)])]


def _similar(db: Database, text: str, pair: str | None) -> list[str]:
    words = words_of(text)
    if len(words) < FEWEST_WORDS:
        return []
    needed = len(words) - math.ceil(SIMILAR * len(words)) + 1
    long = sorted(words, key=lambda word: (-len(word), word))[: 2 * needed]  # are rare, and half as many to count
    rarest = _rarest_first(db, long)[:needed]
    if sum(count for _, count in rarest) > MOST_COMPARED:
        return []
    match = " OR ".join(f'"{word}"' for word, _ in rarest)
    sql = """
        SELECT i.id, i.text, i.pair FROM instance_fts f CROSS JOIN instance i ON i.n = f.rowid
        WHERE instance_fts MATCH ? AND i.split = 'silver' -- CROSS: else SQLite asks the index for every instance
    """
    return [
        r["id"]
        for r in db.query(sql, [match])
        if jaccard(words, words_of(r["text"])) >= SIMILAR and alike(pair, r["pair"])
    ]


def alike(pair: str | None, other: str | None) -> bool:
    """Whether two second texts are twins; None is a twin of None."""
    if pair is None or other is None:
        return pair is other
    words, others = words_of(pair), words_of(other)
    similar = min(len(words), len(others)) >= FEWEST_WORDS and jaccard(words, others) >= SIMILAR
    return similar or folded(pair) == folded(other)


def words_of(text: str) -> frozenset[str]:
    """The words of a text, as the index knows them; of scripts without spaces each two characters in a row.

    Of these one alone says little, and where it stands much.
    """
    found = words(text)
    single = [len(word) == 1 and not word.isascii() for word in found]
    pairs = {f"{found[i]} {found[i + 1]}" for i in range(len(found) - 1) if single[i] and single[i + 1]}
    paired = {i for i in range(len(found) - 1) if single[i] and single[i + 1]}
    alone = {word for i, word in enumerate(found) if not (single[i] and (i in paired or i - 1 in paired))}
    return frozenset(pairs | alone)


def _rarest_first(db: Database, words: Sequence[str]) -> list[tuple[str, int]]:
    """Words with the number of texts that hold them, counted only up to MOST_COMPARED + 1.

    A frequent word may occur in half of a million texts, too many to count; the choice of words affects the work,
    never the outcome.
    """
    sql = """
        SELECT w.value AS word, (SELECT count(*) FROM (
            SELECT 1 FROM instance_fts WHERE instance_fts MATCH '"' || w.value || '"' LIMIT :most)) AS n
        FROM json_each(:words) w
    """
    counts = {r["word"]: r["n"] for r in db.query(sql, {"words": json.dumps(words), "most": MOST_COMPARED + 1})}
    return sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of the words of both that they have in common, 0 to 1."""
    return len(a & b) / len(a | b)
