"""Agreement against published worked examples, a second way to compute it, and annotators of known quality."""

import math
import random
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable

from inffeed_core import review, store
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.review.agreeing import agreed, alpha, kappa, qualities, quality_of

BEN, GERRY = "aabbdcccedda", "babbbccceddd"
KRIPPENDORFF = [
    # Computing Krippendorff's Alpha-Reliability (2011): A (binary), B (nominal), C (nominal, with missing answers)
    (("0100000010", "1110010000"), 0.095),
    ((BEN, GERRY), 0.692),
    (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
]


def units(rows: tuple[str, ...]) -> list[list[str]]:
    return [[one for one in column if one != "."] for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("rows", "expected"), KRIPPENDORFF)
def test_alpha_is_that_of_krippendorff_s_worked_examples(rows, expected):
    found = alpha(units(rows))
    assert found is not None
    assert found.value == pytest.approx(expected, abs=0.0006)
    assert found.low <= found.value <= found.high <= 1


def by_definition(given: list[list[str]]) -> float:
    """1 - observed / expected disagreement, pair by pair."""
    several = [unit for unit in given if len(unit) > 1]
    every = [one for unit in several for one in unit]
    seen = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in several) / len(every)
    pairs = list(permutations(every, 2))
    return 1 - seen / (sum(a != b for a, b in pairs) / len(pairs))


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_the_definition(seed):
    chance = random.Random(seed)
    given = [chance.choices("abc", k=chance.randrange(4)) for _ in range(40)]
    found = alpha(given)
    assert found is not None
    assert found.value == pytest.approx(by_definition(given))


def test_alpha_of_one_label_or_of_single_answers_says_nothing():
    assert alpha([["a", "a"], ["a", "a"]]) is None
    assert alpha([["a"], ["b"]]) is None
    assert alpha([]) is None


def test_kappa_is_that_of_a_worked_example():
    """Two readers of 50 proposals: 20 both yes, 15 both no, 5 and 10 where they differ."""
    both = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa(both)
    assert found is not None
    assert found.value == pytest.approx(0.4)
    assert 0.1 < found.low < 0.2  # the asymptotic interval is 0.15 to 0.65
    assert 0.6 < found.high < 0.7
    assert kappa([("y", "y")] * 5) is None
    assert kappa([("y", "n")]) is None


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=60))


def say(project: Project, who: str, id: str, label: str, **more: object) -> None:
    token = f"{who}-{id}-{label}-{more.get('settles')}"
    review.decide(project, Decision(token, id, who, act=Act.RELABEL, label=label, **more))  # type: ignore[arg-type]


def test_a_project_s_agreement_leaves_out_settlements_and_single_answers(project):
    for n in range(10):
        say(project, "Ada", f"s{n:03}", "positive" if n < 6 else "negative")
        say(project, "Bob", f"s{n:03}", "positive" if n < 5 else "negative")
    say(project, "Ada", "s020", "positive")
    say(project, "Cem", "s005", "negative", settles=True)
    found = agreed(project)
    assert (found.texts, found.annotators) == (10, 2)
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.texts, pair.agree) == ("Ada", "Bob", 10, 0.9)
    assert pair.kappa is not None
    assert pair.kappa.value == pytest.approx(0.8)
    assert {one.label: one.answers for one in found.labels} == {"negative": 9, "positive": 11}
    assert found.alpha is not None
    assert all(one.alpha is not None and one.alpha.value == pytest.approx(found.alpha.value) for one in found.labels)


def test_what_was_accepted_and_changed_later_is_counted(project):
    hint = {"policy": "class-influence", "suggested": "positive"}
    for n in range(4):
        say(project, "Ada", f"s{n:03}", "positive", **hint)
    say(project, "Ada", "s004", "negative", **hint)
    say(project, "Ada", "s005", "positive", policy="audit")
    say(project, "Ada", "s000", "negative")  # she changed her mind
    say(project, "Bob", "s001", "negative", settles=True)  # settled against her
    say(project, "Bob", "s002", "negative")  # another opinion is no change
    (ada,) = agreed(project).accepting
    assert (ada.suggested, ada.accepted, ada.changed) == (5, 4, 2)


def test_cleanlab_ranks_bad_annotators_last():
    chance = random.Random(3)
    labels, truth = ("a", "b", "c"), {f"t{n}": "abc"[n % 3] for n in range(150)}
    accuracy = {"good": 0.95, "fair": 0.85, "bad": 0.5, "worst": 0.2}

    def answer(right: str, who: str) -> str:
        return right if chance.random() < accuracy[who] else chance.choice([one for one in labels if one != right])

    given = {id: {who: answer(right, who) for who in accuracy if chance.random() < 0.8} for id, right in truth.items()}
    given = {id: said for id, said in given.items() if said}
    model = [(truth[id] if chance.random() < 0.8 else "a", 0.7) for id in given]
    found = quality_of(given, model, labels)
    assert [one.annotator for one in found] == ["good", "fair", "bad", "worst"]
    assert {one.annotator: one.texts for one in found} == Counter(who for said in given.values() for who in said)


def test_quality_needs_two_annotators(project):
    say(project, "Ada", "s000", "positive")
    with pytest.raises(NotReady):
        qualities(project)
    for n in range(8):
        say(project, "Bob", f"s{n:03}", "positive" if n % 2 else "negative")
    assert {one.annotator for one in qualities(project)} == {"Ada", "Bob"}
    assert all(0 <= one.quality <= 1 and not math.isnan(one.quality) for one in qualities(project))
    with store.reading(project.db) as db:
        assert len(store.agreeing.labels_given(db)) == 8
