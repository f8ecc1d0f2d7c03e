"""Rows in any order: a view, a copy or a nameless file, and always the same numbers."""

from pathlib import Path

import pytest
import torch

from inffeed_core.errors import ModelError
from inffeed_core.models import gathering
from inffeed_core.models.gathering import gathered
from inffeed_core.models.layers import joined

FEATURES = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
ORDERS = {"repeated": [3, 3, 1, 49, 0], "backwards": list(range(49, -1, -1)), "one": [7], "none": []}


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything counts as many rows."""
    monkeypatch.setattr(gathering, "COPIED", 0)
    monkeypatch.setattr("inffeed_core.models.layers.COPIED", 0)
    monkeypatch.setattr(gathering, "AT_ONCE", 7)
    monkeypatch.setattr("inffeed_core.models.layers.AT_ONCE", 7)


@pytest.mark.parametrize("rows", ORDERS.values(), ids=ORDERS)
def test_rows_are_those_that_were_asked_for(tmp_path: Path, rows: list[int]):
    found = gathered(FEATURES, rows, tmp_path / "features")
    assert torch.equal(found, FEATURES[torch.tensor(rows, dtype=torch.long)])
    assert list(tmp_path.rglob("*.*")) == []  # the file has no name


def test_consecutive_rows_are_a_view(tmp_path: Path):
    assert gathered(FEATURES, range(10, 30), tmp_path).data_ptr() == FEATURES[10:].data_ptr()


def test_writing_to_the_rows_changes_nothing_else(tmp_path: Path):
    found = gathered(FEATURES, [1, 1], tmp_path)
    found[0] = 0
    assert torch.equal(found[1], FEATURES[1])


def test_layers_side_by_side_are_those_in_memory(tmp_path: Path):
    both = [FEATURES, 2 * FEATURES]
    torch.testing.assert_close(joined(both, tmp_path), torch.cat(both, 1) / 2**0.5)


def test_a_full_disk_is_an_error(tmp_path: Path):
    (tmp_path / "features").write_text("a file is in the way")
    with pytest.raises(ModelError, match="could not be saved"):
        gathered(FEATURES, [2, 1], tmp_path / "features")
