"""Fixtures that several parts of the tests share."""

from pathlib import Path

import pytest
from hypothesis import settings
from reviewing import make_reviewable
from small import make_small

from inffeed_core.workflow.projects import Project


@pytest.fixture
def reviewable_project(tmp_path: Path) -> Project:
    """A project with 40 ranked silver texts (s000 first), their evidence, and an active version."""
    return make_reviewable(tmp_path / "project")


settings.register_profile("inffeed", deadline=None)  # the first example pays for imports, and machines are noisy
settings.load_profile("inffeed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with 12 train, 8 validation, 8 test and 20 silver reviews, and nothing else."""
    return make_small(tmp_path / "project")
