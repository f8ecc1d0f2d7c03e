"""What several sources' labels add to the belief about each text: by a stack where truths teach it, else by channels.

Two ways lead from q, the belief of a model that saw no silver label, to the posterior of the true label:

- `stack`: a regression learned on texts whose truth is known *and* of which sources say something: gold that carries
  silver labels, audited and reviewed texts (`silver.stack`);
- `channel`: the noise of each source, estimated by expectation maximisation from all texts (`silver.channel`).

Where at least `ENOUGH` truths are known, the one with the lower loss on them is taken (ties: the channel). The stack's
loss is cross-fitted, and the channel is estimated without knowing their truths, so neither has seen the answer.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.silver.calibration import Calibration, calibration
from inffeed_core.silver.channel import UNKNOWN, estimate_channels
from inffeed_core.silver.said import Said, signs
from inffeed_core.silver.stack import fit_stack

ENOUGH = 50
"""With fewer known truths no stack is fitted."""

Way = Literal["stack", "channel"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The posterior of n texts of which sources say something, and how far it can be trusted."""

    posterior: Float[Tensor, "n c"]
    way: Way
    known: int
    """Texts of which both the truth and a silver label are known."""
    losses: dict[Way, float]
    """Mean loss of each way on them, in nats, as told above; empty if they are not `ENOUGH`."""
    calibration: Calibration | None
    """Of the way taken, on every silver label of these texts; None if they are not `ENOUGH`."""


def weigh(belief: Float[Tensor, "n c"], said: Said, truth: Int[Tensor, " n"]) -> Weighed:
    """The posterior of texts with these beliefs and silver labels. Deterministic; at least one label must be said.

    `truth` is the class that a person confirmed, or `UNKNOWN`. `belief` of each text is by a model that was fitted
    neither on it nor on any silver label.
    """
    known = (truth != UNKNOWN) & (said.spoken > 0)
    count = int(known.sum())
    unseen = torch.full_like(truth, UNKNOWN)
    if count < ENOUGH:
        by_channel = estimate_channels(belief, said.labels, torch.where(known, truth, UNKNOWN)).posterior
        return Weighed(posterior=by_channel, way="channel", known=count, losses={}, calibration=None)
    by_channel = estimate_channels(belief, said.labels, unseen).posterior
    columns = signs(said, belief.shape[1])
    stack = fit_stack(belief[known], columns[known], truth[known])
    losses: dict[Way, float] = {"channel": _loss(by_channel[known], truth[known]), "stack": stack.loss}
    if losses["channel"] <= losses["stack"]:
        held_out, way = by_channel[known], "channel"
        found = estimate_channels(belief, said.labels, torch.where(known, truth, UNKNOWN)).posterior
    else:
        held_out, way, found = stack.held_out, "stack", stack.posterior(belief, columns)
    return Weighed(
        posterior=found,
        way="channel" if way == "channel" else "stack",
        known=count,
        losses=losses,
        calibration=_calibrated(held_out, said.where(known), truth[known]),
    )


def tempered(belief: Float[Tensor, "n c"], posterior: Float[Tensor, "n c"], trust: float) -> Float[Tensor, "n c"]:
    """`∝ belief^(1 − trust) · posterior^trust`: silver labels counted in part, or with trust 0 not at all."""
    if trust == 1:
        return posterior
    before, after = (one.double().clamp_min(1e-300).log() for one in (belief, posterior))
    return torch.softmax(before + trust * (after - before), 1)


def _calibrated(held_out: Float[Tensor, "k c"], said: Said, truth: Int[Tensor, " k"]) -> Calibration:
    row, source = (said.labels != UNKNOWN).nonzero(as_tuple=True)
    label = said.labels[row, source]
    return calibration(1 - held_out[row, label], label != truth[row])


def _loss(posterior: Float[Tensor, "k c"], truth: Int[Tensor, " k"]) -> float:
    own = posterior.gather(1, truth.unsqueeze(1)).clamp_min(1e-300)
    return float(-own.log().mean())
