import shutil
from pathlib import Path

import pytest
from tiny_models import save_model

from inffeed_core.analysis.analysing import analyse
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, use_model
from inffeed_core.project.sample import open_sample
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.studies.draws import RepairSet


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder whose weights are large enough to tell texts apart."""
    return save_model(tmp_path_factory.mktemp("base"), "BertModel", initializer_range=0.1)


@pytest.fixture
def analysed(project: Project, base: Path) -> Project:
    """A small project with one version and an analysis of few influencers."""
    use_model(project, str(base))
    train(project, TrainSettings(max_tokens=32), quiet)
    analyse(project, AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3), quiet)
    return project


@pytest.fixture
def sample(tmp_path: Path, sample_features: Path, sample_set: RepairSet) -> Project:
    """The sample project, every text of which is encoded already."""
    project = open_sample(tmp_path / "sample", quiet)
    shutil.copytree(sample_features, project.features, dirs_exist_ok=True)
    return project


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, sample_features: Path, sample_set: RepairSet) -> Project:
    project = open_sample(tmp_path_factory.mktemp("trained") / "sample", quiet)
    shutil.copytree(sample_features, project.features, dirs_exist_ok=True)
    train(project, TrainSettings(), quiet)
    return project


@pytest.fixture
def trained(tmp_path: Path, trained_once: Project) -> Project:
    """The sample project with one version."""
    return Project(shutil.copytree(trained_once.folder, tmp_path / "trained"))
