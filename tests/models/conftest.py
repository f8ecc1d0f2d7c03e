"""Tiny models, made once a session."""

import os
import shutil
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub reads it
os.environ["OMP_NUM_THREADS"] = "1"  # before torch reads it, here and in child processes: tiny models only lose by more


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare encoder of 32 features."""
    from tiny_models import save_model

    return save_model(tmp_path_factory.mktemp("bert"), "BertModel")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence classifier of three named classes."""
    from tiny_models import save_model

    names = {0: "negative", 1: "neutral", 2: "positive"}
    return save_model(tmp_path_factory.mktemp("classifier"), "BertForSequenceClassification", id2label=names)


@pytest.fixture
def copy_of_bert(bert: Path, tmp_path: Path) -> Path:
    """The bare encoder, to be damaged."""
    return Path(shutil.copytree(bert, tmp_path / "copy"))
