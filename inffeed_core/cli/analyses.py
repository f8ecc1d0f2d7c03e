"""Commands that list analyses, compare two of them, and check one."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, shown_progress
from inffeed_core.cli.learning import carried_words
from inffeed_core.settings import MANY, Scope

if TYPE_CHECKING:
    from inffeed_core.analysis.slices import Slice


@click.command(epilog="Example: inffeed analyses reviews")
@project_argument
@json_option
def analyses(project: Path, as_json: bool) -> None:
    """List the analyses of the project DIR.

    The newest comes first, with its number, model version, tier, and time.
    """
    from inffeed_core import store
    from inffeed_core.analysis.agreement import tier_of

    with store.reading(opened(project).db) as db:
        found = store.analyses(db)
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
    """Show how far two analyses agree.

    FIRST and SECOND are numbers of analyses of the project DIR, or versions, which stand for their newest analysis.
    Rank correlation is Spearman's, of the influence on validation over the silver texts that both ranked.
    """
    from inffeed_core.analysis.agreement import agreement, named, tier_of

    target = opened(project)
    result = agreement(target, named(target, first), named(target, second))
    names = [f"{one.id} ({one.version}, {tier_of(one)})" for one in (result.first, result.second)]
    answer(result, as_json, lambda: f"Analyses {names[0]} and {names[1]}:\n{result.sentence}")


@click.command(epilog="Example: inffeed slices reviews --limit 5")
@project_argument
@click.option("--limit", type=click.IntRange(1, MANY), default=20, show_default=True, help="How many slices.")
@json_option
def slices(project: Path, limit: int, as_json: bool) -> None:
    """Show where the model errs most.

    The slices of the validation gold of the project DIR with the worst macro-F1: texts with one value of their
    metadata, of one length, or of one of two labels that it confuses. Beside each stand its 95 % interval and what
    repairing its silver labels would bring: how many are expected to be wrong, and the validation loss they cost.
    """
    from inffeed_core.analysis.slices import slices as found_slices

    found = found_slices(opened(project))[:limit]
    answer(found, as_json, lambda: "\n".join(map(_slice_line, found)) or NO_SLICE)


NO_SLICE = "No slice has enough validation texts; bring in more validation gold, or metadata for it."


def _slice_line(one: "Slice") -> str:
    what = {"metadata": f"{one.name} = {one.value}", "length": f"{one.value} characters", "labels": one.value}[one.kind]
    f1 = one.macro_f1
    return (
        f"{f1.value:.3f} ({f1.low:.3f} to {f1.high:.3f})  {what}: {one.errors:,} of {one.texts:,} validation texts "
        f"wrong; {one.wrong:,.1f} of {one.silver:,} silver labels expected to be wrong, gain {one.gain:.2g} nats"
    )


@click.command(epilog="Example: inffeed verify reviews --refits 100")
@project_argument
@click.option(
    "--refits", type=click.IntRange(2, MANY), default=40, show_default=True, help="Silver texts drawn at random."
)
@click.option(
    "--scope", type=click.Choice(get_args(Scope)), help="Check the newest analysis of this scope. [that in use]"
)
@json_option
def verify(project: Path, refits: int, scope: str | None, as_json: bool) -> None:
    """Check scores against real refits.

    Random silver texts of the newest analysis of the project DIR: the head is fitted anew without the text, and with
    the suggested label for it, and the validation loss is compared with what the scores predict. Explore shows each.
    After an analysis with the scope training, the whole fine-tuning is repeated each time, twice for each text, without
    it and with another label, and for some groups of texts.
    """
    from inffeed_core.analysis.agreement import TOP
    from inffeed_core.analysis.verifying import KIND, Verification, correlation, slope
    from inffeed_core.jobs import run_here

    with shown_progress() as progress:
        job = run_here(opened(project), KIND, {"refits": refits, "scope": scope}, progress)
    found = Verification.from_dict(job.result)
    label = "another label" if found.groups else "the suggested label"
    kinds = {
        "without the text": (found.removal, "texts"),
        f"with {label}": (found.relabelling, "texts"),
        "groups with other labels": (found.groups, "groups"),
    }
    lines = [
        f"{name}: {len(done)} {what}, correlation {_number(correlation(done))}, slope {_number(slope(done))}"
        for name, (done, what) in kinds.items()
        if done
    ]
    if (shared := found.shared_with_bm25) is not None:
        lines.append(f"{shared:.0%} of the {TOP} strongest influencers are among the {TOP} most similar by BM25")
    if said := carried_words(opened(project), found.analysis):
        lines.append(said.strip())
    answer(found, as_json, lambda: "\n".join(lines))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


COMMANDS = (analyses, compare, slices, verify)
