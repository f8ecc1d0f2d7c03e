"""Which flags are open, and for whom: a ranked silver instance is open until enough annotators have answered it.

An answer is any standing decision but feedback's, skip and unsure included. A flag that was handed to an annotator is
leased to them (`leases`): until the lease ends, or they answer, it counts for the others as answered.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlite_utils import Database

from inffeed_core.characters import known_label
from inffeed_core.records import Act, FlagFilter
from inffeed_core.store.analyses import Ranked, as_score_row
from inffeed_core.store.clock import now
from inffeed_core.store.instances import project_settings
from inffeed_core.store.searching import wanted_words
from inffeed_core.store.slices import Slice

OWN, FREE = (
    "r.instance IN (SELECT instance FROM assigned WHERE annotator = :annotator)",
    "r.instance NOT IN (SELECT instance FROM assigned)",
)
"""Conditions: assigned to the viewer, and to nobody; see `assigning`."""
NOBODY = ""
NEVER = "9999"
"""Later than every lease: whoever looks at this time sees none."""
HERE_SECONDS = 30.0
"""Whoever was not heard of for so long is away; a browser lets hear of itself every 10 seconds."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom flags are open."""

    annotator: str | None = None
    """None = anybody who has not answered yet, ignoring leases."""
    overlap: int = 1
    """How many annotators are to answer a flag."""
    past_ahead: bool = False
    """Looks past what others hold ahead: only what is on their screens is closed."""

    def values(self) -> dict[str, object]:
        """The parameters of `CLOSED`."""
        if self.annotator is None:
            return {"annotator": NOBODY, "overlap": self.overlap, "now": NEVER}
        when = timedelta(seconds=HERE_SECONDS if self.past_ahead else 0)  # by then what is held ahead has run out
        return {"annotator": self.annotator, "overlap": self.overlap, "now": now(when)}


ANYBODY = Viewer()
ALL = FlagFilter()
DECIDED_TOO = Viewer(overlap=2**31)
"""Sees every flag, whatever has been decided about it."""

CLOSED = """(
    r.instance IN (SELECT instance FROM exclusion)
    OR EXISTS (SELECT 1 FROM answer d WHERE d.instance = r.instance AND d.annotator = :annotator)
    OR :overlap <= (SELECT count(*) FROM (
        SELECT d.annotator FROM answer d WHERE d.instance = r.instance
        UNION SELECT l.annotator FROM lease l
              WHERE l.instance = r.instance AND l.until > :now AND l.annotator != :annotator))
)"""
"""The condition under which `r.instance` is closed for a `Viewer`, whose values are its parameters."""


def flagged(
    db: Database,
    analysis: int,
    policy: str,
    viewer: Viewer = ANYBODY,
    *,
    limit: int = 20,
    leave_out: Sequence[str] = (),
    among: Sequence[str] | None = None,
    only: FlagFilter = ALL,
    after: int = 0,
    whose: str = "1",
) -> list[Ranked]:
    """The policy's first flags that are open for the viewer, in order, except those in `leave_out` (ids).

    `among` (ids) restricts them to these, `after` to those of a later rank, and `whose` to `OWN` or `FREE` ones.
    """
    condition, chosen = within_queue(db, only)
    if after:
        condition += " AND r.rank > :after"
        chosen |= {"after": after}
    if among is not None:
        condition += " AND r.instance IN (SELECT value FROM json_each(:among))"
        chosen |= {"among": json.dumps(list(among))}
    sql = f"""
        SELECT r.rank, r.score, s.* FROM ranking r
        JOIN shown_score s ON s.analysis = r.analysis AND s.instance = r.instance
        WHERE r.analysis = :analysis AND r.policy = :policy
          AND r.instance NOT IN (SELECT value FROM json_each(:leave_out)) AND {whose} AND {condition} AND NOT {CLOSED}
        ORDER BY r.rank LIMIT :limit
    """
    values = {"analysis": analysis, "policy": policy, "limit": limit, "leave_out": json.dumps(list(leave_out))}
    return [Ranked(r["rank"], r["score"], as_score_row(r)) for r in db.query(sql, values | chosen | viewer.values())]


