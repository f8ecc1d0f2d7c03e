"""The goals set before measuring, beside the results. A missed goal is reported as missed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inffeed_core.studies.evidence.audit import audit_rows, held
from inffeed_core.studies.evidence.tables import (
    CHEAP,
    OURS,
    PAPER,
    Evidence,
    best_rival,
    named,
    percent,
    standard_error,
    table,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One claim and its measurement."""

    claim: str
    measured: str
    met: bool | None
    """None if the claim sets no threshold."""


def bars(found: Evidence) -> list[Bar]:
    """Every bar whose budgets and sets were run."""
    ours = OURS in found.contenders
    made = [*_gap_bars(found), *_multiple_bars(found), *_rival_bars(found)] if ours else []
    made += _others(found)
    return [bar for bar in made if "nan" not in bar.measured]


def bars_table(found: Evidence) -> str:
    """Markdown."""
    verdict = {True: "met", False: "**missed**", None: "–"}
    return table(["bar", "measured", ""], [[b.claim, b.measured, verdict[b.met]] for b in bars(found)])


def _gap_bars(found: Evidence) -> Iterator[Bar]:
    for budget, wanted in ((0.01, 0.80), (0.05, 0.95)):
        if budget in found.budgets and found.family("real"):
            share = found.mean_share("real", OURS, budget)
            top = found.ceiling("real", budget)
            claim = f"silver from a real method: {wanted:.0%} of the gap closed at {percent(budget)}"
            yield Bar(claim, f"{share:.0%} (knowing every error: {top:.0%})", share >= wanted)


def _multiple_bars(found: Evidence) -> Iterator[Bar]:
    for budget in (b for b in (0.05, 0.1) if b in found.budgets and found.family("model")):
        ours = found.mean_share("model", OURS, budget)
        cheap = {p: found.mean_share("model", (p, "once", "plain"), budget) for p in CHEAP}
        claim = f"silver from a model of the seed: 1.5 times what {' or '.join(CHEAP)} closes at {percent(budget)}"
        told = ", ".join(f"{value:.0%} by {name}" for name, value in cheap.items())
        top = found.ceiling("model", budget)
        met = ours > 0 and ours >= 1.5 * max(cheap.values())
        yield Bar(claim, f"{ours:.0%} against {told} (knowing every error: {top:.0%})", met)


def _rival_bars(found: Evidence) -> Iterator[Bar]:
    below = []
    for budget in found.budgets:
        rival = best_rival(found, found.sets, budget, OURS)
        runs = [_by_seed(found, contender, budget) for contender in (OURS, rival)]
        ours, theirs = (float(np.mean(run)) for run in runs)
        error = standard_error(runs[1]) if len(runs[1]) > 1 else 0.0  # one repetition has none to allow for
        short = ours < theirs - error
        told = f"{ours:.3f} against {theirs:.3f}{f' ± {error:.3f}' if error else ''} ({named(rival)})"
        yield Bar(f"all sets, {percent(budget)}: mean macro-F1 at least the best rival's − SE", told, not short)
        below += [
            f"{name} at {percent(budget)} ({found.f1(name, OURS, budget).mean() - found.before(name).mean():+.3f})"
            for name in found.sets
            if found.f1(name, OURS, budget).mean() < found.before(name).mean()
        ]
    yield Bar("never below silver as it is, on any set at any budget", "; ".join(below) or "never", not below)


def _by_seed(found: Evidence, contender: tuple[str, str, str], budget: float) -> np.ndarray:
    """Macro-F1 by seed, mean over sets; seeds that all sets have."""
    runs = [found.f1(name, contender, budget) for name in found.sets]
    seeds = min(len(run) for run in runs)
    return np.asarray(np.mean([run[:seeds] for run in runs], axis=0))


def _others(found: Evidence) -> Iterator[Bar]:
    if 0.001 in found.budgets:
        gains = {n: found.f1(n, PAPER, 0.001).mean() - found.before(n).mean() for n in found.sets}
        told = (
            f"macro-F1 {np.mean(list(gains.values())):+.4f} on the mean of all sets, {max(gains.values()):+.4f} at best"
        )
        yield Bar("the paper's hypothesis: 0.1% checked by negative influence, trained plainly", told, None)
    if 0.01 in found.budgets:
        precision = found.precision(OURS[0], 0.01)
        claim = "error precision in the first 1%: .80 on the mean of the sets"
        yield Bar(claim, f"{precision:.2f} by {OURS[0]}", precision >= 0.8)
    if rows := audit_rows(found):
        covered, count = held(rows), sum(row["estimates"] for row in rows)
        told = f"{covered:.1%} of {count:,} audits that gave an estimate"
        yield Bar("the audit's 95% interval holds the true error rate: in 93% of audits", told, covered >= 0.93)
