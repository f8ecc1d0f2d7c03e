from dataclasses import replace

import numpy as np
import pytest

from inffeed_core.flags.policies import POLICIES, RANKINGS, Signals, order


@pytest.fixture
def signals() -> Signals:
    """Four silver texts about two topics; the first and the last are mislabelled."""
    gold_features = np.array([[1, 0.1], [1, -0.1], [0.1, 1], [-0.1, 1]], dtype=np.float32)
    return Signals(
        labels=np.array([1, 0, 1, 0]),
        validation_influence=np.array([-0.02, 0.01, 0.02, -0.03]),
        relabel_gains=np.array([[0.05, 0.0], [0.0, -0.02], [-0.03, 0.0], [0.0, 0.06]]),
        posterior=np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]),
        channel=np.array([[0.6, 0.4], [0.9, 0.1], [0.1, 0.9], [0.45, 0.55]]),
        class_influence=np.array([[-0.02, 0.01], [0.01, 0.02], [0.01, 0.03], [0.01, -0.03]]),
        class_gains=np.array([[0.03, 0.0], [-0.01, -0.02], [0.0, -0.01], [-0.02, 0.04]]),
        out_of_fold=np.array([[0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9]]),
        self_influence=np.array([0.4, 0.1, 0.2, 0.5]),
        features=np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32),
        gold_features=gold_features,
        gold_labels=np.array([0, 0, 1, 1]),
        texts=["a dull kettle", "dull and slow kettle", "a bright lamp", "the lamp is bright"],
        gold_texts=["dull kettle", "slow dull kettle", "bright lamp", "a very bright lamp"],
        neighbours=2,
        clusters=50,
        seed=0,
    )


def test_every_policy_of_the_settings_is_there_in_the_same_order():
    assert tuple(RANKINGS) == POLICIES


@pytest.mark.parametrize("name", [p for p in POLICIES if p not in ("random", "uncertainty")])
def test_every_ranking_puts_the_two_wrong_labels_first(name: str, signals: Signals):
    assert set(order(RANKINGS[name](signals))[:2]) == {0, 3}


@pytest.mark.parametrize("side", ["texts", "gold_texts"])
def test_texts_without_a_word_are_alike_to_none(side: str, signals: Signals):
    wordless = replace(signals, **{side: ["!", "😀", "x", "a b"]})
    assert RANKINGS["bm25"](wordless).tolist() == [0.5] * 4


@pytest.mark.parametrize("name", POLICIES)
def test_rankings_are_finite_and_the_same_every_time(name: str, signals: Signals):
    first, second = RANKINGS[name](signals), RANKINGS[name](signals)
    assert first.shape == (4,)
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", [p for p in POLICIES if p != "random"])
def test_shuffling_the_silver_shuffles_the_scores_alike(name: str, signals: Signals):
    turn = np.array([2, 0, 3, 1])
    per_row = [
        "labels",
        "validation_influence",
        "relabel_gains",
        "posterior",
        "channel",
        "class_influence",
        "class_gains",
        "out_of_fold",
        "self_influence",
        "features",
    ]
    shuffled = replace(
        signals, **{k: getattr(signals, k)[turn] for k in per_row}, texts=[signals.texts[i] for i in turn]
    )
    np.testing.assert_allclose(RANKINGS[name](shuffled), RANKINGS[name](signals)[turn], rtol=1e-6)


def test_scores_by_hand(signals: Signals):
    np.testing.assert_allclose(RANKINGS["expected-gain"](signals), [0.045, -0.004, -0.009, 0.036])
    np.testing.assert_allclose(RANKINGS["class-influence"](signals), [0.02, -0.01, -0.01, 0.03])
    np.testing.assert_allclose(RANKINGS["class-gain"](signals), [0.03, -0.01, 0.0, 0.04])
    np.testing.assert_allclose(RANKINGS["negative-influence"](signals), [0.02, -0.01, -0.02, 0.03])
    np.testing.assert_allclose(RANKINGS["likely-wrong"](signals), [0.6, 0.1, 0.1, 0.55])
    np.testing.assert_allclose(RANKINGS["gold-loss"](signals), -np.log([0.1, 0.8, 0.7, 0.4]))


def test_uncertainty_is_the_entropy_of_the_posterior(signals: Signals):
    assert order(RANKINGS["uncertainty"](signals)).tolist() == [3, 2, 1, 0]
    even = replace(signals, posterior=np.array([[0.5, 0.5], [1, 0], [1, 0], [1, 0]]))
    np.testing.assert_allclose(RANKINGS["uncertainty"](even), [np.log(2), 0, 0, 0], atol=1e-12)


def test_clusters_take_turns_each_with_its_highest_gain_first(signals: Signals):
    kinds = np.repeat(np.eye(3, dtype=np.float32), [6, 3, 3], axis=0)
    gains = np.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0.3, 0.2, 0.1])
    spread = replace(
        signals,
        labels=np.zeros(12, dtype=np.int64),
        features=kinds + np.linspace(0, 0.01, 12, dtype=np.float32)[:, None],
        relabel_gains=np.stack([np.zeros(12), gains], axis=1),
        posterior=np.full((12, 2), 0.5),
        clusters=3,
    )
    first = order(RANKINGS["cluster"](spread)).tolist()
    assert first == [0, 6, 9, 1, 7, 10, 2, 8, 11, 3, 4, 5]


def test_confident_learning_works_where_all_silver_has_one_label(signals: Signals):
    alone = replace(signals, labels=np.zeros(4, dtype=np.int64))
    np.testing.assert_allclose(RANKINGS["confident-learning"](alone), 1 - alone.out_of_fold[:, 0])


def test_random_is_a_permutation_that_the_seed_decides(signals: Signals):
    assert sorted(RANKINGS["random"](signals)) == [0, 1, 2, 3]
    many = {tuple(RANKINGS["random"](replace(signals, seed=seed))) for seed in range(20)}
    assert len(many) > 5


def test_ties_keep_the_order_of_import():
    assert order(np.array([1.0, 2.0, 1.0, 2.0])).tolist() == [1, 3, 0, 2]
