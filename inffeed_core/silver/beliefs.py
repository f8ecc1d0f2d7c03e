"""What the texts probably are: the belief of a model that saw no silver label, and the posterior given those labels.

The *belief* q of each text comes from a head fitted on gold, and on reviewed silver, so no silver label judges itself.
The *posterior* adds what the sources say:

- the one silver label of each text, through a channel (`silver.channel`), where the sources say no more;
- otherwise all they say, of gold texts too, weighed by a stack that is learned where the truth is known, or by channels
  (`silver.weighing`). Texts that q was fitted on are then judged by heads that were fitted on the others.

What ranks labels learns from all gold, validation too (`silver.judging`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, Report, choose_l2, logits, quiet
from inffeed_core.influence.calibrating import temperature
from inffeed_core.settings import L2_GRID
from inffeed_core.silver.channel import UNKNOWN, Channel, estimate_channel
from inffeed_core.silver.judging import Judged, Known, judge
from inffeed_core.silver.posteriors import calibrated, out_of_fold
from inffeed_core.silver.said import Said, together
from inffeed_core.silver.weighing import Weighed, tempered, weigh

FOLDS = 5
"""Heads by which texts that the belief was fitted on are judged, each by one that was not."""
SEED = 0
"""Of the lots by which texts are put into folds."""

Validation = tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]


@dataclass(frozen=True, slots=True)
class Learned:
    """The current gold and silver of n texts."""

    data: HeadData
    """Features with current labels and the weights that `plain` uses."""
    confirmed: Bool[Tensor, " n"]
    """Gold, and silver that a human has confirmed."""
    silver: Int[Tensor, " n"]
    """The label that the silver method gave; −1 for texts that were never silver."""
    sources: Int[Tensor, " n"]
    """The number, from 0, of the method that made each silver label; arbitrary for gold."""
    said: Said | None = None
    """What every source says of each text, gold too; None where the sources say no more than one label of each silver
    text."""


def gold_fit(learned: Learned, validation: Validation, report: Report = quiet) -> HeadFit:
    """A head fitted on gold that was never silver, or on everything confirmed if that gold lacks a class."""
    rows = _first_rows(learned)
    gold = HeadData(learned.data.features[rows], learned.data.labels[rows], learned.data.classes)
    return choose_l2(gold, *validation, L2_GRID, report=report)


def beliefs(
    learned: Learned,
    validation: Validation,
    trust: float = 1.0,
    first: HeadFit | None = None,
    report: Report = quiet,
) -> Float[Tensor, "n c"]:
    """q of every text: calibrated probabilities from a head fitted on gold and on reviewed silver.

    A reviewed text was selected because of its silver label, so its class is typical of texts with that label, not of
    all similar texts. The channel corrects this: its logarithm is added to the text's logits while fitting, and q
    explains only what the silver label does not. `first` is the `gold_fit`, if it is known.
    """
    features = learned.data.features
    belief = calibrated(first or gold_fit(learned, validation, report), *validation, features)
    if not corrected(learned):
        return belief
    offsets = channel_offsets(learned, belief, trust)
    fit = choose_l2(gold_data(learned), *validation, L2_GRID, offsets=offsets, report=report)
    return calibrated(fit, *validation, features)


def _first_rows(learned: Learned) -> Bool[Tensor, " n"]:
    """What `gold_fit` is fitted on."""
    return learned.confirmed if _too_little(learned) else _never(learned)


def _never(learned: Learned) -> Bool[Tensor, " n"]:
    """Which texts are gold that was never silver."""
    return learned.confirmed & (learned.silver == UNKNOWN)


def _too_little(learned: Learned) -> bool:
    """Whether that gold lacks a class that is confirmed elsewhere, so that no channel can be estimated from it."""
    return _classes(learned, _never(learned)) < _classes(learned, learned.confirmed)


def corrected(learned: Learned) -> bool:
    """Whether the channel affects q: there is reviewed silver, and gold to estimate a channel from."""
    return not _too_little(learned) and bool((learned.confirmed & (learned.silver != UNKNOWN)).any())


def gold_data(learned: Learned) -> HeadData:
    """All that is confirmed, with equal weights."""
    data, rows = learned.data, learned.confirmed
    return HeadData(data.features[rows], data.labels[rows], data.classes)


def channel_offsets(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Float[Tensor, "confirmed c"]:
    """What its silver label adds to the logits of each confirmed text; 0 for gold that was never silver."""
    rates, rows = _channel(learned, belief, trust).rates, learned.confirmed
    silver, sources = learned.silver[rows], learned.sources[rows]
    added = trust * rates[sources.clamp_max(len(rates) - 1), :, silver.clamp_min(0)].log()
    return torch.where((silver != UNKNOWN).unsqueeze(1), added, 0.0)


class Beliefs:
    """q and the posterior of every text for each trust, fitted once for both training and its analysis."""

    def __init__(self, learned: Learned, validation: Validation, said: Said | None = None) -> None:
        """`said` is what the sources of `learned.said` say of the validation texts, which teach what they are worth."""
        self.learned, self.validation, self.said = learned, validation, said
        self._gold: HeadFit | None = None
        self._known: dict[float, Float[Tensor, "n c"]] = {}
        self._heard: Weighed | None = None
        self._judged: Judged | None = None

    def at(self, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet) -> Float[Tensor, "n c"]:
        """q with this trust in the silver. `begin` returns the report for each path along l2."""
        if self._gold is None:
            self._gold = gold_fit(self.learned, self.validation, begin())
        again = corrected(self.learned)
        key = trust if again and self.learned.said is None else 1.0
        if key not in self._known:
            report = begin() if again else quiet
            if self.learned.said is None:
                self._known[key] = beliefs(self.learned, self.validation, trust, self._gold, report)
            else:
                self._known[key], self._heard = self._hear(self._gold, report)
        return self._known[key]

    def posterior(self, trust: float = 1.0, begin: Callable[[], Report] = lambda: quiet) -> Float[Tensor, "n c"]:
        """The posterior of every text's true label; certain where a person confirmed it. Rows sum to 1."""
        belief = self.at(trust, begin)
        if self.learned.said is None or self._heard is None:
            return posterior(self.learned, belief, trust)
        return self._certain(tempered(belief, self._heard.posterior[: len(belief)], trust), belief, trust)

    def judged(self) -> Float[Tensor, "n c"]:
        """The posterior by which labels are ranked and suggested. No head may be taught it: its belief is fitted on
        validation gold too. Where the stack was not taken it is `posterior`."""
        found = self._judge()
        if found is None:
            return self.posterior()
        return self._certain(found.posterior, self.at())

    def _judge(self) -> Judged | None:
        heard, (features, labels) = self.heard(), self.validation
        if self._judged is None and heard is not None and heard.way == "stack" and self.said is not None:
            learned, gold = self.learned, self.learned.confirmed
            assert learned.said is not None
            chosen = torch.zeros(len(labels), dtype=torch.bool)
            known = Known(
                features=torch.cat([learned.data.features[gold], features]),
                said=together(learned.said.where(gold), self.said),
                truth=torch.cat([learned.data.labels[gold], labels]),
                reviewed=torch.cat([learned.silver[gold] != UNKNOWN, chosen]),
                classes=learned.data.classes,
            )
            self._judged = judge(known, learned.data.features, learned.said)
        return self._judged

    def _certain(
        self, found: Float[Tensor, "n c"], belief: Float[Tensor, "n c"], trust: float = 1.0
    ) -> Float[Tensor, "n c"]:
        """This posterior, certain where a person confirmed the label, and the channel's where no source gave it."""
        assert self.learned.said is not None
        result = torch.nn.functional.one_hot(self.learned.data.labels, self.learned.data.classes).double()
        rows = ~self.learned.confirmed
        result[rows] = found[rows]
        unsourced = rows & ~(self.learned.said.labels == self.learned.silver.unsqueeze(1)).any(1)
        if bool((unsourced & (self.learned.silver != UNKNOWN)).any()):  # disputed gold: a person gave its label
            result[unsourced] = posterior(self.learned, belief, trust)[unsourced]
        return result

    def heard(self) -> Weighed | None:
        """How what the sources say was weighed; None where they say no more than each text's one silver label."""
        if self.learned.said is not None:
            self.at()
        return self._heard

    def report(self) -> dict[str, object] | None:
        """What a version tells of it: see `Weighed.report`."""
        found, judged = self.heard(), self._judge()
        return None if found is None else found.report(judged.calibration if judged else None)

    def _hear(self, gold: HeadFit, report: Report) -> tuple[Float[Tensor, "n c"], Weighed]:
        """q of every text and the weighing of what is said, once more with reviewed texts where there are any.

        As in `beliefs`, but what corrects the selection is all that was said of a reviewed text.
        """
        learned, rows = self.learned, _first_rows(self.learned)
        data = HeadData(learned.data.features[rows], learned.data.labels[rows], learned.data.classes)
        belief = calibrated(gold, *self.validation, learned.data.features)
        found = self._weighed(belief, gold, (data, rows))
        if not corrected(learned):
            return belief, found
        added = found.posterior[: len(belief)].clamp_min(1e-300).log() - belief.clamp_min(1e-300).log()
        offsets = torch.where((learned.silver != UNKNOWN).unsqueeze(1), added, 0.0)[learned.confirmed]
        data, rows = gold_data(learned), learned.confirmed
        fit = choose_l2(data, *self.validation, L2_GRID, offsets=offsets, report=report)
        belief = calibrated(fit, *self.validation, learned.data.features)
        return belief, self._weighed(belief, fit, (data, rows), offsets)

    def _weighed(
        self,
        belief: Float[Tensor, "n c"],
        fit: HeadFit,
        fitted: tuple[HeadData, Bool[Tensor, " n"]],
        offsets: Float[Tensor, "rows c"] | None = None,
    ) -> Weighed:
        """What is said of the learned texts, then of the validation texts, weighed with the truths of both.

        `fit`, from which q comes, was fitted on `fitted`: data, and which rows they are. q of these rows is that of
        heads that were fitted on the others.
        """
        data, rows = fitted
        said, (features, labels) = self.learned.said, self.validation
        assert said is not None
        warmth = temperature(logits(fit.theta, features), labels)
        others = out_of_fold(data, fit, FOLDS, SEED, offsets=offsets).clamp_min(1e-300).log()
        unseen = belief.clone()
        unseen[rows] = torch.softmax(others / warmth, 1)
        truth = torch.where(self.learned.confirmed, self.learned.data.labels, UNKNOWN)
        reviewed = self.learned.silver != UNKNOWN
        if self.said is None:
            return weigh(unseen, said, truth, reviewed)
        steering, chosen = calibrated(fit, features, labels, features), torch.zeros(len(labels), dtype=torch.bool)
        return weigh(
            torch.cat([unseen, steering]),
            together(said, self.said),
            torch.cat([truth, labels]),
            torch.cat([reviewed, chosen]),
        )


def posterior(learned: Learned, belief: Float[Tensor, "n c"], trust: float = 1.0) -> Float[Tensor, "n c"]:
    """The posterior of each text's label: the channel's for silver, certainty for gold, which no method labelled."""
    result = torch.nn.functional.one_hot(learned.data.labels, learned.data.classes).double()
    silver = learned.silver != UNKNOWN
    if bool(silver.any()):
        result[silver] = _channel(learned, belief, trust).posterior
    return result


def _channel(learned: Learned, belief: Float[Tensor, "n c"], trust: float) -> Channel:
    """The channel of the texts that are or were silver."""
    rows = learned.silver != UNKNOWN
    confirmed = torch.where(learned.confirmed, learned.data.labels, UNKNOWN)[rows]
    return estimate_channel(belief[rows], learned.silver[rows], confirmed, learned.sources[rows], trust)


def _classes(learned: Learned, rows: Bool[Tensor, " n"]) -> int:
    return int((torch.bincount(learned.data.labels[rows], minlength=learned.data.classes) > 0).sum())
