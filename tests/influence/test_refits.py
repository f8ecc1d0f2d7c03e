"""The experiment that defines every score: refit without a row, or with another label, and measure the loss again.

Each set gives 150 removals and 150 relabellings, spread over the range of predicted scores. The sample data always
run; real sets run where the environment variable INFFEED_DATA names a folder that holds them.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inffeed_core.evaluation.repair import RepairSet, load
from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, choose_l2, fit_head, losses, probabilities
from inffeed_core.settings import DEFAULT_MODEL, L2_GRID

REFITS = 150
ROWS = 1500
"""Real sets are cut to this many rows, so that 300 refits take seconds."""


@pytest.fixture(scope="module", params=["sample", "irony", "reviews_movies", "questions", "hate"])
def refit_case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample_set: RepairSet):
    if request.param == "sample":
        return case_of(sample_set)
    folder = Path(os.environ.get("INFFEED_DATA", ""))
    if not os.environ.get("INFFEED_DATA") or not (folder / f"{request.param}.jsonl.gz").is_file():
        pytest.skip(f"INFFEED_DATA names no folder with {request.param}.jsonl.gz")
    cache = tmp_path_factory.mktemp("features")
    return case_of(load(folder, request.param, DEFAULT_MODEL, cache, lambda *_: None))


def case_of(data: RepairSet) -> tuple[HeadData, HeadFit, HeadInfluence, tuple[Tensor, Tensor]]:
    labels = torch.cat([data.gold[: data.seed_rows], data.silver])[:ROWS]
    head_data = HeadData(data.features[:ROWS], labels, len(data.labels))
    fit = choose_l2(head_data, *data.validation, L2_GRID)
    return head_data, fit, HeadInfluence(head_data, fit), data.validation


def spread(predicted: Tensor) -> list[int]:
    """Rows at even steps from the lowest to the highest prediction."""
    order = predicted.argsort()
    return order[torch.linspace(0, len(order) - 1, REFITS).long()].tolist()


def validation_loss(fit: HeadFit, validation: tuple[Tensor, Tensor]) -> float:
    return float(losses(probabilities(fit.theta, validation[0]), validation[1]).mean())


def agreement(predicted: list[float], actual: list[float]) -> tuple[float, float]:
    """Pearson correlation, and the slope of actual on predicted."""
    return float(np.corrcoef(predicted, actual)[0, 1]), float(np.polyfit(predicted, actual, 1)[0])


def test_removal_scores_predict_refits_without_the_row(refit_case):
    data, fit, influence, validation = refit_case
    predicted = influence.on_gradients(influence.validation_gradient(*validation))[0].double()
    now, rows, actual = validation_loss(fit, validation), spread(predicted), []
    for row in rows:
        weights = torch.ones(len(data.features), dtype=torch.float64)
        weights[row] = 0
        without = fit_head(HeadData(data.features, data.labels, data.classes, weights), fit.l2, start=fit.theta)
        actual.append(validation_loss(without, validation) - now)
    correlation, slope = agreement([float(predicted[row]) for row in rows], actual)
    assert correlation >= 0.95
    assert 0.9 <= slope <= 1.1


def test_relabel_gains_predict_refits_with_another_label(refit_case):
    data, fit, influence, validation = refit_case
    gains = influence.relabel_gains(influence.validation_gradient(*validation))
    other = (data.labels + 1) % data.classes
    predicted = gains.gather(1, other.unsqueeze(1)).squeeze(1)
    now, rows, actual = validation_loss(fit, validation), spread(predicted), []
    for row in rows:
        labels = data.labels.clone()
        labels[row] = other[row]
        relabelled = fit_head(HeadData(data.features, labels, data.classes), fit.l2, start=fit.theta)
        actual.append(now - validation_loss(relabelled, validation))
    correlation, slope = agreement([float(predicted[row]) for row in rows], actual)
    assert correlation >= 0.95
    assert 0.8 <= slope <= 1.2
