"""`docs/evidence_fine_tuned_again.md`: which order chooses better if the transformer is fine-tuned again, from rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from inffeed_core.records import Interval
from inffeed_core.settings import Rule
from inffeed_core.studies.evidence import statistics
from inffeed_core.studies.evidence.statistics import Predicted
from inffeed_core.studies.evidence.tables import percent, table
from inffeed_core.studies.repair.again import ORDERS, AgainSettings
from inffeed_core.studies.repair.review import ALL_GOLD, DECIDING
from inffeed_core.studies.repair.runs import BASELINE, Row, unpacked

PAGE = "evidence_fine_tuned_again.md"
LEVELS = {BASELINE: "silver as it is", ALL_GOLD: "gold for all"}
OURS = tuple(name for name, (scope, _) in ORDERS.items() if scope == "training")
RIVALS = (*(name for name in ORDERS if name not in OURS), BASELINE)
PLANNED_SETS = ("irony", "hatexplain_llm", "moral_reddit_llm", "media_bias_llm")
PLANNED_DRAWS, PLANNED_BUDGETS = 2, (0.01, 0.05, 0.1)
Run = tuple[str, int]
"""A set and the seed of its draw."""

LEADS = """\
Macro-F1 of each order through the training above the others, with the 95 % interval of the paired difference; *so* is
what the interval under the rule says. The test loss, in nats, has no interval here."""

EXPERIMENT = """\
The transformer is fine-tuned on gold and on silver as it is, the recipe `plain`. Each order checks the first share of
the silver, which gets its gold labels, and the transformer is **fine-tuned again** from its pretrained weights with the
same seed, so with the same batches, dropout and steps. Macro-F1 is that of its own classification head on test, by
argmax and under the macro-F1 rule, which is fitted on validation.

- *training*: the policy's score through the training itself, by one replay of the first training.
- *head*: through a head on the first training's features, as with the scope `head`. `class-influence, head` is the
  product's default, ranked once. `gold-loss`, `confident-learning` and `random` are rivals on the same features."""

CAVEATS = """\
- The trainings are small, because each cell of each table is a whole fine-tuning. All run the same epochs and keep
  their last state; the product stops early, so two of its trainings may also differ by where they end.
- Orders rank once. In rounds, as the product reviews, each round would need another replay.
- The annotator is the gold of the data and never errs.
- Two orders that correct the same labels share a training. At 1 % only a few labels are checked, so many do.
- Draws share validation and test texts. Intervals draw sets, draws and test texts; with one draw of each set they do
  not know how much another draw, or another seed of the training, would change."""

FORETOLD = """\
The fall of the validation loss that the replay foretold for the labels that each order corrected, and what the second
training brought: Pearson's correlation over orders with its 95 % bootstrap interval, the slope of come on foretold, and
means in nats."""


