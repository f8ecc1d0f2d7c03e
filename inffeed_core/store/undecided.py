"""Texts that were answered but are still undecided: skipped, unsure, or under discussion.

They are no longer open flags, so nobody is handed them without asking. This module counts and finds them. Each counts
once: under discussion before unsure, unsure before skipped. A text to which somebody has given a label is decided,
unless it is under discussion; a text that too few have answered is still an open flag.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from inffeed_core.records import Act, FlagFilter
from inffeed_core.store.analyses import Ranked, as_score_row
from inffeed_core.store.discussing import UNDER_DISCUSSION
from inffeed_core.store.flags import ALL, Viewer, wanted
from inffeed_core.store.instances import NO_LIMIT
from inffeed_core.store.slices import Slice

_UNDECIDED = f"""
    WITH talked AS MATERIALIZED ({UNDER_DISCUSSION}),
    last AS (
        SELECT instance, annotator, act, label, max(n) FROM answer WHERE instance IN (
            SELECT instance FROM decision WHERE act IN ('skip', 'unsure', 'flag') UNION SELECT instance FROM talked)
        GROUP BY instance, annotator)
    SELECT a.instance, CASE WHEN a.talked THEN 'flag' WHEN a.unsure THEN 'unsure' ELSE 'skip' END AS act
    FROM (SELECT instance, instance IN (SELECT instance FROM talked) AS talked, max(act = 'unsure') AS unsure,
                 max(label IS NOT NULL) AS labelled, count(*) AS answers, max(annotator = :annotator) AS own
          FROM last GROUP BY instance) a
    WHERE (a.talked OR NOT a.labelled) AND (a.own OR a.answers >= :overlap)
      AND a.instance NOT IN (SELECT instance FROM exclusion)
"""
"""The query for undecided texts that are closed for a viewer, ignoring leases, with the one act each counts as."""

_IN_ROOM = f"""
    (SELECT u.instance, u.act, i.n, k.rank, k.score FROM ({_UNDECIDED}) u JOIN instance i ON i.id = u.instance
     LEFT JOIN ranking k ON k.analysis = :analysis AND k.policy = :policy AND k.instance = u.instance
     WHERE k.rank IS NOT NULL OR i.split = 'silver') r
"""
"""The undecided texts that the review room shows: ranked ones, then other silver, such as audited texts."""

_REOPENED = """
    (SELECT i.id AS instance, 'reopened' AS act, j.key AS n, k.rank, k.score FROM json_each(:reopened) j
     JOIN instance i ON i.id = j.value AND i.id NOT IN (SELECT instance FROM exclusion)
     LEFT JOIN ranking k ON k.analysis = :analysis AND k.policy = :policy AND k.instance = i.id) r
"""
"""The texts that somebody chose to look at again, in their order."""

_STILL = """
    r.act IN (SELECT value FROM json_each(:answered) UNION SELECT 'reopened') AND NOT EXISTS (
        SELECT 1 FROM answer d WHERE d.instance = r.instance AND d.annotator = :annotator AND d.n > :since)
