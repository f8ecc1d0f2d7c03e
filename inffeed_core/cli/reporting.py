"""The command that writes a report of a retrain."""

from pathlib import Path
from typing import Any

import click

from inffeed_core.cli.console import opened, project_argument, tell
from inffeed_core.cli.languages import CODES, words_of
from inffeed_core.wording import reworded


@click.command(epilog="Example: inffeed report reviews --version v3 --to v3.html")
@project_argument
@click.option("--version", "version", metavar="N", help="Which version. [the active one]")
@click.option("--to", "file", required=True, type=click.Path(path_type=Path), help="The HTML file to write.")
@click.option("--language", type=click.Choice(CODES), default="en", show_default=True, help="Of the report.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def report(project: Path, version: str | None, file: Path, language: str, force: bool) -> None:
    """Report a retrain of the project DIR as one HTML file.

    What was corrected and by whom, what the model gained on test with its interval, which predictions flipped and the
    corrections behind them, what was foretold and what came. The file needs no network; print it from a
    browser to get a PDF.
    """
    from inffeed_core import store
    from inffeed_core.errors import ExportFailed, NotReady
    from inffeed_core.learning.retrain_page import retrain_page
    from inffeed_core.learning.retrain_report import retrain_report

    target = opened(project)
    if version is None:
        with store.reading(target.db) as db:
            active = store.active_version(db)
        if active is None:
            raise NotReady("There is no version yet; train one first.")
        version = active.id
    page = retrain_page(retrain_report(target, version), **_said(language))
    if file.exists() and not force:
        raise ExportFailed(f"{file} is there already; choose another name, or give --force to replace it.")
    try:
        file.write_bytes(page)
    except OSError as error:
        raise ExportFailed(f"{file} cannot be written ({error.strerror}); choose another place.") from error
    tell(f"Wrote the report of {version} to {file}.")


def _said(language: str) -> dict[str, Any]:
    """How `retrain_page` speaks it."""
    if language == "en":
        return {}
    words = words_of(language)
    named = {"words": words["report"], "acts": words["acts"], "splits": words["splits"]}
    return named | {"told": lambda sentence: reworded(sentence, words["core"], words)}


COMMANDS = (report,)
