"""The command that takes the decisions of another copy of a project into this one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, one_line, opened, project_argument

if TYPE_CHECKING:
    from inffeed_core.project.merging import Conflict, Merge, Side

SHOWN = 20


@click.command(epilog="Example: inffeed merge reviews reviews-of-ana")
@project_argument
@click.argument("other", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what the merge would do.")
@json_option
def merge(project: Path, other: Path, dry_run: bool, as_json: bool) -> None:
    """Take in the decisions of another copy of a project.

    The project DIR gets every decision of OTHER that it lacks, with who and when; OTHER is only read. OTHER may hold a
    part of the texts, but no other texts or labels. Merging again changes nothing. Where one person decided about a
    text in both, the later decision counts. Texts that were decided differently are listed.
    """
    from inffeed_core.project import merging

    found = merging.merge(opened(project), opened(other), dry_run=dry_run)
    answer(found, as_json, lambda: _said(found, dry_run))


def _said(found: "Merge", dry_run: bool) -> str:
    if not found.decisions:
        return "There is nothing to merge: every decision is here already." + _left(found)
    would = "would be taken in" if dry_run else "were taken in"
    lines = [f"{found.decisions:,} decisions about {found.texts:,} texts {would}.{_left(found)}"]
    if found.superseded:
        lines.append(f"{found.superseded:,} of them are outdated by later ones here: they stay in the trail, undone.")
    if found.conflicts:
        lines.append(f"{len(found.conflicts):,} texts were decided differently:")
        lines += [_line(one) for one in found.conflicts[:SHOWN]]
    if len(found.conflicts) > SHOWN:
        lines.append(f"… and {len(found.conflicts) - SHOWN:,} more; `--json` lists all.")
    return "\n".join(lines)


def _left(found: "Merge") -> str:
    if not found.feedback:
        return ""
    return f" {found.feedback:,} decisions by feedback stay in the other copy; apply feedback here again."


def _line(one: "Conflict") -> str:
    sides = f"here {_side(one.here)}, there {_side(one.there)}, now {_side(one.merged, who=False)}"
    return f"{one.id}\t{one_line(one.text, None, 40)}\t{sides}"


def _side(side: "Side", *, who: bool = True) -> str:
    label = "left out" if side.label is None else "disputed" if side.disputed else side.label
    names = ", ".join(sorted({one.partition(":")[0] for one in side.by}))
    return f"{label} ({names})" if who and names else label


COMMANDS = (merge,)
