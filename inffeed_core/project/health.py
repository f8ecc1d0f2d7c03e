"""What may be wrong with a project's data, found before a training wastes time on it.

`health` needs the database alone and answers at once; what takes longer is a job (`closer_look`), whose latest result
is told beside it, with whether the data have changed since. Nothing here is changed: each finding says what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.project.health_words import ENGLISH
from inffeed_core.project.importing import LEAK, fix_leaks
from inffeed_core.records import Split
from inffeed_core.store.health import contradictions, held_out_twice
from inffeed_core.wording import Term, filled

KIND = "health"
"""The job that looks closer."""
FEW = 10
"""Below so many texts with a label, a single one moves its recall by over 10 points."""
SHOWN = 200
"""Texts of a finding that are kept, at most."""
GOLD = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EXACT_LEAKS = ("leak-train", "leak-silver", "leak-held-out")
"""Findings that `leave_out` mends."""


class Severity(StrEnum):
    """How much a finding harms, the worst first."""

    SERIOUS = "serious"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong."""

    code: str
    """Its phrase in `health_words`."""
    severity: Severity
    count: int
    """How many texts it is about; of labels that a split lacks, how many labels."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What fills its phrases, beside `count`."""
    texts: tuple[tuple[str, str], ...] = ()
    """The first SHOWN of (id, id of the text that it is compared with, or "")."""

    @property
    def said(self) -> str:
        """What was found, in English."""
        return filled(ENGLISH[self.code], count=self.count, **self.values)

    @property
    def advice(self) -> str:
        """What to do about it, in English."""
        return filled(ENGLISH[f"{self.code}-do"], count=self.count, **self.values)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """Inverse of `asdict`, and of what JSON makes of that."""
        texts = tuple((id, other) for id, other in told["texts"])
        return cls(**{**told, "severity": Severity(told["severity"]), "texts": texts})


@dataclass(frozen=True, slots=True)
class Health:
    """All that was found, the worst first."""

    findings: tuple[Finding, ...]
    texts: int
    """How many texts were looked at."""
    looked_closer: str | None
    """When the closer look ended (UTC); None if nobody has taken one."""
    changed_since: bool
    """Whether texts or labels have changed since then."""

    @property
    def worst(self) -> Finding | None:
        """The first of the findings that are more than notes."""
        return next((one for one in self.findings if one.severity is not Severity.NOTE), None)


def health(project: Project) -> Health:
    """What can be told at once, and what the latest closer look found."""
    return store.remembered(project.db, KIND, lambda: _read(project))


def leave_out(project: Project, code: str) -> int:
    """Leave the texts of an exact leak out from now on; returns how many. One in test stays there."""
    if code != "leak-held-out":
        return fix_leaks(project)
    with store.writing(project.db) as db:
        return store.exclude(db, (steers for steers, _ in held_out_twice(db)), LEAK)


def moment(db: Database) -> list[object]:
    """Differs whenever texts or labels have changed."""
    now = store.mark(db)
    return [store.last_instance(db), now.row, now.token, *now.exclusions, now.silver, len(store.label_changes(db))]


def of_pairs(code: str, severity: Severity, pairs: Sequence[tuple[str, str]], **values: object) -> list[Finding]:
    """A finding about these texts; none where there are none."""
    texts = tuple(pairs[:SHOWN])
    return [Finding(code=code, severity=severity, count=len(pairs), values=values, texts=texts)] if pairs else []


def _read(project: Project) -> Health:
    with store.reading(project.db) as db:
        labels, counts = store.project_settings(db).offered, store.count_by_split(db)
        texts = sum(sum(of.values()) for of in counts.values())
        found = [*_coverage(labels, counts), *_copies(db)] if texts else []
        closer = next(iter(store.job_results(db, KIND)), None)
        if closer is not None:
            found += [Finding.from_dict(one) for one in closer["findings"]]
        found.sort(key=lambda one: list(Severity).index(one.severity))
        return Health(
            findings=tuple(found),
            texts=texts,
            looked_closer=None if closer is None else closer["at"],
            changed_since=closer is not None and closer["moment"] != moment(db),
        )


def _coverage(labels: Sequence[str], counts: Mapping[Split, Mapping[str, int]]) -> list[Finding]:
    """Splits and labels with too few texts."""
    found = []
    for split in GOLD:
        there = {label: n for label, n in counts[split].items() if label}
        steers = Severity.WARNING if split is Split.TEST else Severity.SERIOUS
        values: dict[str, object] = {"split": Term("splits", split)}
        if not there:
            found.append(Finding(f"no-{split}", Severity.NOTE if split is Split.TEST else steers, 0))
        elif len(there) == 1:
            label, n = next(iter(there.items()))
            found.append(Finding("one-label", steers, n, values=values | {"label": label}))
        else:
            found += _few(labels, there, values)
    return found


def _few(labels: Sequence[str], there: Mapping[str, int], values: Mapping[str, object]) -> list[Finding]:
    missing = [label for label in labels if label not in there]
    few = [f"{label} ({n})" for label in labels if 0 < (n := there.get(label, 0)) < FEW]
    found = []
    if missing:
        told = {**values, "labels": ", ".join(missing)}
        found.append(Finding("no-label", Severity.WARNING, len(missing), values=told))
    if few:
        told = {**values, "labels": ", ".join(few), "few": FEW}
        found.append(Finding("few-texts", Severity.WARNING, len(few), values=told))
    return found


def _copies(db: Database) -> list[Finding]:
    """Equal texts that contradict each other, or stand in two splits."""
    gold, silver = contradictions(db)
    leaked = store.leaks(db)
    splits = {id: one.split for id, one in store.find(db, [learned for learned, _ in leaked]).items()}
    by_split = {split: [pair for pair in leaked if splits.get(pair[0]) is split] for split in Split}
    return [
        *of_pairs("leak-train", Severity.SERIOUS, by_split[Split.TRAIN]),
        *of_pairs("leak-silver", Severity.SERIOUS, by_split[Split.SILVER]),
        *of_pairs("leak-held-out", Severity.SERIOUS, held_out_twice(db)),
        *of_pairs("conflict-gold", Severity.SERIOUS, gold),
        *of_pairs("conflict-silver", Severity.WARNING, silver),
    ]


def as_result(findings: Sequence[Finding], at: str, of: Sequence[object]) -> dict[str, object]:
    """What the job keeps of a closer look at the data of a `moment`."""
    return {"findings": [asdict(one) for one in findings], "at": at, "moment": list(of)}
