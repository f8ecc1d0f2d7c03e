"""Comparisons over sets against known answers and a second implementation."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import f1_score

from inffeed_core.studies.evidence import statistics
from inffeed_core.studies.evidence.statistics import Predicted, Record, lead, mean, pooled_share, record, sign_flip


def predicted(gold: np.ndarray, right: float, seeds: int, chance: np.random.Generator, classes: int = 3) -> Predicted:
    """Each text right with this probability, in each seed anew."""
    other = (gold + chance.integers(1, classes, (seeds, len(gold)))) % classes
    return Predicted(gold, np.where(chance.random((seeds, len(gold))) < right, gold, other), classes)


def test_macro_f1_is_scikit_learns() -> None:
    chance = np.random.default_rng(0)
    gold = chance.integers(0, 3, 50)
    one = predicted(gold, 0.6, 4, chance)
    weights = chance.integers(0, 3, (5, 50)).astype(float)
    found = one.macro_f1(weights)
    for draw, times in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(50), times)
        for seed in range(4):
            wanted = f1_score(gold[rows], one.labels[seed, rows], average="macro", labels=np.unique(gold[rows]))
            assert found[draw, seed] == pytest.approx(wanted)


def test_the_lead_is_the_mean_over_sets_and_none_over_oneself() -> None:
    chance = np.random.default_rng(1)
    golds = {name: chance.integers(0, 3, size) for name, size in (("a", 80), ("b", 200), ("c", 40))}
    ours = {name: [predicted(gold, 0.8, 3, chance) for _ in range(2)] for name, gold in golds.items()}
    theirs = {name: [predicted(gold, 0.6, 3, chance) for _ in range(2)] for name, gold in golds.items()}
    found = lead(ours, theirs)
    ones = {name: np.ones((1, len(gold))) for name, gold in golds.items()}
    scores = [np.array([[p.macro_f1(ones[n]).mean() for p in each[n]] for n in golds]) for each in (ours, theirs)]
    wanted = (scores[0] - scores[1]).mean()
    assert found.value == pytest.approx(wanted)
    assert 0 < found.low < found.value < found.high
    same = lead(ours, ours)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    turned = lead(theirs, ours)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low), abs=0.01)


def test_more_seeds_on_the_same_test_texts_make_nothing_surer() -> None:
    """Where all seeds predict the same, more of them make nothing surer."""
    chance = np.random.default_rng(2)
    gold = chance.integers(0, 2, 100)
    ours, theirs = (predicted(gold, right, 1, chance, classes=2) for right in (0.8, 0.7))
    widths = []
    for seeds in (1, 20):
        many = [Predicted(gold, np.tile(one.labels, (seeds, 1)), 2) for one in (ours, theirs)]
        found = lead({"a": [many[0]]}, {"a": [many[1]]})
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert widths[0] > 0.1


def test_the_interval_holds_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets whose true leads vary around .05: the interval for their mean holds it about as often as it says."""
    monkeypatch.setattr(statistics, "RESAMPLES", 300)
    chance, held, repeats = np.random.default_rng(3), 0, 40
    for _ in range(repeats):
        ours, theirs = {}, {}
        for name in "abcdefghijkl":
            gold = np.arange(120) % 2
            true = 0.05 + 0.03 * chance.standard_normal()
            ours[name] = [predicted(gold, 0.7 + true, 2, chance, classes=2)]
            theirs[name] = [predicted(gold, 0.7, 2, chance, classes=2)]
        found = lead(ours, theirs)
        held += found.low <= 0.05 <= found.high
    assert 0.85 <= held / repeats <= 1


def test_means_of_figures() -> None:
    found = mean({"a": [0.5, 0.7], "b": [0.9, 0.9, 0.9]})
    assert found.value == pytest.approx(0.75)
    assert found.low >= 0.5
    assert found.high <= 0.9
    assert found.low < found.value < found.high


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_sign_flip_counts_every_assignment(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.3, 1, count)
    signs = np.array(list(product((-1, 1), repeat=count)))
    wanted = (abs(signs @ differences) >= abs(differences.sum()) - 1e-12).mean()
    assert sign_flip(list(differences)) == pytest.approx(wanted)


def test_ahead_on_every_set_is_the_least_likely_by_chance() -> None:
    assert sign_flip([0.01] * 8) == 2 / 2**8
    assert sign_flip([0.0, 0.0]) == 1


@pytest.mark.parametrize("count", [0, 21])
def test_sign_flip_has_its_bounds(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 20"):
        sign_flip([0.1] * count)


def test_a_tie_is_within_half_a_hundredth() -> None:
    assert record([0.0051, 0.005, 0.0, -0.005, -0.0051, -1]) == Record(wins=1, ties=3, losses=2)
    assert str(record([1.0])) == "1 / 0 / 0"


def test_the_share_is_pooled_over_wide_gaps() -> None:
    assert pooled_share([0.5, 0.6], [0.6, 0.7], [0.7, 0.61]) == pytest.approx(0.5)
    assert pooled_share([0.6], [0.7], [0.62]) is None


def test_what_does_not_match_is_refused() -> None:
    chance = np.random.default_rng(0)
    one = predicted(np.arange(9) % 3, 0.5, 2, chance)
    other = predicted(np.arange(9) % 2, 0.5, 2, chance)
    with pytest.raises(ValueError, match="same ones"):
        lead({"a": [one]}, {"b": [one]})
    with pytest.raises(ValueError, match="other test texts"):
        lead({"a": [one]}, {"a": [other]})
    with pytest.raises(ValueError, match=r"expected\s+\[seeds, texts\]"):
        Predicted(one.gold, one.gold, 3)
