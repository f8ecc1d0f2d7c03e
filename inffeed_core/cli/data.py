"""Commands that make a project, bring data in, and keep it safe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, shown_progress, tell, warn
from inffeed_core.cli.decision_rows import import_decisions, wants_decisions
from inffeed_core.cli.import_choices import choice_options, read_all, with_choices
from inffeed_core.cli.import_words import imported, tell_preview, warn_of_overlaps
from inffeed_core.cli.labels import label_names, labels_of
from inffeed_core.cli.reading import guidelines_options, reading_options
from inffeed_core.cli.sources import silver_options, with_silver
from inffeed_core.data.formats.known import READABLE
from inffeed_core.records import VOTE, Split
from inffeed_core.settings import DEFAULT_MODEL, ProjectSettings

if TYPE_CHECKING:
    from inffeed_core.data.options import ImportOptions
    from inffeed_core.data.table import Table
    from inffeed_core.project.folder import Project

_COLUMNS = ("split", "split_column", "text", "label", "pair", "id_column", "source")
split_names = click.Choice([s.value for s in Split])

_IMPORT = f"""Import one or more FILES of one kind into the project DIR.

Either all rows of all files are imported or nothing. The name of a file determines the format: {READABLE}. For the
file - standard input is read. Columns that you do not name are found by their usual names; all others are kept as
metadata. Columns of a file without a header are named by their number.

A column named silver:SOURCE holds labels of that source, and confidence:SOURCE its confidence. Gold texts may have such
labels too; they change no gold label. If every row is about a text that the project has, the silver labels are added to
these texts. Silver texts need no label yet.

One file of gold texts can be split here: --split-gold 70/15/15 gives the texts of each label to train, validation and
test by these shares and keeps near copies in one split. The same file, project and seed give the same splits.

