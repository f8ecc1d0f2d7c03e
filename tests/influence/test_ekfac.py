import pytest
import torch
from small_networks import (
    batched,
    dense_curvature,
    dense_gradients,
    ekfac_solve,
    network_of,
    token_classifier,
    token_data,
)
from torch import nn

from inffeed_core.errors import SettingsError
from inffeed_core.influence.capture import Network
from inffeed_core.influence.compression import Code, choose_code
from inffeed_core.influence.cotangents import loss
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.ekfac import fit_factors
from inffeed_core.influence.linear_layers import by_layer, call_logits, find_layers
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings


def head_with_one_distribution(classes: int) -> tuple[nn.Linear, list]:
    """One layer on one token, with the same predicted distribution for every example: a Kronecker-factored block."""
    torch.manual_seed(0)
    model = nn.Linear(5, classes).double()
    nn.init.zeros_(model.weight)
    nn.init.normal_(model.bias)
    features = torch.randn(40, 5, dtype=torch.float64)
    labels = torch.randint(classes, (40,))
    return model, [({"input": features[:25]}, labels[:25]), ({"input": features[25:]}, labels[25:])]


@pytest.mark.parametrize("classes", [2, 4])
def test_ekfac_equals_the_exact_block_for_one_layer_one_token_and_one_distribution(classes):
    model, data = head_with_one_distribution(classes)
    network = network_of(model, data)
    (factors,) = fit_factors(network, data).values()
    exact = dense_curvature(model, network, data) + 0.01 * torch.eye(network.size, dtype=torch.float64)
    vectors = torch.randn(3, network.size, dtype=torch.float64)
    solved = ekfac_solve(factors, vectors.view(3, classes, -1), 0.01).flatten(1)
    torch.testing.assert_close(solved, torch.linalg.solve(exact, vectors.T).T, rtol=1e-9, atol=1e-9)


def test_ekfac_equals_the_exact_blocks_for_a_single_example_with_one_token():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    data = [({"input": torch.randn(1, 3, dtype=torch.float64)}, torch.tensor([1]))]
    network = network_of(model, data)
    factors, exact = fit_factors(network, data), dense_curvature(model, network, data)
    vectors = torch.randn(2, network.size, dtype=torch.float64)
    start = 0
    for layer, block in by_layer(vectors, network.layers):
        stop = start + layer.size
        damped = exact[start:stop, start:stop] + 0.1 * torch.eye(layer.size, dtype=torch.float64)
        expected = torch.linalg.solve(damped, vectors[:, start:stop].T).T
        torch.testing.assert_close(ekfac_solve(factors[layer.name], block, 0.1).flatten(1), expected)
        start = stop


def test_traces_equal_those_of_the_exact_blocks_at_any_rank():
    model, data = token_classifier(), token_data(20, batch=6)
    network = network_of(model, data)
    diagonal = dense_curvature(model, network, data).diagonal().unsqueeze(0)
    expected = [float(block.sum()) for _, block in by_layer(diagonal, network.layers)]
    for rank in (None, 2):
        traces = [block.trace for block in fit_factors(network, data, rank=rank).values()]
        assert traces == pytest.approx(expected, rel=1e-9)


def test_corrected_eigenvalues_are_the_exact_curvature_along_their_directions():
    model, data = token_classifier(), token_data(20, batch=6)
    network = network_of(model, data)
    exact = dense_curvature(model, network, data)
    start = 0
    for layer in network.layers:
        block = fit_factors(network, data)[layer.name]
        directions = torch.einsum("os,wr->srow", block.gradient_basis, block.input_basis).flatten(2).flatten(0, 1)
        part = exact[start : start + layer.size, start : start + layer.size]
        expected = ((directions @ part) * directions).sum(1)
        torch.testing.assert_close(block.eigenvalues.flatten(), expected, rtol=1e-8, atol=1e-12)
        start += layer.size


def test_batch_size_order_and_padding_leave_the_factors_alone():
    model, rows = token_classifier(), token_data(20, batch=20)
    ids, labels = rows[0][0]["input_ids"], rows[0][1]
    sequences = [row[row > 0] for row in ids]
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = batched([sequences[i] for i in order], labels[order], batch=3, padding=4)
    network = network_of(model, rows)
    vectors = torch.randn(2, network.size, dtype=torch.float64)
    for layer, block in by_layer(vectors, network.layers):
        solved = [ekfac_solve(fit_factors(network, data)[layer.name], block, 0.01) for data in (rows, shuffled)]
        torch.testing.assert_close(*solved, rtol=1e-6, atol=1e-8)


