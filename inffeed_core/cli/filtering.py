"""The options that choose among flags, which several commands take."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inffeed_core.records import FlagFilter

_OPTIONS = (
    click.option("--label", "labels", multiple=True, help="Only with this silver label; repeat it for several."),
    click.option("--source", "sources", multiple=True, help="Only from this source; repeat it for several."),
    click.option("--pair", "pairs", multiple=True, help="Only with this second text; repeat it for several."),
    click.option(
        "--where",
        "metadata",
        multiple=True,
        metavar="KEY=VALUE",
        help="Only with this metadata; if repeated, all must match.",
    ),
    click.option("--suggested", multiple=True, help="Only where this label is suggested; repeat it for several."),
    click.option(
        "--confidence",
        nargs=2,
        type=click.FloatRange(0, 1),
        default=None,
        metavar="FROM TO",
        help="Only where the suggested label has a probability in this range, such as 0.8 1.",
    ),
    click.option("--disagreeing", is_flag=True, help="Only texts that sources give different labels."),
    click.option("--search", "words", default="", help="Only texts with words that begin so, in any script."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Declare them all; `flag_filter` takes what they give."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def flag_filter(metadata: Sequence[str], **given: Any) -> "FlagFilter":
    """What the options say. Raises UsageError for metadata that is no pair."""
    from inffeed_core.records import FlagFilter

    return FlagFilter(metadata=tuple(map(_pair, metadata)), **given)


def _pair(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals:
        raise click.UsageError(f"--where {entry!r} is not a pair; write it as KEY=VALUE, such as --where year=2024.")
    return key, value
