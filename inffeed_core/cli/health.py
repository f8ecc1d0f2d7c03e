"""The command that checks a project's data."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, shown_progress

if TYPE_CHECKING:
    from inffeed_core.project.health import Finding, Health

_SHOWN = 5
"""Ids of a finding that are told in words; JSON has more."""


@click.command(epilog="Example: inffeed health reviews")
@project_argument
@click.option("--quick", is_flag=True, help="Only what can be told at once: no near copies, tokens and odd texts.")
@json_option
def health(project: Path, quick: bool, as_json: bool) -> None:
    """Check the data of the project DIR before training.

    It tells of labels with too few texts, splits with one label, equal texts with different labels, leaks between
    splits, and after a closer look of near copies, texts that training cuts, unknown words and texts unlike all others.
    Nothing is changed; each finding says what to do.
    """
    from inffeed_core import jobs
    from inffeed_core.project import health as checked

    target = opened(project)
    if not quick and checked.health(target).texts:
        with shown_progress() as progress:
            jobs.run_here(target, checked.KIND, {}, progress)
    found = checked.health(target)
    told = {
        "texts": found.texts,
        "looked_closer": found.looked_closer,
        "changed_since": found.changed_since,
        "findings": [_facts(one) for one in found.findings],
    }
    answer(told, as_json, lambda: _words(found))


def _facts(one: "Finding") -> dict[str, object]:
    texts = [{"id": id, "other": other or None} for id, other in one.texts]
    told = {"code": one.code, "severity": one.severity.value, "count": one.count, "said": one.said}
    return told | {"advice": one.advice, "values": dict(one.values), "texts": texts}


def _words(found: "Health") -> str:
    if not found.texts:
        return "The project has no texts yet; import some with `inffeed import`."
    if not found.findings:
        return f"Nothing was found in {found.texts:,} texts."
    lines = []
    for one in found.findings:
        lines += [f"{one.severity.value.upper()}: {one.said}", f"  {one.advice}"]
        if one.texts:
            shown = "; ".join(f"{id} and {other}" if other else id for id, other in one.texts[:_SHOWN])
            lines.append(f"  {shown}{'; …' if one.count > _SHOWN else ''}")
    if found.changed_since:
        lines.append("Texts or labels have changed since the last closer look; run it without --quick.")
    return "\n".join(lines)


COMMANDS = (health,)