def count_open(db: Database, analysis: int, policy: str, viewer: Viewer = ANYBODY) -> int:
    """How many flags `flagged` would return without a limit."""
    sql = f"SELECT count(*) AS n FROM ranking r WHERE r.analysis = :analysis AND r.policy = :policy AND NOT {CLOSED}"
    values = {"analysis": analysis, "policy": policy} | viewer.values()
    return int(next(iter(db.query(sql, values)))["n"])


def still_open(db: Database, ids: Sequence[str], viewer: Viewer) -> set[str]:
    """Those of these instances that are open for the viewer, whatever ranked them."""
    sql = f"SELECT r.value AS id FROM (SELECT value, value AS instance FROM json_each(:ids)) r WHERE NOT {CLOSED}"
    return {r["id"] for r in db.query(sql, {"ids": json.dumps(list(ids))} | viewer.values())}


def answered_by(db: Database, ids: Sequence[str], annotator: str) -> set[str]:
    """Those of these instances that the annotator has answered."""
    sql = "SELECT instance FROM answer WHERE annotator = ? AND instance IN (SELECT value FROM json_each(?))"
    return {r["instance"] for r in db.query(sql, [annotator, json.dumps(list(ids))])}


def closed_by_act(
    db: Database, analysis: int, policy: str, viewer: Viewer, only: FlagFilter = ALL, part: Slice | None = None
) -> dict[Act, int]:
    """Counts, by last standing act, of the policy's flags that the viewer or enough annotators have answered.

    With `part`, only for that slice of the decisions, as of its end.
    """
    condition, chosen = within_queue(db, only)
    sql = f"""
        SELECT act, count(*) AS n FROM (
            SELECT d.act, max(d.n), count(DISTINCT d.annotator) AS answers, sum(d.annotator = :annotator) AS own
            FROM answer d JOIN ranking r ON r.analysis = :analysis AND r.policy = :policy AND r.instance = d.instance
            WHERE d.instance NOT IN (SELECT instance FROM exclusion) AND {condition}
            GROUP BY d.instance
        ) WHERE own > 0 OR answers >= :overlap GROUP BY act
    """
    values = {"analysis": analysis, "policy": policy} | chosen | viewer.values()
    if part is not None:
        sql, values = part.of(sql), values | part.values()
    return {Act(row["act"]): row["n"] for row in db.query(sql, values)}


def count_ranked(db: Database, analysis: int, policy: str, only: FlagFilter) -> int:
    """How many instances of the policy's kept ranking pass the filter, open or not, without excluded ones."""
    condition, chosen = within_queue(db, only)
    sql = f"""
        SELECT count(*) AS n FROM ranking r WHERE r.analysis = :analysis AND r.policy = :policy AND {condition}
        AND r.instance NOT IN (SELECT instance FROM exclusion)
    """
    return int(next(iter(db.query(sql, {"analysis": analysis, "policy": policy} | chosen)))["n"])


def within_queue(db: Database, only: FlagFilter) -> tuple[str, dict[str, object]]:
    """`wanted`, up to where the queue ends."""
    condition, chosen = wanted(db, only)
    if only.before is None:
        return condition, chosen
    return f"r.rank < :before AND {condition}", chosen | {"before": only.before}


def wanted(db: Database, only: FlagFilter) -> tuple[str, dict[str, object]]:
    """The condition on `r.instance` from the filter on texts, and its parameters; `undecided` uses `only.answered`."""
    if only == FlagFilter(answered=only.answered, since=only.since, before=only.before, reopened=only.reopened):
        return "1", {}
    conditions = ["i.id = r.instance"]
    if only.labels:
        conditions.append("i.label IN (SELECT value FROM json_each(:labels))")
    if only.sources:
        conditions.append(
            """(i.source IN (SELECT value FROM json_each(:sources)) OR EXISTS (
                SELECT 1 FROM silver_label l JOIN source s ON s.n = l.source
                WHERE l.instance = i.n AND s.name IN (SELECT value FROM json_each(:sources))))"""
        )
    if only.pairs:
        conditions.append("i.pair IN (SELECT value FROM json_each(:pairs))")
    if only.metadata:
        conditions.append(
            """NOT EXISTS (SELECT 1 FROM json_each(:metadata) p WHERE NOT EXISTS (
                SELECT 1 FROM json_each(i.metadata) m
                WHERE m.key = p.value ->> 0 AND CAST(m.value AS TEXT) = p.value ->> 1))"""
        )
    conditions += _of_scores(only)
    words = wanted_words(db, only.words)
    conditions += words.conditions("i.n IN (SELECT rowid FROM instance_fts WHERE instance_fts MATCH :match)")
    known = project_settings(db).labels if only.labels or only.suggested else ()
    labels, suggested = ([known_label(one, known) or one for one in given] for given in (only.labels, only.suggested))
    filled: dict[str, object] = {"labels": json.dumps(labels), "sources": json.dumps(only.sources)}
    filled |= {"suggested": json.dumps(suggested)}
    filled |= dict(zip(("least", "most"), only.confidence or (0.0, 1.0), strict=True))
    filled |= {"metadata": json.dumps(only.metadata), "pairs": json.dumps(only.pairs)} | words.values()
    return f"EXISTS (SELECT 1 FROM instance i WHERE {' AND '.join(conditions)})", filled


