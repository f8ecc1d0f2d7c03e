"""A project's data set in the form of another annotation tool as one file, which a browser can download.

A form that consists of several files is packed into a .zip. The writing happens in a process of its own: spaCy brings
torch along, which a server of pages must not load, and the memory that a large data set takes is given back.
"""

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from inffeed_core.data.formats.known import format_of
from inffeed_core.data.neighbours import hub_folder
from inffeed_core.data.neighbours.known import FOLDER, NEIGHBOURS
from inffeed_core.errors import ExportFailed, InfFeedError, MissingExtra, require
from inffeed_core.project.folder import Project
from inffeed_core.project.tool_exports import export_to
from inffeed_core.records import Split

FORMS: Mapping[str, str] = {tool: one.name for tool, one in NEIGHBOURS.items()} | {FOLDER: hub_folder.NAME}
"""What can be downloaded: names that people know, by those of the command line."""
_CHILD = (sys.executable, "-m", "inffeed_core.project.downloads")
_REFUSED = 2


def suffix_of(tool: str) -> str:
    """Of the file that is downloaded: the tool's own, or "zip" where there are several files."""
    return "zip" if tool == FOLDER or NEIGHBOURS[tool].loses else NEIGHBOURS[tool].suffix


def what_is_missing(tool: str) -> str:
    """Which package the form needs and how to install it; empty if it is here."""
    format = None if tool == FOLDER else format_of(f"x.{NEIGHBOURS[tool].suffix}")[0]
    try:
        if format is not None and format.extra is not None:
            require(*format.extra)
    except MissingExtra as error:
        return str(error)
    return ""


def tool_bytes(tool: str, project: Project, name: str, *, splits: Sequence[Split] = tuple(Split)) -> bytes:
    """The bytes of a download called `name` + "." + `suffix_of(tool)`, for one of the `FORMS`.

    Raises ExportFailed if the form's package is missing, or the disk is full.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (name if tool == FOLDER else f"{name}.{NEIGHBOURS[tool].suffix}")
        _write_apart(tool, project, path, splits)
        return _packed(Path(folder)) if suffix_of(tool) == "zip" else path.read_bytes()


def _write_apart(tool: str, project: Project, path: Path, splits: Sequence[Split]) -> None:
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [*_CHILD, tool, str(project.folder), str(path), *splits],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ExportFailed(said if done.returncode == _REFUSED else f"The file was not written. {said[-2000:]}")


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _main(tool: str, folder: str, path: str, *splits: str) -> int:
    try:
        chosen = [Split(one) for one in splits]
        export_to(tool, Project(Path(folder)), Path(path), splits=chosen, progress=lambda stage, done, total: None)
    except InfFeedError as error:
        sys.stderr.write(str(error))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
