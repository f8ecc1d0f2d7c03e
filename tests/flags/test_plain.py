"""Reasons without jargon: what they say is what the flag and its evidence hold."""

import re

import pytest

from inffeed_core.flags import plain, reasons
from inffeed_core.flags.policies import POLICIES
from inffeed_core.records import Evidence, Flag, Influencer, Split
from inffeed_core.settings import SENT
from pages.languages import LANGUAGES

JARGON = re.compile(r"loss|nats|influence|posterior|entropy|gradient|validation", re.IGNORECASE)


def flag(policy: str = POLICIES[0], suggested: str = "joy", chance: float = 0.8, proposed: str | None = None) -> Flag:
    return Flag(
        id="a",
        text="text",
        label="fear",
        predicted="joy",
        probability=0.9,
        suggested=suggested,
        suggested_probability=chance,
        policy=policy,
        score=0.4,
        rank=1,
        of=9,
        proposed=proposed,
    )


def influencer(n: int, label: str, influence: float, split: Split = Split.TRAIN) -> Influencer:
    return Influencer(id=f"t{n}", text="text", label=label, split=split, influence=influence)


NOTHING = Evidence("a", (), ())


def said(one: Flag, evidence: Evidence = NOTHING) -> str:
    return plain.plain(one, evidence, plain.ENGLISH, reasons.ENGLISH)


def test_the_gold_texts_that_matter_most_are_counted():
    opposers = tuple(influencer(n, "joy", -0.5 + n / 100) for n in range(4))
    silver = influencer(8, "fear", 0.9, Split.SILVER)  # which is no gold text
    weak = influencer(9, "fear", 0.01)
    evidence = Evidence("a", (silver, influencer(7, "fear", 0.4), weak), opposers)
    lead = "With this label it seems to mislead the model"
    assert said(flag(), evidence) == f"{lead}, and 4 of the 5 gold texts that matter most for it say “joy”."
    assert said(flag(suggested="fear"), evidence) == f"{lead}, but its label is 80 % likely to be right as it is."


def test_without_enough_gold_the_likely_label_is_said():
    few = Evidence("a", (), tuple(influencer(n, "joy", -0.1) for n in range(2)))
    assert said(flag(policy="knn", chance=0.4), few) == "Its label is in doubt, and “joy” is 40 % likely to be right."
    assert "only 50 % likely" in said(flag(policy="knn", suggested="fear", chance=0.5), few)


def test_what_feedback_advises_is_said_as_advice():
    assert said(flag(policy=SENT, proposed="joy")) == "Somebody was advised to label it “joy”."
    assert said(flag(policy=SENT)) == "Somebody was advised to leave it out."


@pytest.mark.parametrize("policy", [*POLICIES, SENT])
def test_no_order_speaks_jargon(policy):
    assert not JARGON.search(said(flag(policy=policy)))
    for language in LANGUAGES.values():
        assert plain.plain(flag(policy), NOTHING, language.words["plain"], language.words["reasons"])
