"""What models that never saw a silver label believe about it: what every posterior begins with."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, fit_head, logits, probabilities
from inffeed_core.influence.calibrating import temperature
from inffeed_core.influence.factor import Solver
from inffeed_core.influence.newton import narrowed, turned


def calibrated(
    fit: HeadFit,
    validation_features: Float[Tensor, "m d"],
    validation_labels: Int[Tensor, " m"],
    features: Float[Tensor, "n d"],
) -> Float[Tensor, "n c"]:
    """Class probabilities of `features`, with the logits' temperature fitted on validation (Guo et al., ICML 2017)."""
    warmth = temperature(logits(fit.theta, validation_features), validation_labels)
    return torch.softmax(logits(fit.theta, features) / warmth, 1)


def out_of_fold(
    data: HeadData,
    whole: HeadFit,
    folds: int,
    seed: int,
    near: Solver | None = None,
    offsets: Float[Tensor, "n c"] | None = None,
) -> Float[Tensor, "n c"]:
    """Class probabilities of every row from a head fitted on the other folds, stratified unless each class has one row.

    Each fit has the l2 of `whole`, the fit on all rows, and starts from its weights, which reaches the same optimum
    faster. `near` solves with the curvature at `whole`, which saves forming it for each fold, unless the rows are few:
    then the folds are fitted in their coordinates. `offsets` are added to the rows' logits while fitting, and not in
    the result.
    """
    from sklearn.model_selection import KFold, StratifiedKFold  # takes 1 s, which explaining one text need not pay

    counts = torch.bincount(data.labels)
    smallest, kind = int(counts[counts > 0].min()), StratifiedKFold if int(counts.max()) > 1 else KFold
    splitter = kind(max(2, min(folds, smallest)), shuffle=True, random_state=seed)
    data, axes = narrowed(data)
    start, near = (whole.theta, near) if axes is None else (turned(whole.theta, axes), None)
    result = torch.empty(len(data.features), data.classes, dtype=torch.float64)
    for rest, held_out in splitter.split(torch.zeros(len(data.labels)), data.labels.numpy()):
        weights = data.row_weights * (len(data.labels) / len(rest))  # the objective of the rest alone, without a copy
        weights[held_out] = 0
        others = HeadData(features=data.features, labels=data.labels, classes=data.classes, weights=weights)
        fit = fit_head(others, whole.l2, start=start, factor=near, offsets=offsets)
        result[held_out] = probabilities(fit.theta, data.features[held_out])
    return result
