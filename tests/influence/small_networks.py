"""Tiny classifiers and data for the whole-model tests, in float64 where exactness is tested."""

import torch
from torch import Tensor, nn

from inffeed_core.influence.capture import Network
from inffeed_core.influence.ekfac import LayerFactors
from inffeed_core.influence.linear_layers import call_logits, find_layers

Pairs = list[tuple[dict[str, Tensor], Tensor]]


class TokenClassifier(nn.Module):
    """Embeds ids, mixes tokens by masked attention, pools by masked mean: padding has no effect, layers interact."""

    def __init__(self, classes: int = 3, width: int = 6, vocabulary: int = 20) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.query = nn.Linear(width, width)
        self.value = nn.Linear(width, width, bias=False)
        self.wide = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = self.embedding(input_ids)
        scores = self.query(x) @ x.transpose(1, 2)
        weights = scores.masked_fill(attention_mask[:, None, :] == 0, -torch.inf).softmax(2)
        x = self.dropout(torch.tanh(self.wide(x + weights @ self.value(x))))
        mask = attention_mask.unsqueeze(2)
        return self.classifier((x * mask).sum(1) / mask.sum(1))


def token_classifier(classes: int = 3, width: int = 6) -> TokenClassifier:
    torch.manual_seed(0)
    return TokenClassifier(classes, width).double()


def token_data(rows: int, batch: int, classes: int = 3, seed: int = 1, padding: int = 0) -> Pairs:
    """Random sequences of 2 to 6 tokens, padded to the longest of their batch and `padding` more."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 7, (rows,), generator=generator).tolist()
    sequences = [torch.randint(1, 20, (length,), generator=generator) for length in lengths]
    labels = torch.randint(classes, (rows,), generator=generator)
    return batched(sequences, labels, batch, padding)


def batched(sequences: list[Tensor], labels: Tensor, batch: int, padding: int = 0) -> Pairs:
    pairs = []
    for start in range(0, len(sequences), batch):
        part = sequences[start : start + batch]
        longest = max(map(len, part)) + padding
        ids = torch.stack([torch.cat([s, s.new_zeros(longest - len(s))]) for s in part])
        pairs.append(({"input_ids": ids, "attention_mask": (ids > 0).long()}, labels[start : start + batch]))
    return pairs


def network_of(model: nn.Module, data: Pairs) -> Network:
    return Network(model, call_logits, find_layers(model, data[0][0]).chosen)


def ekfac_solve(block: LayerFactors, gradients: Tensor, damping: float) -> Tensor:
    """The inverse of a damped EK-FAC block with whole bases times each gradient matrix."""
    inner = block.gradient_basis.T @ gradients @ block.input_basis
    return block.gradient_basis @ (inner / (block.eigenvalues + damping)) @ block.input_basis.T


def flat_jacobian(model: nn.Module, network: Network, batch: dict[str, Tensor]) -> Tensor:
    """d logits / d parameters of the network's layers by plain autograd, in the tier's order: n × classes × p."""
    parameters = [
        p for layer in network.layers for p in ([layer.modules[0].weight] + [layer.modules[0].bias] * layer.bias)
    ]
    model.eval()
    logits = call_logits(model, batch)
    rows = []
    for value in logits.flatten():
        gradients = dict(zip(parameters, torch.autograd.grad(value, parameters, retain_graph=True), strict=True))
        parts = []
        for layer in network.layers:
            weight = gradients[layer.modules[0].weight]
            bias = [gradients[layer.modules[0].bias].unsqueeze(1)] if layer.bias else []
            parts.append(torch.cat([weight, *bias], dim=1).flatten())
        rows.append(torch.cat(parts))
    return torch.stack(rows).view(*logits.shape, -1)


def dense_curvature(model: nn.Module, network: Network, data: Pairs) -> Tensor:
    """(1/n) Σ JᵀSJ from materialised Jacobians, without damping."""
    model.eval()
    total, examples = 0.0, 0
    for batch, labels in data:
        jacobian = flat_jacobian(model, network, batch)
        with torch.no_grad():
            p = call_logits(model, batch).softmax(1)
        s = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)
        total = total + torch.einsum("ncp,ncd,ndq->pq", jacobian, s, jacobian)
        examples += len(labels)
    return total / examples


def dense_gradients(model: nn.Module, network: Network, data: Pairs) -> Tensor:
    """Loss gradients of every example, n × p, from materialised Jacobians."""
    model.eval()
    rows = []
    for batch, labels in data:
        with torch.no_grad():
            p = call_logits(model, batch).softmax(1)
            residual = p - nn.functional.one_hot(labels, p.shape[1])
        rows.append(torch.einsum("ncp,nc->np", flat_jacobian(model, network, batch), residual))
    return torch.cat(rows)
