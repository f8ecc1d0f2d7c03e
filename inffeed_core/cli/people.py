"""Commands for the people of a project: their roles."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument

if TYPE_CHECKING:
    from inffeed_core.project.roles import Role, Team


@click.command(epilog="Example: inffeed team reviews --lead Ana --annotator Ben --annotator Eva")
@project_argument
@click.option("--lead", "leads", multiple=True, metavar="NAME", help="Make this person a lead; repeat it for several.")
@click.option("--annotator", "annotators", multiple=True, metavar="NAME", help="Make this person an annotator.")
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="Take this person's role away.")
@click.option("--by", default="command line", show_default=True, help="Who decided it; stored in the project.")
@json_option
def team(
    project: Path,
    leads: Sequence[str],
    annotators: Sequence[str],
    removed: Sequence[str],
    by: str,
    as_json: bool,
) -> None:
    """Show or change who leads the project DIR.

    Leads may do everything; annotators review, and see their own decisions. Until a lead is named, everybody may do
    everything. The options of one call are one change: all of it is stored, or nothing. Roles bind people in the
    browser. Whoever runs commands owns the folder and is not bound.
    """
    from inffeed_core.project.roles import Role, set_roles, team_of

    target = opened(project)
    wanted = _wanted({Role.LEAD: leads, Role.ANNOTATOR: annotators, None: removed})
    now = set_roles(target, wanted, by) if wanted else team_of(target)
    answer({"roles": dict(now.roles)}, as_json, lambda: _told(now))


def _wanted(given: "dict[Role | None, Sequence[str]]") -> "dict[str, Role | None]":
    wanted: dict[str, Role | None] = {}
    for role, names in given.items():
        for name in names:
            if wanted.setdefault(name, role) is not role:
                raise click.UsageError(f"{name!r} is named for two roles; name each person once.")
    return wanted


def _told(now: "Team") -> str:
    if not now.roles:
        return "Nobody has a role, so everybody may do everything; --lead NAME names a lead."
    return "\n".join(f"{role.value:<10} {person}" for person, role in now.roles.items())


COMMANDS = (team,)
