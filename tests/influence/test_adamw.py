"""One step of AdamW against torch's, and backwards against autograd."""

import pytest
import torch

from inffeed_core.influence.adamw import AdamW

PARAMETERS = 7


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(state, gradient, derivative by the state afterwards)."""
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn(3, PARAMETERS, generator=generator, dtype=torch.float64)
    state[2] = state[2].square()
    return (
        state,
        torch.randn(PARAMETERS, generator=generator, dtype=torch.float64),
        torch.randn(3, PARAMETERS, generator=generator, dtype=torch.float64),
    )


def optimiser(clip: float | None, epsilon: float = 1e-3) -> AdamW:
    return AdamW(decay=torch.linspace(0, 0.3, PARAMETERS).double(), epsilon=epsilon, clip=clip)


@pytest.mark.parametrize("clip", [None, 0.5, 1e3])
def test_steps_are_those_of_torch_but_for_the_place_of_epsilon(clip: float | None):
    ours = AdamW(decay=torch.full((PARAMETERS,), 0.1, dtype=torch.float64), epsilon=1e-30, clip=clip)
    theirs = torch.nn.Parameter(drawn(0)[0][0].clone())
    torchs = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1, eps=0)
    state = torch.stack([theirs.detach().clone(), torch.zeros(PARAMETERS), torch.zeros(PARAMETERS)]).double()
    for number in range(4):
        gradient = drawn(number + 1)[1]
        theirs.grad = gradient.clone()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([theirs], clip)
        torchs.step()
        state = ours.advance(state, gradient, number, 0.01)
    torch.testing.assert_close(state[0], theirs.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("clip", [None, 0.5, 1e3])
@pytest.mark.parametrize("number", [0, 5])
def test_a_step_backwards_is_what_autograd_finds(clip: float | None, number: int):
    state, gradient, adjoint = drawn(3)
    about = optimiser(clip)

    def plainly(before: torch.Tensor, raw: torch.Tensor) -> torch.Tensor:
        norm = raw.norm()
        g = raw if clip is None or norm < clip else raw * (clip / (norm + 1e-6))
        first, second = 0.9 * before[1] + 0.1 * g, 0.999 * before[2] + 0.001 * g.square()
        mean, square = first / (1 - 0.9 ** (number + 1)), second / (1 - 0.999 ** (number + 1))
        moved = before[0] * (1 - 0.02 * about.decay) - 0.02 * mean / (square + about.epsilon).sqrt()
        return torch.stack([moved, first, second])

    after, pull = torch.autograd.functional.vjp(plainly, (state, gradient), adjoint)
    torch.testing.assert_close(about.advance(state, gradient, number, 0.02), after, rtol=1e-12, atol=1e-12)
    by_state, by_gradient = about.retreat(after, gradient, number, 0.02, adjoint)
    torch.testing.assert_close(by_state, pull[0], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(by_gradient, pull[1], rtol=1e-9, atol=1e-12)


def test_a_parameter_that_never_had_a_gradient_stays_and_has_a_finite_derivative():
    about = AdamW(decay=torch.zeros(PARAMETERS))
    state, adjoint = torch.zeros(3, PARAMETERS), torch.ones(3, PARAMETERS)
    after = about.advance(state, torch.zeros(PARAMETERS), 0, 0.1)
    assert torch.equal(after, state)
    by_state, by_gradient = about.retreat(after, torch.zeros(PARAMETERS), 0, 0.1, adjoint)
    assert bool(by_state.isfinite().all())
    assert bool(by_gradient.isfinite().all())