def _of_scores(only: FlagFilter) -> list[str]:
    """The conditions on what the analysis and the sources say of the instance `i`."""
    found = []
    if only.suggested:
        found.append("s.suggested IN (SELECT value FROM json_each(:suggested))")
    if only.confidence is not None:
        found.append("s.suggested_probability BETWEEN :least AND :most")
    if found:
        of = "SELECT 1 FROM score s WHERE s.analysis = :analysis AND s.instance = i.id"
        found = [f"EXISTS ({' AND '.join([of, *found])})"]
    if only.disagreeing:
        found.append(
            "(SELECT count(DISTINCT l.label) FROM silver_label l WHERE l.instance = i.n AND l.label IS NOT NULL) > 1"
        )
    return found


def passing(db: Database, analysis: int, only: FlagFilter, among: Sequence[str] | None = None) -> list[str]:
    """Ids of the scored instances that pass the filter on texts, of these or of all, in their order there."""
    condition, chosen = wanted(db, only)
    source = (
        "score r WHERE r.analysis = :analysis"
        if among is None
        else "(SELECT value AS instance, key FROM json_each(:among)) r WHERE 1"
    )
    sql = (
        f"SELECT r.instance AS id FROM {source} AND {condition} AND r.instance NOT IN (SELECT instance FROM exclusion)"
    )
    values = {"analysis": analysis, "among": json.dumps(list(among or ()))}
    return [row["id"] for row in db.query(sql, values | chosen)]


def silver_scored(db: Database, analysis: int) -> int:
    """How many silver instances the analysis scored; a policy ranks them all and keeps the first ones."""
    sql = "SELECT count(*) AS n FROM score WHERE analysis = ? AND suggested IS NOT NULL"
    return int(next(iter(db.query(sql, [analysis])))["n"])


def larger_gains(db: Database, analysis: int, gain: float) -> int:
    """How many silver instances of the analysis have a larger relabel gain."""
    sql = "SELECT count(*) AS n FROM score WHERE analysis = ? AND relabel_gain > ?"
    return int(next(iter(db.query(sql, [analysis, gain])))["n"])


def ranking_size(db: Database, analysis: int, policy: str) -> int:
    """How many instances of the policy's ranking are kept, including excluded ones; ranks run from 1 to this."""
    sql = "SELECT coalesce(max(rank), 0) AS n FROM ranking WHERE analysis = ? AND policy = ?"
    return int(next(iter(db.query(sql, [analysis, policy])))["n"])


def ranks_something(db: Database, analysis: int) -> bool:
    """Whether it ranked a text by any policy."""
    return next(iter(db.query("SELECT 1 FROM ranking WHERE analysis = ? LIMIT 1", [analysis])), None) is not None


def ranked_exclusions(db: Database, analysis: int, policy: str, before: int | None = None) -> int:
    """How many of the policy's instances, of those with a rank below `before`, have been excluded since."""
    sql = """
        SELECT count(*) AS n FROM exclusion e
        JOIN ranking r ON r.analysis = ?1 AND r.policy = ?2 AND r.instance = e.instance AND (?3 IS NULL OR r.rank < ?3)
    """
    return int(next(iter(db.query(sql, [analysis, policy, before])))["n"])


def decided_since(db: Database, annotator: str, time: str) -> int:
    """How many of the annotator's answers since this time (ISO 8601, UTC) still stand."""
    sql = "SELECT count(*) AS n FROM answer WHERE annotator = ? AND at >= ?"
    return int(next(iter(db.query(sql, [annotator, time])))["n"])
