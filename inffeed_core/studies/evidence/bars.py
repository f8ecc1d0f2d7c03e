"""The goals set before measuring, beside the results. A missed goal is reported as missed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inffeed_core.studies.evidence.audit import audit_rows, held
from inffeed_core.studies.evidence.statistics import SMALL_GAP
from inffeed_core.studies.evidence.tables import (
    CHEAP,
    OURS,
    PAPER,
    Evidence,
    Lead,
    best_rival,
    estimated,
    named,
    percent,
    table,
    unreviewed,
)

POOLED = f"pooled over sets with a gap above {SMALL_GAP}"
BEHIND = 0.002
"""How far ours may be below the best other policy, in macro-F1."""
HARM = 0.01
"""How far a decision rule may lower the macro-F1 of a set."""


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
    ruled = found.under("macro-f1")
    made = [*_gap_bars(found), *_multiple_bars(found), *_random_bars(ruled), *_rival_bars(ruled)] if ours else []
    made += [*_rule_bars(ruled), *_others(found)]
    return [bar for bar in made if "nan" not in bar.measured]


def bars_table(found: Evidence) -> str:
    """Markdown."""
    verdict = {True: "met", False: "**missed**", None: "–"}
    return table(["bar", "measured", ""], [[b.claim, b.measured, verdict[b.met]] for b in bars(found)])


def _gap_bars(found: Evidence) -> Iterator[Bar]:
    names = found.family("real")
    for budget, wanted in ((0.01, 0.80), (0.05, 0.95)):
        if budget in found.budgets and names:
            share, top = found.share(names, OURS, budget), found.ceiling(names, budget)
            claim = f"silver from a real method: {wanted:.0%} of the gap closed at {percent(budget)}, {POOLED}"
            yield Bar(claim, f"{share:.0%} (knowing every error: {top:.0%})", share >= wanted)


def _multiple_bars(found: Evidence) -> Iterator[Bar]:
    names = found.family("model")
    for budget in (b for b in (0.05, 0.1) if b in found.budgets and names):
        ours = found.share(names, OURS, budget)
        cheap = {p: found.share(names, (p, "once", "plain"), budget) for p in CHEAP}
        claim = f"silver from a model of the seed: 1.5 times what {' or '.join(CHEAP)} closes at {percent(budget)}"
        told = ", ".join(f"{value:.0%} by {name}" for name, value in cheap.items())
        top = found.ceiling(names, budget)
        met = ours > 0 and ours >= 1.5 * max(cheap.values())
        yield Bar(f"{claim}, {POOLED}", f"{ours:.0%} against {told} (knowing every error: {top:.0%})", met)


def _random_bars(found: Evidence) -> Iterator[Bar]:
    chance = ("random", "once", OURS[2])
    for budget in (b for b in (0.05, 0.1) if b in found.budgets and chance in found.contenders):
        lead = found.lead(found.sets, OURS, chance, [budget])
        claim = f"all sets, {percent(budget)}, {found.rule} rule: a lead over checking at random, its interval above 0"
        yield Bar(claim, _told(lead), lead.interval.low > 0)


def _rival_bars(found: Evidence) -> Iterator[Bar]:
    below, cells = 0, 0
    for budget in found.budgets:
        rival = best_rival(found, found.sets, budget, OURS)
        lead = found.lead(found.sets, OURS, rival, [budget])
        claim = f"all sets, {percent(budget)}, {found.rule} rule: not below the best other policy by more than {BEHIND}"
        yield Bar(claim, f"{_told(lead)} over {named(rival)}", lead.interval.value >= -BEHIND)
        for name in found.sets:
            apart = found.f1(name, OURS, budget) - found.before(name)
            below, cells = below + int((apart < 0).sum()), cells + len(apart)
    yield Bar("runs, of all sets, seeds and budgets, that end below silver as it is", f"{below} of {cells}", None)


def _rule_bars(found: Evidence) -> Iterator[Bar]:
    """What the decision rule gains before any review."""
    before = unreviewed(OURS[2])
    if not all(len(found.before(name, OURS[2])) for name in found.sets):
        return
    gain = found.rule_gain(found.sets, before)
    yield Bar(f"{found.rule} rule, no review: a gain with its interval above 0", _told(gain), gain.interval.low > 0)
    steady = [name for name in found.sets if name not in found.shifted]
    gains = {name: float(found.rule_gain([name], before).interval.value) for name in steady}
    if gains:
        worst = min(gains, key=lambda name: gains[name])
        claim = f"{found.rule} rule, no review: no set whose test is like its validation loses more than {HARM}"
        yield Bar(claim, f"{gains[worst]:+.4f} at worst ({worst})", gains[worst] >= -HARM)


def _told(lead: Lead) -> str:
    one = lead.interval
    return f"{one.value:+.4f} ({one.low:+.4f} to {one.high:+.4f}; {lead.record}; p = {lead.p:.3f})"


def _others(found: Evidence) -> Iterator[Bar]:
    if 0.001 in found.budgets:
        gains = {n: found.f1(n, PAPER, 0.001).mean() - found.before(n).mean() for n in found.sets}
        told = (
            f"macro-F1 {np.mean(list(gains.values())):+.4f} on the mean of all sets, {max(gains.values()):+.4f} at best"
        )
        yield Bar("the paper's hypothesis: 0.1% checked by negative influence, trained plainly", told, None)
    if 0.01 in found.budgets:
        claim = "error precision in the first 1%: .80 on the mean of the sets"
        if precision := found.found(OURS[0], 0.01):
            yield Bar(claim, f"{estimated(precision)} by {OURS[0]}", precision.value >= 0.8)
    if rows := audit_rows(found):
        covered, count = held(rows), sum(row["estimates"] for row in rows)
        told = f"{covered:.1%} of {count:,} audits that gave an estimate"
        yield Bar("the audit's 95% interval holds the true error rate: in 93% of audits", told, covered >= 0.93)