def test_sampled_labels_need_a_generator_and_repeat_with_it():
    model, data = token_classifier(), token_data(30, batch=7)
    network = network_of(model, data)
    drawn = [fit_factors(network, data, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    name = network.layers[0].name
    assert torch.equal(drawn[0][name].eigenvalues, drawn[1][name].eigenvalues)
    assert not torch.equal(drawn[0][name].eigenvalues, drawn[2][name].eigenvalues)


def test_damping_is_relative_to_the_mean_eigenvalue_or_absolute():
    model, data = token_classifier(), token_data(20, batch=6)
    factors = fit_factors(network_of(model, data), data)
    size = sum(block.size for block in factors.values())
    trace = sum(block.trace for block in factors.values())
    assert Damping(0.5).of(factors) == {name: 0.5 * block.trace / block.size for name, block in factors.items()}
    assert set(Damping(0.5, "network").of(factors).values()) == {0.5 * trace / size}
    assert set(Damping(0.5, "absolute").of(factors).values()) == {0.5}
    with pytest.raises(SettingsError, match="above 0"):
        Damping(0.0)


def test_full_code_scores_equal_the_ekfac_solve():
    model, train, targets = token_classifier(), token_data(20, batch=6), token_data(5, batch=3, seed=9)
    settings = WholeModelSettings(rank=None, dimension=None)
    analysis = WholeModel(model, settings).fit(train).index(train)
    network, damping = analysis.network, analysis.damping
    g_train, g_targets = (dense_gradients(model, network, data) for data in (train, targets))
    solved = torch.cat(
        [
            ekfac_solve(analysis.factors[layer.name], b, damping[layer.name]).flatten(1)
            for layer, b in by_layer(g_targets, network.layers)
        ],
        dim=1,
    )
    expected = solved @ g_train.T / 20
    torch.testing.assert_close(analysis.influence(targets, inverse="ekfac"), expected, rtol=1e-5, atol=1e-7)


def kept_directions(code: Code, network: Network) -> torch.Tensor:
    """The kept eigenvectors as parameter vectors: kept × p."""
    result, first = torch.zeros(code.dimension, network.size, dtype=torch.float64), 0
    for layer, block in by_layer(result, network.layers):
        kept = code.layers[layer.name]
        rows, columns = kept.places // kept.input_basis.shape[1], kept.places % kept.input_basis.shape[1]
        outer = torch.einsum("ok,wk->kow", kept.gradient_basis[:, rows], kept.input_basis[:, columns])
        block[first : first + len(outer)] = outer
        first += len(outer)
    return result


def test_code_keeps_the_components_with_most_curvature_beside_damping():
    model, data = token_classifier(), token_data(20, batch=6)
    network = network_of(model, data)
    factors = fit_factors(network, data)
    damping = Damping().of(factors)
    code = choose_code(factors, damping, 10)
    assert code.dimension == 10
    relative = torch.cat([(block.eigenvalues / damping[name]).flatten() for name, block in factors.items()])
    kept = torch.cat([c.eigenvalues / damping[name] for name, c in code.layers.items()])
    torch.testing.assert_close(kept.sort().values, relative.sort().values[-10:])


def test_encoding_is_the_gradient_projected_on_kept_directions():
    model, data = token_classifier(), token_data(6, batch=6)
    network = network_of(model, data)
    factors = fit_factors(network, data)
    code = choose_code(factors, Damping().of(factors), 25)
    encoded = code.encode(network, *data[0], loss)
    gradients = dense_gradients(model, network, data)
    roots = torch.cat([c.eigenvalues.sqrt() for c in code.layers.values()])
    directions = kept_directions(code, network)
    torch.testing.assert_close(directions @ directions.T, torch.eye(25, dtype=torch.float64))
    torch.testing.assert_close(gradients @ directions.T / roots, encoded)


def test_training_gradients_are_combinations_of_their_curvature_rows():
    for classes in (2, 4):
        model, data = token_classifier(classes), token_data(6, batch=6, classes=classes)
        network = network_of(model, data)
        factors = fit_factors(network, data)
        code = choose_code(factors, Damping().of(factors), None)
        gradients, rows = code.encode_training(network, *data[0])
        torch.testing.assert_close(gradients, code.encode(network, *data[0], loss))
        roots = torch.cat([c.eigenvalues.sqrt() for c in code.layers.values()])
        directions = kept_directions(code, network) / roots.unsqueeze(1)
        expected = directions @ dense_curvature(model, network, data) @ directions.T
        torch.testing.assert_close(rows.T @ rows / 6, expected, rtol=1e-5, atol=1e-6)


def test_a_network_of_part_of_the_layers_is_possible():
    model, data = token_classifier(), token_data(8, batch=4)
    layers = find_layers(model, data[0][0], scope="head").chosen
    network = Network(model, call_logits, layers)
    assert list(fit_factors(network, data)) == ["classifier"]
