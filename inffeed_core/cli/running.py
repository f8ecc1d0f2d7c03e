"""Commands about the project's state, its jobs, and the app in the browser."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, shown_progress, tell
from inffeed_core.errors import require

if TYPE_CHECKING:
    from inffeed_core.project.status import Status
    from inffeed_core.records import Job


@click.command(epilog="Example: inffeed status reviews --json")
@project_argument
@json_option
def status(project: Path, as_json: bool) -> None:
    """Show the state of the project DIR and what to do next."""
    from inffeed_core.jobs import refresh
    from inffeed_core.project.folder import CHECK_SECONDS
    from inffeed_core.project.status import status as status_of
    from inffeed_core.store import require_whole

    target = opened(project)
    checked = require_whole(target.db, CHECK_SECONDS, fresh=0.0)
    refresh(target)
    found = status_of(target)
    facts = {"folder": target.folder, "database_checked": checked, "status": found}
    answer(facts, as_json, lambda: _status_in_words(found, checked))


def _status_in_words(found: "Status", checked: bool) -> str:
    lines = [f"{found.settings.name}  ({', '.join(found.settings.labels)}; {found.settings.model})"]
    for split, labels in found.counts.items():
        counts = ", ".join(f"{n:,} {label or 'with no label yet'}" for label, n in labels.items())
        lines.append(f"  {split + ':':<12}{counts or 'empty'}")
    decisions = ", ".join(f"{n:,} {act}" for act, n in found.decisions.items())
    lines.append(f"  {'answers:':<12}{decisions or 'none'}")
    lines.append(f"  {'model:':<12}{found.version.id if found.version else 'none'}{_unlearned(found)}")
    left = "".join(f", {n:,} {_UNDECIDED[act]}" for act, n in found.undecided.items())
    lines.append(f"  {'review:':<12}{found.open_flags:,} open flags{left}")
    lines.append(
        f"  {'database:':<12}{'checked, whole' if checked else 'no damage found in the part that was checked'}"
    )
    lines += [f"  {'job:':<12}{_job_line(job)}" for job in found.jobs]
    return "\n".join([*lines, f"Next: {found.next_step.sentence}"])


_UNDECIDED = {"skip": "skipped", "unsure": "unsure", "flag": "in discussion"}


def _unlearned(found: "Status") -> str:
    """How decisions have changed the labels since the version was trained."""
    told = {"corrected": found.changes.corrected, "confirmed": found.changes.confirmed}
    told["no longer confirmed"] = found.changes.withdrawn
    said = ", ".join(f"{n:,} {what}" for what, n in told.items() if n)
    return f"; since then {said}" if said else ""


def _job_line(job: "Job") -> str:
    of = f" {job.done:,} of {job.total:,}" if job.total else ""
    outcome = job.error or ", ".join(f"{name} {value}" for name, value in job.result.items())
    now = outcome if job.state.ended else job.stage + of
    return f"{job.id}  {job.kind:<8} {job.state:<9} {job.created[:16]}  {now}"


@click.command(epilog="Example: inffeed jobs reviews")
@project_argument
@json_option
def jobs(project: Path, as_json: bool) -> None:
    """List the latest jobs of the project DIR."""
    from inffeed_core.jobs import refresh

    found = refresh(opened(project))
    answer(found, as_json, lambda: "\n".join(map(_job_line, found)) or "No job yet.")


@click.command(epilog="Example: inffeed cancel reviews 3f1c0a9b2d44")
@project_argument
@click.argument("job")
def cancel(project: Path, job: str) -> None:
    """Ask JOB of the project DIR to stop.

    It stops at its next report of progress and leaves the project as it was before.
    """
    from inffeed_core import jobs as running

    found = running.cancel(opened(project), job)
    tell(f"{job} has ended ({found.state})." if found.state.ended else f"{job} was asked to stop.")


@click.command(epilog="Example: inffeed app reviews")
@click.argument("project", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [8501, or the next free one]")
@click.option("--headless", is_flag=True, help="Do not open a browser.")
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A name, or NAME:PORT, that the server answers to besides this machine's own, such as a proxy's; repeatable.",
)
def app(project: Path | None, port: int | None, headless: bool, hosts: tuple[str, ...]) -> None:
    """Open InfFeed in the browser.

    It starts with the project DIR if one is given, which the app may open from then on wherever it lies. Ctrl-C ends
    it; running jobs go on.
    """
    from inffeed_core.project.hosts import ALLOWED, allowed_hosts
    from inffeed_core.project.opened import opened_by_hand
    from inffeed_core.project.places import app_folder, home

    require("app", "streamlit", "plotly")
    root, projects = app_folder(), home()
    tell(str(projects))
    environment = os.environ | {"INFFEED_HOME": str(projects.folder)}
    environment[ALLOWED] = " ".join((*allowed_hosts(os.environ.get(ALLOWED, "")), *allowed_hosts(hosts)))
    if project is not None:
        target = opened(project)
        opened_by_hand(target.folder)
        environment["INFFEED_PROJECT"] = str(target.folder)
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py"), "--server.showEmailPrompt=false"]
    command += [f"--server.port={port}"] if port else []
    command += ["--server.headless=true"] if headless else []
    os.chdir(root)  # where Streamlit looks for .streamlit/config.toml
    os.execve(sys.executable, command, environment)


@click.command(epilog="Example: inffeed backup reviews /media/usb/reviews-monday")
@project_argument
@click.argument("to", metavar="TO", type=click.Path(path_type=Path))
@json_option
def backup(project: Path, to: Path, as_json: bool) -> None:
    """Copy the project DIR to the new folder TO, while it is in use.

    The copy is of one moment, with all texts, decisions and model versions, and is checked before it gets its name. TO
    must be new or empty. To restore, open the backup, or a copy of it.
    """
    from inffeed_core.project import backing_up

    source = opened(project)
    with shown_progress() as progress:
        made = backing_up.backup(source, to, progress)
    size = f"{made.bytes / 1e6:,.1f} MB, {made.versions} model version{'' if made.versions == 1 else 's'}"
    answer(made, as_json, lambda: f"The backup is in {made.folder} ({size}); it was checked and is intact.")


COMMANDS = (backup, status, jobs, cancel, app)
