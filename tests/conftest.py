"""Fixtures that several parts of the tests share."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from reviewing import make_reviewable
from sample import write_sample_set
from small import make_small

from inffeed_core.project.folder import Project
from inffeed_core.settings import DEFAULT_MODEL
from inffeed_core.studies.draws import RepairSet, load


def pytest_configure() -> None:
    """One thread per test process: workers that share cores would spin against each other."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def reviewable_project(tmp_path: Path) -> Project:
    """A project with 40 ranked silver texts (s000 first), their evidence, and an active version."""
    return make_reviewable(tmp_path / "project")


@pytest.fixture(scope="session")
def sample_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature cache that the workers of one run share, so that the sample texts are encoded once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "sample-features"


@pytest.fixture(scope="session")
def sample_set(sample_features: Path, tmp_path_factory: pytest.TempPathFactory) -> RepairSet:
    """The sample data as the repair experiment sees them."""
    folder = tmp_path_factory.mktemp("sets")
    write_sample_set(folder / "sample.jsonl.gz")
    return load(folder, "sample", DEFAULT_MODEL, sample_features, lambda *_: None)


# No deadline: the first example pays for imports, and machines are noisy. On CI the same examples every time.
settings.register_profile("inffeed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("inffeed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with 12 train, 8 validation, 8 test and 20 silver reviews, and nothing else."""
    return make_small(tmp_path / "project")