"""

_ANSWERED_BEFORE = "EXISTS (SELECT 1 FROM answer b WHERE b.instance = r.instance AND b.n <= :since)"
_AMONG = "r.instance IN (SELECT value FROM json_each(:reopened))"

_WITH_OTHERS = """EXISTS (
    SELECT 1 FROM lease l WHERE l.instance = r.instance AND l.until > :now AND l.annotator != :annotator)"""


@dataclass(frozen=True, slots=True)
class Room:
    """A viewer of one ranking, with a filter."""

    analysis: int
    policy: str
    viewer: Viewer
    only: FlagFilter = ALL

    def values(self) -> dict[str, object]:
        """The parameters of the queries above."""
        told = {"analysis": self.analysis, "policy": self.policy, "since": self.only.since, "as_of": NO_LIMIT}
        told |= {"answered": json.dumps(self.only.answered), "reopened": json.dumps(self.only.reopened)}
        return told | self.viewer.values()


def takes_again(only: FlagFilter) -> bool:
    """Whether the filter asks for texts that were answered before, not for open flags."""
    return bool(only.answered or only.reopened)


def _shown(room: Room) -> str:
    return _REOPENED if room.only.reopened else _IN_ROOM


def undecided_counts(db: Database, viewer: Viewer) -> dict[Act, int]:
    """How many texts of the project count under each act; acts without any are left out."""
    values = viewer.values() | {"as_of": NO_LIMIT}
    return _by_act(db, f"SELECT act, count(*) AS n FROM ({_UNDECIDED}) GROUP BY act", values)


def undecided_in_room(db: Database, room: Room, part: Slice | None = None) -> dict[Act, int]:
    """The same for the texts that the room shows, whatever its filter says about answers.

    With `part`, only for that slice of the decisions, as of its end.
    """
    condition, chosen = wanted(db, room.only)
    sql = f"SELECT r.act, count(*) AS n FROM {_IN_ROOM} WHERE {condition} GROUP BY r.act"
    values = room.values() | chosen
    return _by_act(db, sql, values) if part is None else _by_act(db, part.of(sql), values | part.values())


def undecided(db: Database, room: Room, limit: int, leave_out: Sequence[str] = ()) -> list[tuple[str, Ranked | None]]:
    """The first undecided texts that the filter asks for, by rank; those without a rank last, with None. Reopened ones
    in their order, and with the rank 0 where they are scored only.

    Left out are `leave_out` (ids), texts the viewer has answered since choosing the filter, and those others hold.
    """
    condition, chosen = wanted(db, room.only)
    sql = f"""
        SELECT r.instance AS id, r.rank AS place, r.score AS standing, s.* FROM {_shown(room)}
        LEFT JOIN shown_score s ON s.analysis = :analysis AND s.instance = r.instance
        WHERE {_STILL} AND {condition} AND r.instance NOT IN (SELECT value FROM json_each(:leave_out))
          AND NOT {_WITH_OTHERS}
        ORDER BY {"r.n" if room.only.reopened else "r.rank IS NULL, r.rank, r.n"} LIMIT :limit
    """
    values = room.values() | chosen | {"leave_out": json.dumps(list(leave_out)), "limit": limit}
    return [(r["id"], _ranked(r, reopened=bool(room.only.reopened))) for r in db.query(sql, values)]


def _ranked(row: Mapping[str, Any], *, reopened: bool) -> Ranked | None:
    if row["place"] is not None:
        return Ranked(row["place"], row["standing"], as_score_row(row))
    return Ranked(0, 0.0, as_score_row(row)) if reopened and row["instance"] is not None else None


def still_undecided(db: Database, ids: Sequence[str], room: Room) -> set[str]:
    """Those of these instances that `undecided` could give, whatever the filter says of their texts."""
    sql = f"""
        SELECT r.instance AS id FROM {_shown(room)} WHERE {_STILL} AND NOT {_WITH_OTHERS}
        AND r.instance IN (SELECT value FROM json_each(:ids))
    """
    return {r["id"] for r in db.query(sql, room.values() | {"ids": json.dumps(list(ids))})} if ids else set()


def count_undecided(db: Database, room: Room) -> int:
    """How many texts `undecided` would return without a limit, whoever holds them."""
    condition, chosen = wanted(db, room.only)
    sql = f"SELECT count(*) AS n FROM {_shown(room)} WHERE {_STILL} AND {condition}"
    return int(next(iter(db.query(sql, room.values() | chosen)))["n"])


def answered_again(db: Database, room: Room) -> dict[Act, int]:
    """Counts, by the viewer's last act, of texts answered before that they answered again since choosing the filter."""
    condition, chosen = wanted(db, room.only)
    sql = f"""
        SELECT act, count(*) AS n FROM (
            SELECT r.act, max(r.n) FROM answer r WHERE r.annotator = :annotator AND r.n > :since AND {condition}
            AND r.instance NOT IN (SELECT instance FROM exclusion)
            AND {_AMONG if room.only.reopened else _ANSWERED_BEFORE} GROUP BY r.instance
        ) GROUP BY act
    """
    return _by_act(db, sql, room.values() | chosen)


def _by_act(db: Database, sql: str, values: dict[str, object]) -> dict[Act, int]:
    found = {Act(r["act"]): r["n"] for r in db.query(sql, values)}
    return {act: found[act] for act in Act if act in found}
