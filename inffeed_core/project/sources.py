"""The sources of silver labels: how good they are, which one gives the current label, and how an export keeps them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.characters import as_label
from inffeed_core.data.silver_columns import SOURCES
from inffeed_core.data.table import Table, as_text, refused
from inffeed_core.project.folder import Project
from inffeed_core.records import VOTE, Source, SourceKind, Split
from inffeed_core.store import (
    Agreement,
    active_version,
    add_source,
    choose_silver,
    count_by_split,
    mean_confidences,
    reading,
    silver_agreement,
    silver_choice,
    source_counts,
    sources,
    writing,
)


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What is known of one source."""

    source: Source
    labels: Mapping[Split, int]
    """How many texts it labelled, by split."""
    refused: int
    """Texts for which it gave no label, or an unreadable one."""
    confidence: float | None
    """Its mean confidence; None if it gives none."""
    agreement: Mapping[Split, Agreement]
    """How often it agrees with confirmed labels of train and validation, where it labelled such texts."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """How the version in use weighs the sources when it estimates which labels are likely wrong."""

    learned: bool
    """Whether it learned this from gold with silver labels; otherwise errors were estimated from all texts."""
    known: int
    """Gold texts that carry silver labels."""
    enough: int
    """How many of them are needed to learn from them."""
    error: float | None
    """Expected calibration error of "this label is wrong" on these texts, 0 to 1; None if they are too few."""
    labels: int
    """How many labels it was measured on."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources, and the choice among them."""

    use: str | None
    """The source that gives silver texts their labels; None for the vote."""
    figures: Sequence[SourceFigures]
    unlabelled: int
    """Silver texts that have no label yet by this choice."""
    weighing: Weighing | None
    """None without a version, or if each silver text has only one silver label."""


def sources_of(project: Project) -> Sources:
    """Every source with its figures, in the order in which they came."""
    with reading(project.db) as db:
        counts, refusals, sure = source_counts(db), source_counts(db, refused=True), mean_confidences(db)
        agreed = silver_agreement(db)
        figures = [
            SourceFigures(
                source=one,
                labels=counts[one.name],
                refused=sum(refusals[one.name].values()),
                confidence=sure.get(one.name),
                agreement=agreed.get(one.name, {}),
            )
            for one in sources(db)
        ]
        unlabelled = count_by_split(db)[Split.SILVER].get("", 0)
        return Sources(use=silver_choice(db), figures=figures, unlabelled=unlabelled, weighing=_weighing(db))


def _weighing(db: Database) -> Weighing | None:
    version = active_version(db)
    told = version.report.get("posterior") if version else None
    if not isinstance(told, Mapping):
        return None
    return Weighing(
        learned=told["way"] == "stack",
        known=told["known"],
        enough=told["enough"],
        error=told["error"],
        labels=told["labels"],
    )


def use_source(project: Project, name: str | None, by: str) -> int:
    """Let this source, or the vote (None), give silver texts their labels; returns how many have another one now.

    Decisions stay as they are. Raises InvalidSilver for an unknown source.
    """
    with writing(project.db) as db:
        return choose_silver(db, name, by)


def described(db: Database) -> str:
    """All sources and the choice among them as JSON, for an export."""
    use = silver_choice(db)
    told = [
        {"name": one.name, "kind": one.kind.value, "details": dict(one.details), "created": one.created}
        for one in sources(db)
    ]
    return json.dumps({"use": VOTE if use is None else {"source": use}, "sources": told}, ensure_ascii=False)


def restore_sources(db: Database, table: Table) -> None:
    """Add the sources that an export describes; a project without sources also takes over the export's choice.

    Raises ImportRefused for a description that cannot be read, InvalidSilver where another source has a name.
    """
    cells = [as_text(cell) for cell in table.column(SOURCES)] if SOURCES in table.columns else []
    first = not sources(db)
    for cell in dict.fromkeys(filter(None, cells)):
        use, found = _read(table.name, cell)
        for one in found:
            add_source(db, one)
        if first and use is not None:
            choose_silver(db, use, "import")


def _read(name: str, cell: str) -> tuple[str | None, list[Source]]:
    try:
        told = json.loads(cell)
        found = [
            Source(as_label(one["name"]), SourceKind(one["kind"]), one["details"], created=one["created"])
            for one in told["sources"]
        ]
        return (None if told["use"] == VOTE else as_label(told["use"]["source"])), found
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"Column {SOURCES!r} does not describe sources ({type(error).__name__}: {error!s:.200})."
        raise refused(name, problem, "Restore it from the export, or empty it.") from error
