"""Commands that measure what the parts are worth on real data."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, shown_progress
from inffeed_core.settings import DEFAULT_MODEL, POLICIES

if TYPE_CHECKING:
    from inffeed_core.cli.console import F


@click.group(epilog="Example: inffeed bench repair --data sets --sets irony")
def bench() -> None:
    """Measure what reviewing is worth on data with known gold."""


def set_options(command: "F") -> "F":
    """Which data, and through which encoder."""
    data = click.option(
        "--data",
        required=True,
        envvar="INFFEED_DATA",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of <set>.jsonl.gz files: id, text, gold, split (seed, validation, test, extension), [silver].",
    )
    sets = click.option("--sets", metavar="A,B", help="Names of sets; all in the folder unless given.")
    model = click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Hub id or local folder.")
    cache = click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: Path(click.get_app_dir("inffeed")) / "features",
        help="Where features are kept between runs.",
    )
    return data(sets(model(cache(command))))


@bench.command(epilog="Example: inffeed bench fidelity --data sets --sets irony,reviews_movies,questions,hate")
@set_options
@click.option(
    "--scope",
    type=click.Choice(["head", "all"]),
    default="head",
    show_default=True,
    help="The head tier by refits, or the whole-model tier on a small transformer trained on halves of the texts.",
)
@click.option("--refits", type=click.IntRange(2), default=150, show_default=True, help="Of each kind on each set.")
@click.option("--rows", type=click.IntRange(10), default=1500, show_default=True, help="Rows that a head is fitted on.")
@click.option(
    "--halves", type=click.IntRange(3), default=50, show_default=True, help="Trainings of a seed (scope all)."
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Models of a set (scope all).")
@json_option
def fidelity(
    data: Path,
    sets: str | None,
    model: str,
    cache: Path,
    scope: str,
    refits: int,
    rows: int,
    halves: int,
    seeds: int,
    as_json: bool,
) -> None:
    """Check scores against real retraining.

    Scope head, for each set: refit the head without a row, or with another label for it, and compare the validation
    loss with what was predicted. Scope all: how well scores foretell the losses of transformers trained on random
    halves (linear datamodelling score; some 15 s of one core a training). Prints a Markdown table.
    """
    names = _sets(data, sets)
    with shown_progress() as progress:
        if scope == "head":
            from inffeed_core.evaluation import fidelity as experiment
            from inffeed_core.evaluation.repair import load

            loaded = (load(data, name, model, cache, progress) for name in names)
            refitted = [one for each in loaded for one in experiment.check(each, refits, rows, progress)]
            answer([asdict(one) for one in refitted], as_json, lambda: experiment.markdown(refitted))
        else:
            from inffeed_core.evaluation import datamodelling
            from inffeed_core.evaluation.whole_model_scorers import rivals, tiers

            problems = [datamodelling.read_problem(data, name) for name in names]
            runs = (datamodelling.experiment(each, (tiers, rivals), halves, seeds, progress) for each in problems)
            retrained = [one for run in runs for one in run]
            answer([asdict(one) for one in retrained], as_json, lambda: datamodelling.markdown(retrained))


@bench.command(epilog="Example: inffeed bench repair --data sets --sets irony,reviews_movies --budgets 1,5,10")
@set_options
@click.option("--budgets", metavar="PERCENT,…", default="1,5,10", show_default=True, help="Per cent of silver checked.")
@click.option("--policies", metavar="P,Q", help="Flag policies; all unless given.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of folds and of the random policy.")
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
    shares = _shares(budgets)
    from inffeed_core.evaluation import repair as experiment

    results = []
    with shown_progress() as progress:
        for name in _sets(data, sets):
            loaded = experiment.load(data, name, model, cache, progress)
            found = experiment.bounds(loaded)
            results.append((found, list(experiment.trials(loaded, shares, chosen, seed, progress))))
    as_data = [{"bounds": asdict(found), "trials": [asdict(t) for t in reviewed]} for found, reviewed in results]
    answer(as_data, as_json, lambda: "\n\n".join(experiment.markdown(*result) for result in results))


def _sets(data: Path, given: str | None) -> list[str]:
    return given.split(",") if given else sorted(p.name.removesuffix(".jsonl.gz") for p in data.glob("*.jsonl.gz"))


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
