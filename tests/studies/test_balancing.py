"""Heads taught classes of equal weight: what a row pulls, and that only what is scored is taught so."""

from dataclasses import replace

import numpy as np
import torch

from inffeed_core.influence import HeadData, fit_head, probabilities
from inffeed_core.settings import DEFAULT_MODEL
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.repair.balancing import balanced
from inffeed_core.studies.repair.review import Study, answers, knowing_all
from inffeed_core.studies.repair.runs import RepairSettings

LABELS = torch.tensor([0] * 90 + [1] * 10)


def lopsided() -> RepairSet:
    """Nine texts of ten are of one class, which the features hardly tell; silver is gold."""
    features = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) + LABELS.unsqueeze(1)
    part = (features, LABELS)
    return RepairSet(
        name="lopsided",
        labels=("often", "rarely"),
        texts=[f"text {i}" for i in range(100)],
        features=features[torch.arange(99, -1, -1)],
        gold=LABELS.flip(0),
        seed_rows=40,
        silver=LABELS.flip(0)[40:],
        silver_from="the data",
        validation=part,
        test=part,
        validation_texts=[""] * 100,
        test_texts=[""] * 100,
    )


def test_each_class_pulls_alike_and_the_whole_as_much_as_before() -> None:
    data = HeadData(torch.ones(100, 1), LABELS, 2, weights=torch.full((100,), 2.0))
    pull = balanced(data).row_weights
    torch.testing.assert_close(pull[LABELS == 0].sum(), pull[LABELS == 1].sum())
    torch.testing.assert_close(pull.sum(), torch.tensor(200.0, dtype=torch.float64))


def test_soft_targets_are_pulled_by_class_and_stay_distributions() -> None:
    targets = torch.tensor([[0.75, 0.25], [1.0, 0.0], [0.5, 0.5]])
    even = balanced(HeadData(torch.ones(3, 1), torch.zeros(3, dtype=torch.long), 2, targets=targets))
    assert even.targets is not None
    taught = even.targets * even.row_weights.unsqueeze(1)
    torch.testing.assert_close(taught.sum(0), torch.tensor([1.5, 1.5], dtype=torch.float64))
    torch.testing.assert_close(taught[0, 0], taught[0, 1])  # three times as sure of a class three times as common


def test_a_class_that_nobody_teaches_pulls_nothing() -> None:
    data = HeadData(torch.randn(10, 2), torch.zeros(10, dtype=torch.long), 3)
    fit = fit_head(balanced(data), 0.1)
    assert bool(probabilities(fit.theta, data.features).isfinite().all())


def test_heads_that_are_scored_are_balanced_and_rankings_are_not() -> None:
    draw = lopsided()
    given = answers(draw, 0.0, 0)
    as_it_is = Study(draw, given)
    even = Study(draw, given, as_it_is.start, balance=True)
    for training in ("plain", "noise-aware"):
        rare = [int((one.decided(training)["argmax"] == 1).sum()) for one in (as_it_is, even)]
        assert rare[1] > rare[0] + 5
    assert int((knowing_all(draw, balance=True)["argmax"] == 1).sum()) > 10
    torch.testing.assert_close(even.fits["plain"].theta, as_it_is.fits["plain"].theta)
    even.check(torch.arange(5))
    assert even.decided("plain")["macro-f1"].shape == np.shape(LABELS)


def test_rows_without_balance_are_those_from_before() -> None:
    plain = RepairSettings((0.1,), ("random",), (), model=DEFAULT_MODEL)
    assert (
        replace(plain, balanced=False).fingerprint()
        == plain.fingerprint()
        != replace(plain, balanced=True).fingerprint()
    )
