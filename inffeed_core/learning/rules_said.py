"""What a user should know of the decision rule of a version."""

from inffeed_core.store import RuleOfVersion
from inffeed_core.wording import Sentence


def rule_said(rule: RuleOfVersion) -> Sentence:
    """How it decides, and what that was worth on validation."""
    given_up = rule.kind == "macro-f1" and not any(rule.offsets)
    code = "rule-given-up" if given_up else f"rule-{rule.kind}"
    return Sentence(code, warmth=rule.temperature, gain=rule.gain)


def shift_said(rule: RuleOfVersion) -> Sentence | None:
    """A warning where it predicts other labels for unchecked silver than for validation; None where it does not."""
    shift = rule.shift
    if shift is None or not shift.warns:
        return None
    label = max(shift.silver, key=lambda one: abs(shift.silver[one] - shift.validation[one]))
    return Sentence(
        "rule-shift",
        distance=shift.distance,
        chance=shift.by_chance,
        label=label,
        silver=shift.silver[label],
        validation=shift.validation[label],
    )
