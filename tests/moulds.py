"""Databases of projects that many tests begin with, made once: migrating and filling one takes some 30 ms, a copy one.

Nothing in a database depends on where its project lies, so a copy is what making it anew would give.
"""

from collections.abc import Callable
from pathlib import Path

from inffeed_core.project.folder import Project, made_whole

_databases: dict[str, bytes] = {}


def cast(name: str, make: Callable[[Path], Project], folder: Path) -> Project:
    """The project that `make(folder)` makes; all that are asked for by this name are alike."""
    if name not in _databases:
        project = make(folder)
        _databases[name] = project.db.read_bytes()
        assert not project.db.with_name("project.db-wal").exists(), "part of the database lies beside it"
        return project
    with made_whole(folder, _laid_out(_databases[name])):
        return Project(folder.expanduser().resolve())


def _laid_out(database: bytes) -> Callable[[Project], None]:
    def prepare(project: Project) -> None:
        for part in (project.models, project.features, project.jobs):
            part.mkdir()
        project.db.write_bytes(database)

    return prepare
