"""Model versions, whose rows never change; promotions and choices of a decision rule, of which the last one counts."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from inffeed_core.errors import NotReady
from inffeed_core.records import Interval, Metrics, ModelVersion
from inffeed_core.store.clock import now
from inffeed_core.store.labels import names_after

_VERSIONS = "SELECT v.*, r.rule FROM version v LEFT JOIN rule_in_use r ON r.version = v.id"
_JSON = ("settings", "train_counts", "validation", "test", "report")


def add_version(db: Database, version: ModelVersion) -> None:
    """Store a new version. Raises sqlite3.IntegrityError for an id that exists: versions are immutable."""
    row = {k: v for k, v in asdict(version).items() if k != "rule"} | {"created": version.created or now()}
    db.table("version").insert(row | {k: None if row[k] is None else json.dumps(row[k]) for k in _JSON})


def versions(db: Database) -> list[ModelVersion]:
    """All versions, oldest first."""
    return [_version(db, row) for row in db.query(f"{_VERSIONS} ORDER BY v.n")]


def version(db: Database, id: str) -> ModelVersion:
    """One version. Raises NotReady for an unknown id."""
    for row in db.query(f"{_VERSIONS} WHERE v.id = ?", [id]):
        return _version(db, row)
    raise NotReady(f"There is no model version {id!r}; `inffeed versions` lists the existing ones.")


def promote(db: Database, id: str, by: str) -> None:
    """Make a version the active one; rolling back is promoting an older one. Raises NotReady for an unknown id."""
    db.table("promotion").insert({"version": version(db, id).id, "at": now(), "by": by})


def active_version(db: Database) -> ModelVersion | None:
    """The version promoted last, or None before the first training."""
    for row in db.query(f"{_VERSIONS} JOIN promotion p ON v.id = p.version ORDER BY p.n DESC LIMIT 1"):
        return _version(db, row)
    return None


def _version(db: Database, row: Mapping[str, Any]) -> ModelVersion:
    values = {k: v for k, v in row.items() if k != "n"}
    values |= {k: None if values[k] is None else json.loads(values[k]) for k in _JSON}
    names = names_after(db, int(row["n"]))
    if any(then != today for then, today in names.items()):
        values |= _renamed(values, names)
    values["rule"] = values["rule"] or "argmax"
    scored = values["report"].get("rules", {}).get(values["rule"], values)
    return ModelVersion(**values | {k: metrics_from(scored[k]) for k in ("validation", "test")})


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Everything that a version tells by label, by the names of today. Of labels that became one, that one's counts."""
    report = values["report"]
    rules = {
        kind: one
        | {split: _metrics_renamed(one.get(split), names) for split in ("validation", "test") if split in one}
        | ({"shift": _shift_renamed(one["shift"], names)} if one.get("shift") else {})
        for kind, one in report.get("rules", {}).items()
    }
    return {
        "validation": _metrics_renamed(values["validation"], names),
        "test": _metrics_renamed(values["test"], names),
        "report": report | ({"rules": rules} if rules else {}),
    }


def _metrics_renamed(told: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    if told is None:
        return None
    missing = [names.get(label, label) for label in told.get("without_gold", ())]
    return {**told, "f1": _keys_renamed(told["f1"], names), "without_gold": missing}


def _shift_renamed(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {**told, **{side: _keys_renamed(told[side], names) for side in ("silver", "validation")}}


def _keys_renamed(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found = {names.get(label, label): value for label, value in told.items()}
    return found | {label: value for label, value in told.items() if names.get(label) == label}


def metrics_from(stored: Mapping[str, Any] | None) -> Metrics | None:
    """Metrics as JSON has them; None for None."""
    if stored is None:
        return None
    return Metrics(
        n=stored["n"],
        macro_f1=Interval(**stored["macro_f1"]),
        f1={label: Interval(**interval) for label, interval in stored["f1"].items()},
        loss=stored["loss"],
        accuracy=stored["accuracy"],
        without_gold=tuple(stored.get("without_gold", ())),
    )
