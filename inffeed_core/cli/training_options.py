"""The settings of training and of analyses as options of commands."""

from typing import TYPE_CHECKING, get_args

import click

from inffeed_core.settings import (
    DEFAULT_DIMENSIONS,
    DEFAULT_TFIDF,
    AnalysisSettings,
    FineTuneSettings,
    Layers,
    Method,
    Precision,
    Recipe,
    Rule,
    Scope,
    TfIdf,
    TrainSettings,
)

TRAIN, TUNE, ANALYSIS = TrainSettings(), FineTuneSettings(), AnalysisSettings()

if TYPE_CHECKING:
    from inffeed_core.cli.console import F


def train_options(command: "F") -> "F":
    """The fields of TrainSettings as options."""
    l2 = click.option("--l2", type=float, help="Weight decay of the head; chosen on validation unless given.")
    weight = click.option(
        "--silver-weight",
        type=float,
        help=f"Weight of a silver label that nobody confirmed, 0 to 1. [{TRAIN.silver_weight:g}]",
    )
    recipe = click.option(
        "--recipe",
        type=click.Choice(get_args(Recipe)),
        help=f"How to learn from unconfirmed silver labels. [{TRAIN.recipe}]",
    )
    length = click.option("--max-tokens", type=int, help=f"Of a text; longer ones are cut. [{TRAIN.max_tokens}]")
    windows = click.option(
        "--windows/--no-windows",
        default=None,
        help="Read longer texts whole, in windows whose features are averaged. [no]",
    )
    precision = click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        help=f"Of encoding: int8 is faster on CPUs, bfloat16 on GPUs. [{TRAIN.precision}]",
    )
    rule = click.option(
        "--rule",
        type=click.Choice(get_args(Rule)),
        help="How the version decides; `inffeed rule` changes it later. [macro-f1; retrain: that in use]",
    )
    model = click.option("--model", metavar="ID", help="Hub id or local folder of the encoder, from now on.")
    own = click.option(
        "--model-labels",
        metavar="OWN=PROJECT",
        multiple=True,
        help="A classifier's own label and the project's for it; repeat it, or give a JSON object.",
    )
    features = _feature_options(_fine_tune_options(command))
    return own(model(l2(weight(recipe(rule(length(windows(precision(features)))))))))


def _feature_options(command: "F") -> "F":
    """What a bare encoder's features are made of, as options."""
    layers = click.option(
        "--layers",
        type=click.Choice(get_args(Layers)),
        help=f"Layers of a bare encoder that features are pooled from. [{TRAIN.layers}; retrain: those in use]",
    )
    tfidf = click.option(
        "--tfidf",
        type=click.Choice(get_args(TfIdf)),
        help=f"TF-IDF of the project's texts beside a bare encoder. [{DEFAULT_TFIDF}; retrain: as in use]",
    )
    dimensions = click.option(
        "--tfidf-dimensions", type=int, help=f"Of TF-IDF. [{DEFAULT_DIMENSIONS}; retrain: as in use]"
    )
    return layers(tfidf(dimensions(command)))


def _fine_tune_options(command: "F") -> "F":
    """The method of retraining, and the fields of FineTuneSettings that scripts change, as options."""
    method = click.option(
        "--method",
        type=click.Choice(get_args(Method)),
        help=f"The head, the whole transformer, or adapters. [{TRAIN.method}]",
    )
    epochs = click.option("--epochs", type=int, help=f"Most epochs of fine-tuning. [{TUNE.epochs}]")
    rate = click.option("--learning-rate", type=float, help="Of fine-tuning. [5e-5; 1e-3 for lora]")
    batch = click.option("--batch-size", type=int, help=f"Of fine-tuning, in texts. [{TUNE.batch_size}]")
    stop = click.option(
        "--stop-on", type=click.Choice(["loss", "macro-f1"]), help=f"What is best on validation. [{TUNE.stop_on}]"
    )
    balanced = click.option(
        "--class-weights", is_flag=True, default=None, help="Give rare classes the same weight as others."
    )
    return method(epochs(rate(batch(stop(balanced(command))))))


def analysis_options(command: "F") -> "F":
    """The fields of AnalysisSettings that scripts change, as options."""
    influencers = click.option(
        "--influencers",
        type=int,
        help=f"Influencers kept on each side of every explained text. [{ANALYSIS.influencers}]",
    )
    explained = click.option(
        "--explained", type=int, help=f"Top flags of each policy that are explained. [{ANALYSIS.explained}]"
    )
    scope = click.option(
        "--scope", type=click.Choice(get_args(Scope)), help=f"What influence goes through. [{ANALYSIS.scope}]"
    )
    refine = click.option("--refine", is_flag=True, default=None, help="Beyond the head: exact, and slower, flags.")
    retrains = click.option(
        "--retrains",
        type=int,
        help=f"Scope training: groups retrained to see how far the scores carry; 0 = none. [{ANALYSIS.retrains}]",
    )
    return scope(refine(retrains(influencers(explained(command)))))
