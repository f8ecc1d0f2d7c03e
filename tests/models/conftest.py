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


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the size of every batch that a model is run on, the trial text of each loading left out."""
    from inffeed_core.models.encoder import Encoder

    sizes: list[int] = []
    run = Encoder.apart

    def counted(self: Encoder, batch: list[list[int]]) -> object:
        if hasattr(self, "dimension"):
            sizes.append(len(batch))
        return run(self, batch)

    monkeypatch.setattr(Encoder, "apart", counted)
    return sizes
