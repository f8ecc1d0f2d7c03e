"""A square of which half is written takes half the memory, and what is saved of it comes back."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_networks import token_classifier, token_data

from inffeed_core.influence.compression import choose_code
from inffeed_core.influence.half_square import ROWS, upper_half, zeros
from inffeed_core.influence.subspace import factorise
from inffeed_core.influence.whole_model import WholeModel


def resident() -> int:
    """Bytes of memory that this process holds, its files aside."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_half_that_is_not_written_takes_no_memory(tmp_path):
    size = 2048
    before, square = resident(), zeros(size)
    assert resident() - before < square.nbytes / 20
    for start in range(0, size, ROWS):
        square[start : start + ROWS, start:] += 1
    assert resident() - before < 0.65 * square.nbytes
    np.save(tmp_path / "square.npy", square)
    assert resident() - before < 0.65 * square.nbytes
    before, again = resident(), upper_half(tmp_path / "square.npy")
    assert resident() - before < 0.75 * square.nbytes
    assert np.array_equal(again, square)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 300])
def test_the_upper_half_of_what_was_saved_comes_back(tmp_path, size):
    saved = np.random.default_rng(0).normal(size=(size, size))
    np.save(tmp_path / "saved.npy", saved)
    found = upper_half(tmp_path / "saved.npy")
    assert found.shape == (size, size)
    assert np.array_equal(np.triu(found), np.triu(saved))
    below = np.tril_indices(size, -ROWS)
    assert not found[below].any()


def test_a_new_square_is_zero_and_can_be_written():
    square = zeros(5)
    assert not square.any()
    square[0, 4] = 2
    assert square.sum() == 2


def test_nothing_below_the_diagonal_of_the_curvature_is_read():
    """Solutions are those of the symmetric matrix, whatever stands below its diagonal."""
    analysis = WholeModel(token_classifier()).fit(token_data(24, 6))
    damping = analysis.damping
    code = choose_code(analysis.factors, damping, None)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3 * code.dimension, code.dimension, generator=generator, dtype=torch.float64)
    curvature, sides = rows.T @ rows / len(rows), torch.randn(2, code.dimension, generator=generator)
    whole = curvature + torch.diag(code.ratios(damping))
    curvature[tuple(torch.tril_indices(*curvature.shape, -1))] = torch.nan
    found = factorise(curvature, code, damping)
    torch.testing.assert_close(found.diagonal, whole.diagonal())
    torch.testing.assert_close(found.solve(sides), torch.linalg.solve(whole, sides.double().T).T.float())
