from pathlib import Path

import pytest
from tiny_models import save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder whose weights are large enough to tell texts apart."""
    return save_model(tmp_path_factory.mktemp("base"), "BertModel", initializer_range=0.1)
