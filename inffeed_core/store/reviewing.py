"""How far a review has come: counts over one policy's ranking, without a pass over the whole ranking."""

from sqlite_utils import Database


def silver_scored(db: Database, analysis: int) -> int:
    """How many silver instances the analysis scored; a policy ranks them all, and its first ones are kept."""
    sql = "SELECT count(*) AS n FROM score WHERE analysis = ? AND suggested IS NOT NULL"
    return int(next(iter(db.query(sql, [analysis])))["n"])


def ranking_size(db: Database, analysis: int, policy: str) -> int:
    """How many instances of the policy's ranking are kept, excluded ones included; ranks run from 1 to this."""
    sql = "SELECT coalesce(max(rank), 0) AS n FROM ranking WHERE analysis = ? AND policy = ?"
    return int(next(iter(db.query(sql, [analysis, policy])))["n"])


def ranked_exclusions(db: Database, analysis: int, policy: str) -> int:
    """How many of the policy's instances have been excluded since."""
    sql = """
        SELECT count(*) AS n FROM exclusion e
        JOIN ranking r ON r.analysis = ? AND r.policy = ? AND r.instance = e.instance
    """
    return int(next(iter(db.query(sql, [analysis, policy])))["n"])


def decided_since(db: Database, annotator: str, time: str) -> int:
    """How many of the annotator's answers since this time (ISO 8601, UTC) stand."""
    sql = "SELECT count(*) AS n FROM answer WHERE annotator = ? AND at >= ?"
    return int(next(iter(db.query(sql, [annotator, time])))["n"])
