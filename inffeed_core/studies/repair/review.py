"""One repetition of the repair experiment: a drawn set under review, with every way of training kept up to date.

Stored gold plays the annotator, who errs if asked to. After each batch of reviews all ways of training are fitted
again with the l2, the trust and the recipe that validation chose before any review, as the product's retraining does.
Choosing them afterwards works badly: a review steered by the validation loss lowers the validation loss
of plain training more than any other loss, so plain was preferred where it was by far the worse.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inffeed_core.flags.policies import BY_NAME, Costly, Floats, Ints, Ranking, Signals
from inffeed_core.flags.signals import silver_signals
from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, choose_l2, fit_head, logits, losses, probabilities
from inffeed_core.influence.factor import Solver
from inffeed_core.models.deciding import fit_rules
from inffeed_core.models.metrics import macro_f1
from inffeed_core.settings import L2_GRID, AnalysisSettings, Rule
from inffeed_core.silver.beliefs import Beliefs, Learned, channel_offsets, gold_data
from inffeed_core.silver.beliefs import posterior as by_channel
from inffeed_core.silver.posteriors import calibrated
from inffeed_core.silver.recipes import TRUSTS, taught
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.repair.balancing import balanced

TRAININGS = ("plain", "noise-aware", "auto")
"""The recipes by which the head is trained after a review. Validation choices are made before any review."""
DECIDING: tuple[Rule, ...] = ("argmax", "macro-f1")
"""The decision rules under which every result is scored; temperature alone changes no decision."""
GOLD_ONLY = "gold-only"
"""Training on seed gold alone, for comparison before any review."""
ALL_GOLD = "all gold"
"""Training on gold for all texts: what a review could reach."""
COMMONEST = "commonest class"
"""No training: the commonest class of the seed gold for every text."""
TOLERANCE = 1e-6
"""Tolerance of gradients: reaches the optimum to more digits than macro-F1 shows, in half the time."""


@dataclass(frozen=True, slots=True)
class Start:
    """The common start of all reviews of one draw: fits before any review, and what solves with their curvature."""

    fits: Mapping[str, HeadFit]
    solvers: Mapping[str, Solver | None]
    belief: Float[Tensor, "n c"]
    """q of every text, from seed gold alone."""
    trust: float
    """The trust in the silver with which noise-aware training had the lowest validation loss."""
    preferred: str
    """Plain or noise-aware, whichever had the lower validation loss."""


class Study:
    """A draw with some of its silver reviewed."""

    def __init__(
        self, draw: RepairSet, answers: Int[Tensor, " extension"], start: Start | None = None, *, balance: bool = False
    ) -> None:
        """`answers` are the labels that the annotator gives when asked; `start` saves computing it again. With
        `balance` the heads that decide are taught classes of equal weight; those that rank and doubt are not."""
        self.draw, self._answers, self._balance = draw, answers, balance
        self.known = torch.zeros(len(draw.silver), dtype=torch.bool)
        self.fits: dict[str, HeadFit] = {}
        self._decided: dict[str, dict[Rule, Ints]] = {}
        self.start = start or self._begun()
        self.fits = dict(self.start.fits)

    def check(self, rows: Int[Tensor, " batch"]) -> None:
        """Show these silver texts to the annotator and fit everything again."""
        self.known[rows] = True
        for one in ("learned", "_heard"):
            self.__dict__.pop(one, None)
        self._decided.clear()
        soft = self._softly(self.start.trust)
        for name, data in (("plain", self.learned.data), ("noise-aware", soft)):
            before = self.fits[name]
            self.fits[name] = fit_head(
                data, before.l2, start=before.theta, factor=self.start.solvers[name], tolerance=TOLERANCE
            )

    @cached_property
    def learned(self) -> Learned:
        """Gold and silver with the reviews so far."""
        draw, seed_rows = self.draw, self.draw.seed_rows
        labels = torch.cat([draw.gold[:seed_rows], torch.where(self.known, self._answers, draw.silver)])
        confirmed = torch.cat([torch.ones(seed_rows, dtype=torch.bool), self.known])
        silver = torch.cat([torch.full((seed_rows,), -1), draw.silver])
        data = HeadData(draw.features, labels, len(draw.labels))
        sources = torch.zeros_like(silver)
        return Learned(data=data, confirmed=confirmed, silver=silver, sources=sources, said=draw.said)

    @cached_property
    def _heard(self) -> Beliefs:
        """What the sources say, weighed as the product weighs it, where they say more than one label of each text."""
        return Beliefs(self.learned, self.draw.validation, self.draw.steering)

    def way(self, training: str) -> str:
        """Which fit this training stands for."""
        return self.start.preferred if training == "auto" else training

    def decided(self, training: str) -> dict[Rule, Ints]:
        """Predicted class numbers of the test texts [t] under every decision rule of `DECIDING`."""
        way = self.way(training)
        if way not in self._decided:
            self._decided[way] = _decided(self._deciding(way), self.draw)
        return self._decided[way]

    def _deciding(self, way: str) -> HeadFit:
        """The head of this way of training, on request with classes of equal weight and the l2 chosen without."""
        fit = self.fits[way]
        if not self._balance:
            return fit
        if way == "noise-aware":
            data = self._softly(self.start.trust)
        else:
            data = gold_data(self.learned) if way == GOLD_ONLY else self.learned.data
        return fit_head(balanced(data), fit.l2, start=fit.theta, tolerance=TOLERANCE)

    @cached_property
    def influence(self) -> HeadInfluence:
        """Influence under the plainly trained head before any review, which every ranking by influence uses."""
        return HeadInfluence(self.learned.data, self.fits["plain"])

    def ranked(self, policies: Mapping[str, Ranking], seed: int) -> dict[str, Floats]:
        """Current scores of all silver by these policies, −∞ for reviewed texts."""
        signals = self.signals(policies, seed)
        found = {}
        for name, policy in policies.items():
            found[name] = np.full(len(self.known), -np.inf)
            found[name][~self.known.numpy()] = policy(signals)
        return found

    def signals(self, policies: Collection[str], seed: int) -> Signals:
        """What these policies need to know of the silver that is not reviewed, through the head as it is now."""
        needed = {BY_NAME[name].needs for name in policies if name in BY_NAME}
        return silver_signals(
            HeadInfluence(self.learned.data, self.fits["plain"], near=self.start.solvers["plain"]),
            self.learned,
            self.draw.texts,
            self.draw.validation,
            AnalysisSettings(),
            seed,
            belief=self._belief(1.0),
            probable=self.posterior(1.0) if self.learned.said is None else self._heard.judged(),
            without=set(get_args(Costly)) - needed,
        )

    def _belief(self, trust: float) -> Float[Tensor, "n c"]:
        """Like `beliefs.beliefs`, with the l2 of the start."""
        if self.learned.said is not None:
            return self._heard.at()
        if not self.known.any():
            return self.start.belief
        before = self.start.fits[GOLD_ONLY]
        fit = fit_head(
            gold_data(self.learned),
            before.l2,
            start=before.theta,
            factor=self.start.solvers[GOLD_ONLY],
            offsets=channel_offsets(self.learned, self.start.belief, trust),
            tolerance=TOLERANCE,
        )
        return calibrated(fit, *self.draw.validation, self.draw.features)

    def _begun(self) -> Start:
        gold = gold_data(self.learned)
        fits = {GOLD_ONLY: self._fresh(gold), "plain": self._fresh(self.learned.data)}
        belief = calibrated(fits[GOLD_ONLY], *self.draw.validation, self.draw.features)
        soft = {trust: self._softly(trust, belief) for trust in TRUSTS}
        tried = {trust: self._fresh(data) for trust, data in soft.items()}
        trust = min(tried, key=lambda t: self._validation_loss(tried[t]))
        fits["noise-aware"] = tried[trust]
        preferred = min(("plain", "noise-aware"), key=lambda name: self._validation_loss(fits[name]))
        data = {GOLD_ONLY: gold, "plain": self.learned.data, "noise-aware": soft[trust]}
        return Start(
            fits=fits,
            solvers={n: HeadInfluence(data[n], fits[n]).near for n in data},
            belief=belief,
            trust=trust,
            preferred=preferred,
        )

    def posterior(self, trust: float, belief: Float[Tensor, "n c"] | None = None) -> Float[Tensor, "n c"]:
        """The posterior of every text with this trust in the silver; `belief` is its q, where it is known."""
        if self.learned.said is not None:
            return self._heard.posterior(trust)
        return by_channel(self.learned, self._belief(trust) if belief is None else belief, trust)

    def _softly(self, trust: float, belief: Float[Tensor, "n c"] | None = None) -> HeadData:
        """What noise-aware training teaches."""
        return taught(self.learned, self.posterior(trust, belief), "noise-aware", trust).data

    def _fresh(self, data: HeadData) -> HeadFit:
        return choose_l2(data, *self.draw.validation, L2_GRID, tolerance=TOLERANCE)

    def _validation_loss(self, fit: HeadFit) -> float:
        features, labels = self.draw.validation
        return float(losses(probabilities(fit.theta, features), labels).mean())


def answers(draw: RepairSet, error_rate: float, seed: int) -> Int[Tensor, " extension"]:
    """Gold of the silver texts; with this probability another class, drawn evenly, as a tired annotator's."""
    gold, classes = draw.gold[draw.seed_rows :], len(draw.labels)
    generator = torch.Generator().manual_seed(seed)
    slips = torch.rand(len(gold), generator=generator) < error_rate
    other = (gold + torch.randint(1, classes, gold.shape, generator=generator)) % classes
    return torch.where(slips, other, gold)