def write(rows: Sequence[Row], settings: AgainSettings, folder: Path) -> None:
    """Write the page, replacing it."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Found([row for row in rows if row["settings"] == settings.fingerprint()])
    (folder / PAGE).write_text(page(found, settings), encoding="utf-8")


@dataclass(frozen=True)
class Found:
    """All rows of one kind of settings."""

    rows: Sequence[Row]

    @cached_property
    def _cells(self) -> Mapping[tuple[Run, str, float], Row]:
        return {((row["set"], row["seed"]), row["order"], row["budget"]): row for row in self.rows}

    @cached_property
    def runs(self) -> list[Run]:
        """Those of which something ran, by set."""
        return sorted({(row["set"], row["seed"]) for row in self.rows})

    @cached_property
    def budgets(self) -> list[float]:
        """Those at which every order ran on some draw, rising."""
        return [one for one in sorted({row["budget"] for row in self.rows} - {0.0}) if self.at(one)]

    def at(self, budget: float) -> list[Run]:
        """Runs in which every order was tried at this budget."""
        wanted = [*((name, budget) for name in ORDERS), *((name, 0.0) for name in LEVELS)]
        return [run for run in self.runs if all((run, *cell) in self._cells for cell in wanted)]

    def row(self, run: Run, order: str, budget: float) -> Row:
        """That of an order at a budget, or of a level, which has none."""
        return self._cells[run, order, 0.0 if order in LEVELS else budget]

    def by_set(self, budget: float, value: Callable[[Run], float]) -> dict[str, list[float]]:
        """A value of every run at a budget."""
        return {name: [value(run) for run in runs] for name, runs in self.runs_of_sets(budget).items()}

    def runs_of_sets(self, budget: float) -> dict[str, list[Run]]:
        """Complete runs at a budget, by set."""
        found: dict[str, list[Run]] = {}
        for run in self.at(budget):
            found.setdefault(run[0], []).append(run)
        return found

    def mean(self, budget: float, value: Callable[[Run], float]) -> float:
        """Mean over sets of means over draws."""
        return float(np.mean([np.mean(one) for one in self.by_set(budget, value).values()]))

    def f1(self, order: str, budget: float, rule: Rule) -> float:
        """Macro-F1 on test: mean over sets of means over draws."""
        return self.mean(budget, lambda run: self.row(run, order, budget)["macro_f1"][rule])

    def lead(self, ours: str, theirs: str, budget: float, rule: Rule) -> Interval:
        """Macro-F1 of the first above the second."""
        return statistics.lead(*(self._predicted(one, budget, rule) for one in (ours, theirs)))

    def loss(self, order: str, budget: float) -> float:
        """Test loss: mean over sets of means over draws, nats."""
        return self.mean(budget, lambda run: float(self.row(run, order, budget)["test_loss"]))

    def _predicted(self, order: str, budget: float, rule: Rule) -> statistics.By:
        found = self.runs_of_sets(budget)
        return {name: [self._of_set(runs, order, budget, rule)] for name, runs in found.items()}

    def _of_set(self, runs: Sequence[Run], order: str, budget: float, rule: Rule) -> Predicted:
        about = self.row(runs[0], BASELINE, 0.0)
        labels = [unpacked(self.row(run, order, budget)["decided"][rule]) for run in runs]
        return Predicted(gold=unpacked(about["gold"]), labels=np.stack(labels), classes=about["classes"])


def page(found: Found, settings: AgainSettings) -> str:
    """The whole document."""
    parts = ["# Fine-tuned again on repaired labels", _opening(found, settings), EXPERIMENT]
    parts += ["## In short", *(_in_short(found, budget) for budget in found.budgets)]
    parts += ["## What ran", _ran(found), runs_table(found)]
    for budget in found.budgets:
        sets = ", ".join(found.runs_of_sets(budget))
        parts += [f"## After {percent(budget)} of the silver", f"Mean over {sets}; {_draws(found, budget)}."]
        parts += [orders_table(found, budget)]
        parts += [LEADS, leads_table(found, budget)]
    parts += ["## Set by set", "Macro-F1 by argmax / under the macro-F1 rule, mean over draws.", sets_table(found)]
    parts += ["## Foretold and come", FORETOLD, foretold_table(found), "## Caveats", CAVEATS]
    return "\n\n".join(parts) + "\n"


def _opening(found: Found, settings: AgainSettings) -> str:
    how = "low-rank adapters of all its linear layers (`lora`)" if settings.method == "lora" else "all its weights"
    sizes = " ".join(
        f"--{name} {getattr(settings, name)}" for name in ("gold", "silver", "validation", "test", "epochs", "method")
    )
    return (
        "Generated by `python -m benchmarks.fine_tuned_again --data DIR --work DIR --results"
        f" docs/evidence_fine_tuned_again.jsonl {sizes} --report docs`; no figure is typed by hand."
        f" `{settings.model}`, {how}, {settings.epochs} epochs with the product's defaults otherwise; up to"
        f" {settings.gold} gold and {settings.silver} silver texts of each draw, {settings.validation} of validation"
        f" and {settings.test} of test."
    )


def _ran(found: Found) -> str:
    """What of the plan there is, in words."""
    missing = []
    for seed in range(PLANNED_DRAWS):
        for budget in PLANNED_BUDGETS:
            lacking = [name for name in PLANNED_SETS if (name, seed) not in found.at(budget)]
            which = "" if len(lacking) == len(PLANNED_SETS) else f" of {', '.join(lacking)}"
            missing += [f"draw {seed + 1} at {percent(budget)}{which}"] if lacking else []
    plan = (
        f"Planned were {PLANNED_DRAWS} draws of {len(PLANNED_SETS)} sets ({', '.join(PLANNED_SETS)}) at"
        f" {', '.join(map(percent, PLANNED_BUDGETS))}."
    )
    return plan + (f" Not run, and in no table: {'; '.join(missing)}." if missing else " All of it ran.")


def _in_short(found: Found, budget: float) -> str:
    """Which order was best at a budget, and how many comparisons the intervals decide."""
    rule = DECIDING[-1]
    best = max(ORDERS, key=lambda one: found.f1(one, budget, rule))
    lowest = min(ORDERS, key=lambda one: found.loss(one, budget))
    words = [told_apart(found.lead(ours, theirs, budget, rule)) for ours in OURS for theirs in RIVALS]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("ahead", "behind", "undecided"))
    sets = ", ".join(found.runs_of_sets(budget))
    return (
        f"**After {percent(budget)}** ({sets}; {_draws(found, budget)}): the highest macro-F1 under the rule has"
        f" `{best}` ({found.f1(best, budget, rule):.3f}; silver as it is {found.f1(BASELINE, budget, rule):.3f}), the"
        f" lowest test loss `{lowest}` ({found.loss(lowest, budget):.4f}; silver as it is"
        f" {found.loss(BASELINE, budget):.4f}). Of {len(words)} comparisons of an order through the training with"
        f" another one or with no review, the intervals of macro-F1 say: {counts}."
    )


def _draws(found: Found, budget: float) -> str:
    counts = sorted({len(one) for one in found.by_set(budget, lambda _: 0.0).values()})
    return " or ".join(map(str, counts)) + (" draw of each" if counts == [1] else " draws of each")


def runs_table(found: Found) -> str:
    """What every draw is like."""
    lines = []
    for name, seed in found.runs:
        about, at = found.row((name, seed), BASELINE, 0.0), [b for b in found.budgets if (name, seed) in found.at(b)]
        counts = ", ".join(f"{label} {count:,}" for label, count in about["silver_counts"].items())
        sizes = (about["seed_rows"], about["validation_rows"], len(unpacked(about["gold"])))
        wrong = f"{about['silver_error']:.1%}"
        lines.append([name, str(seed + 1), counts, wrong, *map(str, sizes), ", ".join(map(percent, at)) or "–"])
    return table(["set", "draw", "silver", "wrong", "gold", "validation", "test", "every order at"], lines)


def orders_table(found: Found, budget: float) -> str:
    """Every order and level: wrong labels among those checked, macro-F1, losses."""
    lines = []
    for name in (*ORDERS, *LEVELS):

        def value(key: str, name: str = name) -> float:
            return found.mean(budget, lambda run: found.row(run, name, budget)[key])

        scores = [f"{found.f1(name, budget, rule):.3f}" for rule in DECIDING]
        wrong = "–" if name in LEVELS else f"{value('wrong') / value('checked'):.0%}"
        losses = [f"{value(key):.4f}" for key in ("validation_loss", "test_loss")]
        lines.append([LEVELS.get(name, name), wrong, *scores, *losses])
    return table(["order", "wrong among those checked", *DECIDING, "validation loss", "test loss"], lines)


def leads_table(found: Found, budget: float) -> str:
    """Each order through the training above each rival, and whether the interval tells them apart."""
    lines = []
    for ours in OURS:
        for theirs in RIVALS:
            leads = [found.lead(ours, theirs, budget, rule) for rule in DECIDING]
            apart = [f"{one.value:+.4f} ({one.low:+.4f} to {one.high:+.4f})" for one in leads]
            lower = f"{found.loss(theirs, budget) - found.loss(ours, budget):+.4f}"
            lines.append([ours, LEVELS.get(theirs, theirs), *apart, told_apart(leads[-1]), lower])
    return table(["order", "above", "by argmax", "under the macro-F1 rule", "so", "test loss lower by"], lines)


def told_apart(lead: Interval) -> str:
    """In a word: what an interval says."""
    return "ahead" if lead.low > 0 else "behind" if lead.high < 0 else "undecided"


def sets_table(found: Found) -> str:
    """Macro-F1 of every set at every budget."""
    lines = []
    for budget in found.budgets:
        for name, runs in found.runs_of_sets(budget).items():
            cells = []
            for order in (*LEVELS, *ORDERS):
                scored = [found.row(run, order, budget)["macro_f1"] for run in runs]
                cells.append(" / ".join(f"{np.mean([one[rule] for one in scored]):.3f}" for rule in DECIDING))
            lines.append([name, percent(budget), *cells])
    return table(["set", "checked", *(LEVELS.get(one, one) for one in (*LEVELS, *ORDERS))], lines)


def foretold_table(found: Found) -> str:
    """Predicted against actual change of the validation loss, by set and budget."""
    lines = []
    for budget in found.budgets:
        for name, runs in found.runs_of_sets(budget).items():
            pairs = {}
            for run in runs:
                before = found.row(run, BASELINE, 0.0)["validation_loss"]
                for row in (found.row(run, order, budget) for order in ORDERS):
                    pairs[run, row["labels"]] = (row["foretold"], before - row["validation_loss"])
            lines.append([name, percent(budget), *agreement(list(pairs.values()))])
    return table(["set", "checked", "different trainings", "Pearson", "slope", "foretold", "came"], lines)


def agreement(pairs: Sequence[tuple[float, float]]) -> list[str]:
    """How many, Pearson's correlation with its interval, slope and means of (foretold, came)."""
    if len(pairs) < 4:
        return [str(len(pairs)), *["–"] * 4]
    foretold, came = np.array(pairs).T
    found = statistics.correlation(foretold, came)
    told = f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    slope = float(np.polyfit(foretold, came, 1)[0])
    return [str(len(pairs)), told, f"{slope:.2f}", f"{foretold.mean():+.4f}", f"{came.mean():+.4f}"]
