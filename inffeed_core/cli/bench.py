"""Commands that measure what the parts are worth on real data."""

from dataclasses import asdict
from pathlib import Path

import click

from inffeed_core.cli.console import answer, json_option, shown_progress
from inffeed_core.settings import DEFAULT_MODEL, POLICIES


@click.group(epilog="Example: inffeed bench repair --data sets --sets irony")
def bench() -> None:
    """Measure what reviewing is worth on data with known gold."""


@bench.command(epilog="Example: inffeed bench repair --data sets --sets irony,reviews_movies --budgets 1,5,10")
@click.option(
    "--data",
    required=True,
    envvar="INFFEED_DATA",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of <set>.jsonl.gz files with id, text, gold, split (seed, validation, test, extension), [silver].",
)
@click.option("--sets", metavar="A,B", help="Names of sets; all in the folder unless given.")
@click.option("--budgets", metavar="PERCENT,…", default="1,5,10", show_default=True, help="Per cent of silver checked.")
@click.option("--policies", metavar="P,Q", help="Flag policies; all unless given.")
@click.option("--model", metavar="ID", default=DEFAULT_MODEL, show_default=True, help="Hub id or local folder.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of folds and of the random policy.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(click.get_app_dir("inffeed")) / "features",
    help="Where features are kept between runs.",
)
@json_option
def repair(
    data: Path,
    sets: str | None,
    budgets: str,
    policies: str | None,
    model: str,
    seed: int,
    cache: Path,
    as_json: bool,
) -> None:
    """Let gold play the annotator for every flag policy.

    For each set: train on seed gold and silver, check the first per cent of each policy's ranking, retrain, and score
    on test. Prints a Markdown table a set: how many of the checked labels were wrong, and macro-F1 on test.
    """
    chosen = _names(policies, POLICIES)
    names = sets.split(",") if sets else sorted(p.name.removesuffix(".jsonl.gz") for p in data.glob("*.jsonl.gz"))
    shares = _shares(budgets)
    from inffeed_core.evaluation import repair as experiment

    results = []
    with shown_progress() as progress:
        for name in names:
            loaded = experiment.load(data, name, model, cache, progress)
            found = experiment.bounds(loaded)
            results.append((found, list(experiment.trials(loaded, shares, chosen, seed, progress))))
    as_data = [{"bounds": asdict(found), "trials": [asdict(t) for t in reviewed]} for found, reviewed in results]
    answer(as_data, as_json, lambda: "\n\n".join(experiment.markdown(*result) for result in results))


def _names(given: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(given.split(",")) if given else known
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(
            f"unknown: {', '.join(unknown)}; known are {', '.join(known)}.", param_hint="--policies"
        )
    return names


def _shares(budgets: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) / 100 for part in budgets.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{budgets!r} is no list of numbers such as 1,5,10.", param_hint="--budgets"
        ) from error
    if not all(0 < share <= 1 for share in shares):
        raise click.BadParameter(f"{budgets!r}: expected per cents above 0 and up to 100.", param_hint="--budgets")
    return shares


COMMANDS = (bench,)
