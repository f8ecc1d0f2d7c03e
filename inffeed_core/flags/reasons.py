"""Why a text is shown to an annotator: one plain sentence that says no more than the numbers do.

It has two parts: what the policy that ranked the text says about it, and the strongest thing that the evidence adds.
Each part is a `Fact` (a code and its values) and becomes words only through `ENGLISH`, so that a translation is
another table of the same codes, which may name the policies too.

What the policies' scores mean here (higher = checked first): for `expected-gain`, `channel-gain` and
`negative-influence` the predicted fall of the validation loss in nats, by checking the text, and by removing it; for
`class-gain` and `class-influence` that of the loss on one class's validation texts; for `gold-loss` and
`out-of-fold-loss` the loss of the text's label in nats; for `knn` and `bm25` the share of weighted votes for another
label; for `likely-wrong` the probability that the label is wrong. Of the others only the rank is stated.
`inffeed_core.flags.policies` computes them all. Where influence went through the training, the gain of the suggested
label is said instead, as what the next fine-tuning with the same settings should do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inffeed_core.flags.policies import BY_NAME, TABLE, Says
from inffeed_core.records import Evidence, Flag, Influencer, Split
from inffeed_core.settings import SENT
from inffeed_core.wording import filled

STRONGEST = 5
"""How many influencers of a side are counted."""

FEWEST = 3
"""With fewer influencers, a count says too little to be worth stating."""

UNDECIDED_BELOW = 0.6
"""A posterior of the current label below this does not count as agreement."""

_OF_LOSSES = [policy.says.code for policy in TABLE if policy.says is not None and policy.says.kind == "loss"]
_SAID = {
    **dict.fromkeys(_OF_LOSSES, {"label-chance", "other-chance"}),
    "wrong-chance": {"label-chance", "likely-right", "undecided"},
}
"""Code of what a policy says → codes of what would nearly repeat it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the numbers say: the code of a phrase and its values."""

    code: str
    values: Mapping[str, str | int]


ENGLISH = {
    "next-retrain-rank": (
        "correcting this to “{label}” ranks {rank} of {of} by how much it should help the next fine-tuning (trust the "
        "rank, not a size)"
    ),
    "next-retrain": (
        "if you correct this to “{label}”, the next fine-tuning should lower the validation loss by {gain} nats"
        " (rank {rank} of {of})"
    ),
    "gain-above": "checking it should lower the validation loss more than checking {percent} % of the silver texts",
    "class-gain-above": (
        "checking it should lower the validation loss of some label more than checking {percent} % of the silver texts"
        " lowers that of any"
    ),
    "class-removal-above": (
        "removing it would lower the validation loss of some label more than removing {percent} % of the silver texts"
        " lowers that of any"
    ),
    "removal-above": "removing it would lower the validation loss more than removing {percent} % of the silver texts",
    "gold-model": "a model trained on gold labels alone gives this label {chance}",
    "unseen-model": "a model that never saw this label gives it {chance}",
    "wrong-chance": "it is {chance} likely to be wrong",
    "label-chance": "this label is {chance} likely to be right",
    "other-chance": "“{label}” is {chance} likely to be right",
    "likely-right": "it is {chance} likely to be right as it is",
    "undecided": "it is only {chance} likely to be right as it is",
    "first-by-confident-learning": "confident learning puts it among the first {percent} % of the silver texts",
    "first-by-label-doubt": "it is among the {percent} % of the silver texts whose right label is most in doubt",
    "first-by-self-influence": "its pull on its own prediction puts it among the first {percent} % of the silver texts",
    "near-gold": "{chance} of the votes of its nearest gold texts go to another label",
    "alike-gold": "{chance} of the votes of the gold texts with the most similar words go to another label",
    "unsure-gold": (
        "a model trained on gold labels alone is less sure about it than about {percent} % of the silver texts"
    ),
    "next-of-kind": "texts of different kinds take turns, and it is the next of its kind",
    "random": "it was drawn at random, not by a score",
    "sent-label": "feedback on the training labels proposes “{label}”",
    "sent-leave-out": (
        "feedback on the training labels proposes to leave it out: without it the validation loss should fall by"
        " {gain} nats"
    ),
    "ranked": "it is number {rank} of {of} silver {of:text|texts} by {policy}",
    "supporters-other": "{count} of its {of} strongest supporters {count:carries|carry} the other label",
    "supporters-another": "{count} of its {of} strongest supporters {count:carries|carry} another label",
    "opposers-gold": "{count} of its {of} strongest opposers {count:is a gold text|are gold texts} labelled “{label}”",
    "chance": "{percent} %",
    "chance-low": "less than 1 %",
    "chance-high": "more than 99 %",
    "and": "{first}, and {second}.",
    "but": "{first}, but {second}.",
    "alone": "{first}.",
}
"""Code to phrase; `and`, `but` and `alone` join phrases to a sentence."""


def reason(flag: Flag, evidence: Evidence, labels: int, phrases: Mapping[str, str] = ENGLISH) -> str:
    """The sentence for a flag. `labels` is how many labels the project has."""
    lead = standing(flag)
    said = _SAID.get(lead.code, set())
    more = [] if flag.policy == SENT else additions(flag, evidence, labels)  # a gold text's label was seen by the model
    added = next((f for f in more if f.code not in said), None)
    return joined(lead, added, phrases)


def joined(lead: Fact, added: Fact | None, phrases: Mapping[str, str]) -> str:
    """The sentence that says both."""
    first = _words(lead, phrases)
    if added is None:
        return _capital(phrases["alone"].format(first=first))
    joint = "but" if added.code == "likely-right" else "and"  # agreement is a reason against flagging it
    return _capital(phrases[joint].format(first=first, second=_words(added, phrases)))


def standing(flag: Flag) -> Fact:
    """What the policy says about the flag; only its rank if a stronger statement would not be true."""
    behind = 100 * (flag.of - flag.rank) // flag.of
    among_first = -(-100 * flag.rank // flag.of)
    if flag.policy == "random":
        return Fact("random", {})
    if flag.policy == SENT:
        if flag.proposed is None:
            return Fact("sent-leave-out", {"gain": f"{flag.score:.2g}"})
        return Fact("sent-label", {"label": flag.proposed})
    if flag.policy == "cluster":
        return Fact("next-of-kind", {})
    if flag.policy == "uncertainty" and behind >= 50:
        return Fact("unsure-gold", {"percent": behind})
    if (foretold := _next_retrain(flag)) is not None:
        return foretold
    says = BY_NAME[flag.policy].says if flag.policy in BY_NAME else None
    if says is not None and _holds(says, flag.score, behind):
        values = {"percent": behind} if says.kind == "gain" else {"chance": percent(_chance(says, flag.score))}
        return Fact(says.code, values)
    if among_first <= 50 and f"first-by-{flag.policy}" in ENGLISH:
        return Fact(f"first-by-{flag.policy}", {"percent": among_first})
    return Fact("ranked", {"rank": flag.rank, "of": flag.of, "policy": flag.policy})


def _next_retrain(flag: Flag) -> Fact | None:
    """What the next fine-tuning should gain, as far as such numbers carry."""
    if flag.next_gain is None or flag.next_gain[0] <= 0 or flag.suggested == flag.label or flag.carries == "neither":
        return None
    values: dict[str, str | int] = {"label": flag.suggested, "rank": flag.next_gain[1], "of": flag.of}
    if flag.carries == "size":
        return Fact("next-retrain", {**values, "gain": f"{flag.next_gain[0]:.2g}"})
    return Fact("next-retrain-rank", values)


def _holds(says: Says, score: float, behind: int) -> bool:
    """Whether what the policy's number says is strong enough to be stated."""
    if says.kind == "gain":
        return score > 0 and behind >= 50
    return says.kind in ("loss", "chance") or score > 0.5


