"""Analyses come back as they were written; what is open follows the decisions."""

from collections.abc import Iterator

import pytest
from sqlite_utils import Database

from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Interval, Metrics, ModelVersion
from inffeed_core.store import (
    DECIDED_TOO,
    active_version,
    add_version,
    begin_analysis,
    count_open,
    evidence_for,
    exclude,
    flagged,
    latest_analysis,
    policy_values,
    promote,
    put_evidence,
    put_scores,
    record_decision,
    scored,
    undo_last,
    version,
    versions,
    writing,
)
from inffeed_core.store.analyses import ScoreRow

METRICS = Metrics(
    n=8, macro_f1=Interval(0.8, 0.7, 0.9), f1={"negative": Interval(0.8, 0.6, 1.0)}, loss=0.3, accuracy=0.75
)


def made(id: str, parent: str | None = None, validation: Metrics | None = METRICS) -> ModelVersion:
    counts = {"gold": 12, "silver": 20}
    report = {"l2": 0.01, "difference": None}
    return ModelVersion(id, parent, "", "an/encoder", "w", "d", 3, {"l2": None}, 7, counts, validation, None, report)


@pytest.fixture
def db(project: Project) -> Iterator[Database]:
    """An open write transaction with version v1."""
    with writing(project.db) as db:
        add_version(db, made("v1"))
        yield db


@pytest.fixture
def analysis(db: Database) -> int:
    """Of v1: silver-3, silver-10 and silver-17 ranked by one policy, the last alone by another."""
    id = begin_analysis(db, "v1", 0, {"folds": 5})
    ranked = ("silver-3", "silver-10", "silver-17")
    rows = [ScoreRow(i, "negative", "positive", 0.9, 2.3, 0.1, -0.2, "positive", 0.8, 0.01) for i in ranked]
    put_scores(
        db,
        id,
        [*rows, ScoreRow("train-0", "negative", "negative", 0.7, 0.36, 1.0, 2.0)],
        {"expected-gain": [(i, -float(n)) for n, i in enumerate(ranked)], "knn": [("silver-17", 1.5)]},
    )
    return id


def ids(db: Database, analysis: int, **options: object) -> list[str]:
    return [r.row.instance for r in flagged(db, analysis, "expected-gain", **options)]  # type: ignore[arg-type]


def test_scores_come_back_as_they_went_in(db: Database, analysis: int) -> None:
    assert len(scored(db, analysis)) == 4
    [row] = scored(db, analysis, ["train-0"])
    assert row == ScoreRow("train-0", "negative", "negative", 0.7, 0.36, 1.0, 2.0)
    assert row.suggested is None
    first = flagged(db, analysis, "expected-gain", limit=1)[0]
    assert (first.rank, first.score, first.row.relabel_gain) == (1, 0.0, 0.01)


def test_flags_follow_rank_and_leave_out_what_is_asked(db: Database, analysis: int) -> None:
    assert ids(db, analysis) == ["silver-3", "silver-10", "silver-17"]
    assert ids(db, analysis, limit=2) == ["silver-3", "silver-10"]
    assert ids(db, analysis, leave_out=["silver-3"]) == ["silver-10", "silver-17"]
    assert flagged(db, analysis, "no-such-policy") == []


@pytest.mark.parametrize("act", [Act.SKIP, Act.UNSURE, Act.KEEP, Act.RELABEL])
def test_a_flag_closes_with_any_decision_and_opens_with_its_undo(db: Database, analysis: int, act: Act) -> None:
    label = "positive" if act in (Act.KEEP, Act.RELABEL) else None
    record_decision(db, Decision("t", "silver-3", "Ana", act, label))
    assert ids(db, analysis) == ["silver-10", "silver-17"]
    assert count_open(db, analysis, "expected-gain") == 2
    assert ids(db, analysis, viewer=DECIDED_TOO) == ["silver-3", "silver-10", "silver-17"]
    undo_last(db, "Ana", "u")
    assert count_open(db, analysis, "expected-gain") == len(ids(db, analysis)) == 3


def test_excluded_instances_are_never_flagged(db: Database, analysis: int) -> None:
    exclude(db, ["silver-10"], "leak")
    assert ids(db, analysis, viewer=DECIDED_TOO) == ["silver-3", "silver-17"]
    assert count_open(db, analysis, "expected-gain") == 2


def test_rank_and_score_of_one_instance_by_policy(db: Database, analysis: int) -> None:
    assert policy_values(db, analysis, "silver-17") == {"expected-gain": (3, -2.0), "knn": (1, 1.5)}
    assert policy_values(db, analysis, "train-0") == {}


def test_evidence_carries_todays_labels_in_order(db: Database, analysis: int) -> None:
    sides = {
        "supporter": [("train-0", 0.2), ("train-1", 0.1)],
        "opposer": [("silver-10", -0.3)],
        "harmed": [("validation-1", -0.4)],
    }
    put_evidence(db, analysis, "silver-3", sides)
    record_decision(db, Decision("t", "silver-10", "Ana", Act.RELABEL, "negative"))
    exclude(db, ["train-1"], "duplicate")
    found = evidence_for(db, analysis, ["silver-3", "silver-17"])
    assert found.keys() == {"silver-3"}
    assert [(i.id, i.influence) for i in found["silver-3"].supporters] == [("train-0", 0.2)]
    assert [(i.id, i.label) for i in found["silver-3"].opposers] == [("silver-10", "negative")]
    assert [i.id for i in found["silver-3"].harmed] == ["validation-1"]


def test_evidence_of_a_target_is_replaced_as_a_whole(db: Database, analysis: int) -> None:
    put_evidence(db, analysis, "silver-3", {"supporter": [("train-0", 0.2)], "opposer": [("train-1", -0.1)]})
    put_evidence(db, analysis, "silver-3", {"supporter": [("train-2", 0.3)]})
    found = evidence_for(db, analysis, ["silver-3"])["silver-3"]
    assert [i.id for i in found.supporters] == ["train-2"]
    assert found.opposers == ()


def test_the_latest_analysis_is_per_version(db: Database, analysis: int) -> None:
    add_version(db, made("v2", "v1"))
    newer = begin_analysis(db, "v2", 0, {})
    latest = latest_analysis(db)
    assert latest is not None
    assert (latest.id, latest.version) == (newer, "v2")
    of_first = latest_analysis(db, "v1")
    assert of_first is not None
    assert (of_first.id, dict(of_first.settings)) == (analysis, {"folds": 5})
    assert latest_analysis(db, "v9") is None


def test_versions_come_back_as_they_went_in_and_cannot_be_replaced(db: Database) -> None:
    stored = version(db, "v1")
    assert stored.created.endswith("Z")
    assert (stored.validation, stored.test, stored.report["l2"]) == (METRICS, None, 0.01)
    with pytest.raises(Exception, match="UNIQUE"):
        add_version(db, made("v1"))
    with pytest.raises(Exception, match="v9"):
        version(db, "v9")


def test_the_last_promotion_counts_so_rolling_back_is_promoting(db: Database) -> None:
    assert active_version(db) is None
    add_version(db, made("v2", "v1", None))
    for id in ("v1", "v2", "v1"):
        promote(db, id, "Ana")
        active = active_version(db)
        assert active is not None
        assert active.id == id
    kept = db.query('SELECT version, "by" FROM promotion ORDER BY n')
    assert [(row["version"], row["by"]) for row in kept] == [("v1", "Ana"), ("v2", "Ana"), ("v1", "Ana")]
    assert [v.id for v in versions(db)] == ["v1", "v2"]
    with pytest.raises(Exception, match="v9"):
        promote(db, "v9", "Ana")
