"""The repair experiment in tables: what the runs say, in Markdown, without a figure typed by hand.

Contenders are compared by macro-F1 on test and by differences of it, with the intervals and tests of `statistics`. The
*share of the gap*, (after − silver as it is) / (all gold − silver as it is), is pooled over sets whose gap is above
`SMALL_GAP`: in a narrow gap a share means nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from inffeed_core.flags.policies import POLICIES
from inffeed_core.records import Interval
from inffeed_core.settings import Rule, TrainSettings
from inffeed_core.studies.draws import OWN
from inffeed_core.studies.evidence import statistics
from inffeed_core.studies.evidence.statistics import Predicted, Record
from inffeed_core.studies.repair.audit import AUDIT
from inffeed_core.studies.repair.review import ALL_GOLD, COMMONEST, DECIDING, GOLD_ONLY
from inffeed_core.studies.repair.runs import BASELINE, Row, unpacked

Contender = tuple[str, str, str]
"""Policy, mode (once or rounds) and training."""

OURS: Contender = (POLICIES[0], "rounds", TrainSettings().recipe)
"""What the product does by default."""
PAPER: Contender = ("negative-influence", "once", "plain")
CEILING = "oracle"
SHIFT = 0.65
"""The area under the curve of telling test from validation texts above which a set counts as shifted; .5 is chance."""
FAMILIES = {"real": "silver from a real method", "model": "silver from a model of the seed", "all": "all sets"}
CHEAP = ("out-of-fold-loss", "confident-learning")


@dataclass(frozen=True)
class Evidence:
    """All rows of complete runs, scored under one decision rule."""

    rows: Sequence[Row]
    rule: Rule = "argmax"

    def under(self, rule: Rule) -> "Evidence":
        """The same runs under this decision rule."""
        return self if rule == self.rule else self._views.setdefault(rule, replace(self, rule=rule))

    @cached_property
    def _views(self) -> dict[Rule, "Evidence"]:
        return {}

    @cached_property
    def _known(self) -> dict[tuple[str, Contender, float], Predicted]:
        """The predictions that were compared so far; each keeps its bootstrap."""
        return {}

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
        for row in sorted(self.rows, key=lambda row: int(row["seed"])):
            key = (row["set"], (row["policy"], row["mode"], row["training"]), row["budget"])
            cells.setdefault(key, []).append(row)
        return cells

    def cell(self, name: str, contender: Contender, budget: float) -> list[Row]:
        """Rows of one set, one for each seed, in their order."""
        return self._by_cell.get((name, contender, budget), [])

    def family(self, which: str) -> list[str]:
        """Names of the sets of a family."""
        own = {row["set"] for row in self.rows if row["silver_from"] == OWN}
        return [name for name in self.sets if which == "all" or (name in own) == (which == "real")]

    @cached_property
    def shifted(self) -> list[str]:
        """Sets whose test texts can be told from those of validation, so that validation cannot stand for them."""
        return [n for n in self.sets if self.cell(n, unreviewed("plain"), 0.0)[0]["shift"] > SHIFT]

    @property
    def halves(self) -> dict[str, list[str]]:
        """The sets by when they were looked at: the first half by name while developing, the others at the end."""
        names = sorted(self.sets)
        middle = (len(names) + 1) // 2
        return {"used while developing": names[:middle], "run once at the end": names[middle:]}

    def f1(self, name: str, contender: Contender, budget: float) -> np.ndarray:
        """Macro-F1 on test by seed."""
        return np.array([row["macro_f1"][self.rule] for row in self.cell(name, contender, budget)])

    def before(self, name: str, training: str = "plain") -> np.ndarray:
        """Macro-F1 before any review, by seed."""
        return self.f1(name, unreviewed(training), 0.0)

    def top(self, name: str) -> np.ndarray:
        """Macro-F1 with gold for all, by seed."""
        return self.before(name, ALL_GOLD)

    def mean_f1(self, names: Sequence[str], contender: Contender, budget: float) -> float:
        """Mean over sets of means over seeds; NaN if a set lacks the contender."""
        found = [self.f1(name, contender, budget) for name in names]
        return float(np.mean([each.mean() for each in found])) if names and all(map(len, found)) else float("nan")

    def share(self, names: Sequence[str], contender: Contender, budget: float) -> float:
        """Share of the gap closed, pooled over these sets; NaN if one lacks the contender, or none has a wide gap."""
        if np.isnan(self.mean_f1(names, contender, budget)):
            return float("nan")
        means = [
            [float(f1(name).mean()) for name in names]
            for f1 in (self.before, lambda name: self.f1(name, contender, budget), self.top)
        ]
        pooled = statistics.pooled_share(*means)
        return float("nan") if pooled is None else pooled

    def ceiling(self, names: Sequence[str], budget: float) -> float:
        """Share closed by knowing every error, under the way of training with which it closes most."""
        return max((self.share(names, one, budget) for one in self.ceilings), default=float("nan"))

    def predicted(self, names: Sequence[str], contender: Contender, budgets: Sequence[float]) -> statistics.By:
        """What a contender predicts on test, by set, at each of these budgets; before any review if it has none."""
        at = [0.0] * len(budgets) if contender[0] == BASELINE else budgets
        return {name: [self._predicted(name, contender, budget) for budget in at] for name in names}

    def _predicted(self, name: str, contender: Contender, budget: float) -> Predicted:
        key = (name, contender, budget)
        if key not in self._known:
            about = self.cell(name, unreviewed("plain"), 0.0)[0]
            labels = [unpacked(row["decided"][self.rule]) for row in self.cell(*key)]
            self._known[key] = Predicted(
                gold=unpacked(about["gold"]), labels=np.stack(labels), classes=about["classes"]
            )
        return self._known[key]

    def lead(self, names: Sequence[str], ours: Contender, theirs: Contender, budgets: Sequence[float] = ()) -> "Lead":
        """By how much the first scores above the second on these sets: mean over budgets, all unless given."""
        return lead_between((self, ours), (self, theirs), names, budgets or self.budgets)

    def rule_gain(self, names: Sequence[str], contender: Contender, budgets: Sequence[float] = ()) -> "Lead":
        """What this decision rule gains over argmax."""
        argmax = (self.under("argmax"), contender)
        return lead_between((self, contender), argmax, names, budgets or self.budgets)

    def mean_of_budgets(self, name: str, contender: Contender, budgets: Sequence[float]) -> float:
        """Macro-F1 of a set, mean over seeds and budgets; before any review if it has none."""
        at = [0.0] if contender[0] == BASELINE else budgets
        return float(np.mean([self.f1(name, contender, budget) for budget in at]))

    def found(self, policy: str, budget: float, key: str = "precision") -> Interval | None:
        """Share of wrong labels among those checked, or `ap`, when ranking once; None without any run."""
        values: dict[str, dict[int, float]] = {}
        for row in self.rows:
            if (row["policy"], row["mode"], row["budget"]) == (policy, "once", budget) and row[key] is not None:
                values.setdefault(row["set"], {})[row["seed"]] = row[key]
        return statistics.mean({name: list(by.values()) for name, by in values.items()}) if values else None


@dataclass(frozen=True, slots=True)
class Lead:
    """One contender's macro-F1 above another's over several sets."""

    interval: Interval
    """By the hierarchical bootstrap."""
    p: float
    """Of the exact sign-flip test over sets."""
    record: Record

    @property
    def cells(self) -> list[str]:
        """For a table: lead, interval, p, wins / ties / losses."""
        one = self.interval
        return [f"{one.value:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}", f"{self.p:.3f}", str(self.record)]


def lead_between(
    ours: tuple[Evidence, Contender], theirs: tuple[Evidence, Contender], names: Sequence[str], at: Sequence[float]
) -> Lead:
    """By how much one contender of some runs scores above one of others on these sets: mean over these budgets."""
    mine, other = ([found.mean_of_budgets(n, one, at) for n in names] for found, one in (ours, theirs))
    apart = [a - b for a, b in zip(mine, other, strict=True)]
    interval = statistics.lead(*(found.predicted(names, one, at) for found, one in (ours, theirs)))
    return Lead(interval=interval, p=statistics.sign_flip(apart), record=statistics.record(apart))


LEAD_HEAD = ("lead", "95 % interval", "p", "wins / ties / losses")


def unreviewed(training: str) -> Contender:
    """A way of training without any review."""
    return (BASELINE, "none", training)


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean over seeds; NaN for one seed."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")


def named(contender: Contender) -> str:
    """In words."""
    policy, mode, training = contender
    if policy == BASELINE:
        return training if training in (ALL_GOLD, COMMONEST, GOLD_ONLY) else f"no review, {training}"
    return f"{policy}{', in rounds' if mode == 'rounds' else ''}, {training}"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    rows = [head, ["---", *["--:"] * (len(head) - 1)], *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def f1_table(found: Evidence, names: Sequence[str], contenders: Sequence[Contender]) -> str:
    """Macro-F1 on test at each budget, by argmax / under the macro-F1 rule: mean over sets of means over seeds.

    The best by argmax on the mean of all budgets comes first. Below stand the levels that no budget changes.
    """
    views = [found.under(rule) for rule in DECIDING]
    scored = [(c, [[view.mean_f1(names, c, b) for view in views] for b in found.budgets]) for c in contenders]
    scored.sort(key=lambda pair: -float(np.nanmean(pair[1])) if not np.isnan(pair[1]).all() else np.inf)
    trainings = dict.fromkeys(row["training"] for row in found.rows if row["policy"] == BASELINE)
    flat = {one: [view.mean_f1(names, unreviewed(one), 0.0) for view in views] for one in trainings}
    levels = [(unreviewed(one), [values] * len(found.budgets)) for one, values in flat.items()]
    levels.sort(key=lambda pair: -pair[1][0][0])
    lines = [[named(c), *(f"{argmax:.3f} / {rule:.3f}" for argmax, rule in at)] for c, at in (*scored, *levels)]
    return table(["checked", *(percent(b) for b in found.budgets)], lines)


def leads_table(found: Evidence, names: Sequence[str], ours: Contender, others: Mapping[str, Contender]) -> str:
    """Ours above each of the others at each budget."""
    lines = [
        [label, percent(budget), *found.lead(names, ours, other, [budget]).cells]
        for label, other in others.items()
        for budget in found.budgets
        if not np.isnan(found.mean_f1(names, other, 0.0 if other[0] == BASELINE else budget))
    ]
    return table(["ours above", "checked", *LEAD_HEAD], lines)


def sets_table(found: Evidence, names: Sequence[str], contenders: Sequence[Contender], budgets: Sequence[float]) -> str:
    """Macro-F1 on test ± standard error over seeds, set by set, and what the silver is like."""
    head = ["set", "silver", "wrong", "seeds", "silver as it is", GOLD_ONLY, ALL_GOLD]
    head += [f"{named(c)}, {percent(b)}" for c in contenders for b in budgets]
    lines = []
    for name in names:
        first = found.cell(name, unreviewed("plain"), 0.0)
        wrong = float(np.mean([row["silver_error"] for row in first]))
        counts = ", ".join(f"{label} {count:,}" for label, count in first[0]["silver_counts"].items())
        values = [found.before(name), found.before(name, GOLD_ONLY), found.top(name)]
        values += [found.f1(name, c, b) for c in contenders for b in budgets]
        lines.append([name, counts, f"{wrong:.1%}", str(len(first)), *(spread(v) for v in values)])
    return table(head, lines)


def baselines_table(found: Evidence, trainings: Sequence[str]) -> str:
    """Macro-F1 before any review by every way of training."""
    shown = (COMMONEST, *trainings, ALL_GOLD)
    lines = [[name, *(spread(found.before(name, training)) for training in shown)] for name in found.sets]
    return table(["set", *shown], lines)


def precision_table(found: Evidence) -> str:
    """Share of wrong labels among those checked first, and average precision; means over sets and seeds."""
    policies = dict.fromkeys(row["policy"] for row in found.rows if row["mode"] == "once")
    shown = [b for b in found.budgets if b <= 0.1]
    lines = []
    for policy in policies:
        each = [*(found.found(policy, b) for b in shown), found.found(policy, shown[0], "ap")]
        lines.append([policy, *("–" if one is None else estimated(one) for one in each)])
    lines.sort(key=lambda line: line[-1], reverse=True)
    return table(["policy", *(f"wrong in the first {percent(b)}" for b in shown), "average precision"], lines)


def estimated(one: Interval) -> str:
    """A share with its interval."""
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


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
