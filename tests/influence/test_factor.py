import pytest
import torch

from inffeed_core.influence import HeadData, HeadFit, fit_head, probabilities
from inffeed_core.influence import factor as factor_module
from inffeed_core.influence.factor import Factor, factorised, refined
from inffeed_core.influence.softmax import curvature


def sides(count: int, size: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.mark.parametrize(("l2", "precision"), [(1e-1, torch.float32), (1e-5, torch.float64)])
def test_single_precision_is_taken_only_where_it_solves_as_well(
    noisy_data: HeadData, l2: float, precision: torch.dtype
):
    probs = probabilities(fit_head(noisy_data, l2).theta, noisy_data.features)
    found, exact = factorised(probs, noisy_data, l2), curvature(probs, noisy_data, l2)
    wanted = torch.linalg.solve(exact, sides(4, len(exact)).T).T
    assert found.lower.dtype == precision
    assert (found.solve(sides(4, len(exact))) - wanted).norm() <= factor_module.ROUNDING * wanted.norm()


@pytest.mark.parametrize("count", [3, 60])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_refining_the_factor_of_a_similar_curvature_reaches_the_tolerance(
    noisy_data: HeadData, fitted: HeadFit, count: int, tolerance: float
):
    probs = probabilities(fitted.theta, noisy_data.features)
    exact = curvature(probs, noisy_data, fitted.l2)
    near = factorised(probabilities(1.05 * fitted.theta, noisy_data.features), noisy_data, fitted.l2)
    right = sides(count, len(exact))
    found = refined(near, lambda v: v @ exact.to(v.dtype), right, tolerance)
    assert found is not None
    assert (right - found @ exact).norm() <= 2 * tolerance * right.norm()


def test_refining_gives_up_where_the_factor_is_of_something_else():
    matrix = torch.eye(6, dtype=torch.float64)
    assert refined(Factor(0.1 * matrix), lambda v: v @ matrix, sides(2, 6), 1e-4) is None
