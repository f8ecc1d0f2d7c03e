"""What an analysis expects of each silver label: how likely it is wrong, and what another one would be worth."""

from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.stopping import CHANCE


@dataclass(frozen=True, slots=True)
class SilverChance:
    """One silver text that nobody had confirmed when it was analysed."""

    instance: str
    wrong: float
    """The probability that its label is wrong."""
    gain: float
    """The predicted gain of its suggested label, in nats of validation loss, times that label's probability; 0 where it
    has that label."""


def silver_chances(db: Database, analysis: int) -> list[SilverChance]:
    """All of them, in import order."""
    sql = f"""
        SELECT * FROM (SELECT i.n, r.instance, {CHANCE} AS wrong,
            CASE WHEN s.suggested != s.label THEN s.suggested_probability * max(s.relabel_gain, 0) ELSE 0 END AS gain
            FROM score r JOIN score s ON s.analysis = r.analysis AND s.instance = r.instance
            JOIN instance i ON i.id = r.instance AND i.split = 'silver'
            WHERE r.analysis = ? AND s.suggested IS NOT NULL) WHERE wrong IS NOT NULL ORDER BY n
    """
    return [SilverChance(row["instance"], row["wrong"], row["gain"] or 0.0) for row in db.query(sql, [analysis])]
