"""`docs/evidence_fine_tuned.md`: the repair experiment on features of fine-tuned transformers, every figure from a row.

The gap between silver as it is and all gold is too narrow here for shares of it to mean anything, so it shows macro-F1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inffeed_core.studies.evidence.tables import (
    CEILING,
    OURS,
    PAPER,
    Contender,
    Evidence,
    baselines_table,
    named,
    percent,
    precision_table,
    spread,
    table,
)
from inffeed_core.studies.repair.review import GOLD_ONLY
from inffeed_core.studies.repair.runs import BASELINE, RepairSettings, Row

BEFORE: Contender = (BASELINE, "none", "plain")

BESIDE = """\
The same draws with the same settings; macro-F1 on test, mean ± standard error over seeds. Each encoder makes its own
silver if the data bring none."""

CAVEATS = """\
- Only the abstract of the paper was available. Its K, thresholds, splits and tables are not reproduced here, and
  `negative-influence` is our reading of "silver points with negative influence".
- The transformer learns only from the draw's seed gold and is then frozen; a review changes only the softmax head on
  its features. It is not fine-tuned again on the repaired labels, as it would be in the paper.
- Its features are easier on the texts that it learned from than on all others. The head tier does not know that:
  a head fitted on seed gold looks surer there than on silver, and only the l2, chosen on validation, corrects it.
- Early stopping, the l2, recipe and trust are all chosen on the same validation set, which also steers the review.
- The policies, recipe and settings compared were chosen on frozen features of these sets, and none was changed here.
- Seeds share validation and test. If a set was run with few seeds, differences of a few hundredths are chance.
"""


def write(rows: Sequence[Row], frozen: Sequence[Row], settings: RepairSettings, folder: Path) -> None:
    """Write `evidence_fine_tuned.md`, replacing it; `frozen` holds the same runs without fine-tuning."""
    folder.mkdir(parents=True, exist_ok=True)
    content = page(Evidence(rows), Evidence(frozen), settings)
    (folder / "evidence_fine_tuned.md").write_text(content, encoding="utf-8")


def page(found: Evidence, frozen: Evidence, settings: RepairSettings) -> str:
    """The whole document."""
    parts = ["# The evidence with fine-tuned transformers", _opening(found, settings)]
    parts += ["## Beside the frozen encoder", BESIDE, beside_table(found, frozen)]
    parts += ["## Macro-F1 after the review", _counts(found), f1_table(found, [*found.contenders, *found.ceilings])]
    parts += ["## Training alone, before any review", baselines_table(found, (*settings.trainings, GOLD_ONLY))]
    parts += ["## How many of the labels checked were wrong", precision_table(found)]
    parts += ["## Caveats", CAVEATS.rstrip()]
    return "\n\n".join(parts) + "\n"


def beside_table(found: Evidence, frozen: Evidence) -> str:
    """Macro-F1 on test of both encoders, set by set: before any review, after ours and after the paper's, all gold."""
    reviews = [(c, b) for c in (OURS, PAPER) if c in found.contenders for b in found.budgets]
    lines = []
    for name in found.sets:
        for encoder, each in (("frozen", frozen), ("fine-tuned", found)):
            wrong = float(np.mean([row["silver_error"] for row in each.cell(name, BEFORE, 0.0)]))
            values = [each.before(name), each.before(name, GOLD_ONLY), *(each.f1(name, c, b) for c, b in reviews)]
            lines.append([name, encoder, f"{wrong:.1%}", *(spread(v) for v in (*values, each.top(name)))])
    head = ["set", "encoder", "silver wrong", "silver as it is", "gold alone"]
    return table([*head, *(f"{named(c)}, {percent(b)}" for c, b in reviews), "all gold"], lines)


def f1_table(found: Evidence, contenders: Sequence[Contender]) -> str:
    """Macro-F1 on test, mean over sets of means over seeds; best on the mean of all budgets first."""

    def mean(values: Sequence[np.ndarray]) -> float:
        return float(np.mean([each.mean() for each in values]))

    scored = [(c, [mean([found.f1(n, c, b) for n in found.sets]) for b in found.budgets]) for c in contenders]
    scored.sort(key=lambda pair: -float(np.mean(pair[1])))
    lines = [[named(c), *(f"{value:.3f}" for value in values)] for c, values in scored]
    levels = {
        "all gold": mean([found.top(n) for n in found.sets]),
        "gold alone": mean([found.before(n, GOLD_ONLY) for n in found.sets]),
        "silver as it is": mean([found.before(n) for n in found.sets]),
    }
    lines += [[name, *[f"{value:.3f}"] * len(found.budgets)] for name, value in levels.items()]
    return table(["checked", *(percent(b) for b in found.budgets)], lines)


def _opening(found: Evidence, settings: RepairSettings) -> str:
    tuned = settings.fine_tune
    assert tuned is not None
    balanced = ", classes of equal weight" if tuned.class_weights else ""
    flags = "--fine-tune --balanced" if tuned.class_weights else "--fine-tune"
    command = f"inffeed bench repair {flags} --data DIR --results runs.jsonl --report docs"
    return (
        f"Generated by `{command}`; no figure is typed by hand. The experiment is that of [evidence.md](evidence.md),"
        f" with one change: for each draw `{settings.model}` is first fine-tuned on its seed gold{balanced}"
        f" (up to {tuned.epochs} epochs; the state of the best {tuned.stop_on} on validation is kept),"
        " and the input of its classification head replaces the frozen encoder's features. If the data bring no silver,"
        " a head on these features, fitted on the same gold, makes it.\n\n"
        f"*Ours* is `{named(OURS)}`; the paper's hypothesis is read as `{named(PAPER)}`; `{CEILING}` knows every true"
        " label."
    )


def _counts(found: Evidence) -> str:
    seeds = ", ".join(f"{name} {len(found.before(name))}" for name in found.sets)
    return f"Mean over sets of means over seeds (seeds: {seeds}). The last three rows do not depend on the budget."
