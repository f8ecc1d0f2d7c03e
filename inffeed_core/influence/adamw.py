"""One step of AdamW, and the same step backwards: how a loss afterwards depends on what was there before it.

A state is one tensor of three rows: parameters θ, first moment m, second moment v. With the clipped gradient g, rate η,
decay ω and bias corrections `c₁ = 1 − β₁ᵗ`, `c₂ = 1 − β₂ᵗ` (Loshchilov and Hutter, arXiv 1711.05101):

    m′ = β₁ m + (1 − β₁) g        v′ = β₂ v + (1 − β₂) g²
    θ′ = (1 − ηω) θ − η (m′ / c₁) / √(v′ / c₂ + ε)

ε stands *inside* the root. Outside it, as in torch, the root has no derivative where a parameter has had no gradient
yet (v = 0), and an arbitrarily large one beside it. Inside, a parameter whose gradients are far below √ε moves in
proportion to its gradient, not by its sign: at 1e-8 that is below 1e-4.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

State = Float[Tensor, "3 parameter"]
"""Parameters, first moments and second moments; also what a loss's derivatives by these three are called here."""
SLACK = 1e-6
"""Added to the norm that is clipped, as `torch.nn.utils.clip_grad_norm_` does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdamW:
    """The optimiser's constants."""

    decay: Float[Tensor, " parameter"]
    """Decoupled weight decay ω of each parameter."""
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    """Inside the root."""
    clip: float | None = 1.0
    """Largest norm of a gradient; a longer one is scaled down to it."""

    def advance(self, state: State, gradient: Float[Tensor, " parameter"], number: int, rate: float) -> State:
        """The state after step `number` (the first is 0) along this gradient; a new tensor."""
        (beta1, beta2), (bias1, bias2) = self.betas, self._biases(number)
        clipped = gradient * self._scale(gradient)[0]
        new = torch.empty_like(state)
        torch.mul(state[1], beta1, out=new[1]).add_(clipped, alpha=1 - beta1)
        torch.mul(state[2], beta2, out=new[2]).addcmul_(clipped, clipped, value=1 - beta2)
        root = (new[2] / bias2).add_(self.epsilon).rsqrt_()
        torch.mul(state[0], 1 - rate * self.decay, out=new[0]).addcmul_(new[1], root, value=-rate / bias1)
        return new

    def retreat(
        self, after: State, gradient: Float[Tensor, " parameter"], number: int, rate: float, adjoint: State
    ) -> tuple[State, Float[Tensor, " parameter"]]:
        """From a loss's derivative by the state after a step to (that by the state before, that by the gradient).

        `after` is the state after step `number` along `gradient`; of the derivative by the state before, the part that
        goes through the gradient is the caller's to add.
        """
        (beta1, beta2), (bias1, bias2) = self.betas, self._biases(number)
        scale, bend = self._scale(gradient)
        root = (after[2] / bias2).add_(self.epsilon).rsqrt_()
        by_first = torch.addcmul(adjoint[1], adjoint[0], root, value=-rate / bias1)
        by_second = torch.addcmul(adjoint[2], root.pow(3).mul_(after[1]), adjoint[0], value=rate / (2 * bias1 * bias2))
        by_clipped = (by_first * (1 - beta1)).addcmul_(gradient, by_second, value=2 * (1 - beta2) * scale)
        before = torch.stack([adjoint[0] * (1 - rate * self.decay), by_first.mul_(beta1), by_second.mul_(beta2)])
        by_gradient = by_clipped * scale
        if bend:
            by_gradient.add_(gradient, alpha=bend * float(by_clipped @ gradient))
        return before, by_gradient

    def _biases(self, number: int) -> tuple[float, float]:
        return 1 - self.betas[0] ** (number + 1), 1 - self.betas[1] ** (number + 1)

    def _scale(self, gradient: Float[Tensor, " parameter"]) -> tuple[float, float]:
        """(what the gradient G is multiplied by, the derivative of that by ‖G‖ divided by ‖G‖)."""
        norm = float(gradient.norm())
        if self.clip is None or norm + SLACK <= self.clip:
            return 1.0, 0.0
        return self.clip / (norm + SLACK), -self.clip / ((norm + SLACK) ** 2 * norm)
