"""Worked cases: the sentence says what the numbers say, and nothing where they say nothing."""

import math

import pytest

from inffeed_core.flags.reasons import ENGLISH, reason
from inffeed_core.records import Evidence, Flag, Influencer, Split


def flag(policy: str = "expected-gain", **changes) -> Flag:
    values = {
        "id": "x",
        "text": "t",
        "label": "positive",
        "predicted": "negative",
        "probability": 0.9,
        "suggested": "negative",
        "suggested_probability": 0.97,
        "policy": policy,
        "score": 0.01,
        "rank": 3,
        "of": 300,
    }
    return Flag(**values | changes)


def side(*labels: str, split: Split = Split.SILVER) -> tuple[Influencer, ...]:
    return tuple(Influencer(str(n), "t", label, split, 0.1) for n, label in enumerate(labels))


NOTHING = Evidence("x", (), ())
ODD = Evidence("x", side("negative", "negative", "positive", "negative", "negative", "positive"), ())


def test_gain_and_odd_supporters():
    assert reason(flag(), ODD, labels=2) == (
        "Checking it should lower the validation loss more than checking 99 % of the silver texts, "
        "and 4 of its 5 strongest supporters carry the other label."
    )


def test_the_next_fine_tuning_is_foretold_where_influence_went_through_the_training():
    foretold = {"next_gain": (0.00123, 3), "of": 2817}
    assert reason(flag(**foretold, carries="size"), NOTHING, labels=2) == (
        "If you correct this to “negative”, the next fine-tuning should lower the validation loss by 0.0012 nats "
        "(rank 3 of 2817), and this label is 3 % likely to be right."
    )
    for silent in ({"next_gain": (-0.1, 3)}, {"next_gain": None}, {"suggested": "positive"}, {"policy": "random"}):
        assert "fine-tuning" not in reason(flag(**({"policy": "expected-gain"} | foretold | silent)), NOTHING, labels=2)


def test_a_foretold_number_is_only_said_as_far_as_it_carries():
    foretold = {"next_gain": (0.00123, 3), "of": 2817}
    assert "0.0012 nats" in reason(flag(**foretold, carries="size"), NOTHING, labels=2)
    ranked = reason(flag(**foretold, carries="rank"), NOTHING, labels=2)
    assert reason(flag(**foretold), NOTHING, labels=2) == ranked  # not checked
    assert ranked.startswith(
        "Correcting this to “negative” ranks 3 of 2817 by how much it should help the next fine-tuning"
    )
    assert "nats" not in ranked
    assert "fine-tuning" not in reason(flag(**foretold, carries="neither"), NOTHING, labels=2)


def test_removal_and_posterior_of_a_binary_label():
    assert reason(flag("negative-influence"), NOTHING, labels=2) == (
        "Removing it would lower the validation loss more than removing 99 % of the silver texts, "
        "and this label is 3 % likely to be right."
    )


def test_with_three_labels_the_posterior_of_the_current_one_is_unknown():
    assert reason(flag("random"), NOTHING, labels=3) == (
        "It was drawn at random, not by a score, and “negative” is 97 % likely to be right."
    )


@pytest.mark.parametrize(
    ("policy", "start"),
    [
        ("gold-loss", "A model trained on gold labels alone gives this label 5 %"),
        ("out-of-fold-loss", "A model that never saw this label gives it 5 %"),
    ],
)
def test_a_loss_is_told_as_the_probability_it_is(policy, start):
    assert reason(flag(policy, score=-math.log(0.05)), NOTHING, labels=2) == f"{start}."


def test_a_likely_wrong_label_is_told_once():
    assert reason(flag("likely-wrong", score=0.78), NOTHING, labels=2) == "It is 78 % likely to be wrong."
    agreeing = flag("likely-wrong", score=0.32, suggested="positive", suggested_probability=0.68)
    assert reason(agreeing, NOTHING, labels=2) == "It is 32 % likely to be wrong."
    assert reason(flag("likely-wrong", score=0.78), ODD, labels=2) == (
        "It is 78 % likely to be wrong, and 4 of its 5 strongest supporters carry the other label."
    )


def test_with_three_labels_the_right_one_of_a_likely_wrong_label_is_named():
    told = reason(flag("likely-wrong", score=0.78, suggested_probability=0.61), NOTHING, labels=3)
    assert told == "It is 78 % likely to be wrong, and “negative” is 61 % likely to be right."


def test_an_agreeing_model_is_not_hidden():
    agreeing = flag("confident-learning", suggested="positive", suggested_probability=0.91, rank=6)
    assert reason(agreeing, ODD, labels=2) == (
        "Confident learning puts it among the first 2 % of the silver texts, "
        "but it is 91 % likely to be right as it is."
    )


def test_a_weak_posterior_is_no_agreement():
    weak = flag("random", suggested="positive", suggested_probability=0.52)
    assert reason(weak, NOTHING, labels=2).endswith("and it is only 52 % likely to be right as it is.")


@pytest.mark.parametrize("changes", [{"score": 0.0}, {"score": -0.01}, {"rank": 151}])
def test_no_claim_of_gain_where_there_is_none(changes):
    told = reason(flag(**changes), NOTHING, labels=2)
    assert told.startswith(f"It is number {changes.get('rank', 3)} of 300 silver texts by expected-gain, and")


def test_votes_are_told_as_shares_where_they_are_a_majority():
    assert reason(flag("knn", score=0.83), NOTHING, labels=2).startswith(
        "83 % of the votes of its nearest gold texts go to another label, and"
    )
    assert reason(flag("bm25", score=0.5), NOTHING, labels=2).startswith("It is number 3 of 300 silver texts by bm25,")


def test_a_minority_of_odd_supporters_is_no_reason():
    even = Evidence("x", side("negative", "negative", "positive", "positive", "positive"), ())
    assert "supporters" not in reason(flag(), even, labels=2)


def test_two_supporters_are_too_few_to_count():
    assert "supporters" not in reason(flag(), Evidence("x", side("negative", "negative"), ()), labels=2)


def test_gold_opposers_with_the_suggested_label():
    gold = Evidence("x", (), side("negative", "negative", "negative", "positive", split=Split.TRAIN))
    assert "and 3 of its 4 strongest opposers are gold texts labelled “negative”." in reason(flag(), gold, labels=2)
    silver = Evidence("x", (), side("negative", "negative", "negative", "positive"))
    assert "opposers" not in reason(flag(), silver, labels=2)


@pytest.mark.parametrize(("chance", "words"), [(0.999, "less than 1 %"), (0.004, "more than 99 %"), (0.5, "50 %")])
def test_chances_are_never_told_as_certain(chance, words):
    assert f"this label is {words} likely to be right." in reason(flag(suggested_probability=chance), NOTHING, labels=2)


def test_another_language_is_another_table():
    table = {code: f"<{phrase}>" for code, phrase in ENGLISH.items()}
    assert reason(flag("random"), NOTHING, 2, table).startswith("<<it was drawn at random")


def test_braces_in_a_label_are_only_text():
    odd = flag("random", suggested="{rank}")
    assert "“{rank}” is 97 % likely" in reason(odd, NOTHING, labels=3)


def test_the_orders_that_spread_say_why():
    assert reason(flag("uncertainty"), NOTHING, labels=2).startswith(
        "A model trained on gold labels alone is less sure about it than about 99 % of the silver texts, and"
    )
    assert reason(flag("uncertainty", rank=200), NOTHING, labels=2).startswith("It is number 200 of 300")
    told = reason(flag("cluster"), NOTHING, labels=2)
    assert told.startswith("Texts of different kinds take turns, and it is the next of its kind")
