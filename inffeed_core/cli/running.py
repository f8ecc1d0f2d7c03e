"""Commands about the project's state, its jobs, and the app in the browser."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument
from inffeed_core.errors import ProjectError

if TYPE_CHECKING:
    from inffeed_core.records import Job
    from inffeed_core.workflow.status import Status


@click.command(epilog="Example: inffeed status reviews --json")
@project_argument
@json_option
def status(project: Path, as_json: bool) -> None:
    """Tell where the project DIR stands and what to do next."""
    from inffeed_core.jobs import refresh
    from inffeed_core.workflow.status import status as status_of

    target = opened(project)
    refresh(target)
    found = status_of(target)
    answer({"folder": target.folder, "status": found}, as_json, lambda: _told(found))


def _told(found: "Status") -> str:
    lines = [f"{found.settings.name}  ({', '.join(found.settings.labels)}; {found.settings.model})"]
    for split, labels in found.counts.items():
        counts = ", ".join(f"{n:,} {label}" for label, n in labels.items())
        lines.append(f"  {split + ':':<12}{counts or 'empty'}")
    decisions = ", ".join(f"{n:,} {act}" for act, n in found.decisions.items())
    lines.append(f"  {'answers:':<12}{decisions or 'none'}")
    lines.append(f"  {'model:':<12}{found.version.id if found.version else 'none'}{_unlearned(found)}")
    left = "".join(f", {n:,} {_UNDECIDED[act]}" for act, n in found.undecided.items())
    lines.append(f"  {'review:':<12}{found.open_flags:,} open flags{left}")
    lines += [f"  {'job:':<12}{_job_line(job)}" for job in found.jobs]
    return "\n".join([*lines, f"Next: {found.next_step.sentence}"])


_UNDECIDED = {"skip": "skipped", "unsure": "unsure", "flag": "in discussion"}


def _unlearned(found: "Status") -> str:
    """What decisions have made of the labels since the version was trained."""
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

    It ends at its next report of progress, and leaves the project as it was before.
    """
    from inffeed_core import jobs as running

    found = running.cancel(opened(project), job)
    click.echo(f"{job} has ended ({found.state})." if found.state.ended else f"{job} was asked to stop.")


@click.command(epilog="Example: inffeed app reviews")
@click.argument("project", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Where to listen; 8501, or the next free one, unless given."
)
@click.option("--headless", is_flag=True, help="Open no browser.")
def app(project: Path | None, port: int | None, headless: bool) -> None:
    """Open InfFeed in the browser.

    It starts with the project DIR if one is given. Ctrl-C ends it; running jobs go on.
    """
    from inffeed_core.workflow.projects import default_home

    root = Path(__file__).resolve().parents[2]
    if not (root / "app.py").is_file():
        raise ProjectError(f"The app is not in {root}; install InfFeed from a clone of its repository (`make app`).")
    environment = os.environ | {"INFFEED_HOME": str(default_home())}
    if project is not None:
        environment["INFFEED_PROJECT"] = str(opened(project).folder)
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py"), "--server.showEmailPrompt=false"]
    command += [f"--server.port={port}"] if port else []
    command += ["--server.headless=true"] if headless else []
    os.chdir(root)  # where Streamlit looks for .streamlit/config.toml
    os.execve(sys.executable, command, environment)


COMMANDS = (status, jobs, cancel, app)