def knowing_all(draw: RepairSet, *, balance: bool = False) -> dict[Rule, Ints]:
    """The same with gold for all."""
    data = HeadData(draw.features, draw.gold, len(draw.labels))
    fit = choose_l2(data, *draw.validation, L2_GRID, tolerance=TOLERANCE)
    if balance:
        fit = fit_head(balanced(data), fit.l2, start=fit.theta, tolerance=TOLERANCE)
    return _decided(fit, draw)


def commonest(draw: RepairSet) -> dict[Rule, Ints]:
    """The commonest class of the seed gold for every test text [t], which no rule changes."""
    first = int(torch.bincount(draw.gold[: draw.seed_rows]).argmax())
    return {rule: np.full(len(draw.test[1]), first, dtype=np.int64) for rule in DECIDING}


def f1_of(decided: Ints, draw: RepairSet) -> float:
    """Macro-F1 of predicted class numbers of the test texts [t]."""
    return macro_f1(decided, draw.test[1].numpy(), len(draw.labels))


def _decided(fit: HeadFit, draw: RepairSet) -> dict[Rule, Ints]:
    """What the head decides about the test texts [t]; each rule is fitted on validation."""
    validation, test = (logits(fit.theta, part[0]).numpy() for part in (draw.validation, draw.test))
    fitted = fit_rules(validation, draw.validation[1].numpy())
    return {rule: fitted[rule].rule.decide(test) for rule in DECIDING}


def wrong(draw: RepairSet) -> Bool[np.ndarray, " extension"]:
    """Which silver labels are not the gold ones."""
    return np.asarray((draw.silver != draw.gold[draw.seed_rows :]).numpy())
