"""Commands for the people of a project: their roles, and what is assigned to them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, tell
from inffeed_core.cli.filtering import filter_options, flag_filter
from inffeed_core.flags.policies import POLICIES
from inffeed_core.settings import MANY

if TYPE_CHECKING:
    from inffeed_core.project.roles import Role, Team
    from inffeed_core.store.assigning import Assignment


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


@click.command(
    epilog="""
\b
Examples:
  inffeed assign reviews --to Ana --to Ben --to Eva --goal 40
  inffeed assign reviews --to Ana=2 --to Ben=1 --count 300 --source vader
  inffeed assign reviews --undo 1
"""
)
@project_argument
@click.option("--to", "people", multiple=True, metavar="NAME[=SHARE]", help="A person and their share; repeat it.")
@click.option(
    "--count", type=click.IntRange(0, MANY), help="How many flags, the first ones. [all; 0 sets the goal alone]"
)
@click.option("--goal", type=int, help="Texts a day for each person; the review room shows it.")
@click.option("--policy", type=click.Choice(POLICIES), default=POLICIES[0], show_default=True, help="Which ranking.")
@filter_options
@click.option("--undo", type=click.IntRange(1, MANY), metavar="N", help="Take assignment N back; decisions stay.")
@click.option("--by", default="command line", show_default=True, help="Who decided it; stored in the project.")
@json_option
def assign(
    project: Path,
    people: Sequence[str],
    undo: int | None,
    by: str,
    as_json: bool,
    count: int | None,
    goal: int | None,
    policy: str,
    **filters: Any,
) -> None:
    """Assign open flags of the project DIR.

    Without `--to` it lists what is assigned. Each person finds theirs first in the review room, then what is nobody's,
    then the rest. Shares are equal unless you give numbers. Flags that are assigned already are left out.
    """
    from inffeed_core.review.assigning import Wish, assign, take_back
    from inffeed_core.store import reading
    from inffeed_core.store.assigning import assignments

    target = opened(project)
    if people and undo is not None:
        raise click.UsageError("Give either --to or --undo.")
    if undo is not None:
        take_back(target, undo, by)
        tell(f"Assignment {undo} is undone.")
    if people:
        only = flag_filter(**filters)
        weights = _weights(people)
        assign(target, Wish(weights=weights, by=by, policy=policy, only=only, count=count, goal=goal))
    elif undo is None and (count is not None or goal is not None or any(filters.values())):
        raise click.UsageError("Say to whom with --to.")
    with reading(target.db) as db:
        found = assignments(db)
    answer(found, as_json, lambda: "\n".join(map(_assigned, found)) or "Nothing was assigned; --to NAME begins.")


def _weights(people: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for given in people:
        name, equals, share = given.rpartition("=")
        try:
            person, weight = (name, float(share)) if equals else (given, 1.0)
        except ValueError:
            person, weight = given, 1.0
        if person in weights:
            raise click.UsageError(f"{person!r} is named twice; name each person once.")
        weights[person] = weight
    return weights


def _assigned(one: "Assignment") -> str:
    whom = ", ".join(f"{person} {one.texts.get(person, 0):,}" for person in one.shares)
    goal = f", {one.goal:,} a day each" if one.goal else ""
    undone = f", undone by {one.undone_by}" if one.undone_at else ""
    return f"{one.n}. {one.at[:16]}  {whom} of {one.policy}{goal}, by {one.by}{undone}"


COMMANDS = (team, assign)
