"""The command that writes a report of a retrain."""

from pathlib import Path

import click

from inffeed_core.cli.console import opened, project_argument, tell


@click.command(epilog="Example: inffeed report reviews --version v3 --to v3.html")
@project_argument
@click.option("--version", "version", metavar="N", help="Which version. [the active one]")
@click.option("--to", "file", required=True, type=click.Path(path_type=Path), help="The HTML file to write.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def report(project: Path, version: str | None, file: Path, force: bool) -> None:
    """Report a retrain of the project DIR as one HTML file.

    What was corrected and by whom, what the model gained on test with its interval, which predictions flipped and the
    corrections behind them, what was foretold and what came. The file needs no network; print it to get a PDF.
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
    page = retrain_page(retrain_report(target, version))
    if file.exists() and not force:
        raise ExportFailed(f"{file} is there already; choose another name, or give --force to replace it.")
    try:
        file.write_bytes(page)
    except OSError as error:
        raise ExportFailed(f"{file} cannot be written ({error.strerror}); choose another place.") from error
    tell(f"Wrote the report of {version} to {file}.")


COMMANDS = (report,)
