from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inffeed_core.influence import HeadData, logits, probabilities
from inffeed_core.influence import softmax as softmax_module
from inffeed_core.influence.softmax import (
    blocks,
    change_of_gradient,
    curvature,
    curvature_trace,
    evaluated,
    sum_zero_basis,
)

L2 = 0.03


def autograd_objective(data: HeadData):
    """J written out with full weights W = Uθ and torch's own cross entropy."""
    ones = torch.ones(len(data.features), 1, dtype=torch.float64)
    rows = torch.cat([data.features.double(), ones], 1)

    def value(theta: torch.Tensor) -> torch.Tensor:
        weight = sum_zero_basis(data.classes) @ theta.view(data.classes - 1, -1)
        each = torch.nn.functional.cross_entropy(rows @ weight.T, data.labels, reduction="none")
        return (data.row_weights * each).mean() + L2 / 2 * weight.square().sum()

    return value


def some_theta(data: HeadData) -> torch.Tensor:
    shape = (data.classes - 1, data.features.shape[1] + 1)
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64) / 3


@given(classes=st.integers(2, 12))
def test_basis_is_orthonormal_and_blind_to_common_shifts(classes: int):
    basis = sum_zero_basis(classes)
    torch.testing.assert_close(basis.T @ basis, torch.eye(classes - 1, dtype=torch.float64))
    torch.testing.assert_close(basis.sum(0), torch.zeros(classes - 1, dtype=torch.float64), atol=1e-12, rtol=0)


def test_objective_gradient_and_curvature_are_autograd_s(noisy_data: HeadData, monkeypatch: pytest.MonkeyPatch):
    theta, value = some_theta(noisy_data), autograd_objective(noisy_data)
    point = evaluated(theta, noisy_data, L2)
    probs = probabilities(theta, noisy_data.features)
    torch.testing.assert_close(point.probs, probs)
    assert abs(point.objective - float(value(theta))) < 1e-12
    slope = torch.autograd.functional.jacobian(value, theta)
    torch.testing.assert_close(point.gradient, slope, atol=1e-12, rtol=1e-9)
    bend = torch.autograd.functional.hessian(value, theta.flatten())
    for columns in (1, 5, 100):
        monkeypatch.setattr(softmax_module, "PANEL", columns)
        torch.testing.assert_close(curvature(probs, noisy_data, L2), bend, atol=1e-12, rtol=1e-9)
    trace = float(bend.trace() - L2 * len(bend))
    assert curvature_trace(probs, noisy_data) == pytest.approx(trace, rel=1e-6)


def test_sums_over_several_blocks_of_rows_are_autograd_s():
    generator = torch.Generator().manual_seed(8)
    rows = 2 * softmax_module.BLOCK + 5
    labels = torch.randint(3, (rows,), generator=generator)
    data = HeadData(torch.randn(rows, 2, generator=generator), labels, 3)
    theta, value = some_theta(data), autograd_objective(data)
    probs = probabilities(theta, data.features)
    slope = torch.autograd.functional.jacobian(value, theta)
    torch.testing.assert_close(evaluated(theta, data, L2).gradient, slope, atol=1e-12, rtol=1e-9)
    bend = torch.autograd.functional.hessian(value, theta.flatten())
    torch.testing.assert_close(curvature(probs, data, L2), bend, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(curvature(probs, data, L2, torch.float32).double(), bend, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["labels", "weights", "targets", "nothing"])
def test_the_change_of_the_gradient_is_the_difference_of_two(noisy_data: HeadData, kind: str):
    labels, weights = noisy_data.labels.clone(), noisy_data.row_weights.clone()
    labels[:3] = (labels[:3] + 1) % noisy_data.classes
    weights[5:8] *= 0.5
    after = {
        "labels": replace(noisy_data, labels=labels),
        "weights": replace(noisy_data, weights=weights),
        "targets": replace(noisy_data, targets=torch.nn.functional.one_hot(labels, noisy_data.classes).double()),
        "nothing": noisy_data,
    }[kind]
    theta = some_theta(noisy_data)
    expected = evaluated(theta, after, L2).gradient - evaluated(theta, noisy_data, L2).gradient
    torch.testing.assert_close(change_of_gradient(theta, noisy_data, after), expected, atol=1e-12, rtol=1e-9)


def test_logits_sum_to_zero_and_give_the_probabilities(noisy_data: HeadData):
    theta = some_theta(noisy_data)
    scores = logits(theta, noisy_data.features)
    torch.testing.assert_close(scores.sum(1), torch.zeros(len(scores), dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(torch.softmax(scores, 1), probabilities(theta, noisy_data.features))


def test_no_rows_have_no_logits():
    theta = torch.zeros(2, 6, dtype=torch.float64)
    assert probabilities(theta, torch.zeros(0, 5)).shape == (0, 3)


@given(rows=st.integers(1, 30), size=st.integers(1, 40))
def test_blocks_cover_every_row_once_and_append_one(rows: int, size: int):
    features = torch.arange(rows * 2.0).view(rows, 2)
    parts = [(where, part.clone()) for where, part in blocks(features, size)]
    whole = torch.cat([part for _, part in parts])
    assert [where.start for where, _ in parts] == list(range(0, rows, size))
    assert torch.equal(whole[:, :2], features.double())
    assert torch.equal(whole[:, 2], torch.ones(rows, dtype=torch.float64))


def test_no_rows_have_no_probabilities():
    assert probabilities(torch.zeros(2, 4, dtype=torch.float64), torch.empty(0, 3)).shape == (0, 3)
