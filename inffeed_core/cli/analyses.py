"""Commands that list analyses and compare two of them."""

from pathlib import Path

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument


@click.command(epilog="Example: inffeed analyses reviews")
@project_argument
@json_option
def analyses(project: Path, as_json: bool) -> None:
    """List the analyses of the project DIR.

    The newest stands first, with its number, model version, tier, and when it was made.
    """
    from inffeed_core.workflow.agreement import all_analyses, tier_of

    found = all_analyses(opened(project))
    lines = [f"{one.id:>5}  {one.version:<5} {tier_of(one):<20} {one.created[:16]}" for one in found]
    answer(found, as_json, lambda: "\n".join(lines) or "No analysis yet; `inffeed analyse` makes one.")


@click.command(
    epilog="""
\b
Examples:
  inffeed compare reviews 3 4
  inffeed compare reviews v1 v2
"""
)
@project_argument
@click.argument("first")
@click.argument("second")
@json_option
def compare(project: Path, first: str, second: str, as_json: bool) -> None:
    """Say how far two analyses agree.

    FIRST and SECOND are numbers of analyses of the project DIR, or versions, which stand for their newest analysis.
    Rank correlation is Spearman's, of the influence on validation over the silver texts that both ranked.
    """
    from inffeed_core.workflow.agreement import agreement, named, tier_of

    target = opened(project)
    result = agreement(target, named(target, first), named(target, second))
    names = [f"{one.id} ({one.version}, {tier_of(one)})" for one in (result.first, result.second)]
    answer(result, as_json, lambda: f"Analyses {names[0]} and {names[1]}:\n{result.sentence}")


COMMANDS = (analyses, compare)
