"""What several sources' labels add to the belief about each text: by a stack where truths teach it, else by channels.

Two ways lead from q, the belief of a model that saw no silver label, to the posterior of the true label:

- `stack`: a regression learned on texts whose truth is known *and* of which sources say something (`silver.stack`);
- `channel`: the noise of each source, estimated by expectation maximisation from all texts (`silver.channel`).

Gold that carries silver labels is a fair sample; reviewed texts are not, because what is likely wrong is reviewed
first. A stack that learned from them alone took this for the rule: after 150 of 3,000 texts its calibration error was
.13, the channel's .09, and it ranked worse (precision in the first 1 % .82 against .96). So at least `ENOUGH` gold
texts must carry silver labels. Reviewed and audited texts then join them to teach the stack (calibration error .02),
but the choice between stack and channel, and the measure of calibration, rest on the gold alone.

The stack is taken where its mean loss on that gold is lower than the channel's by more than the difference's standard
error. Its loss is cross-fitted, and the channel is estimated without these truths, so neither has seen the answer.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.silver.calibration import Calibration, of_labels
from inffeed_core.silver.channel import UNKNOWN, estimate_channels, heard
from inffeed_core.silver.said import Said, signs
from inffeed_core.silver.stack import fit_stack

ENOUGH = 100
"""With fewer gold texts that carry silver labels no stack is fitted."""

Way = Literal["stack", "channel"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The posterior of n texts of which sources say something, and how far it can be trusted."""

    posterior: Float[Tensor, "n c"]
    """Given text and silver labels alone, also where the truth is known."""
    way: Way
    known: int
    """Gold texts that carry silver labels."""
    losses: dict[Way, float]
    """Mean loss of each way on them, in nats, as told above; empty if they are not `ENOUGH`."""
    calibration: Calibration | None
    """Of the way taken, on every silver label of these texts; None if they are not `ENOUGH`."""

    def report(self, judged: Calibration | None = None) -> dict[str, object]:
        """`way`, `known`, how many are `enough` for a stack, `losses`, and the expected calibration `error` of "this is
        wrong" with the number of `labels` it was measured on: that of `judged`, by which labels are ranked, if given.
        """
        shown = judged or self.calibration
        error, labels = (shown.error, shown.labels) if shown else (None, 0)
        measured = {"losses": dict(self.losses), "error": error, "labels": labels}
        return {"way": self.way, "known": self.known, "enough": ENOUGH, **measured}


def weigh(belief: Float[Tensor, "n c"], said: Said, truth: Int[Tensor, " n"], reviewed: Bool[Tensor, " n"]) -> Weighed:
    """The posterior of texts with these beliefs and silver labels. Deterministic; at least one label must be said.

    `truth` is the class that a person confirmed, or `UNKNOWN`; `reviewed` says of which texts silver labels came first,
    so that they may have been chosen for review because of them. `belief` of each text is by a model that was fitted
    neither on it nor on any silver label.
    """
    taught = (truth != UNKNOWN) & (said.spoken > 0)
    fair = taught & ~reviewed
    count = int(fair.sum())
    if count < ENOUGH:
        return Weighed(_by_channel(belief, said, truth), way="channel", known=count, losses={}, calibration=None)
    guessed = _by_channel(belief, said, torch.where(reviewed, truth, UNKNOWN))[fair]
    columns = signs(said, belief.shape[1])
    stack = fit_stack(belief[taught], columns[taught], truth[taught])
    held_out = stack.held_out[fair[taught]]
    own = {"channel": _losses(guessed, truth[fair]), "stack": _losses(held_out, truth[fair])}
    lead = own["channel"] - own["stack"]
    way: Way = "stack" if float(lead.mean()) > float(lead.std()) / count**0.5 else "channel"
    found = _by_channel(belief, said, truth) if way == "channel" else stack.posterior(belief, columns)
    measured = of_labels(guessed if way == "channel" else held_out, said.labels[fair], truth[fair])
    losses: dict[Way, float] = {"channel": float(own["channel"].mean()), "stack": float(own["stack"].mean())}
    return Weighed(found, way=way, known=count, losses=losses, calibration=measured)


def _by_channel(belief: Float[Tensor, "n c"], said: Said, truth: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
    return heard(belief, said.labels, estimate_channels(belief, said.labels, truth).rates)


def tempered(belief: Float[Tensor, "n c"], posterior: Float[Tensor, "n c"], trust: float) -> Float[Tensor, "n c"]:
    """`∝ belief^(1 − trust) · posterior^trust`: silver labels counted in part, or with trust 0 not at all."""
    if trust == 1:
        return posterior
    before, after = (one.double().clamp_min(1e-300).log() for one in (belief, posterior))
    return torch.softmax(before + trust * (after - before), 1)


def _losses(posterior: Float[Tensor, "k c"], truth: Int[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Loss of each text's truth, nats."""
    return -posterior.gather(1, truth.unsqueeze(1)).squeeze(1).clamp_min(1e-300).log()
