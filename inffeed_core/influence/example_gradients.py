"""Gradients of single examples from layer inputs and output gradients: whole, rotated, or only their norms.

For one layer, example i's gradient is the matrix `Σ_t b_it a_itᵀ` (out × width). All functions take a batch at once.
"""

from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.capture import Tokens


def whole(tokens: Tokens) -> Float[Tensor, "n o w"]:
    """Every example's gradient matrix."""
    return tokens.gradients.transpose(1, 2) @ tokens.augmented()


@accepting(input_basis="floats", gradient_basis="floats")
def rotated(
    tokens: Tokens, input_basis: Float[Tensor, "w r"], gradient_basis: Float[Tensor, "o s"]
) -> Float[Tensor, "n s r"]:
    """`Q_Bᵀ G_i Q_A` for every example, rotating tokens first: the whole gradient is never formed."""
    input_basis, gradient_basis = input_basis.to(tokens.inputs), gradient_basis.to(tokens.gradients)
    inputs = tokens.inputs @ input_basis[: tokens.inputs.shape[2]]
    if tokens.bias:
        inputs += input_basis[-1]
    return (tokens.gradients @ gradient_basis).transpose(1, 2) @ inputs


def squared_norms(tokens: Tokens) -> Float[Tensor, " n"]:
    """`‖G_i‖²` by the ghost trick, `Σ_tu (a_t·a_u)(b_t·b_u)`, or from whole gradients if there are many tokens."""
    (_, t, inputs), outputs = tokens.inputs.shape, tokens.gradients.shape[2]
    if t * (inputs + outputs) > inputs * outputs:
        return whole(tokens).square().sum((1, 2))
    a = tokens.inputs @ tokens.inputs.transpose(1, 2)
    b = tokens.gradients @ tokens.gradients.transpose(1, 2)
    return ((a + tokens.bias) * b).sum((1, 2))
