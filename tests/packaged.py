"""The wheel as `python -m build` makes it, and environments in which it is installed without a network."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, PathDistribution, distribution
from pathlib import Path

from filelock import FileLock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = ("app.py", "pages", ".streamlit", "sample_data", "inffeed_core", "pyproject.toml", "README.md", "LICENSE")


def wheel_in(folder: Path) -> Path:
    """The wheel in this folder, which the processes of one run share: the first builds it."""
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        return next(folder.glob("*.whl"), None) or _build(folder)


def _build(folder: Path) -> Path:
    """From a copy of the sources, so that the clone stays as it is."""
    clone = folder / "clone"
    clone.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, clone)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(clone)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def requirements(wheel: Path, extra: str = "") -> set[str]:
    """The names of all distributions that the wheel needs with this extra, as far as this environment has them."""
    seen: set[tuple[str, str]] = set()
    waiting = [("inffeed", ""), ("inffeed", extra)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for asked in map(Requirement, _needed_by(name, wheel)):
            if asked.marker is None or asked.marker.evaluate({"extra": wanted}):
                waiting += [(canonicalize_name(asked.name), inner) for inner in ("", *asked.extras)]
    return {name for name, _ in seen} - {"inffeed"}


def _needed_by(name: str, wheel: Path) -> list[str]:
    if name == "inffeed":
        (about,) = (entry for entry in zipfile.Path(wheel).iterdir() if entry.name.endswith(".dist-info"))
        return list(PathDistribution(about).requires or [])
    try:
        return list(distribution(name).requires or [])
    except PackageNotFoundError:  # what another build of torch would bring
        return []


def install(wheel: Path, folder: Path, names: set[str]) -> Path:
    """Install the wheel alone in a fresh environment that sees these distributions; returns its folder of programs."""
    seen = folder / "site-packages"  # elsewhere Streamlit takes itself for a clone of its own
    seen.mkdir(parents=True)
    for name in names:
        for entry in _entries(name):
            if not (seen / entry.name).exists():
                (seen / entry.name).symlink_to(entry)
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    (packages,) = environment.glob("lib/*/site-packages")
    (packages / "dependencies.pth").write_text(f"{seen}\n", encoding="utf-8")
    return environment / "bin"


def _entries(name: str) -> Iterator[Path]:
    """What a distribution laid into site-packages."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        yield Path(str(found.locate_file(top)))


def alone(folder: Path) -> dict[str, str]:
    """Variables of somebody who has this environment and nothing of the clone."""
    ours = ("INFFEED_HOME", "INFFEED_PROJECT", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"XDG_DATA_HOME": str(folder / "data"), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
