"""Why a text is shown, in a sentence without jargon: no losses, nats, policies or influence.

It says what kind of order brought the text, and then either what the gold texts say that matter most for it, or how
likely a label is right. `reasons` gives the sentence with the numbers that researchers ask for; both say the same.
"""

from collections.abc import Mapping

from inffeed_core.flags.reasons import FEWEST, STRONGEST, UNDECIDED_BELOW, Fact, joined, percent
from inffeed_core.records import Evidence, Flag, Split
from inffeed_core.settings import SENT

ENGLISH = {
    "harms": "with this label it seems to mislead the model",
    "helps": "checking it should help the model",
    "doubtful": "its label is in doubt",
    "random": "it was drawn at random",
    "next-of-kind": "texts of different kinds take turns, and it is the next of its kind",
    "unsure": "texts like it are hard to tell",
    "sent-label": "somebody was advised to label it “{label}”",
    "sent-leave-out": "somebody was advised to leave it out",
    "gold-says": "{count} of the {of} gold {of:text|texts} that matter most for it {count:says|say} “{label}”",
    "label-right": "“{label}” is {chance} likely to be right",
    "likely-right": "its label is {chance} likely to be right as it is",
    "undecided": "its label is only {chance} likely to be right as it is",
}
"""Code to phrase; the words that join them are those of `reasons`."""

_LEADS = {
    **dict.fromkeys(("class-influence", "negative-influence", "self-influence"), "harms"),
    **dict.fromkeys(("expected-gain", "channel-gain", "class-gain"), "helps"),
    "uncertainty": "unsure",
    "cluster": "next-of-kind",
    "random": "random",
}
"""What brought the text, by order; of all others the label is in doubt."""


def plain(flag: Flag, evidence: Evidence, phrases: Mapping[str, str], joints: Mapping[str, str]) -> str:
    """The sentence for a flag: the phrases are those of this module, the joints those of `reasons`."""
    if flag.policy == SENT:
        code = "sent-leave-out" if flag.proposed is None else "sent-label"
        return joined(
            Fact(code, {} if flag.proposed is None else {"label": flag.proposed}), None, {**joints, **phrases}
        )
    lead = Fact(_LEADS.get(flag.policy, "doubtful"), {})
    return joined(lead, gold_says(flag, evidence) or _likely(flag), {**joints, **phrases})


def gold_says(flag: Flag, evidence: Evidence) -> Fact | None:
    """How many of the gold texts with the most influence on it have the suggested label; None unless most of them do.

    Of a text whose own label is suggested nothing is said: they would speak against flagging it.
    """
    gold = [i for i in (*evidence.supporters, *evidence.opposers) if i.split is not Split.SILVER]
    first = sorted(gold, key=lambda i: (-abs(i.influence), i.id))[:STRONGEST]
    agreeing = sum(i.label == flag.suggested for i in first)
    if flag.suggested == flag.label or len(first) < FEWEST or 2 * agreeing <= len(first):
        return None
    return Fact("gold-says", {"count": agreeing, "of": len(first), "label": flag.suggested})


def _likely(flag: Flag) -> Fact:
    chance = {"chance": percent(flag.suggested_probability)}
    if flag.suggested != flag.label:
        return Fact("label-right", {"label": flag.suggested, **chance})
    return Fact("likely-right" if flag.suggested_probability >= UNDECIDED_BELOW else "undecided", chance)
