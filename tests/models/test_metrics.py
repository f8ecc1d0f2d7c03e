import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, f1_score, log_loss

from inffeed_core.models import metrics
from inffeed_core.models.metrics import macro_f1, macro_f1_difference, measure
from inffeed_core.records import Interval


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
def test_perfect_predictions_score_one_whichever_classes_have_gold(gold: np.ndarray):
    assert macro_f1(gold, gold, 3) == 1


@given(labels, st.randoms())
def test_order_of_instances_leaves_macro_f1_alone(gold: np.ndarray, random):
    predicted = np.roll(gold, 1)
    order = list(range(len(gold)))
    random.shuffle(order)
    assert macro_f1(predicted[order], gold[order], 3) == pytest.approx(macro_f1(predicted, gold, 3))


@given(labels, labels)
def test_macro_f1_is_scikit_learn_s_over_the_labels_that_have_gold(gold: np.ndarray, other: np.ndarray):
    predicted = np.resize(other, len(gold))
    expected = f1_score(gold, predicted, labels=np.unique(gold), average="macro", zero_division=0)
    assert macro_f1(predicted, gold, 3) == pytest.approx(expected)


@given(labels, labels, labels)
def test_every_interval_holds_its_value(gold: np.ndarray, one: np.ndarray, other: np.ndarray):
    before, after = np.resize(one, len(gold)), np.resize(other, len(gold))
    found = measure(np.eye(3)[after], gold, "abc")
    for interval in (found.macro_f1, *found.f1.values(), macro_f1_difference(before, after, gold, 3)):
        assert interval.low <= interval.value <= interval.high
    assert {*found.f1, *found.without_gold} == {*"abc"}
    assert not {*found.f1} & {*found.without_gold}


def test_a_label_without_gold_has_no_score_and_costs_nothing_by_itself():
    gold = np.array([0, 0, 1, 1])
    right = measure(np.eye(3)[gold], gold, ["a", "b", "c"])
    assert right.macro_f1 == Interval(1, 1, 1)
    assert (list(right.f1), right.without_gold) == (["a", "b"], ("c",))
    predicted = np.array([0, 2, 1, 1])  # the third class takes a text from the first
    assert measure(np.eye(3)[predicted], gold, ["a", "b", "c"]).macro_f1.value == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize("gold", [[0], [2], [1, 1, 1, 1, 1]])
def test_one_text_and_one_class_have_a_score(gold: list[int]):
    of = np.array(gold)
    assert measure(np.eye(3)[of], of, "abc").macro_f1 == Interval(1, 1, 1)
    assert measure(np.eye(3)[(of + 1) % 3], of, "abc").macro_f1 == Interval(0, 0, 0)
    half = measure(np.eye(3)[np.where(np.arange(len(of)) % 2, 0, of)], of, "abc")
    assert half.macro_f1.low <= half.macro_f1.value <= half.macro_f1.high


def test_the_interval_is_scipy_s_for_stratified_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "RESAMPLES", 20_000)
    generator = np.random.default_rng(3)
    gold = np.repeat([0, 1, 2], [90, 40, 12])
    predicted = np.where(generator.random(len(gold)) < 0.7, gold, generator.integers(0, 3, len(gold)))

    def statistic(*strata: np.ndarray, axis: int) -> np.ndarray:
        given = [sum((one == c).sum(axis) for one in strata) for c in range(3)]
        return sum(2 * (one == c).sum(axis) / (one.shape[axis] + given[c]) for c, one in enumerate(strata)) / 3

    by_class = [predicted[gold == c] for c in range(3)]
    theirs = bootstrap(by_class, statistic, method="BCa", n_resamples=20_000, batch=2000, rng=generator)
    ours = measure(np.eye(3)[predicted], gold, "abc").macro_f1
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.004)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.004)


def test_no_draw_loses_a_rare_class():
    gold = np.array([0] * 99 + [1])
    assert measure(np.eye(2)[gold], gold, ["a", "b"]).macro_f1 == Interval(1, 1, 1)


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
