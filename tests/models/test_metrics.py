import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, log_loss

from inffeed_core.models.metrics import macro_f1, macro_f1_difference, measure


def some_probabilities(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    raw = generator.random((n, classes)) + 0.01
    return raw / raw.sum(1, keepdims=True), generator.integers(0, classes, n)


@pytest.mark.parametrize("classes", [2, 5])
def test_point_estimates_are_scikit_learn_s(classes: int):
    probs, gold = some_probabilities(150, classes, 1)
    names = [f"c{i}" for i in range(classes)]
    found = measure(probs, gold, names)
    expected = f1_score(gold, probs.argmax(1), average=None, labels=range(classes), zero_division=0)
    assert [found.f1[name].value for name in names] == pytest.approx(expected)
    assert found.macro_f1.value == pytest.approx(expected.mean())
    assert found.accuracy == pytest.approx(accuracy_score(gold, probs.argmax(1)))
    assert found.loss == pytest.approx(log_loss(gold, probs, labels=range(classes)))


labels = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 2))


@given(labels)
def test_perfect_predictions_of_all_classes_score_one(gold: np.ndarray):
    present = len(np.unique(gold))
    assert macro_f1(gold, gold, 3) == pytest.approx(present / 3)


@given(labels, st.randoms())
def test_order_of_instances_leaves_macro_f1_alone(gold: np.ndarray, random):
    predicted = np.roll(gold, 1)
    order = list(range(len(gold)))
    random.shuffle(order)
    assert macro_f1(predicted[order], gold[order], 3) == pytest.approx(macro_f1(predicted, gold, 3))


def test_intervals_hold_the_estimate_and_narrow_with_more_data():
    few, many = (measure(*some_probabilities(n, 2, 7), ["a", "b"]).macro_f1 for n in (60, 6000))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """A classifier that is right 80 % of the time on balanced classes has a macro-F1 of .8."""
    covered = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        gold = np.arange(200) % 2
        wrong = generator.random(200) < 0.2
        probs = np.eye(2)[np.where(wrong, 1 - gold, gold)]
        interval = measure(probs, gold, ["a", "b"]).macro_f1
        covered += interval.low <= 0.8 <= interval.high
    assert covered >= 52


def test_no_difference_between_equal_predictions():
    _, gold = some_probabilities(80, 2, 3)
    same = macro_f1_difference(gold[::-1].copy(), gold[::-1].copy(), gold, 2)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_clear_gain_has_an_interval_above_zero_and_swapping_turns_its_sign():
    gold = np.arange(300) % 3
    before, after = np.where(np.arange(300) % 2 == 0, gold, 0), gold
    gain, loss = macro_f1_difference(before, after, gold, 3), macro_f1_difference(after, before, gold, 3)
    assert gain.low > 0
    assert (loss.value, loss.low, loss.high) == pytest.approx((-gain.value, -gain.high, -gain.low))
