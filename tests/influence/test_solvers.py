"""Dense solve, conjugate gradient and Woodbury agree; all against Jacobians materialised by plain autograd."""

import pytest
import torch
from small_networks import (
    dense_curvature,
    dense_gradients,
    network_of,
    token_classifier,
    token_data,
)
from torch.func import functional_call, jvp, vjp

from inffeed_core.errors import SettingsError
from inffeed_core.influence import conjugate_gradient, cotangents, gauss_newton, woodbury
from inffeed_core.influence.damping import Damping, spread
from inffeed_core.influence.ekfac import fit_factors
from inffeed_core.influence.linear_layers import by_layer
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings


@pytest.mark.parametrize("classes", [2, 4])
def test_products_with_the_rows_make_the_curvature_of_forward_and_reverse_mode_autograd(classes):
    model, data = token_classifier(classes).eval(), token_data(9, batch=4, classes=classes)
    network = network_of(model, data)
    vectors = torch.randn(2, network.size, dtype=torch.float64)
    ours = gauss_newton.combined_rows(network, data, gauss_newton.row_products(network, data, vectors)) / 9
    for vector, result in zip(vectors, ours, strict=True):
        torch.testing.assert_close(result, _autograd_product(model, network, data, vector), rtol=1e-9, atol=1e-12)


def _autograd_product(model, network, data, vector):
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    tangents = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for layer, block in by_layer(vector.unsqueeze(0), network.layers):
        inputs = layer.modules[0].in_features
        tangents[f"{layer.name}.weight"] = block[0, :, :inputs]
        if layer.bias:
            tangents[f"{layer.name}.bias"] = block[0, :, -1]
    total, examples = 0.0, 0
    for batch, labels in data:

        def logits(values, batch=batch):
            return functional_call(model, values, kwargs=batch)

        z, pushed = jvp(logits, (parameters,), (tangents,))
        p = z.softmax(1)
        curved = p * pushed - p * (p * pushed).sum(1, keepdim=True)
        (pulled,) = vjp(logits, parameters)[1](curved)
        rows = []
        for layer in network.layers:
            bias = [pulled[f"{layer.name}.bias"].unsqueeze(1)] if layer.bias else []
            rows.append(torch.cat([pulled[f"{layer.name}.weight"], *bias], dim=1).flatten())
        total = total + torch.cat(rows)
        examples += len(labels)
    return total / examples


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    "damping", [Damping(0.1), Damping(0.1, "trace"), Damping(0.1, "network"), Damping(1e-2, "absolute")]
)
def test_dense_conjugate_gradient_and_woodbury_agree(classes, damping):
    model = token_classifier(classes, width=3)
    train = token_data(15, batch=15, classes=classes)
    targets = token_data(3, batch=3, classes=classes, seed=9)
    network = network_of(model, train)
    factors = fit_factors(network, train)
    lambdas = damping.of(factors)
    g_train, g_targets = (dense_gradients(model, network, data) for data in (train, targets))
    matrix = dense_curvature(model, network, train) + torch.diag(spread(lambdas, network.layers, g_train))
    expected = torch.linalg.solve(matrix, g_targets.T).T @ g_train.T / 15

    settings = WholeModelSettings(damping=damping, factor_examples=None, rank=2, dimension=12)  # leaves work to do
    ours, solution = (
        WholeModel(model, settings).fit(train).index(train).refined(train).influence(g_targets, tolerance=1e-10)
    )
    assert solution.converged
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9)
    for memory in (2**20, 15 * (classes - 1) * 4 * 17):  # everything at once; 17 parameters at a time
        dual = woodbury.fit_dual(network, train, lambdas, memory=memory)
        torch.testing.assert_close(dual.influence(g_targets), expected, rtol=1e-6, atol=1e-9)


def test_mean_gradient_is_the_mean_over_uneven_batches():
    model, data = token_classifier(), token_data(10, batch=4)
    network = network_of(model, data)
    mean = gauss_newton.mean_gradient(network, data, cotangents.loss)
    torch.testing.assert_close(mean[0], dense_gradients(model, network, data).mean(0))


def test_the_dual_refuses_what_it_cannot_hold(monkeypatch):
    model, data = token_classifier(), token_data(10, batch=4)
    monkeypatch.setattr(woodbury, "LARGEST", 19)
    with pytest.raises(SettingsError, match="20 rows"):
        woodbury.fit_dual(network_of(model, data), data, {})


def spd(size: int, condition: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    basis = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q
    return (basis @ torch.diag(torch.logspace(0, -torch.tensor(condition).log10().item(), size).double()) @ basis.T).to(
        dtype
    )


def test_conjugate_gradient_reports_true_residuals_and_stops_each_side_when_done():
    matrix = spd(30, 1e3)
    sides = torch.cat([torch.randn(2, 30, dtype=torch.float64), torch.zeros(1, 30, dtype=torch.float64)])
    solution = conjugate_gradient.solve(lambda v: v @ matrix, sides, precondition=lambda v: v, tolerance=1e-8)
    true = (sides - solution.solutions @ matrix).norm(dim=1) / sides.norm(dim=1).clamp_min(1e-300)
    torch.testing.assert_close(solution.residuals, true)
    assert solution.converged
    assert solution.residuals.max() <= 1e-8
    assert torch.equal(solution.solutions[2], torch.zeros(30, dtype=torch.float64))


def test_conjugate_gradient_in_float32_restarts_until_the_true_residual_is_small():
    matrix = spd(200, 1e3, torch.float32)
    sides = torch.randn(3, 200, generator=torch.Generator().manual_seed(1))
    solution = conjugate_gradient.solve(
        lambda v: v @ matrix, sides, precondition=lambda v: v, tolerance=1e-4, max_products=1000
    )
    exact_residual = (sides.double() - solution.solutions.double() @ matrix.double()).norm(dim=1) / sides.norm(dim=1)
    assert solution.converged
    assert exact_residual.max() < 2e-4


def test_conjugate_gradient_gives_up_openly():
    matrix = spd(60, 1e6)
    sides = torch.randn(1, 60, dtype=torch.float64)
    solution = conjugate_gradient.solve(lambda v: v @ matrix, sides, precondition=lambda v: v, max_products=5)
    assert not solution.converged
    assert solution.products <= 5
    assert solution.residuals[0] > 1e-4


def test_a_good_preconditioner_saves_products():
    matrix = spd(60, 1e4)
    near = torch.linalg.inv(matrix + 1e-3 * torch.eye(60, dtype=torch.float64))
    sides = torch.randn(4, 60, dtype=torch.float64)
    plain, helped = (
        conjugate_gradient.solve(lambda v: v @ matrix, sides, precondition=p).products
        for p in (lambda v: v, lambda v: v @ near)
    )
    assert helped < plain / 2
