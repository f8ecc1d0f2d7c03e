"""Fixtures that several parts of the tests share."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import axes  # noqa: F401 before all that it checks
import psutil
import pytest
from frozen import pytest_collection_finish  # noqa: F401 a hook
from hypothesis import settings
from packaged import wheel_in
from quick_reading import started, started_anew
from quiet import quiet
from reviewing import make_reviewable
from sample import encode_messages, lay_features, make_reviews, write_sample_set
from scheduling import pytest_xdist_make_scheduler  # noqa: F401 a hook
from small import make_small
from threadpoolctl import threadpool_limits
from tiny_models import save_model

from inffeed_core.analysis.analysing import analyse
from inffeed_core.data import confined
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.settings import DEFAULT_MODEL, AnalysisSettings, TrainSettings
from inffeed_core.studies.draws import RepairSet, load


def pytest_configure() -> None:
    """One thread per test process: workers that share cores would spin against each other. Projects lie in memory.

    Children read the variable. The BLAS of NumPy and that of SciPy did so too early, when they were imported. Where
    there is a GPU, only the tests about it use it: no process that used one can be forked.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("INFFEED_DEVICE", "cpu")
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if _has_room(MEMORY_DISK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


MEMORY_DISK = Path("/dev/shm")
"""Where saved is saved at once: on a disk, each of the thousands of commits waits some 15 ms. A run takes up 1 GiB."""
_GIB = 2**30


def _has_room(place: Path) -> bool:
    """Whether the folders of a run fit there, memory is left beside them, and programs can be started from it."""
    if not os.access(place, os.W_OK) or psutil.virtual_memory().available < 8 * _GIB:
        return False
    about = os.statvfs(place)
    return about.f_bavail * about.f_frsize > 4 * _GIB and not about.f_flag & os.ST_NOEXEC


LONGEST = ("browser", "test_packaging.py", "test_docs.py", "models", "analysis", "studies", "learning", "test_cli.py")
LONGEST += ("feedback", "silver", "test_jobs.py", "data")
"""Where the tests are that take most time. They begin first, so that no worker is alone with them at the end."""


@pytest.hookimpl(tryfirst=True)  # before items are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    rank = {name: n for n, name in enumerate(LONGEST)}
    items.sort(
        key=lambda item: (
            item.path.stem.endswith("_on_a_gpu"),
            rank.get(item.path.relative_to(here).parts[0], len(LONGEST)),
        )
    )
    for item in items:
        if "wheel" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.wheel)


@pytest.fixture(autouse=True, scope="session")
def quick_reading() -> Iterator[None]:
    """Children that read files start at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confined, "_started", started)
        yield


@pytest.fixture
def real_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that read files start as in the product, for tests about these children."""
    monkeypatch.setattr(confined, "_started", started_anew)


@pytest.fixture
def reviewable_project(tmp_path: Path) -> Project:
    """A project with 40 ranked silver texts (s000 first), their evidence, and an active version."""
    return make_reviewable(tmp_path / "project")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of one run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def wheel(shared: Path) -> Path:
    return wheel_in(shared / "wheel")


@pytest.fixture(scope="session")
def sample_features(shared: Path) -> Path:
    """A feature cache, so that the sample texts are encoded once."""
    return shared / "sample-features"


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


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder whose weights are large enough to tell texts apart."""
    return save_model(tmp_path_factory.mktemp("base"), "BertModel", initializer_range=0.1)


@pytest.fixture(scope="session")
def analysed_once(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("analysed") / "project")
    change_settings(project, model=str(base))
    train(project, TrainSettings(max_tokens=32), quiet)
    analyse(project, AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3), quiet)
    return project


@pytest.fixture
def analysed(tmp_path: Path, analysed_once: Project) -> Project:
    """A small project with one version and an analysis of few influencers."""
    return Project(shutil.copytree(analysed_once.folder, tmp_path / "project"))


@pytest.fixture(scope="session")
def message_features(shared: Path) -> Path:
    """A feature cache, so that the texts of the sample project are encoded once."""
    encode_messages(shared / "message-features")
    return shared / "message-features"


@pytest.fixture(scope="session")
def sample_once(tmp_path_factory: pytest.TempPathFactory, sample_features: Path, sample_set: RepairSet) -> Project:
    project = make_reviews(tmp_path_factory.mktemp("samples") / "sample")
    lay_features(sample_features, project.folder)
    return project


@pytest.fixture
def sample(tmp_path: Path, sample_once: Project) -> Project:
    """A project of the reviews in `sample_data`, every text of which is encoded already."""
    return Project(shutil.copytree(sample_once.folder, tmp_path / "sample"))


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, sample_once: Project) -> Project:
    project = Project(shutil.copytree(sample_once.folder, tmp_path_factory.mktemp("trained") / "sample"))
    train(project, TrainSettings(), quiet)
    return project


@pytest.fixture
def trained(tmp_path: Path, trained_once: Project) -> Project:
    """The same with one version."""
    return Project(shutil.copytree(trained_once.folder, tmp_path / "trained"))
