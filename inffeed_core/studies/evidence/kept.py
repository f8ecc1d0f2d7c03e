"""Rows of runs that stay beside the pages, so that a page can be written anew, or extended, without running them again.

They hold figures and class numbers, no text. What no page shows is left out: rows of the audit, seconds, the way that
`auto` stood for, and the predictions that no lead is computed from, which are most of what a run writes.
"""

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from inffeed_core.errors import NotReady
from inffeed_core.settings import Rule
from inffeed_core.studies.evidence.tables import OURS
from inffeed_core.studies.repair.audit import AUDIT
from inffeed_core.studies.repair.runs import BASELINE, RepairSettings, Row

LEFT_OUT = ("seconds", "way", "trust", "layers")
COMPARED: Rule = "macro-f1"
"""The decision rule by which contenders are compared."""
_LEADING = ((OURS[0], "rounds", OURS[2]), ("likely-wrong", "once", OURS[2]))
"""The reviews that leads are computed of, beside every way of training without one."""


def compact(rows: Iterable[Row]) -> list[Row]:
    """What pages need of these rows, one order of them whatever the order they were made in."""
    found = [_compact(row) for row in rows if row["policy"] != AUDIT[0]]
    return sorted(found, key=lambda row: (row["settings"], row["set"], row["seed"]))


def _compact(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name not in (*LEFT_OUT, "decided")}
    led = row["policy"] == BASELINE or (row["policy"], row["mode"], row["training"]) in _LEADING
    return kept | ({"decided": {COMPARED: row["decided"][COMPARED]}} if led else {})


def write(rows: Iterable[Row], path: Path) -> None:
    """Keep these rows; the same rows give the same bytes."""
    lines = "".join(json.dumps(row) + "\n" for row in compact(rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))


def read(path: Path) -> list[Row]:
    """All kept rows. Raises NotReady if there are none."""
    if not path.is_file():
        raise NotReady(f"{path} is not there; name the results of runs, whose rows it is to keep.")
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def of(rows: Sequence[Row], settings: RepairSettings) -> list[Row]:
    """Those of runs with these settings."""
    return [row for row in rows if row["settings"] == settings.fingerprint()]
