"""What `inffeed import` and `inffeed new` are told of splits and labels that a file brings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inffeed_core.data.options import ImportOptions
    from inffeed_core.data.table import Table

_OPTIONS = (
    click.option(
        "--split-gold",
        metavar="70/15/15",
        help="Split gold texts into train, validation and test by these shares, each label alike.",
    ),
    click.option("--near-apart", is_flag=True, help="Let --split-gold put near copies into different splits."),
    click.option("--add-labels", is_flag=True, help="Add the labels of the file that the project lacks to it."),
)


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which passes what it gets to `with_choices`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_all(files: Sequence[Path], table_of: "Callable[[Path], Table]", split: str | None) -> "Table":
    """The rows of all these files. Raises ImportRefused, and UsageError for data sets of the hub beside others."""
    from inffeed_core.data.neighbours import hub
    from inffeed_core.data.several import together

    if str(files[0]).startswith(hub.PREFIX) and split and len(files) == 1:
        return hub.only(table_of(files[0]), split)
    if len(files) > 1 and any(str(file).startswith(hub.PREFIX) or str(file) == "-" for file in files):
        raise click.UsageError("Standard input and data sets of the hub are imported alone; name one of them.")
    return together([table_of(file) for file in files])


def with_choices(options: "ImportOptions", told: Mapping[str, Any], table: "Table", labels: Sequence[str]) -> Any:
    """The options with the shares and new labels that were asked for. Raises UsageError for what contradicts itself."""
    from inffeed_core.data.found_labels import missing_labels

    if told["split_gold"] is not None:
        if options.split_column is not None:
            raise click.UsageError(
                f"The file says its splits, in column {options.split_column}; leave --split-gold out, or rename it."
            )
        shares = _shares(told["split_gold"])
        options = replace(options, split=None, shares=shares, near_together=not told["near_apart"])
    elif told["near_apart"]:
        raise click.UsageError("--near-apart goes with --split-gold; add it, or leave this out.")
    if told["add_labels"]:
        options = replace(options, new_labels=missing_labels(table, options, labels))
    return options


def _shares(given: str) -> tuple[float, float, float]:
    try:
        train, validation, test = map(float, given.replace("%", "").split("/"))
        return train, validation, test
    except ValueError as error:
        problem = f"--split-gold {given!r} does not say shares; write three numbers, such as 70/15/15."
        raise click.UsageError(problem) from error
