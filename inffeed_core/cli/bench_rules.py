"""The command that measures what decision rules are worth."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.bench import bench, layers_option, named_sets, set_options
from inffeed_core.cli.console import answer, json_option, shown_progress
from inffeed_core.settings import Layers

if TYPE_CHECKING:
    from inffeed_core.studies.rules import Judgement


@bench.command(epilog="Example: inffeed bench rules --data sets --sets hate,questions --silver-rows 1500")
@set_options
@layers_option
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Repetitions; each draws 80 %.")
@click.option("--silver-rows", type=click.IntRange(10), help="Silver texts of each set, its first; all at most.")
@click.option("--test-rows", type=click.IntRange(10), help="Test texts of each set, its first; all at most.")
@json_option
def rules(
    data: Path,
    sets: str | None,
    model: str,
    cache: Path,
    seeds: int,
    silver_rows: int | None,
    test_rows: int | None,
    layers: Layers,
    as_json: bool,
) -> None:
    """Compare the decision rules argmax, calibrated and macro-f1.

    For each set and seed: train on seed gold and silver without any review, fit every rule on validation, and score on
    test. Prints a Markdown table, and the mean gain over sets with its interval.
    """
    names = named_sets(data, sets)
    from inffeed_core.studies.draws import encoded, read
    from inffeed_core.studies.rules import first, judge_set, markdown

    found: list[Judgement] = []
    with shown_progress() as progress:
        for name in names:
            texts = first(read(data, name), silver_rows, test_rows)
            found += judge_set(encoded(texts, model, cache, progress, layers=layers), seeds, progress)
    facts = [{k: v for k, v in asdict(one).items() if k not in ("gold", "decided")} for one in found]
    answer(facts, as_json, lambda: markdown(found))


COMMANDS = (bench,)
"""The group, with the command of this file in it."""
