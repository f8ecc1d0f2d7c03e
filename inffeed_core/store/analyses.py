"""Analyses: the score of every instance, the ranking by every policy, and the influencers that were kept.

An analysis is written once and never changed. Which flags are open is derived from it: see `flags`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from inffeed_core.records import Analysis, Evidence, Influencer, Split
from inffeed_core.store.clock import now
from inffeed_core.store.instances import find
from inffeed_core.store.versions import active_version


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """What an analysis says about one instance. The last three fields are None outside the silver split."""

    instance: str
    label: str
    """The label it was analysed with."""
    predicted: str
    probability: float
    """Of `predicted`."""
    loss: float
    """The loss of `label` under the model, in nats."""
    x: float
    y: float
    """Position on the 2-D map of the features."""
    suggested: str | None = None
    suggested_probability: float | None = None
    relabel_gain: float | None = None
    """Predicted validation loss now minus the loss with `suggested` as label, in nats; positive = worth changing."""
    calibrated: float | None = None
    """The calibrated probability of the label that argmax predicts."""
    decided: str | None = None
    """The label that the rule `macro-f1` decides for, as the next is its calibrated probability. None of these three is
    there in analyses of earlier releases, and for whoever reads, `predicted` and `probability` follow the rule in use.
    """
    decided_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """One line of a policy's ranking, with the instance's scores."""

    rank: int
    score: float
    row: ScoreRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainedGroup:
    """Texts that were given other labels together, and what the whole training gained when it was repeated, in nats."""

    name: str
    texts: int | None
    """How many; None where an earlier release did not say."""
    predicted: float
    actual: float


def begin_analysis(db: Database, version: str, as_of_decision: int, settings: Mapping[str, object]) -> int:
    """Open a new analysis of this version and return its id; fill it in the same transaction."""
    row = {"version": version, "created": now(), "as_of_decision": as_of_decision, "settings": json.dumps(settings)}
    return int(str(db.table("analysis").insert(row).last_pk))


def put_scores(
    db: Database, analysis: int, rows: Iterable[ScoreRow], rankings: Mapping[str, Sequence[tuple[str, float]]]
) -> None:
    """Store the score of every instance and, for each policy, (id, score) from first to last."""
    db.conn.executemany(
        "INSERT INTO score VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (analysis, r.instance, r.label, r.predicted, r.probability, r.loss, r.x, r.y)
            + (r.suggested, r.suggested_probability, r.relabel_gain)
            + (r.calibrated, r.decided, r.decided_probability)
            for r in rows
        ),
    )
    db.conn.executemany(
        "INSERT INTO ranking VALUES (?, ?, ?, ?, ?)",
        (
            (analysis, policy, rank, id, score)
            for policy, ranking in rankings.items()
            for rank, (id, score) in enumerate(ranking, start=1)
        ),
    )


def put_evidence(
    db: Database, analysis: int, target: str, sides: Mapping[str, Sequence[tuple[str, float]]], *, solved: bool = False
) -> None:
    """Store one target's (id, influence) lists by side (supporter, opposer, harmed), replacing those stored before.

    `solved` says that they were solved for exactly, on request.
    """
    db.conn.execute("DELETE FROM solved_target WHERE analysis = ? AND target = ?", [analysis, target])
    if solved:
        db.conn.execute("INSERT INTO solved_target VALUES (?, ?)", [analysis, target])
    db.conn.execute("DELETE FROM influencer WHERE analysis = ? AND target = ?", [analysis, target])
    db.conn.executemany(
        "INSERT INTO influencer VALUES (?, ?, ?, ?, ?, ?)",
        (
            (analysis, target, side, rank, id, influence)
            for side, pairs in sides.items()
            for rank, (id, influence) in enumerate(pairs, start=1)
        ),
    )


def put_retrained_groups(db: Database, analysis: int, groups: Iterable[RetrainedGroup]) -> None:
    """Store groups that a training was repeated with; a group of the same name is replaced."""
    rows = ((analysis, one.name, one.predicted, one.actual, one.texts) for one in groups)
    db.conn.executemany("INSERT OR REPLACE INTO retrained_group VALUES (?, ?, ?, ?, ?)", rows)


def retrained_groups(db: Database, analysis: int) -> list[RetrainedGroup]:
    """The groups that the training of an analysis was repeated with, by name."""
    sql = "SELECT name, texts, predicted, actual FROM retrained_group WHERE analysis = ? ORDER BY name"
    return [RetrainedGroup(**row) for row in db.query(sql, [analysis])]


def is_solved(db: Database, analysis: int, target: str) -> bool:
    """Whether this target's influencers were solved for exactly, on request."""
    sql = "SELECT 1 FROM solved_target WHERE analysis = ? AND target = ?"
    return bool(list(db.query(sql, [analysis, target])))


def latest_analysis(db: Database, version: str | None = None) -> Analysis | None:
    """The newest analysis, of one version or of any; None if there is none."""
    sql = "SELECT * FROM analysis WHERE ?1 IS NULL OR version = ?1 ORDER BY id DESC LIMIT 1"
    return next((_analysis(row) for row in db.query(sql, [version])), None)


