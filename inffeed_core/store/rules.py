"""Decision rules of versions: which one is in use, and what each scores.

A version is trained with all of them. `report["rules"]` holds, by kind, `temperature` and `offsets` (see
`models.deciding`), the metrics under it (`validation`, by cross-fitting, and `test`), `gain` (macro-F1 minus that of
argmax on validation, by cross-fitting; of offsets that were given up too), and `shift` (see `ClassShift`). Versions of
earlier releases have none, and use argmax. The choice is a row beside the version, which never changes itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from sqlite_utils import Database

from inffeed_core.errors import NotReady
from inffeed_core.records import Metrics, ModelVersion
from inffeed_core.settings import Rule
from inffeed_core.store.clock import now
from inffeed_core.store.versions import metrics_from, version


@dataclass(frozen=True, slots=True)
class ClassShift:
    """Shares of the labels that a rule predicts for unchecked silver, against those that it predicts for validation."""

    distance: float
    """Total variation, 0 to 1: the share of predictions that would have to change for the two to agree."""
    by_chance: float
    """What the distance exceeds once in 1,000 samples of these sizes from equal shares."""
    silver: Mapping[str, float]
    validation: Mapping[str, float]
    warns: bool
    """Whether the distance is more than chance explains, and large enough to matter."""


@dataclass(frozen=True, slots=True)
class RuleOfVersion:
    """One rule as a version was trained with it."""

    kind: Rule
    temperature: float
    offsets: tuple[float, ...]
    """In nats, in the order of the project's labels; () where there are none."""
    validation: Metrics | None
    test: Metrics | None
    gain: float
    """Macro-F1 on validation minus that of argmax, by cross-fitting."""
    shift: ClassShift | None


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """Who chose a rule for a version, and when."""

    version: str
    rule: Rule
    by: str
    at: str


def rules_of(one: ModelVersion) -> dict[Rule, RuleOfVersion]:
    """The rules that a version was trained with, by kind; empty for versions of earlier releases."""
    told = cast(Mapping[Rule, Mapping[str, Any]], one.report.get("rules", {}))
    return {
        kind: RuleOfVersion(
            kind=kind,
            temperature=rule["temperature"],
            offsets=tuple(rule["offsets"]),
            validation=metrics_from(rule["validation"]),
            test=metrics_from(rule["test"]),
            gain=rule["gain"],
            shift=None if rule["shift"] is None else ClassShift(**rule["shift"]),
        )
        for kind, rule in told.items()
    }


def use_rule(db: Database, version_id: str, rule: str, by: str) -> ModelVersion:
    """From now on the version decides by this rule; returns it with the metrics under it.

    Raises NotReady for an unknown version or rule, and for one that the version was not trained with.
    """
    if rule not in get_args(Rule):
        raise NotReady(f"There is no decision rule {rule!r}; choose one of {', '.join(get_args(Rule))}.")
    found = version(db, version_id)
    if rule not in rules_of(found) and rule != found.rule:
        raise NotReady(
            f"{version_id} was trained by an earlier release, which fitted no decision rules, so it decides by "
            f"{found.rule}; retrain to have the others."
        )
    db.table("rule_choice").insert({"version": version_id, "rule": rule, "by": by, "at": now()})
    return version(db, version_id)


def rule_choices(db: Database, version_id: str) -> list[RuleChoice]:
    """Every choice of a rule for a version, newest first; empty where nobody chose."""
    sql = "SELECT version, rule, by, at FROM rule_choice WHERE version = ? ORDER BY n DESC"
    return [RuleChoice(**row) for row in db.query(sql, [version_id])]
