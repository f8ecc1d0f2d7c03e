"""What the commands say of a version that was just trained."""

from typing import cast

from inffeed_core.learning.comparing import compare
from inffeed_core.learning.foretold_said import foretold_of
from inffeed_core.learning.layers_said import layers_said, words_said
from inffeed_core.learning.reading import Reading
from inffeed_core.learning.rules_said import rule_said, shift_said
from inffeed_core.project.encoders import layers_of, words_of
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion
from inffeed_core.settings import Rule
from inffeed_core.store import rules_of


def _on_test(project: Project, made: ModelVersion) -> list[str]:
    """The change since the parent on test, which selected nothing; validation did, so it cannot show the change."""
    if made.parent is None:
        return []
    found = compare(project, made.parent, made.id)
    return [found.test_sentence, found.caveat]


def trained_words(project: Project, made: ModelVersion, kept: ModelVersion | None) -> str:
    """What a new version learned and how good it is; `kept` is the one that stays active beside it."""
    counts = ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in made.train_counts.items())
    lines = [
        f"{made.id} learned from {counts}.",
        f"Macro-F1 on validation: {f1_words(made)}{_change(made)}",
        *_on_test(project, made),
    ]
    lines += read.sentences if (read := Reading.of(made)) else []
    lines += [*filter(None, [layers_said(made), words_said(made)])]
    if reason := made.report.get("not_compared"):
        lines.append(f"It was not compared with {made.parent}: {reason}")
    if (agreement := made.report.get("head_agreement")) is not None:
        lines.append(f"The refitted head agrees with the loaded classifier's own head on {agreement:.1%} of the texts.")
    if (came := foretold_of(made)) is not None:
        lines.append(came.sentence)
    if note := made.report.get("own_labels"):
        lines.append(f"{note} (--model-labels OWN=PROJECT names them.)")
    if (cosine := made.report.get("cosine_to_float32")) is not None:
        lines.append(f"Encoded in {made.settings['precision']}: mean cosine of its features with float32 {cosine:.4f}.")
    if (recipe := made.report.get("recipe")) is not None:
        trusting = f" with trust {made.report['trust']}" if recipe == "noise-aware" else ""
        lines.append(f"Unconfirmed silver was taught by the recipe {recipe}{trusting}.")
    if (rule := rules_of(made).get(cast(Rule, made.rule))) is not None:
        lines += [rule_said(rule), *filter(None, [shift_said(rule)])]
    if kept is None:
        lines.append(f"{made.id} is the active version.")
    else:
        why = "It is significantly worse" if _is_worse(made) else "Somebody has chosen another version meanwhile"
        lines.append(f"{why}, so {kept.id} stays active; `inffeed promote` changes that.")
    return "\n".join(lines)


def _is_worse(version: ModelVersion) -> bool:
    difference = version.report.get("difference")
    return isinstance(difference, dict) and difference["high"] < 0


def f1_words(version: ModelVersion) -> str:
    """Macro-F1 on validation with its interval."""
    if version.validation is None:
        return "no validation gold"
    f1 = version.validation.macro_f1
    left_out = f"; no gold of {', '.join(version.validation.without_gold)}" if version.validation.without_gold else ""
    return f"{f1.value:.3f} (95 % interval {f1.low:.3f} to {f1.high:.3f}{left_out})"


def _change(version: ModelVersion) -> str:
    difference = version.report.get("difference")
    if not isinstance(difference, dict):
        return ""
    return (
        f", {difference['value']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f}) against {version.parent}"
    )


def layers_words(version: ModelVersion) -> str:
    """What stands behind its scores in a list of versions: nothing for the last layer alone."""
    told = "" if layers_of(version) == "last" else f"  layers {layers_of(version)}"
    return told + ("  TF-IDF" if words_of(version) else "")
