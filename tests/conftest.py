"""Fixtures that several parts of the tests share."""

from pathlib import Path

import pytest
from reviewing import make_reviewable

from inffeed_core.workflow.projects import Project


@pytest.fixture
def reviewable_project(tmp_path: Path) -> Project:
    """A project with 40 ranked silver texts (s000 first), their evidence, and an active version."""
    return make_reviewable(tmp_path / "project")
