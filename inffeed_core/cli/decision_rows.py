"""Files with a row for each decision: what import and export are told about them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inffeed_core.cli.console import answer, tell
from inffeed_core.wording import filled

if TYPE_CHECKING:
    from inffeed_core.data.table import Table
    from inffeed_core.project.decision_rows import DecisionRows
    from inffeed_core.project.folder import Project


def wants_decisions(told: Mapping[str, Any], table: "Table") -> bool:
    """Whether the file is to be read as decisions: as the user says, else by its columns."""
    from inffeed_core.project.decision_rows import holds_decisions

    asked: bool | None = told["decisions"]
    if asked is None and holds_decisions(table.columns):
        tell("Each row is a decision about a text of the project; --no-decisions imports texts.", err=True)
        return True
    return bool(asked)


def import_decisions(
    project: "Project",
    table: "Table",
    told: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the rows as decisions, or say what that would do."""
    from inffeed_core.project.decision_rows import commit_decisions, preview_decisions

    carry_out = preview_decisions if dry_run else commit_decisions
    found = carry_out(project, table, annotator=told["annotator"] or "", label_names=names)
    found.converted.require_whole()
    facts = {"decisions": len(found.converted.decisions), "known": found.known, "by_annotator": found.by_annotator}
    answer(facts, as_json, lambda: _in_words(found, dry_run=dry_run))


def _in_words(found: "DecisionRows", *, dry_run: bool) -> str:
    whose = ", ".join(f"{n:,} of {name}" for name, n in found.by_annotator.items())
    count, known = len(found.converted.decisions), found.known
    lines = [filled("{n:,} new {n:decision|decisions}", n=count) + (f" ({whose})." if whose else ".")]
    if known:
        lines.append(filled("{n:,} {n:row was|rows were} known already.", n=known))
    return "\n".join([*lines, *(["Nothing was changed (--dry-run)."] if dry_run else [])])
