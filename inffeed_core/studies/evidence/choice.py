"""Whether the default follows from the runs: what would be chosen on all sets but one, and how it does on that one.

Candidates are what the product offers: its policies, at once or in rounds, under every way of training in the runs.
They are compared in two ways: by the mean of their ranks in macro-F1 over sets and budgets (1 = best), in which
a set where they hardly differ counts as much as one where they differ widely, and by mean macro-F1, in which it does
not. Shares of the gap would let a set with a narrow gap decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inffeed_core.flags.policies import POLICIES
from inffeed_core.studies.evidence.tables import LEAD_HEAD, OURS, Contender, Evidence, named, table

SHOWN = 8


@dataclass(frozen=True)
class Choice:
    """Macro-F1 of every candidate on every set, means over seeds and budgets, and the ranks behind them."""

    candidates: Sequence[Contender]
    sets: Sequence[str]
    f1: NDArray[np.float64]
    """[candidates, sets]"""
    ranks: NDArray[np.float64]
    """[candidates, sets], means over budgets; 1 = best, ties share."""

    def held_out(self, by: NDArray[np.float64]) -> list[int]:
        """For each set, the candidate with the lowest mean of `by` [candidates, sets] on all others."""
        every = range(len(self.sets))
        return [int(by[:, [other for other in every if other != one]].mean(1).argmin()) for one in every]


def choice(found: Evidence) -> Choice:
    """The choice among candidates that every set has at every budget."""
    from scipy.stats import rankdata

    offered = [c for c in found.contenders if c[0] in POLICIES]
    whole = [c for c in offered if all(len(found.f1(n, c, b)) for n in found.sets for b in found.budgets)]
    cells = [[[found.f1(n, c, b).mean() for b in found.budgets] for n in found.sets] for c in whole]
    f1 = np.array(cells).reshape(len(whole), len(found.sets), len(found.budgets))
    return Choice(candidates=whole, sets=found.sets, f1=f1.mean(2), ranks=rankdata(-f1, axis=0).mean(2))


def choice_table(found: Evidence, made: Choice) -> str:
    """The best candidates by each criterion, and ours, with their leads over ours."""
    order = (-made.f1.mean(1)).argsort(kind="stable")
    by_rank = set(made.ranks.mean(1).argsort(kind="stable")[:3].tolist())
    shown = [int(i) for n, i in enumerate(order) if n < SHOWN or i in by_rank or made.candidates[i] == OURS]
    lines = []
    for i in shown:
        compared = OURS in made.candidates and made.candidates[i] != OURS
        lead = found.lead(made.sets, made.candidates[i], OURS).cells if compared else ["–"] * len(LEAD_HEAD)
        rank, f1 = made.ranks[i].mean(), made.f1[i].mean()
        lines.append([named(made.candidates[i]), f"{f1:.4f}", *lead, f"{rank:.1f} of {len(order)}"])
    return table(["candidate", "macro-F1", f"over ours: {LEAD_HEAD[0]}", *LEAD_HEAD[1:], "mean rank"], lines)


def held_out_table(made: Choice) -> str:
    """By set: what ranks and mean macro-F1 choose on the other sets, and the macro-F1 of these and of ours."""
    lines = []
    for one, chosen in enumerate(zip(made.held_out(made.ranks), made.held_out(-made.f1), strict=True)):
        found = [part for c in chosen for part in (named(made.candidates[c]), f"{made.f1[c, one]:.3f}")]
        ours = f"{made.f1[made.candidates.index(OURS), one]:.3f}" if OURS in made.candidates else "–"
        lines.append([made.sets[one], *found, ours, f"{made.f1[:, one].max():.3f}"])
    head = ["held out", "chosen by ranks", "it scores", "chosen by macro-F1", "it scores", "ours", "best in hindsight"]
    return table(head, lines)


def worth_table(found: Evidence, training: str) -> str:
    """Every policy's lead over random checking under one way of training, largest first."""
    base = ("random", "once", training)
    trained = [c for c in found.contenders if c[2] == training and c[0] != base[0]]
    whole = [c for c in trained if all(len(found.f1(n, c, b)) for n in found.sets for b in found.budgets)]
    if base not in found.contenders:
        return ""
    leads = {c: found.lead(found.sets, c, base) for c in whole}
    ranked = sorted(whole, key=lambda c: -leads[c].interval.value)
    return table(["over random", *LEAD_HEAD], [[named(c), *leads[c].cells] for c in ranked])


def told(made: Choice) -> str:
    """The tables in one sentence."""
    means = [
        float(np.mean([made.f1[c, place] for place, c in enumerate(made.held_out(by))]))
        for by in (made.ranks, -made.f1)
    ]
    ours = f"; ours scores {made.f1[made.candidates.index(OURS)].mean():.4f}" if OURS in made.candidates else ""
    return (
        f"On the mean of the sets held out, what ranks choose scores {means[0]:.4f} and what mean macro-F1 chooses"
        f" {means[1]:.4f}{ours}."
    )