def analysis_in_use(db: Database) -> Analysis | None:
    """The newest analysis of the active version; None if there is no version, or it has no analysis."""
    active = active_version(db)
    return latest_analysis(db, active.id) if active else None


def analyses(db: Database) -> list[Analysis]:
    """All analyses that are not empty, newest first."""
    sql = "SELECT * FROM analysis a WHERE EXISTS (SELECT 1 FROM score WHERE analysis = a.id) ORDER BY id DESC"
    return [_analysis(row) for row in db.query(sql)]


def carry_rankings(db: Database, before: int, after: int) -> None:
    """Append to the rankings of `after`, in their old order, the instances that only those of `before` hold."""
    sql = """
        INSERT INTO ranking SELECT :after, r.policy, coalesce(last.rank, 0) + row_number()
            OVER (PARTITION BY r.policy ORDER BY r.rank), r.instance, r.score
        FROM ranking r LEFT JOIN (
            SELECT policy, max(rank) AS rank FROM ranking WHERE analysis = :after GROUP BY policy) last
            ON last.policy = r.policy
        WHERE r.analysis = :before AND NOT EXISTS (
            SELECT 1 FROM ranking n WHERE n.analysis = :after AND n.policy = r.policy AND n.instance = r.instance)
          AND EXISTS (SELECT 1 FROM score s WHERE s.analysis = :after AND s.instance = r.instance)
    """
    db.conn.execute(sql, {"before": before, "after": after})


def empty_analysis(db: Database, id: int) -> None:
    """Delete the results of an analysis; its row stays, because decisions refer to it."""
    for table in ("score", "ranking", "influencer", "retrained_group", "solved_target"):
        db.conn.execute(f"DELETE FROM {table} WHERE analysis = ?", [id])


def _analysis(row: Mapping[str, Any]) -> Analysis:
    return Analysis(
        id=row["id"],
        version=row["version"],
        created=row["created"],
        as_of_decision=row["as_of_decision"],
        settings=json.loads(row["settings"]),
    )


def scored(db: Database, analysis: int, ids: Sequence[str] | None = None) -> list[ScoreRow]:
    """Scores of these instances, or of all, in order of id, with what the version's rule in use predicts."""
    sql = """
        SELECT * FROM shown_score WHERE analysis = :analysis
        AND (:ids IS NULL OR instance IN (SELECT value FROM json_each(:ids))) ORDER BY instance
    """
    return [
        as_score_row(r)
        for r in db.query(sql, {"analysis": analysis, "ids": None if ids is None else json.dumps(list(ids))})
    ]


def policy_values(db: Database, analysis: int, id: str) -> dict[str, tuple[int, float]]:
    """(rank, score) of one instance under each policy whose kept ranking holds it."""
    sql = "SELECT policy, rank, score FROM ranking WHERE analysis = ? AND instance = ? ORDER BY policy"
    return {r["policy"]: (r["rank"], r["score"]) for r in db.query(sql, [analysis, id])}


def ranking_scores(db: Database, analysis: int, policy: str) -> dict[str, float]:
    """Score by id of every instance in the policy's kept ranking."""
    sql = "SELECT instance, score FROM ranking WHERE analysis = ? AND policy = ?"
    return {r["instance"]: r["score"] for r in db.query(sql, [analysis, policy])}


def strongest_influencers(db: Database, analysis: int, count: int) -> dict[str, frozenset[str]]:
    """By target: the ids of its `count` stored supporters and opposers with the largest absolute influence."""
    sql = """
        SELECT target, json_group_array(instance) AS ids FROM (
            SELECT target, instance,
                   row_number() OVER (PARTITION BY target ORDER BY abs(influence) DESC, instance) AS place
            FROM influencer WHERE analysis = ? AND side IN ('supporter', 'opposer'))
        WHERE place <= ? GROUP BY target
    """
    return {r["target"]: frozenset(json.loads(r["ids"])) for r in db.query(sql, [analysis, count])}


def evidence_for(db: Database, analysis: int, targets: Sequence[str]) -> dict[str, Evidence]:
    """The stored influencers of these targets, with current labels; targets without any are left out."""
    sql = """
        SELECT target, side, instance, influence FROM influencer
        WHERE analysis = ? AND target IN (SELECT value FROM json_each(?)) ORDER BY target, side, rank
    """
    rows = list(db.query(sql, [analysis, json.dumps(list(targets))]))
    known = find(db, sorted({r["instance"] for r in rows}))
    sides: dict[str, dict[str, list[Influencer]]] = {}
    for row in rows:
        lists = sides.setdefault(row["target"], {"supporter": [], "opposer": [], "harmed": []})
        if (i := known.get(row["instance"])) is not None:
            lists[row["side"]].append(
                Influencer(
                    id=i.id, text=i.text, pair=i.pair, label=i.label, split=Split(i.split), influence=row["influence"]
                )
            )
    return {
        target: Evidence(
            target_id=target, supporters=tuple(s["supporter"]), opposers=tuple(s["opposer"]), harmed=tuple(s["harmed"])
        )
        for target, s in sides.items()
    }


def as_score_row(row: Mapping[str, Any]) -> ScoreRow:
    """A row of the view `shown_score` as a record."""
    return ScoreRow(**{k: row[k] for k in ScoreRow.__dataclass_fields__})
