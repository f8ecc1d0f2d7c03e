"""Commands that measure what the parts are worth on real data."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inffeed_core.cli.console import answer, cancelled_keeps, json_option, shown_progress
from inffeed_core.cli.feedback import named_settings, voting_options
from inffeed_core.flags.policies import POLICIES
from inffeed_core.settings import DEFAULT_MODEL, FineTuneSettings, Layers

if TYPE_CHECKING:
    from inffeed_core.cli.console import F
    from inffeed_core.studies.draws import Sources
    from inffeed_core.studies.repair.runs import RepairSettings


@click.group(epilog="Example: inffeed bench repair --data sets --sets irony")
def bench() -> None:
    """Measure what reviewing is worth on data with known gold."""
    cancelled_keeps("Runs that had ended are kept where --results names a file.")


def set_options(command: "F") -> "F":
    """Options for the data and the encoder."""
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


def layers_option(command: "F") -> "F":
    """The layers that a frozen encoder's features are pooled from."""
    return click.option(
        "--layers",
        type=click.Choice(get_args(Layers)),
        default="auto",
        show_default=True,
        help="Layers that features are pooled from; auto: each draw's validation texts choose, as in training.",
    )(command)


def fine_tune_options(command: "F") -> "F":
    """Options for fine-tuning transformers."""
    flag = click.option("--fine-tune", is_flag=True, help="Train whole transformers too (minutes each).")
    epochs = click.option(
        "--epochs",
        type=click.IntRange(1, 100),
        default=FineTuneSettings().epochs,
        show_default=True,
        help="Most epochs of a fine-tuning.",
    )
    balanced = click.option(
        "--balanced",
        is_flag=True,
        help="Classes of equal weight: in fine-tuning, which then stops on macro-F1 instead of loss, and in `bench "
        "repair` for every head that is scored.",
    )
    return flag(epochs(balanced(command)))


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
@click.option("--halves", type=click.IntRange(3), default=50, show_default=True, help="Trainings per seed (scope all).")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Models per set (scope all).")
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
    loss with what was predicted. Scope all: how well scores predict the losses of transformers trained on random
    halves (linear datamodelling score; about 15 s of one core per training). Prints a Markdown table.
    """
    names = named_sets(data, sets)
    with shown_progress() as progress:
        if scope == "head":
            from inffeed_core.studies.draws import load
            from inffeed_core.studies.fidelity import refits as experiment

            loaded = (load(data, name, model, cache, progress, layers="last") for name in names)
            refitted = [one for each in loaded for one in experiment.check(each, refits, rows, progress)]
            answer([asdict(one) for one in refitted], as_json, lambda: experiment.markdown(refitted))
        else:
            from inffeed_core.studies.fidelity import datamodelling
            from inffeed_core.studies.fidelity.whole_model_scorers import rivals, tiers

            problems = [datamodelling.read_problem(data, name) for name in names]
            runs = (datamodelling.experiment(each, (tiers, rivals), halves, seeds, progress) for each in problems)
            retrained = [one for run in runs for one in run]
            answer([asdict(one) for one in retrained], as_json, lambda: datamodelling.markdown(retrained))


@bench.command(epilog="Example: inffeed bench repair --data sets --sets irony,reviews_movies --budgets 1,5,10")
@set_options
@layers_option
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="Repetitions; each draws 80 %.")
@click.option(
    "--budgets",
    metavar="PERCENT,…",
    default="0.1,0.5,1,2,5,10,20",
    show_default=True,
    help="Per cent of silver checked.",
)
@click.option("--policies", metavar="P,Q", help="Policies that rank once; all, and every rival, unless given.")
@click.option("--rounds", metavar="P,Q", help="Flag policies that rank again after each budget. [the default policy]")
@click.option("--train", metavar="T,U", help="Ways to train: plain, noise-aware, auto; all unless given.")
@click.option("--noise-rate", type=click.FloatRange(0, 1), default=0.0, help="How often the annotator errs. [0]")
@click.option(
    "--sources",
    type=click.Choice(["one", "all"]),
    default="one",
    show_default=True,
    help="Whether only the source of the silver is heard, or every source that a set names.",
)
@fine_tune_options
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Runs at the same time.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON lines file, from which a stopped run continues.",
)
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for the page and its plots.")
@click.option(
    "--beside",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Results of runs with --noise-rate, reported beside these.",
)
@click.option(
    "--beside-all",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Results of runs with --sources all, reported beside these.",
)
@json_option
def repair(
    data: Path,
    sets: str | None,
    model: str,
    cache: Path,
    results: Path | None,
    report: Path | None,
    beside: Path | None,
    beside_all: Path | None,
    seeds: int,
    workers: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Simulate the annotator with gold labels, for every flag policy.

    For each set and seed: train on seed gold and silver, check the first per cents of each policy's ranking, retrain
    in every way, and score on test. Prints a table of macro-F1. A run that was stopped continues if --results names the
    same file.

    With --fine-tune the encoder is first fine-tuned on the seed gold of each draw; the head on its features is what is
    trained and reviewed. The report is then evidence_fine_tuned.md, with the frozen encoder's runs beside them: the
    same draws, decision rules and, with --balanced, class weights.
    """
    settings = _repair_settings(model, **options)
    names = named_sets(data, sets)
    from tempfile import TemporaryDirectory

    from inffeed_core.studies.evidence import fine_tuned_report
    from inffeed_core.studies.evidence import report as evidence_report
    from inffeed_core.studies.repair import runs as repair_runs

    with TemporaryDirectory() as folder, shown_progress() as progress:
        places = repair_runs.Places(data, cache, results or Path(folder) / "runs.jsonl")
        rows = repair_runs.complete(places, names, seeds, settings, workers, progress)
        if report is not None and settings.fine_tune is not None:
            frozen = repair_runs.complete(places, names, seeds, replace(settings, fine_tune=None), workers, progress)
            fine_tuned_report.write(rows, frozen, settings, report)
        elif report is not None:
            tired = repair_runs.tired(beside) if beside else ()
            heard = repair_runs.hearing_all(beside_all) if beside_all else ()
            evidence_report.write(rows, settings, report, tired, heard)
    answer(rows, as_json, lambda: evidence_report.summary(rows))