Files of Label Studio, Argilla, Prodigy, doccano, spaCy and datasets are recognised by what is in them. hf:OWNER/NAME
is a data set of the Hugging Face hub; with --split, only that split of it is imported.
"""


@click.command(epilog="Example: inffeed new reviews --labels negative,positive")
@click.argument("project", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--labels",
    multiple=True,
    help="The classes, separated by commas; quote one that holds a comma, or repeat the option. Their order is kept.",
)
@click.option(
    "--labels-from",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take the classes from the label column of a file instead, the most frequent first.",
)
@click.option("--name", help="Title of the project. [the name of the folder]")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Hub id or local folder of the encoder.")
@guidelines_options
@click.option("--seed", default=0, show_default=True, help="For everything that draws at random, 0 to 4,294,967,295.")
@click.option("--lead", default="", metavar="NAME", help="Who leads it; without one everybody may do everything.")
@click.option("--sample", is_flag=True, help="Create the sample project instead: 630 messages to a town.")
def new(
    project: Path | None,
    labels: tuple[str, ...],
    labels_from: Path | None,
    name: str | None,
    model: str,
    guidelines: str | None,
    seed: int,
    lead: str,
    sample: bool,
) -> None:
    """Create a project in the folder DIR.

    The folder must be new or empty. Without a folder, the sample project is created among the projects of the app.
    """
    from inffeed_core.data.found_labels import labels_in
    from inffeed_core.data.reading import read
    from inffeed_core.project.folder import create_project, default_home, model_reference
    from inffeed_core.project.sample import open_sample

    if sample:
        with shown_progress() as progress:
            made = open_sample(project or default_home() / "sample", progress)
    elif project is None:
        raise click.UsageError("Name the folder for the project, such as inffeed new reviews.")
    elif bool(labels) == bool(labels_from):
        raise click.UsageError(
            "Give the classes with --labels, such as --labels negative,positive, or a file with --labels-from; or take "
            "--sample."
        )
    else:
        about = ProjectSettings(
            name=name or project.expanduser().resolve().name,
            labels=labels_in(read(labels_from)) if labels_from else labels_of(labels),
            model=model_reference(model),
            guidelines=guidelines or "",
            seed=seed,
        )
        made = create_project(project, about, lead)
    tell(f"Project made: {made.folder}")


@click.command(
    "import",
    help=_IMPORT,
    epilog="Example: inffeed import reviews silver.csv --split silver --text review --label vader",
)
@project_argument
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--split", type=split_names, help="What all rows are for.")
@click.option("--split-column", metavar="COL", help="The column with the split of each row.")
@click.option("--text", metavar="COL", help="The column with the texts.")
@click.option("--label", metavar="COL", help="The column with the labels.")
@click.option(
    "--pair-column",
    "--pair",
    "pair",
    metavar="COL",
    help="The column with second texts, such as a stance's target, a hypothesis or an answer.",
)
@click.option("--no-pair", is_flag=True, help="No column holds second texts, whatever its name.")
@click.option("--id", "id_column", metavar="COL", help="The column with unique ids; without one, ids are assigned.")
@click.option("--source", metavar="COL", help="The column with the source of each label.")
@choice_options
@silver_options
@click.option(
    "--map",
    "mapping",
    metavar="FILE=PROJECT",
    multiple=True,
    help="A label of the file and the project's name for it, or a JSON object of them; repeat it.",
)
@click.option(
    "--leave-out-leaks", is_flag=True, help="Leave out train and silver texts that are also validation or test."
)
@click.option("--leave-out-duplicates", is_flag=True, help="Keep only the first of equal texts in a split.")
@click.option("--decisions/--no-decisions", default=None, help="Each row is a decision about a text of the project.")
@click.option("--annotator", metavar="NAME", help="Whose decisions those are that name nobody.")
@reading_options
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@json_option
def import_(
    project: Path,
    files: tuple[Path, ...],
    table_of: Callable[[Path], "Table"],
    mapping: tuple[str, ...],
    no_pair: bool,
    leave_out_leaks: bool,
    leave_out_duplicates: bool,
    dry_run: bool,
    as_json: bool,
    **told: Any,
) -> None:
    """Import files; `_IMPORT` is the help."""
    from inffeed_core.data.layout import by_number
    from inffeed_core.project.folder import settings_of
    from inffeed_core.project.importing import commit, guessed, joining, preview
    from inffeed_core.project.sources import use_source

    columns = {name: told.pop(name) for name in _COLUMNS}
    if no_pair and columns["pair"]:
        raise click.UsageError("--no-pair and --pair-column contradict each other; give one of them.")
    if columns["split"] and told["split_gold"]:
        raise click.UsageError("--split and --split-gold contradict each other; give one of them.")
    target = opened(project)
    table, labels = read_all(files, table_of, columns["split"]), settings_of(target).labels
    names = label_names(mapping, labels)
    if wants_decisions(told, table):
        import_decisions(target, table, told, names, dry_run=dry_run, as_json=as_json)
        return
    guess, numbers = guessed(target, table), by_number(table.columns)
    columns = {role: numbers.get(column or "", column) for role, column in columns.items()}
    options = with_silver(_chosen(replace(guess, pair=None) if no_pair else guess, names, columns), told)
    options = with_choices(options, told, table, labels)
    if told["join"] is None and options.shares is None:
        options = joining(target, table, options)
    look = preview(target, table, options)
    warn_of_overlaps(look, leave_out_leaks, leave_out_duplicates)
    if dry_run:
        tell_preview(look, as_json)
        return
    with shown_progress() as progress:
        result = commit(
            target,
            table,
            options,
            leave_out_leaks=leave_out_leaks,
            leave_out_duplicates=leave_out_duplicates,
            progress=progress,
        )
    if told["use"] is not None:
        use_source(target, None if told["use"] == VOTE else told["use"], "import")
    _warn_of_cuts(target)
    answer(result, as_json, lambda: imported(result))


def _warn_of_cuts(project: "Project") -> None:
    """Warn of texts that training will cut, where that can be told here."""
    from inffeed_core.project.cut_texts import cut_texts

    if (cut := cut_texts(project)) is not None:
        warn(f"{cut} `inffeed train` can read more of them (--max-tokens), or all in windows (--windows).")


def _chosen(guess: "ImportOptions", mapping: dict[str, str], columns: dict[str, str | None]) -> "ImportOptions":
    """The guess, overridden by what the user chose."""
    names = {"id" if key == "id_column" else key: value for key, value in columns.items() if value is not None}
    split = names.pop("split", None)
    changes: dict[str, object] = dict(names)
    if split is not None:
        changes |= {"split": Split(split), "split_column": names.get("split_column")}
    elif "split_column" in names:
        changes["split"] = None
    for role in (
        "id",
        "source",
        "split_column",
        "pair",
    ):  # a column that the user gave another role is not guessed to have this one
        if role not in changes and getattr(guess, role) in names.values():
            changes[role] = None
            if role == "split_column" and "split" not in changes:
                raise click.UsageError(f"Column {guess.split_column} has another role; name the split with --split.")
    label_names = guess.label_names if names.get("label", guess.label) == guess.label else {}
    return replace(guess, **changes, label_names={**label_names, **mapping})  # type: ignore[arg-type]


AUDIT = "audit"


class _ShareOrAudit(click.ParamType[float | str]):
    """A number, or the word `audit`."""

    name = "SHARE or audit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        return AUDIT if value == AUDIT else float(click.FLOAT.convert(value, param, ctx))


FLOAT_OR_AUDIT = _ShareOrAudit()


@click.command(epilog="Example: inffeed settings reviews --overlap 2 --lease-minutes 30")
@project_argument
@click.option("--name", help="What people call the project.")
@click.option("--overlap", type=int, help="A flag is open until this many annotators have answered it.")
@click.option("--lease-minutes", type=float, help="Minutes that a flag stays reserved for an inactive annotator.")
@click.option("--audit-share", type=float, help="Share of reviewed texts that are drawn at random, 0 to 0.5.")
@guidelines_options
@click.option(
    "--model-labels",
    metavar="OWN=PROJECT",
    multiple=True,
    help="A classifier's own label and the project's for it; repeat it, or give a JSON object.",
)
@click.option("--seed", type=int, help="For everything that draws at random from now on.")
@click.option("--warning", help="Shown before the first text of a day; empty for none.")
@click.option("--blur/--no-blur", default=None, help="Blur texts until they are revealed.")
@click.option(
    "--context",
    multiple=True,
    metavar="KEY",
    help="Metadata to show under every text in the review room; repeat it. An empty one shows none.",
)
@click.option("--break-minutes", type=int, help="Minutes of review after which a break is suggested; 0 for never.")
@click.option("--break-decisions", type=int, help="Decisions after which a break is suggested; 0 for never.")
@click.option("--refresh-after", type=int, help="Decisions in the browser after which flags are updated; 0 for never.")
@click.option(
    "--queue-end",
    type=FLOAT_OR_AUDIT,
    help="The queue ends where no larger share of its flags should be wrong, 0 to 1; 0 for never, `audit` for the "
    "share that the audit finds among all silver labels.",
)
@json_option
def settings(
    project: Path,
    as_json: bool,
    guidelines: str | None,
    context: tuple[str, ...],
    model_labels: tuple[str, ...],
    **changes: float | str | None,
) -> None:
    """Show the settings of the project DIR, or change some.

    Existing decisions are not affected.
    """
    from inffeed_core.cli.learning import own_labels
    from inffeed_core.project.folder import change_settings, settings_of

    target = opened(project)
    wanted: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    if wanted.get("queue_end") == AUDIT:
        wanted["queue_end"] = None
    if context:
        wanted["context"] = _context(target, context)
    if (named := own_labels(target, model_labels)) is not None:
        wanted["model_labels"] = named
    if guidelines is not None:
        wanted["guidelines"] = guidelines
    now = change_settings(target, **wanted) if wanted else settings_of(target)
    answer(now, as_json, lambda: "\n".join(f"{name + ':':<16}{value}" for name, value in now.as_dict().items()))


def _context(project: "Project", names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of metadata that were given; warns of those that no text has."""
    from inffeed_core.store import metadata_keys, reading

    chosen = tuple(dict.fromkeys(name for name in names if name))
    with reading(project.db) as db:
        known = metadata_keys(db)
    if strange := [name for name in chosen if name not in known]:
        has = f"texts have {', '.join(known)}" if known else "no text has metadata yet"
        warn(f"No text has metadata named {', '.join(strange)}; {has}.")
    return chosen


COMMANDS = (new, import_, settings)
