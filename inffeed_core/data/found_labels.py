"""The labels that a file brings: for a new project, or for one that lacks some of them."""

from collections.abc import Sequence

from inffeed_core.characters import known_label
from inffeed_core.data.options import ImportOptions, file_labels, guess_options, labels_with
from inffeed_core.data.table import Table
from inffeed_core.errors import SettingsError

MOST_NEW = 100
"""New labels that one file may bring: more are rather texts, taken for labels by mistake."""


def labels_in(table: Table) -> tuple[str, ...]:
    """The labels in the label column, the most frequent first. Raises SettingsError for none, and for too many."""
    options = guess_options(table, ())
    if options.label is None:
        raise SettingsError(f"{table.name} has no column of labels; give the labels yourself.")
    found = tuple(file_labels(table, options))
    _require_few(found, options.label)
    return labels_with((), found)


def missing_labels(table: Table, options: ImportOptions, labels: Sequence[str]) -> tuple[str, ...]:
    """The labels of the file that are neither labels of the project nor mapped to one.

    Raises SettingsError where they are too many.
    """
    found = [name for name in file_labels(table, options) if name not in options.label_names]
    new = tuple(name for name in found if known_label(name, labels) is None)
    _require_few(new, options.label)
    return new


def _require_few(new: Sequence[str], column: str | None) -> None:
    if len(new) > MOST_NEW:
        raise SettingsError(
            f"Column {column} holds {len(new):,} different names; expected labels, at most {MOST_NEW} new ones. Choose "
            "the column of the labels, or give the labels yourself."
        )
