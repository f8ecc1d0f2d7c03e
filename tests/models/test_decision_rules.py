"""Decision rules: what they decide, that they are fitted honestly, and that they do no harm."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import f1_score

from inffeed_core.errors import ModelError
from inffeed_core.models import deciding
from inffeed_core.models.deciding import DecisionRule, expected_offsets, fit_rules
from inffeed_core.models.metrics import macro_f1


def drawn(n: int, prior: list[float], sharpness: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model that knows the priors and tells the classes apart a little, and gold classes: its
    probabilities are right at temperature 1, so those of `sharpness` times its logits are at that temperature."""
    generator = np.random.default_rng(seed)
    gold = generator.choice(len(prior), n, p=prior)
    shown = generator.normal(size=(n, len(prior))) + 1.2 * np.eye(len(prior))[gold]
    return sharpness * (1.2 * shown + np.log(prior)), gold


def test_argmax_decides_for_the_highest_logit_and_leaves_probabilities_alone():
    logits, _ = drawn(50, [0.7, 0.2, 0.1])
    rule = DecisionRule("argmax")
    assert np.array_equal(rule.decide(logits), logits.argmax(1))
    assert np.allclose(rule.apply(logits), torch.softmax(torch.from_numpy(logits), 1).numpy())


def test_a_temperature_changes_probabilities_and_no_decision():
    logits, gold = drawn(2000, [0.6, 0.3, 0.1], sharpness=3.0)
    rules = fit_rules(logits, gold)
    found = rules["calibrated"].rule
    assert found.temperature == pytest.approx(3.0, rel=0.15)
    assert np.array_equal(found.decide(logits), logits.argmax(1))
    own = np.arange(len(gold)), gold
    assert np.log(found.apply(logits)[own]).mean() > np.log(softmax(logits, axis=1)[own]).mean() + 0.05


def test_offsets_maximise_the_expected_macro_f1():
    """Compared with every pair of offsets on the grid, two classes free."""
    logits, _ = drawn(300, [0.8, 0.15, 0.05])
    found = softmax(logits, axis=1)

    def expected(offsets: np.ndarray) -> float:
        decided = np.eye(3)[(np.log(found) + offsets).argmax(1)]
        return float((2 * (decided * found).sum(0) / (decided.sum(0) + found.sum(0))).mean())

    mine = expected_offsets(found, np.array([False, True, True]))
    best = max(expected(np.array([0, a, b])) for a in deciding.GRID for b in deciding.GRID)
    assert mine[0] == 0
    assert expected(mine) > expected(np.zeros(3)) + 0.02
    assert expected(mine) >= best - 1e-3


def test_macro_f1_gains_on_texts_that_it_was_not_fitted_on_where_a_class_is_rare():
    logits, gold = drawn(600, [0.95, 0.05])
    later, truth = drawn(4000, [0.95, 0.05], seed=1)
    found = fit_rules(logits, gold)["macro-f1"]
    assert found.has_offsets
    mine, plain = (f1_score(truth, part, average="macro") for part in (found.rule.decide(later), later.argmax(1)))
    assert mine > plain + 0.01
    assert np.allclose(found.rule.apply(later).sum(1), 1)


def test_the_figure_on_validation_does_not_flatter():
    """Over draws, what cross-fitting says of the gain is, on the mean, not above what new texts say."""
    told, real = [], []
    for seed in range(12):
        logits, gold = drawn(150, [0.8, 0.2], seed=seed)
        later, truth = drawn(4000, [0.8, 0.2], seed=100 + seed)
        found = fit_rules(logits, gold)["macro-f1"]
        told.append(found.gain)
        real.append(macro_f1(found.rule.decide(later), truth, 2) - macro_f1(later.argmax(1), truth, 2))
    assert np.mean(told) < np.mean(real) + 0.01


def test_offsets_that_do_not_gain_are_given_up():
    """Labels without any connection to the logits: whatever is fitted is fitted to chance."""
    generator = np.random.default_rng(3)
    logits, gold = generator.normal(size=(80, 2)), generator.integers(0, 2, 80)
    logits[:, 0] += 0.1
    for seed in range(10):
        found = fit_rules(logits, np.random.default_rng(seed).permutation(gold))["macro-f1"]
        assert found.gain >= deciding.LEAST or not found.has_offsets
        if not found.has_offsets:
            assert np.array_equal(found.decisions, logits.argmax(1))
            assert np.array_equal(found.rule.decide(logits), logits.argmax(1))


def test_a_class_of_four_validation_texts_has_no_offset():
    logits, gold = drawn(400, [0.6, 0.39, 0.01])
    gold[gold == 2] = 0
    gold[:4] = 2
    offsets = fit_rules(logits, gold)["macro-f1"].rule.offsets
    assert not offsets or offsets[2] == 0


@pytest.mark.parametrize("gold", [[0], [0, 0, 0], [0, 1], [1, 1, 1, 1, 1, 1]])
def test_few_texts_or_one_class_are_no_error(gold: list[int]):
    logits = np.random.default_rng(0).normal(size=(len(gold), 3))
    for one in fit_rules(logits, np.array(gold)).values():
        assert one.probabilities.shape == logits.shape
        assert one.decisions.shape == (len(gold),)
        assert np.isfinite(one.probabilities).all()


def test_fitting_is_deterministic():
    logits, gold = drawn(200, [0.8, 0.2])
    first, second = fit_rules(logits, gold), fit_rules(logits.copy(), gold.copy())
    assert {k: v.rule for k, v in first.items()} == {k: v.rule for k, v in second.items()}
    assert np.array_equal(first["macro-f1"].decisions, second["macro-f1"].decisions)


@given(st.floats(0.05, 20), st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.integers(0, 99))
def test_a_folded_head_decides_as_the_rule_does(warmth: float, offsets: list[float], seed: int):
    generator = np.random.default_rng(seed)
    features, weight, bias = generator.normal(size=(20, 5)), generator.normal(size=(3, 5)), generator.normal(size=3)
    rule = DecisionRule("macro-f1", warmth, tuple(offsets))
    inside, added = rule.folded(weight, bias)
    assert np.array_equal((features @ inside.T + added).argmax(1), rule.decide(features @ weight.T + bias))


def test_a_rule_survives_json_and_refuses_what_no_rule_can_have():
    rule = DecisionRule("macro-f1", 1.5, (0.0, 0.3))
    assert DecisionRule.from_dict(rule.as_dict()) == rule
    for kind, warmth, offsets in (("best", 1.0, ()), ("argmax", 0.0, ()), ("macro-f1", 1.0, (float("nan"),))):
        with pytest.raises(ModelError, match="decision rule"):
            DecisionRule(kind, warmth, offsets)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="offsets of 2 classes was given 3"):
        rule.decide(np.zeros((1, 3)))
