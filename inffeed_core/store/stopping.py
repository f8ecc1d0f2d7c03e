"""What the flags have been worth so far and what the next ones should be: when it no longer pays to go on."""

from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.flags import CLOSED, Viewer

CHANCE = """
    coalesce((SELECT w.score FROM ranking w WHERE w.analysis = r.analysis AND w.instance = r.instance
              AND w.policy = 'likely-wrong'),
             CASE WHEN s.suggested = s.label THEN 1 - s.suggested_probability ELSE s.suggested_probability END)
"""
"""The probability that a ranked text's label is wrong: what `likely-wrong` ranks by, where that ranking is kept so far;
else by the suggested label, which says no more than that for a text with another one. NULL for a text that was
confirmed when the analysis was made."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The last flags that were given a label."""

    checked: int
    wrong: int
    """Those whose silver label was another one."""


def recent_flags(db: Database, policy: str, count: int) -> Recent:
    """The last so many flags of this order that somebody gave a label, whoever it was; audited texts are none."""
    sql = """
        SELECT count(*) AS checked, coalesce(sum(wrong), 0) AS wrong FROM (
            SELECT d.label != i.label AS wrong FROM decision d CROSS JOIN instance i ON i.id = d.instance
            WHERE d.policy = ? AND d.label IS NOT NULL AND d.part_of IS NULL AND i.split = 'silver'
              AND d.feedback IS NULL AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.token)
            ORDER BY d.n DESC LIMIT ?)
    """
    row = next(iter(db.query(sql, [policy, count])))
    return Recent(checked=row["checked"], wrong=row["wrong"])


def wrong_chances(db: Database, analysis: int, policy: str) -> list[tuple[int, float]]:
    """(rank, probability that the label is wrong) of each text of the ranking that nobody had confirmed, by rank."""
    sql = f"""
        SELECT * FROM (SELECT r.rank, {CHANCE} AS chance FROM ranking r
            JOIN score s ON s.analysis = r.analysis AND s.instance = r.instance
            WHERE r.analysis = ? AND r.policy = ?) WHERE chance IS NOT NULL ORDER BY rank
    """
    return [(r["rank"], r["chance"]) for r in db.query(sql, [analysis, policy])]


def next_chances(db: Database, analysis: int, policy: str, viewer: Viewer, count: int) -> list[float]:
    """The probabilities that their labels are wrong of the first so many flags that are open for the viewer."""
    sql = f"""
        SELECT {CHANCE} AS chance FROM ranking r JOIN score s ON s.analysis = r.analysis AND s.instance = r.instance
        WHERE r.analysis = :analysis AND r.policy = :policy AND s.suggested IS NOT NULL AND NOT {CLOSED}
        ORDER BY r.rank LIMIT :count
    """
    values = {"analysis": analysis, "policy": policy, "count": count} | viewer.values()
    return [r["chance"] for r in db.query(sql, values)]
