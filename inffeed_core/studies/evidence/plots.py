"""Plots of the evidence: small SVG files of only lines and words, which diff well and need no renderer."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from inffeed_core.studies.evidence.tables import Contender, Evidence, named, standard_error, unreviewed
from inffeed_core.studies.repair.review import ALL_GOLD

COLOURS = ("#B5542B", "#1F6F8B", "#6B6B6B", "#3A9A6E", "#A65FB0", "#B8892B")
WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 290

Line = Sequence[tuple[float, float, float]]
"""(share checked, value, half the length of its interval)."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines by name over the share of labels checked, on a logarithmic axis; `levels` are drawn from side to side."""

    title: str
    axis: str
    lines: Mapping[str, Line]
    levels: Mapping[str, float]


def mean_plot(found: Evidence, which: str, title: str, contenders: Sequence[Contender]) -> Plot:
    """Mean macro-F1 over the sets of a family."""
    names = found.family(which)
    lines = {named(c): [(b, found.mean_f1(names, c, b), 0.0) for b in found.budgets] for c in contenders}
    levels = {"silver as it is": "plain", ALL_GOLD: ALL_GOLD}
    return Plot(
        title=title,
        axis="macro-F1 on test",
        lines=lines,
        levels={label: found.mean_f1(names, unreviewed(one), 0.0) for label, one in levels.items()},
    )


def set_plot(found: Evidence, name: str, contenders: Sequence[Contender]) -> Plot:
    """Macro-F1 of one set with 95 % intervals over seeds (1.96 standard errors)."""
    lines = {}
    for contender in contenders:
        runs = [(budget, found.f1(name, contender, budget)) for budget in found.budgets]
        lines[named(contender)] = [(b, float(f1.mean()), 1.96 * _or_zero(standard_error(f1))) for b, f1 in runs]
    levels = {"silver as it is": float(found.before(name).mean()), ALL_GOLD: float(found.top(name).mean())}
    return Plot(title=name, axis="macro-F1 on test", lines=lines, levels=levels)


def precision_plot(found: Evidence, policies: Sequence[str]) -> Plot:
    """Share of wrong labels among those checked."""
    shares = {policy: [(b, found.found(policy, b)) for b in found.budgets] for policy in policies}
    lines = {policy: [(b, one.value, 0.0) for b, one in each if one is not None] for policy, each in shares.items()}
    return Plot(title="How many of the labels checked were wrong", axis="share wrong", lines=lines, levels={})


def svg(plot: Plot) -> str:
    """The plot as a file."""
    budgets = [point[0] for line in plot.lines.values() for point in line]
    values = [p[1] + side * p[2] for line in plot.lines.values() for p in line for side in (-1, 1)]
    low, high = _rounded([*values, *plot.levels.values()])
    first, last = math.log(min(budgets)), math.log(max(budgets))

    def x(budget: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log(budget) - first) / ((last - first) or 1)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    height = HEIGHT + 15 * len(plot.lines)
    style = 'font-family="sans-serif" font-size="11"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style}>']
    parts += [f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    parts += [f'<text x="{LEFT}" y="20" font-size="13">{escape(plot.title)}: {escape(plot.axis)}</text>']
    parts += _axes(sorted(set(budgets)), (low, high), x, y)
    for name, value in plot.levels.items():
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#444" stroke-dasharray="4 3"/>')
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{y(value) - 4:.1f}" text-anchor="end" fill="#444">{escape(name)}</text>'
        )
    for place, (name, line) in enumerate(plot.lines.items()):
        parts += _line(line, COLOURS[place % len(COLOURS)], x, y)
        at = HEIGHT - 4 + 15 * place
        parts.append(f'<path d="M{LEFT} {at - 4}h18" stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 24}" y="{at}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


Scale = Callable[[float], float]


def _axes(budgets: Sequence[float], ends: tuple[float, float], x: Scale, y: Scale) -> list[str]:
    parts = []
    for value in np.linspace(*ends, 6):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for budget in budgets:
        parts.append(f'<text x="{x(budget):.1f}" y="{BOTTOM + 16}" text-anchor="middle">{100 * budget:g}%</text>')
    return [
        *parts,
        f'<text x="{WIDTH // 2}" y="{BOTTOM + 32}" text-anchor="middle">of the silver labels checked</text>',
    ]


def _line(line: Line, colour: str, x: Scale, y: Scale) -> list[str]:
    points = " ".join(f"{x(b):.1f},{y(v):.1f}" for b, v, _ in line)
    parts = [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for budget, value, half in line:
        parts.append(f'<circle cx="{x(budget):.1f}" cy="{y(value):.1f}" r="2.5" fill="{colour}"/>')
        if half:
            ends = f"M{x(budget):.1f} {y(value - half):.1f}V{y(value + half):.1f}"
            parts.append(f'<path d="{ends}" stroke="{colour}" opacity="0.5"/>')
    return parts


def _rounded(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
