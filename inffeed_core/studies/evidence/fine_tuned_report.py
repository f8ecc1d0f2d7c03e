"""`docs/evidence_fine_tuned.md`: the repair experiment on features of fine-tuned transformers, figures from rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inffeed_core.studies.evidence.report import command
from inffeed_core.studies.evidence.tables import (
    CEILING,
    LEAD_HEAD,
    OURS,
    PAPER,
    Contender,
    Evidence,
    baselines_table,
    f1_table,
    lead_between,
    named,
    percent,
    precision_table,
    spread,
    table,
    unreviewed,
)
from inffeed_core.studies.repair.review import ALL_GOLD, DECIDING, GOLD_ONLY
from inffeed_core.studies.repair.runs import RepairSettings, Row

BESIDE = """\
The same draws, budgets and annotator; macro-F1 on test, mean ± standard error over seeds. Both encoders are treated
alike: {alike} Each encoder makes its own silver if the data bring none."""

LEADS = """\
Macro-F1 with the fine-tuned encoder minus that with the frozen one, over all sets; intervals and tests are those of
[evidence.md](evidence.md)."""

CAVEATS = """\
- Only the abstract of the paper was available. Its K, thresholds, splits and tables are not reproduced here, and
  `negative-influence` is our reading of "silver points with negative influence".
- The transformer learns only from the draw's seed gold and is then frozen; a review changes only the softmax head on
  its features. It is not fine-tuned again on the repaired labels, as it would be in the paper;
  [a smaller experiment](evidence_fine_tuned_again.md) does that.
- Its features are easier on the texts that it learned from than on all others. The head tier does not know that:
  a head fitted on seed gold looks surer there than on silver, and only the l2, chosen on validation, corrects it.
- Early stopping, the l2, recipe and trust are all chosen on the same validation set, which also steers the review.
- The policies, recipe and settings compared were chosen on frozen features of these sets, and none was changed here.
- Seeds share validation and test. If a set was run with few seeds, differences of a few hundredths are chance.
- The frozen encoder's features are pooled from its last layer where the command says `--layers last`, else from the
  layers that validation prefers; the fine-tuned one's are the input of its classification head.
"""


def write(rows: Sequence[Row], frozen: Sequence[Row], settings: RepairSettings, folder: Path) -> None:
    """Write `evidence_fine_tuned.md`, replacing it; `frozen` holds the same runs without fine-tuning."""
    folder.mkdir(parents=True, exist_ok=True)
    content = page(Evidence(rows), Evidence(frozen), settings)
    (folder / "evidence_fine_tuned.md").write_text(content, encoding="utf-8")


def page(found: Evidence, frozen: Evidence, settings: RepairSettings) -> str:
    """The whole document."""
    parts = ["# The evidence with fine-tuned transformers", _opening(found, settings)]
    parts += ["## Beside the frozen encoder", BESIDE.format(alike=_alike(settings))]
    for rule in DECIDING:
        parts += [f"### Under `{rule}`", beside_table(found.under(rule), frozen.under(rule))]
    parts += ["## What fine-tuning gains", LEADS, gains_table(found, frozen)]
    parts += [
        "## Macro-F1 after the review",
        _counts(found),
        f1_table(found, found.sets, [*found.contenders, *found.ceilings]),
    ]
    parts += ["## Training alone, before any review", "Under the macro-F1 rule."]
    parts += [baselines_table(found.under("macro-f1"), (*settings.trainings, GOLD_ONLY))]
    parts += ["## How many of the labels checked were wrong", precision_table(found)]
    parts += ["## Caveats", CAVEATS.rstrip()]
    return "\n\n".join(parts) + "\n"


def _alike(settings: RepairSettings) -> str:
    weights = (
        "every head that is scored is taught classes of equal weight, as the fine-tuning was (those that rank and "
        "doubt are not, as in the product),"
        if settings.balanced
        else "no head is taught classes of equal weight,"
    )
    return (
        f"{weights} and every decision rule is fitted on validation for each. Where the rule's offsets gain nothing"
        " there, as often with classes of equal weight, it decides as argmax does."
    )


def beside_table(found: Evidence, frozen: Evidence) -> str:
    """Macro-F1 on test of both encoders, set by set: before any review, after ours and after the paper's, all gold."""
    reviews = [(c, b) for c in (OURS, PAPER) if c in found.contenders for b in found.budgets]
    lines = []
    for name in found.sets:
        for encoder, each in (("frozen", frozen), ("fine-tuned", found)):
            wrong = float(np.mean([row["silver_error"] for row in each.cell(name, unreviewed("plain"), 0.0)]))
            values = [each.before(name), each.before(name, GOLD_ONLY), *(each.f1(name, c, b) for c, b in reviews)]
            lines.append([name, encoder, f"{wrong:.1%}", *(spread(v) for v in (*values, each.top(name)))])
    head = ["set", "encoder", "silver wrong", "silver as it is", "gold alone"]
    return table([*head, *(f"{named(c)}, {percent(b)}" for c, b in reviews), "all gold"], lines)


def gains_table(found: Evidence, frozen: Evidence) -> str:
    """The fine-tuned encoder above the frozen one, under every decision rule: trained alone, and after ours."""
    trained: list[tuple[str, Contender, float]] = [
        (label, unreviewed(training), 0.0)
        for label, training in (("gold alone", GOLD_ONLY), ("silver as it is", "plain"), ("all gold", ALL_GOLD))
    ]
    trained += [(f"{named(OURS)}, {percent(b)}", OURS, b) for b in found.budgets if OURS in found.contenders]
    lines = []
    for label, contender, budget in trained:
        for rule in DECIDING:
            mine, other = ((each.under(rule), contender) for each in (found, frozen))
            lines.append([label, rule, *lead_between(mine, other, found.sets, [budget]).cells])
    return table(["trained on", "rule", *LEAD_HEAD], lines)


def _opening(found: Evidence, settings: RepairSettings) -> str:
    tuned = settings.fine_tune
    assert tuned is not None
    balanced = ", classes of equal weight" if tuned.class_weights else ""
    return (
        f"Generated by `{command(found, settings)}`; no figure is typed by hand."
        " The experiment is that of [evidence.md](evidence.md), with one change: for each draw"
        f" `{settings.model}` is first fine-tuned on its seed gold{balanced}"
        f" (up to {tuned.epochs} epochs; the state of the best {tuned.stop_on} on validation is kept),"
        " and the input of its classification head replaces the frozen encoder's features. If the data bring no silver,"
        " a head on these features, fitted on the same gold, makes it.\n\n"
        f"{_draws(found)}\n\n"
        f"*Ours* is `{named(OURS)}`; the paper's hypothesis is read as `{named(PAPER)}`; `{CEILING}` knows every true"
        " label."
    )


def _draws(found: Evidence) -> str:
    seeds = {name: len(found.before(name)) for name in found.sets}
    counts = sorted(set(seeds.values()))
    each = (
        f"{counts[0]} draw{'' if counts == [1] else 's'} of each"
        if len(counts) == 1
        else "draws of each: " + (", ".join(f"{name} {count}" for name, count in seeds.items()))
    )
    return f"**{len(seeds)} sets, {each}**: a difference of a few hundredths on one set is chance."


def _counts(found: Evidence) -> str:
    seeds = ", ".join(f"{name} {len(found.before(name))}" for name in found.sets)
    return (
        f"By argmax / under the macro-F1 rule; mean over sets of means over seeds (seeds: {seeds}). The last rows do "
        "not depend on the budget."
    )
