"""Projects: folders that hold one data set, its decisions, its models and its caches."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's parts lie. Copying the folder is a backup."""

    folder: Path

    @property
    def db(self) -> Path:
        return self.folder / "project.db"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def features(self) -> Path:
        """Caches; may be deleted at any time."""
        return self.folder / "features"

    @property
    def jobs(self) -> Path:
        """Logs of jobs."""
        return self.folder / "jobs"
