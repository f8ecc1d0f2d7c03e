import pytest
import torch
from small_networks import dense_gradients, flat_jacobian, network_of, token_classifier, token_data
from torch import nn

from inffeed_core.errors import ModelError, SettingsError
from inffeed_core.influence import cotangents
from inffeed_core.influence.capture import Network
from inffeed_core.influence.example_gradients import rotated, squared_norms, whole
from inffeed_core.influence.gauss_newton import example_gradients
from inffeed_core.influence.linear_layers import call_logits, find_layers


def test_example_gradients_equal_autograd_one_by_one():
    model, data = token_classifier(), token_data(7, batch=7)
    network = network_of(model, data)
    ours = example_gradients(network, *data[0], cotangents.loss)
    torch.testing.assert_close(ours, dense_gradients(model, network, data), rtol=1e-10, atol=1e-12)


def test_margin_gradient_equals_autograd():
    model, data = token_classifier(), token_data(5, batch=5)
    network = network_of(model, data)
    batch, classes = data[0]
    z = model.eval()(**batch).detach().requires_grad_()
    p = z.softmax(1).gather(1, classes.unsqueeze(1))
    (expected,) = torch.autograd.grad(-(p / (1 - p)).log().sum(), z)
    jacobian = flat_jacobian(model, network, batch)
    ours = example_gradients(network, batch, classes, cotangents.negative_margin)
    torch.testing.assert_close(ours, torch.einsum("ncp,nc->np", jacobian, expected), rtol=1e-9, atol=1e-12)


def test_padding_tokens_carry_no_gradient_and_are_cut_off():
    model, data = token_classifier(), token_data(4, batch=4, padding=5)
    recording = network_of(model, data).record(data[0][0])
    tokens = recording.pull_back(cotangents.loss(recording.logits, data[0][1]))["wide"]
    assert tokens.inputs.shape[1] == int(data[0][0]["attention_mask"].sum(1).max())


@pytest.mark.parametrize("tokens_per_row", [1, 3, 40], ids=["one-token", "ghost", "materialised"])
def test_ghost_norm_equals_the_norm_of_materialised_gradients(tokens_per_row):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Flatten(), nn.Linear(4 * tokens_per_row, 2)).double()
    batch = {"input": torch.randn(3, tokens_per_row, 5, dtype=torch.float64)}
    network = Network(model, call_logits, find_layers(model, batch).chosen)
    recording = network.record(batch)
    for tokens in recording.pull_back(cotangents.loss(recording.logits, torch.tensor([0, 1, 1]))).values():
        torch.testing.assert_close(squared_norms(tokens), whole(tokens).square().sum((1, 2)))


def test_rotating_tokens_equals_rotating_gradients():
    model, data = token_classifier(), token_data(4, batch=4)
    recording = network_of(model, data).record(data[0][0])
    for tokens in recording.pull_back(cotangents.loss(recording.logits, data[0][1])).values():
        gradients = whole(tokens)
        a, b = torch.randn(gradients.shape[2], 3).double(), torch.randn(gradients.shape[1], 2).double()
        torch.testing.assert_close(rotated(tokens, a, b), b.T @ gradients @ a)


def test_dropout_is_off_and_the_models_mode_is_kept():
    model, data = token_classifier().train(), token_data(4, batch=4)
    model.query.eval()
    network = network_of(model, data)
    torch.testing.assert_close(network.record(data[0][0]).logits, network.record(data[0][0]).logits, rtol=0, atol=0)
    assert model.training
    assert model.dropout.training
    assert not model.query.training


class Shared(nn.Module):
    """Uses one layer twice, and one weight in two modules."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(4, 4)
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.unused = nn.Linear(4, 4)
        self.side = nn.Linear(4, 4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.embedding = nn.Embedding(4, 4)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.embedding.weight
        self.positions = nn.Linear(4, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.side(x)
        x = torch.tanh(self.twice(torch.tanh(self.twice(x))))
        x = self.second(torch.relu_(self.first(x))) + self.frozen(x) + self.tied(x)
        x = x + self.positions(torch.ones(1, 4, dtype=x.dtype))
        return self.out(x)


def test_shared_weights_sum_their_calls_and_unfit_layers_are_named():
    torch.manual_seed(0)
    model = Shared().double()
    batch, labels = {"x": torch.randn(6, 4, dtype=torch.float64)}, torch.tensor([0, 1, 2, 0, 1, 2])
    layers = find_layers(model, batch)
    assert [layer.name for layer in layers.chosen] == ["twice", "first", "out"]
    reasons = {name: layers.excluded[name].split()[0] for name in ("unused", "side", "frozen", "tied", "positions")}
    assert reasons == {"unused": "not", "side": "a", "frozen": "its", "tied": "its", "positions": "called"}
    network = Network(model, call_logits, layers.chosen)
    ours = example_gradients(network, batch, labels, cotangents.loss)
    torch.testing.assert_close(ours, dense_gradients(model, network, [(batch, labels)]))


def test_scopes_are_nested():
    blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks, self.pool, self.head = blocks, nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = torch.tanh(block(x))
            return self.head(torch.tanh(self.pool(x)))

    model, batch = Stack(), {"x": torch.randn(3, 4)}
    names = {
        scope: [layer.name for layer in find_layers(model, batch, scope=scope).chosen]
        for scope in ("head", "last-block", "all")
    }
    assert names["head"] == ["head"]
    assert names["last-block"] == ["blocks.2", "pool", "head"]
    assert names["all"] == ["blocks.0", "blocks.1", *names["last-block"]]


def test_models_that_cannot_be_explained_are_refused_with_a_reason():
    with pytest.raises(ModelError, match="it has none"):
        find_layers(nn.Flatten(), {"input": torch.ones(2, 3, requires_grad=True)})
    with pytest.raises(ModelError, match=r"shape \(3, 1\)"):
        find_layers(nn.Linear(3, 1), {"input": torch.ones(2, 3)})
    with pytest.raises(SettingsError, match="no list of repeated blocks"):
        find_layers(nn.Linear(3, 2), {"input": torch.ones(2, 3)}, scope="last-block")


def test_an_input_changed_in_place_is_refused_not_mismeasured():
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.clone()
            out = self.head(x)
            x.zero_()
            return out

    model, batch = InPlace(), {"x": torch.ones(2, 3)}
    recording = Network(model, call_logits, find_layers(model, batch).chosen).record(batch)
    with pytest.raises(ModelError, match="changed in place"):
        recording.pull_back(torch.ones(2, 2))
