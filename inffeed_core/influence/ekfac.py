"""EK-FAC: one block a layer, diagonal in a Kronecker-factored eigenbasis (George et al. 2018; Grosse et al. 2023).

Let a be a layer's input and b the gradient at its output, at tokens that count (see `capture`), under the model's own
label distribution:
`A = E[aaᵀ] = Q_A · Q_Aᵀ` and `B = E[bbᵀ] = Q_B · Q_Bᵀ` over tokens, and over examples
`Λ = E[(Q_Bᵀ G Q_A)²]`, G the example's gradient. The block is `(Q_A ⊗ Q_B) diag(Λ + λ) (Q_A ⊗ Q_B)ᵀ`.

Its diagonal in that basis is the Gauss-Newton block's, so the traces agree. It *equals* the block where `aaᵀ` and
`bbᵀ` do not vary together: a single example with one token, or one layer on one token with the same predicted
distribution for every example.

`rank` keeps only the leading eigenvectors of A and B, which makes wide layers affordable. Traces, and with them
relative damping, also count what lies outside.

The label distribution enters exactly, by C−1 backward passes with no noise and no dependence on row order, or by one
label drawn for each example if a generator is given (one backward pass, whatever C).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from inffeed_core.influence import cotangents
from inffeed_core.influence.capture import Network, Tokens
from inffeed_core.influence.example_gradients import rotated, squared_norms
from inffeed_core.influence.passes import Data, one_pass
from inffeed_core.records import Progress


@dataclass(frozen=True, slots=True)
class LayerFactors:
    """One layer's block. Bases have the model's dtype; eigenvalues and the trace are per example, not per token."""

    input_basis: Float[Tensor, "w r"]
    gradient_basis: Float[Tensor, "o s"]
    eigenvalues: Float64[Tensor, "s r"]
    trace: float
    """`E‖G‖²`: the sum of all eigenvalues, including those outside the bases."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.input_basis) * len(self.gradient_basis)

    @property
    def mean(self) -> float:
        """Mean eigenvalue of the whole block."""
        return self.trace / self.size


Factors = dict[str, LayerFactors]
"""Each layer's block, by the layer's name."""


def fit_factors(
    network: Network,
    data: Data,
    *,
    rank: int | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Factors:
    """EK-FAC factors from two passes over `data`: one for the eigenbases, one for the eigenvalues.

    With a generator both passes see the same drawn labels.
    """
    before = None if generator is None else generator.get_state()
    bases = {
        name: (_leading_eigenvectors(a, rank), _leading_eigenvectors(b, rank))
        for name, (a, b) in _second_moments(network, data, generator, progress).items()
    }
    if generator is not None and before is not None:
        generator.set_state(before)
    return _corrected(network, data, bases, generator, progress)


def _label_rows(logits: Float[Tensor, "n c"], generator: torch.Generator | None) -> Float[Tensor, "k n c"]:
    if generator is None:
        return cotangents.curvature_rows(logits)
    return cotangents.sampled_loss(logits, generator).unsqueeze(0)


def _second_moments(
    network: Network, data: Data, generator: torch.Generator | None, progress: Progress | None
) -> dict[str, tuple[Float64[Tensor, "w w"], Float64[Tensor, "o o"]]]:
    """Unnormalised `Σ aaᵀ` (the bias's 1 included) and `Σ bbᵀ` over tokens that count: eigenvectors need no scale."""
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    for batch, _ in one_pass(data, "Fitting eigenbases", progress):
        recording = network.record(batch)
        for k, cotangent in enumerate(_label_rows(recording.logits, generator)):
            seen: dict[int, tuple[Tensor, Tensor]] = {}
            for name, tokens in recording.pull_back(cotangent).items():
                counts = tokens.gradients.any(2)
                if name not in sums:
                    sums[name] = _zeros(tokens)
                if k == 0:
                    sums[name][0].add_(_input_moment(tokens, counts, seen))
                gradients = tokens.gradients[counts]
                sums[name][1].add_(gradients.T @ gradients)
    return sums


def _zeros(tokens: Tokens) -> tuple[Float64[Tensor, "w w"], Float64[Tensor, "o o"]]:
    width, outputs = tokens.inputs.shape[2] + tokens.bias, tokens.gradients.shape[2]
    zeros = tokens.inputs.new_zeros
    return zeros(width, width, dtype=torch.float64), zeros(outputs, outputs, dtype=torch.float64)


def _input_moment(tokens: Tokens, counts: Tensor, seen: dict[int, tuple[Tensor, Tensor]]) -> Float[Tensor, "w w"]:
    """`Σ aaᵀ`, computed once for layers that read the same tensor, as query, key and value do."""
    address = tokens.inputs.data_ptr()
    if address in seen and torch.equal(seen[address][0], counts) and len(seen[address][1]) == tokens.width:
        return seen[address][1]
    inputs = tokens.augmented()[counts]
    seen[address] = (counts, inputs.T @ inputs)
    return seen[address][1]


def _leading_eigenvectors(moment: Float64[Tensor, "d d"], rank: int | None) -> Float64[Tensor, "d r"]:
    vectors: Tensor = torch.linalg.eigh(moment).eigenvectors
    return vectors.flip(1)[:, :rank].contiguous()


def _corrected(
    network: Network,
    data: Data,
    bases: dict[str, tuple[Tensor, Tensor]],
    generator: torch.Generator | None,
    progress: Progress | None,
) -> Factors:
    """The factors with `Λ = E[(Q_Bᵀ G Q_A)²]` and traces, by a second pass."""
    squares: dict[str, Tensor] = {}
    traces: dict[str, float] = dict.fromkeys(bases, 0.0)
    examples = 0
    for batch, labels in one_pass(data, "Fitting eigenvalues", progress):
        recording = network.record(batch)
        bases = {name: (a.to(recording.logits), b.to(recording.logits)) for name, (a, b) in bases.items()}
        examples += len(labels)
        for cotangent in _label_rows(recording.logits, generator):
            for name, tokens in recording.pull_back(cotangent).items():
                square = rotated(tokens, *bases[name]).square().sum(0, dtype=torch.float64)
                squares[name] = squares[name] + square if name in squares else square
                traces[name] += float(square.sum() if _complete(bases[name]) else squared_norms(tokens).sum())
    return {
        name: LayerFactors(
            input_basis=inputs.cpu(),
            gradient_basis=gradients.cpu(),
            eigenvalues=squares[name].cpu() / examples,
            trace=traces[name] / examples,
        )
        for name, (inputs, gradients) in bases.items()
    }


def _complete(bases: tuple[Tensor, Tensor]) -> bool:
    return all(basis.shape[0] == basis.shape[1] for basis in bases)
