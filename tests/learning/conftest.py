"""What several tests of learning begin with."""

from pathlib import Path

import pytest

from inffeed_core.project.folder import Project, change_settings


@pytest.fixture
def small(project: Project, base: Path) -> Project:
    """The small project, on a tiny encoder."""
    change_settings(project, model=str(base))
    return project
