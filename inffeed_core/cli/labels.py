"""Labels on the command line, whatever characters they have."""

import json
from collections.abc import Sequence

import click

from inffeed_core.data.label_list import listed_labels
from inffeed_core.errors import SettingsError


def labels_of(given: Sequence[str]) -> tuple[str, ...]:
    """The classes: one in each option if it is repeated, otherwise a list with commas, in which quotes enclose a label.

    Raises UsageError for quotes that do not match.
    """
    if len(given) > 1:
        return tuple(label.strip() for label in given)
    try:
        return listed_labels(given[0])
    except SettingsError as error:
        raise click.UsageError(f'{error} Or repeat the option: --labels "yes, sure" --labels no') from error


def label_names(mapping: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """{the file's name: label of the project} of options FILE=PROJECT, in which both may hold "=", or of JSON objects.

    Raises UsageError for what is no pair, or could be several.
    """
    names: dict[str, str] = {}
    for entry in mapping:
        names |= _of_json(entry) if entry.lstrip().startswith("{") else dict([_pair(entry, labels)])
    return names


def _pair(entry: str, labels: Sequence[str]) -> tuple[str, str]:
    at = [n for n, sign in enumerate(entry) if sign == "=" and 0 < n < len(entry) - 1]
    ways = [(entry[:n].strip(), entry[n + 1 :].strip()) for n in at]
    known = [way for way in ways if way[1] in labels] or ways
    if not ways:
        raise click.UsageError(f"--map {entry!r} is not a pair; write it as FILE=PROJECT, such as --map pos=positive.")
    if len(known) > 1:
        example = json.dumps({known[0][0]: known[0][1]}, ensure_ascii=False)
        raise click.UsageError(
            f"--map {entry!r} can be read in {len(known)} ways; write it as JSON: --map '{example}'."
        )
    return known[0]


def _of_json(entry: str) -> dict[str, str]:
    try:
        given = json.loads(entry)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--map {entry!r} is not valid JSON ({error}).") from error
    if not all(isinstance(label, str) for label in given.values()):
        raise click.UsageError(f'--map {entry!r} must hold texts, such as {{"pos": "positive"}}.')
    return dict(given)
