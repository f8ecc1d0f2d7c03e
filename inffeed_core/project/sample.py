"""The sample data that comes with InfFeed: 630 messages to a town, 300 of them with silver labels."""

from dataclasses import replace
from pathlib import Path

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import Project, made_whole, open_project, placed
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.places import app_folder
from inffeed_core.records import Progress, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import save_project_settings, writing

SAMPLE_LABELS = ("roads", "lights", "waste", "parks", "play", "noise")
SAMPLE_NAME = "Sample: messages to a town"


def _folder() -> Path:
    return app_folder() / "sample_data" / "messages"


def sample_guidelines() -> str:
    """The guidelines of the sample; empty if the file is missing."""
    path = _folder() / "guidelines.txt"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def sample_files(folder: Path | None = None) -> dict[Split, Path]:
    """The CSV file of each split. Raises ProjectError if any is missing."""
    folder = folder or _folder()
    files = {split: folder / f"{split}.csv" for split in Split}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise ProjectError(
            f"The sample data is not in {folder} ({', '.join(missing)} missing); "
            "install InfFeed again, or restore the folder of a clone with `git checkout sample_data`."
        )
    return files


def open_sample(folder: Path, progress: Progress) -> Project:
    """Open the sample project, importing it first if `folder` does not hold it yet."""
    if not (placed(folder) / "project.db").exists():
        try:
            _make_sample(folder, progress)
        except ProjectError:  # somebody else made it at the same time, which is fine
            if not (placed(folder) / "project.db").exists():
                raise
    return open_project(folder)


def _make_sample(folder: Path, progress: Progress) -> None:
    files = sample_files()
    with made_whole(folder) as project:
        with writing(project.db) as db:
            save_project_settings(db, ProjectSettings(SAMPLE_NAME, SAMPLE_LABELS, guidelines=sample_guidelines()))
        for split, path in files.items():
            options = replace(preview(project, path).options, split=split, split_column=None)
            commit(project, path, options, progress=progress)