@bench.command(epilog="Example: inffeed bench feedback --data sets --sets irony,hate --seeds 3")
@set_options
@layers_option
@click.option("--methods", metavar="M,N", help="Methods; all unless given.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Draws of each set.")
@voting_options
@click.option("--rounds", type=int, help="Propose, apply, train, and again. [3; 1 with --fine-tune]")
@click.option("--train-rows", type=click.IntRange(10), help="Gold texts to learn from, the seed's first; all at most.")
@fine_tune_options
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON lines file, from which a stopped run continues.",
)
@json_option
def feedback(
    data: Path,
    sets: str | None,
    model: str,
    cache: Path,
    results: Path | None,
    methods: str | None,
    seeds: int,
    train_rows: int | None,
    layers: Layers,
    fine_tune: bool,
    epochs: int,
    balanced: bool,
    rounds: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Let influencers correct training labels, and measure it.

    For each set, models are trained on gold: each method changes training labels, the model is trained again, and
    macro-F1 on test is reported after all rounds, and after only those that validation confirmed. Models are heads on
    the frozen encoder, or with --fine-tune whole transformers, each trained from the pretrained weights and kept in the
    cache. Prints a Markdown table. A run that was stopped continues if --results names the same file.
    """
    about = named_settings({"rounds": rounds or (1 if fine_tune else None), **settings})
    tuning = _fine_tune_settings(epochs, balanced) if fine_tune else None
    from tempfile import TemporaryDirectory

    from inffeed_core.feedback.methods import METHODS
    from inffeed_core.studies.feedback import runs as feedback_runs
    from inffeed_core.studies.feedback import study
    from inffeed_core.studies.repair.runs import Places

    plan = feedback_runs.FeedbackPlan(
        methods=_names(methods, tuple(METHODS), "--methods"),
        settings=about,
        model=model,
        fine_tune=tuning,
        train_rows=train_rows,
        layers=layers,
    )
    with TemporaryDirectory() as folder, shown_progress() as progress:
        places = Places(data, cache, results or Path(folder) / "feedback.jsonl")
        found = feedback_runs.complete(places, named_sets(data, sets), seeds, plan, progress)
    answer([asdict(one) for one in found], as_json, lambda: study.markdown(found))


def _repair_settings(
    model: str,
    budgets: str,
    policies: str | None,
    rounds: str | None,
    train: str | None,
    noise_rate: float,
    sources: "Sources",
    layers: Layers,
    fine_tune: bool,
    epochs: int,
    balanced: bool,
) -> "RepairSettings":
    shares = _shares(budgets)
    from inffeed_core.flags.policies import RANKINGS
    from inffeed_core.studies.repair.review import TRAININGS
    from inffeed_core.studies.repair.runs import RepairSettings, known_policies

    return RepairSettings(
        budgets=tuple(sorted(shares)),
        once=_names(policies, known_policies(), "--policies"),
        rounds=_names(rounds, tuple(RANKINGS), "--rounds") if rounds else POLICIES[:1],
        trainings=_names(train, TRAININGS, "--train"),
        noise=noise_rate,
        model=model,
        fine_tune=_fine_tune_settings(epochs, balanced) if fine_tune else None,
        sources=sources,
        layers=layers,
        balanced=balanced,
    )


def _fine_tune_settings(epochs: int, balanced: bool) -> FineTuneSettings:
    """Validation is as large as the training data: scoring it twice an epoch would cost as much as training."""
    return FineTuneSettings(
        epochs=epochs, scorings=1, class_weights=balanced, stop_on="macro-f1" if balanced else "loss"
    )


def named_sets(data: Path, given: str | None) -> list[str]:
    """The sets that the option --sets names, or all in the folder."""
    return given.split(",") if given else sorted(p.name.removesuffix(".jsonl.gz") for p in data.glob("*.jsonl.gz"))


def _names(given: str | None, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    names = tuple(given.split(",")) if given else known
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"unknown: {', '.join(unknown)}; choose from {', '.join(known)}.", param_hint=option)
    return names


def _shares(budgets: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) / 100 for part in budgets.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{budgets!r} is not a list of numbers such as 1,5,10.", param_hint="--budgets"
        ) from error
    if not all(0 < share <= 1 for share in shares):
        raise click.BadParameter(f"{budgets!r}: expected per cents above 0 and up to 100.", param_hint="--budgets")
    return shares
