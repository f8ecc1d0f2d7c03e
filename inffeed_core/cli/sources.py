"""Commands about the sources of silver labels, and what an import is told about them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, tell
from inffeed_core.records import VOTE, Split
from inffeed_core.wording import filled

if TYPE_CHECKING:
    from inffeed_core.data.options import ImportOptions
    from inffeed_core.project.importing import ImportPreview
    from inffeed_core.project.sources import SourceFigures, Sources, Weighing

_OPTIONS = (
    click.option("--no-label", is_flag=True, help="No column holds labels; the texts are silver."),
    click.option("--source-name", metavar="NAME", help="The source of all labels, where no column tells it."),
    click.option("--confidence", metavar="COL", help="The column with the confidence of each label, 0 to 1."),
    click.option(
        "--silver",
        "silver",
        metavar="SOURCE=COL",
        multiple=True,
        help="A column with the labels of a further source; repeat it. Columns named silver:SOURCE are found.",
    ),
    click.option(
        "--silver-confidence",
        metavar="SOURCE=COL",
        multiple=True,
        help="The column with that source's confidence; repeat it. Columns named confidence:SOURCE are found.",
    ),
    click.option("--silver-object", metavar="COL", help='A column of JSON objects: {"SOURCE": {"label": …}}.'),
    click.option("--no-silver", is_flag=True, help="Keep columns of further sources as metadata."),
    click.option(
        "--join",
        type=click.Choice(["id", "text", "none"]),
        help="Add silver labels to texts that are there, found by id or by text; none: import texts.",
    ),
    click.option("--replace", "replace_labels", is_flag=True, help="With --join: replace what a source said before."),
    click.option(
        "--use", metavar="NAME", help="The source that gives silver texts their label; vote: the vote of all."
    ),
)


def silver_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What an import is told about sources, as options of the command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_silver(options: "ImportOptions", told: Mapping[str, Any]) -> "ImportOptions":
    """The options with what the user said about sources; `told` holds the values of `_OPTIONS`."""
    from inffeed_core.data.silver_columns import SilverColumn
    from inffeed_core.project.joining import for_joining

    if told["join"] == "none" and options.join is not None:
        raise click.UsageError("The file holds no texts, so its rows can only be joined; name its texts with --text.")
    if told["no_silver"]:
        options = replace(options, silver=(), silver_object=None)
    sure = _named(told["silver_confidence"], "--silver-confidence")
    given = _named(told["silver"], "--silver")
    known = {one.source: one for one in options.silver if one.source not in given}
    added = {name: SilverColumn(source=name, label=column) for name, column in given.items()}
    columns = known | added
    for name, column in sure.items():
        if name not in columns:
            raise click.UsageError(f"--silver-confidence names {name!r}, which has no labels; add --silver {name}=COL.")
        columns[name] = replace(columns[name], confidence=column)
    taken = {c for one in columns.values() for c in one.columns}
    changes: dict[str, Any] = {
        role: None for role in ("label", "source", "id", "pair") if getattr(options, role) in taken
    }
    if told["no_label"]:
        changes |= {"label": None, "source": None, "confidence": None}
    named = {"source_name": told["source_name"], "source": None} if told["source_name"] else {}
    more = {name: told[name] for name in ("confidence", "silver_object") if told[name]}
    options = replace(options, silver=tuple(columns.values()), **changes, **named, **more)
    options = replace(options, replace=told["replace_labels"])
    if told["join"] in ("id", "text"):
        return for_joining(options, told["join"])
    return options


def _named(entries: tuple[str, ...], option: str) -> dict[str, str]:
    from inffeed_core.characters import as_label

    pairs = [entry.partition("=") for entry in entries]
    for (name, _, column), entry in zip(pairs, entries, strict=True):
        if not name or not column:
            raise click.UsageError(f"{option} {entry!r} names no pair; write it as SOURCE=COL.")
    return {as_label(name): column for name, _, column in pairs}


def silver_told(look: "ImportPreview") -> list[str]:
    """What a preview says about sources."""
    options, lines = look.options, []
    if options.silver or options.silver_object:
        columns = [c for one in options.silver for c in one.columns] + [c for c in (options.silver_object,) if c]
        lines.append(f"Labels of further sources are in {', '.join(columns)}; --no-silver keeps these as metadata.")
    if options.join is not None:
        lines.append(
            f"All rows are about texts of the project (by {options.join}), so they add labels and no texts; "
            "--join none imports them as texts."
        )
    if unlabelled := look.counts[Split.SILVER].get("", 0):
        lines.append(filled("{n:,} silver {n:text has|texts have} no label yet.", n=unlabelled))
    return lines


def by_source(silver: Mapping[str, int]) -> str:
    """Such as "200 of gpt-4o, 180 of vader"."""
    return ", ".join(f"{n:,} of {name}" for name, n in silver.items())


@click.command(epilog="Example: inffeed sources reviews --use gpt-4o")
@project_argument
@click.option("--use", metavar="NAME", help="The source that gives silver texts their label; vote: the vote of all.")
@click.option("--annotator", default="inffeed", show_default=True, metavar="NAME", help="Who chooses.")
@json_option
def sources(project: Path, use: str | None, annotator: str, as_json: bool) -> None:
    """List the sources of silver labels.

    With --use, choose the one that counts in the project DIR. A silver text has the label that the chosen source gives
    it; a text that this source did not label has no label yet. By default the sources vote, and a tie goes to the
    source that came first. Decisions stay as they are. Agreement is with confirmed labels of train and validation texts
    that the source labelled too.
    """
    from inffeed_core.project.sources import sources_of, use_source

    target = opened(project)
    if use is not None:
        changed = use_source(target, None if use == VOTE else use, annotator)
        said = filled("{n:,} silver {n:text has|texts have} another label now.", n=changed)
        tell(said if not changed else f"{said} Retrain to learn from them.", err=True)
    found = sources_of(target)
    answer(_facts(found), as_json, lambda: _in_words(found))


def _facts(found: "Sources") -> dict[str, object]:
    return {
        "use": VOTE if found.use is None else found.use,
        "unlabelled": found.unlabelled,
        "weighing": None if found.weighing is None else asdict(found.weighing),
        "sources": [asdict(one) | {"agreement": _shares(one)} for one in found.figures],
    }


def _shares(one: "SourceFigures") -> dict[str, dict[str, float]]:
    return {split.value: {"share": a.share, "agreed": a.agreed, "of": a.of} for split, a in one.agreement.items()}


def _in_words(found: "Sources") -> str:
    if not found.figures:
        return "There are no silver labels yet; import some, with columns such as silver:gpt-4o for several sources."
    lines = [_line(one) for one in found.figures]
    lines.append(f"Silver texts have the label of: {found.use or 'the vote of all (ties: the first listed source)'}")
    if found.unlabelled:
        lines.append(filled("{n:,} silver {n:text has|texts have} no label yet.", n=found.unlabelled))
    if found.weighing is not None:
        lines.append(_weighed(found.weighing))
    return "\n".join(lines)


def _weighed(found: "Weighing") -> str:
    gold = filled("{n:,} gold {n:text that carries|texts that carry} silver labels", n=found.known)
    if found.error is None:
        return (
            f"Which labels are likely wrong is estimated from all texts: {gold}, and {found.enough} are needed to learn"
            " what each source is worth."
        )
    how = "learned from" if found.learned else "estimated from all texts and measured on"
    return (
        f"Which labels are likely wrong is {how} {gold}; these probabilities are off by {found.error:.1%} on average "
        f"(expected calibration error, {found.labels:,} labels)."
    )


def _line(one: "SourceFigures") -> str:
    labels = ", ".join(f"{n:,} {split}" for split, n in one.labels.items()) or "no labels"
    refused = f", {one.refused:,} refused or unreadable" if one.refused else ""
    sure = "" if one.confidence is None else f"; mean confidence {one.confidence:.2f}"
    agreed = "".join(f"; {split} {a.share:.1%} right of {a.of:,}" for split, a in one.agreement.items())
    return f"{one.source.name}  ({one.source.kind})  {labels}{refused}{sure}{agreed}"


COMMANDS = (sources,)
