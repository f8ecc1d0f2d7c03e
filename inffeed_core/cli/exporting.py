"""Commands that bring data and models out: to files, to other annotation tools, and to the Hugging Face hub."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, shown_progress, tell, warn
from inffeed_core.cli.reading import PIPE, written_to
from inffeed_core.data.formats.known import WRITABLE
from inffeed_core.data.neighbours.known import FOLDER, NEIGHBOURS, beside
from inffeed_core.records import Split
from inffeed_core.wording import filled

if TYPE_CHECKING:
    from inffeed_core.project.folder import Project

_EXPORT = f"""Write the data set to FILE.

It holds every text of the project DIR with its current label, and where that came from. The name of FILE determines the
format: {WRITABLE}. An export can be imported again. With --decisions it holds a row for each decision instead; such a
file is imported as decisions about texts that the project has. For FILE - the data set is written to standard output.

With --as it has the form of another annotation tool, and can be imported from there too; `{FOLDER}` writes a new folder
for `datasets.load_from_disk`.
"""

_splits = click.option(
    "--split",
    "splits",
    type=click.Choice([s.value for s in Split]),
    multiple=True,
    help="Only this split; repeat it for several.",
)
_repository = click.argument("repository", metavar="hf:OWNER/NAME")
_private = click.option("--private/--public", default=True, show_default=True, help="Of a repository that is new.")
_yes = click.option("--yes", is_flag=True, help="Upload without asking first.")


@click.command(help=_EXPORT, epilog="Example: inffeed export reviews repaired.csv --split silver")
@project_argument
@click.argument("file", type=click.Path(path_type=Path))
@_splits
@click.option("--decisions", is_flag=True, help="One row for each decision: who said what about which text, and when.")
@click.option("--format", default="csv", metavar="SUFFIX", show_default=True, help="Format of standard output.")
@click.option("--as", "tool", type=click.Choice([*NEIGHBOURS, FOLDER]), help="The form of another annotation tool.")
def export(project: Path, file: Path, splits: tuple[str, ...], decisions: bool, format: str, tool: str | None) -> None:
    """Write the data set; `_EXPORT` is the help."""
    from inffeed_core.project.decision_rows import export_decisions
    from inffeed_core.project.exporting import export as export_texts

    if decisions and tool is not None:
        raise click.UsageError("--decisions and --as contradict each other; give one of them.")
    source, chosen = opened(project), [Split(s) for s in splits or Split]
    if tool is not None:
        _export_to(source, file, chosen, tool)
        return
    with shown_progress() as progress, written_to(file, format) as place:
        act = export_decisions if decisions else export_texts
        rows = act(source, place, progress=progress, splits=chosen)
    said = "{rows:,} {rows:decision|decisions}" if decisions else "{rows:,} {rows:text|texts}"
    tell(filled(f"{said} written to {{file}}.", rows=rows, file=file), err=str(file) == PIPE)


def _export_to(project: "Project", file: Path, splits: list[Split], tool: str) -> None:
    from inffeed_core.project.tool_exports import export_to

    if str(file) == PIPE:
        raise click.UsageError("--as writes files, perhaps several; name one instead of -.")
    if tool != FOLDER and (loses := NEIGHBOURS[tool].loses):
        warn(f"{file.name} cannot hold {loses}; {beside(file).name} beside it keeps them. Keep the two together.")
    with shown_progress() as progress:
        rows = export_to(tool, project, file, splits=splits, progress=progress)
    tell(filled("{rows:,} {rows:text|texts} written to {file}.", rows=rows, file=file))


@click.command("push-data", epilog="Example: inffeed push-data reviews hf:me/reviews-repaired")
@project_argument
@_repository
@_splits
@_private
@_yes
@json_option
def push_data(project: Path, repository: str, splits: tuple[str, ...], private: bool, yes: bool, as_json: bool) -> None:
    """Upload the data set to the Hugging Face hub.

    The repository holds what an export of the project DIR holds. The token is that of `hf auth login`, or HF_TOKEN.
    Nothing is uploaded before you confirm it.
    """
    from inffeed_core.project.pushing import push_data as push
    from inffeed_core.store import count_instances, reading

    source, chosen = opened(project), [Split(s) for s in splits or Split]
    with reading(source.db) as db:
        count = count_instances(db)
    _confirm(f"Upload up to {count:,} texts with labels, annotators' names and notes to {repository}?", yes)
    with shown_progress() as progress:
        address = push(source, repository, splits=chosen, private=private, progress=progress)
    answer({"address": address}, as_json, lambda: f"Uploaded to {address}.")


@click.command("push-model", epilog="Example: inffeed push-model reviews v2 hf:me/reviews-classifier")
@project_argument
@click.argument("version")
@_repository
@_private
@_yes
@json_option
def push_model(project: Path, version: str, repository: str, private: bool, yes: bool, as_json: bool) -> None:
    """Upload VERSION as a model to the hub.

    The repository holds what `export-model` writes of a version of the project DIR. The token is that of
    `hf auth login`, or HF_TOKEN. Nothing is uploaded before you confirm it.
    """
    from inffeed_core.learning.model_pushing import push_model as push

    source = opened(project)
    _confirm(f"Upload the model {version} to {repository}?", yes)
    with shown_progress() as progress:
        address = push(source, version, repository, private=private, progress=progress)
    answer({"address": address}, as_json, lambda: f"Uploaded to {address}.")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)


COMMANDS = (export, push_data, push_model)