def _chance(says: Says, score: float) -> float:
    return math.exp(-score) if says.kind == "loss" else score


def additions(flag: Flag, evidence: Evidence, labels: int) -> list[Fact]:
    """What the evidence and the posterior add, the strongest first."""
    if flag.suggested == flag.label:
        sure = flag.suggested_probability >= UNDECIDED_BELOW
        code = "likely-right" if sure else "undecided"
        return [Fact(code, {"chance": percent(flag.suggested_probability)})]
    facts = [_odd_supporters(flag, evidence.supporters, labels), _gold_opposers(flag, evidence.opposers)]
    return [*(f for f in facts if f is not None), _posterior(flag, labels)]


def _odd_supporters(flag: Flag, supporters: Sequence[Influencer], labels: int) -> Fact | None:
    strongest = supporters[:STRONGEST]
    odd = sum(i.label != flag.label for i in strongest)
    if len(strongest) < FEWEST or 2 * odd <= len(strongest):
        return None
    return Fact("supporters-other" if labels == 2 else "supporters-another", {"count": odd, "of": len(strongest)})


def _gold_opposers(flag: Flag, opposers: Sequence[Influencer]) -> Fact | None:
    strongest = opposers[:STRONGEST]
    gold = sum(i.split is not Split.SILVER and i.label == flag.suggested for i in strongest)
    if len(strongest) < FEWEST or 2 * gold <= len(strongest):
        return None
    return Fact("opposers-gold", {"count": gold, "of": len(strongest), "label": flag.suggested})


def _posterior(flag: Flag, labels: int) -> Fact:
    if labels == 2:
        return Fact("label-chance", {"chance": percent(1 - flag.suggested_probability)})
    return Fact("other-chance", {"label": flag.suggested, "chance": percent(flag.suggested_probability)})


def percent(probability: float) -> int:
    """As a whole number, 0 to 100."""
    return min(100, max(0, round(100 * probability)))


def _words(fact: Fact, phrases: Mapping[str, str]) -> str:
    values = dict(fact.values)
    if "chance" in values:
        percent = int(values["chance"])
        code = "chance-low" if percent < 1 else "chance-high" if percent > 99 else "chance"
        values["chance"] = phrases[code].format(percent=percent)
    if "policy" in values:
        values["policy"] = phrases.get(str(values["policy"]), values["policy"])
    return filled(phrases[fact.code], **values)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
