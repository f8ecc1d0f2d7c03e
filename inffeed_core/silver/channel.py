"""Silver as evidence instead of truth: what the label of a text probably is, given the text *and* its silver label.

`P(c | x, s) ∝ q(c | x) · T[c, s]ᵗ`, t = 1: q is the belief of a model that saw no silver label, and the *channel*
T[c, s] is how often the method that made the silver writes s if the truth is c. Agreement between silver and model
makes both more certain; if they differ, the channel says which to believe, class by class and source by source.

T is estimated by expectation maximisation (Dawid and Skene 1979, with q in the place of the class prior): beliefs
about the texts estimate the channel, and the channel sharpens the beliefs. Texts that a human has confirmed enter with
their class. Reviewing the suspicious texts first does not bias it, because all texts count, unreviewed ones
with their posterior. The method must err equally on all texts of a class. If it does not, if q is
badly calibrated, or if the silver was made from the same gold as q, the posterior misleads. So the *trust* t,
between 0 (silver says nothing) and 1 (silver is independent evidence), is chosen on validation (`recipes`), and so is
whether to use the posterior at all.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

UNKNOWN = -1
"""The class of a text that nobody has confirmed."""
POOLED = 20.0
"""The weight, in texts per class, of the common channel in that of each source: a small source counts little."""
SMOOTHED = 1.0
"""Texts added to each cell of the common channel, so that nothing is considered impossible."""
STEPS = 200
SETTLED = 1e-6


@dataclass(frozen=True, slots=True)
class Channel:
    """The estimates from the silver of n texts."""

    rates: Float[Tensor, "sources c c"]
    """P(silver label s | class c), for each source: rows [c] sum to 1."""
    posterior: Float[Tensor, "n c"]
    """P(class | text, silver label); 1 at the class of a confirmed text."""


def estimate_channel(
    belief: Float[Tensor, "n c"],
    silver: Int[Tensor, " n"],
    confirmed: Int[Tensor, " n"],
    sources: Int[Tensor, " n"] | None = None,
    trust: float = 1.0,
) -> Channel:
    """Channel and posterior of texts with these silver labels.

    `belief` is q, calibrated, from a model that was fitted on none of these silver labels; `confirmed` is the class
    that a human gave, or `UNKNOWN`; `sources` numbers the method that made each label, from 0.
    """
    classes = belief.shape[1]
    known = confirmed != UNKNOWN
    certain = torch.nn.functional.one_hot(confirmed.clamp_min(0), classes).double()
    posterior = torch.where(known.unsqueeze(1), certain, belief.double())
    group = torch.zeros_like(silver) if sources is None else sources
    for _ in range(STEPS):
        rates = _rates(posterior, silver, group)
        before, joint = posterior, belief.double() * rates[group, :, silver] ** trust
        posterior = torch.where(known.unsqueeze(1), certain, joint / joint.sum(1, keepdim=True))
        if (posterior - before).abs().max() < SETTLED:
            break
    return Channel(rates, posterior)


def _rates(
    posterior: Float[Tensor, "n c"], silver: Int[Tensor, " n"], group: Int[Tensor, " n"]
) -> Float[Tensor, "sources c c"]:
    """The likeliest channel of each source under these posteriors, shrunk towards that of all sources together."""
    sources, classes = int(group.max()) + 1, posterior.shape[1]
    counts = torch.zeros(sources * classes, classes, dtype=torch.float64)
    counts.index_add_(0, group * classes + silver, posterior)
    own = counts.view(sources, classes, classes).transpose(1, 2)
    common = own.sum(0) + SMOOTHED
    common = common / common.sum(1, keepdim=True)
    drawn = own + POOLED * common if sources > 1 else own + SMOOTHED
    return drawn / drawn.sum(2, keepdim=True)
