"""The repair experiment in tables: what the runs say, in Markdown, without a figure typed by hand.

*Share of the gap*: (macro-F1 after − silver as it is) / (all gold − silver as it is), of means over seeds; 1 = as good
as gold for all. It is stable only if that gap is wide, so macro-F1 itself is shown beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inffeed_core.flags.policies import POLICIES
from inffeed_core.settings import TrainSettings
from inffeed_core.studies.draws import OWN
from inffeed_core.studies.repair.audit import AUDIT
from inffeed_core.studies.repair.review import GOLD_ONLY
from inffeed_core.studies.repair.runs import BASELINE, Row

Contender = tuple[str, str, str]
"""Policy, mode (once or rounds) and training."""

OURS: Contender = (POLICIES[0], "rounds", TrainSettings().recipe)
"""What the product does by default."""
PAPER: Contender = ("negative-influence", "once", "plain")
CEILING = "oracle"
FAMILIES = {"real": "silver from a real method", "model": "silver from a model of the seed", "all": "all sets"}
CHEAP = ("out-of-fold-loss", "confident-learning")


@dataclass(frozen=True)
class Evidence:
    """All rows of complete runs."""

    rows: Sequence[Row]

    @cached_property
    def sets(self) -> list[str]:
        """Real silver first, then by name."""
        own = {row["set"]: row["silver_from"] != OWN for row in self.rows}
        return sorted(own, key=lambda name: (own[name], name))

    @cached_property
    def budgets(self) -> list[float]:
        """Shares of the silver checked, rising."""
        return sorted({row["budget"] for row in self.rows} - {0.0})

    @cached_property
    def contenders(self) -> list[Contender]:
        """All except the baseline, the ceilings and the audit, in order of appearance."""
        return [one for one in self._reviews if one[0] != CEILING]

    @cached_property
    def ceilings(self) -> list[Contender]:
        """Knowing every error, under every way of training."""
        return [one for one in self._reviews if one[0] == CEILING]

    @cached_property
    def _reviews(self) -> list[Contender]:
        found = ((row["policy"], row["mode"], row["training"]) for row in self.rows)
        return [one for one in dict.fromkeys(found) if one[0] not in (BASELINE, AUDIT[0])]

    @cached_property
    def _by_cell(self) -> dict[tuple[str, Contender, float], list[Row]]:
        cells: dict[tuple[str, Contender, float], list[Row]] = {}
        for row in self.rows:
            key = (row["set"], (row["policy"], row["mode"], row["training"]), row["budget"])
            cells.setdefault(key, []).append(row)
        return cells

    def cell(self, name: str, contender: Contender, budget: float) -> list[Row]:
        """Rows of one set, one for each seed."""
        return self._by_cell.get((name, contender, budget), [])

    def family(self, which: str) -> list[str]:
        """Names of the sets of a family."""
        own = {row["set"] for row in self.rows if row["silver_from"] == OWN}
        return [name for name in self.sets if which == "all" or (name in own) == (which == "real")]

    def f1(self, name: str, contender: Contender, budget: float) -> np.ndarray:
        """Macro-F1 on test by seed."""
        return np.array([row["macro_f1"] for row in self.cell(name, contender, budget)])

    def before(self, name: str, training: str = "plain") -> np.ndarray:
        """Macro-F1 before any review, by seed."""
        return self.f1(name, (BASELINE, "none", training), 0.0)

    def top(self, name: str) -> np.ndarray:
        """Macro-F1 with gold for all, by seed."""
        return np.array([row["all_gold"] for row in self.cell(name, (BASELINE, "none", "plain"), 0.0)])

    def share(self, name: str, contender: Contender, budget: float) -> float:
        """Share of the gap closed."""
        low, high = self.before(name).mean(), self.top(name).mean()
        return float((self.f1(name, contender, budget).mean() - low) / (high - low))

    def mean_share(self, which: str, contender: Contender, budget: float) -> float:
        """Mean share over a family, NaN if a set lacks the contender."""
        names = self.family(which)
        found = [self.share(n, contender, budget) for n in names if len(self.f1(n, contender, budget))]
        return float(np.mean(found)) if len(found) == len(names) and names else float("nan")

    def ceiling(self, which: str, budget: float) -> float:
        """Mean share closed by knowing every error, under the way of training with which it closes most."""
        return max((self.mean_share(which, one, budget) for one in self.ceilings), default=float("nan"))

    def precision(self, policy: str, budget: float, key: str = "precision") -> float:
        """Mean over sets of the share of checked labels that were wrong (or of `ap`), ranking once."""
        found = [
            row[key]
            for row in self.rows
            if (row["policy"], row["mode"], row["budget"]) == (policy, "once", budget) and row[key] is not None
        ]
        return float(np.mean(found)) if found else float("nan")


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean over seeds; NaN for one seed."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")


def named(contender: Contender) -> str:
    """In words."""
    policy, mode, training = contender
    return f"{policy}{', in rounds' if mode == 'rounds' else ''}, {training}"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rows = [head, ["---", *["--:"] * (len(head) - 1)], *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def shares_table(found: Evidence, which: str, contenders: Sequence[Contender]) -> str:
    """Mean share of the gap closed at each budget, best on the mean of all budgets first."""
    scored = [(c, [found.mean_share(which, c, b) for b in found.budgets]) for c in contenders]
    scored.sort(key=lambda pair: -float(np.nanmean(pair[1])) if not np.isnan(pair[1]).all() else np.inf)
    head = ["checked", *(percent(b) for b in found.budgets)]
    return table(head, [[named(c), *(f"{value:.2f}" for value in values)] for c, values in scored])


def sets_table(found: Evidence, contenders: Sequence[Contender], budgets: Sequence[float]) -> str:
    """Macro-F1 on test ± standard error over seeds, set by set."""
    head = ["set", "wrong", "seeds", "silver as it is", "gold alone", "all gold"]
    head += [f"{named(c)}, {percent(b)}" for c in contenders for b in budgets]
    lines = []
    for name in found.sets:
        first = found.cell(name, (BASELINE, "none", "plain"), 0.0)
        wrong = float(np.mean([row["silver_error"] for row in first]))
        values = [found.before(name), found.before(name, GOLD_ONLY), found.top(name)]
        values += [found.f1(name, c, b) for c in contenders for b in budgets]
        lines.append([name, f"{wrong:.1%}", str(len(first)), *(spread(v) for v in values)])
    return table(head, lines)


def baselines_table(found: Evidence, trainings: Sequence[str]) -> str:
    """Macro-F1 before any review by every way of training."""
    lines = [
        [name, *(spread(found.before(name, training)) for training in trainings), spread(found.top(name))]
        for name in found.sets
    ]
    return table(["set", *trainings, "all gold"], lines)


def precision_table(found: Evidence) -> str:
    """Share of wrong labels among those checked first, and average precision; means over sets and seeds."""
    policies = dict.fromkeys(row["policy"] for row in found.rows if row["mode"] == "once")
    shown = [b for b in found.budgets if b <= 0.1]
    lines = [
        [p, *(f"{found.precision(p, b):.2f}" for b in shown), f"{found.precision(p, shown[0], 'ap'):.2f}"]
        for p in policies
    ]
    lines.sort(key=lambda line: -float(line[-1]))
    return table(["policy", *(f"wrong in the first {percent(b)}" for b in shown), "average precision"], lines)


def spread(values: np.ndarray) -> str:
    """Mean ± standard error."""
    if not len(values):
        return "–"
    error = standard_error(values)
    return f"{values.mean():.3f}" + ("" if np.isnan(error) else f" ± {error:.3f}")


def percent(share: float) -> str:
    """10%, 0.5%."""
    return f"{100 * share:g}%"


def best_rival(found: Evidence, names: Sequence[str], budget: float, ours: Contender) -> Contender:
    """The contender of another policy, trained plainly or by any recipe, with the highest mean macro-F1 at a budget."""

    def score(contender: Contender) -> float:
        return float(np.mean([found.f1(n, contender, budget).mean() for n in names]))

    others = [c for c in found.contenders if c[0] != ours[0]]
    whole = [c for c in others if all(len(found.f1(n, c, budget)) for n in names)]
    return max(whole, key=score)
