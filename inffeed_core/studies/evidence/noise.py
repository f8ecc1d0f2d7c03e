"""What a review still achieves if the annotator errs, beside the same sets and seeds without errors."""

from collections.abc import Sequence

from inffeed_core.studies.evidence.tables import Contender, Evidence, named, percent, table


def same_draws(found: Evidence, tired: Evidence) -> Evidence:
    """The rows of `found` for sets and seeds that both have."""
    draws = {(row["set"], row["seed"]) for row in tired.rows}
    return Evidence([row for row in found.rows if (row["set"], row["seed"]) in draws])


def noise_table(found: Evidence, tired: Evidence, contenders: Sequence[Contender]) -> str:
    """Mean macro-F1: without errors → with them."""
    rested = same_draws(found, tired)
    both = [c for c in contenders if c in rested.contenders and c in tired.contenders]
    budgets = [b for b in tired.budgets if b in rested.budgets]
    means = [[[one.mean_f1(one.sets, c, b) for b in budgets] for c in both] for one in (rested, tired)]
    lines = [
        [named(c), *(f"{before:.3f} → {after:.3f}" for before, after in zip(*pair, strict=True))]
        for c, *pair in zip(both, *means, strict=True)
    ]
    return table(["checked", *(percent(b) for b in budgets)], lines)


def noise_told(tired: Evidence) -> str:
    """Which draws these are."""
    rates = sorted({row["noise"] for row in tired.rows})
    seeds = sorted({row["seed"] for row in tired.rows})
    return (
        f"An annotator who errs in {' or '.join(percent(rate) for rate in rates)} of the answers, another class drawn"
        f" evenly: macro-F1 without such errors → with them, on {', '.join(tired.sets)},"
        f" {len(seeds)} repetition{'s' if len(seeds) > 1 else ''} of each."
    )
