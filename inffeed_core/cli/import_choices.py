"""What `inffeed import` and `inffeed new` are told of splits and labels that a file brings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inffeed_core.data.options import ImportOptions
    from inffeed_core.data.table import Table

MOST_NEW = 100
"""New labels that one file may bring: more are rather the texts, chosen as the labels by mistake."""

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
    from inffeed_core.characters import known_label
    from inffeed_core.data.options import file_labels

    if told["split_gold"] is not None:
        if options.split_column is not None:
            raise click.UsageError(
                f"The file says its splits, in column {options.split_column}; leave --split-gold out, or rename it."
            )
        shares = _shares(told["split_gold"])
        options = replace(options, split=None, shares=shares, near_together=not told["near_apart"])
    elif told["near_apart"]:
        raise click.UsageError("--near-apart goes with --split-gold; add it, or leave this out.")
    if not told["add_labels"]:
        return options
    found = [name for name in file_labels(table, options) if name not in options.label_names]
    new = tuple(name for name in found if known_label(name, labels) is None)
    _require_few(new, options.label)
    return replace(options, new_labels=new)


def labels_in(file: Path) -> tuple[str, ...]:
    """The labels in the label column of a file, the most frequent first. Raises UsageError where they are too many."""
    from inffeed_core.data.options import file_labels, guess_options, labels_with
    from inffeed_core.data.reading import read

    table = read(file)
    options = guess_options(table, ())
    if options.label is None:
        raise click.UsageError(f"{file.name} has no column of labels; give the labels with --labels.")
    found = tuple(file_labels(table, options))
    _require_few(found, options.label)
    return labels_with((), found)


def _shares(given: str) -> tuple[float, float, float]:
    try:
        train, validation, test = map(float, given.replace("%", "").split("/"))
        return train, validation, test
    except ValueError as error:
        problem = f"--split-gold {given!r} does not say shares; write three numbers, such as 70/15/15."
        raise click.UsageError(problem) from error


def _require_few(new: Sequence[str], column: str | None) -> None:
    if len(new) > MOST_NEW:
        raise click.UsageError(
            f"Column {column} holds {len(new):,} different names; expected labels, at most {MOST_NEW} new ones. Name "
            "the column of the labels with --label, or give them with --labels."
        )
