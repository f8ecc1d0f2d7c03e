"""Scores of a trained model by `influence.whole_model`, as scorers for `datamodelling`."""

import torch
from torch import Tensor, nn

from inffeed_core.influence.damping import Damping
from inffeed_core.influence.whole_model import WholeModel
from inffeed_core.studies.fidelity.datamodelling import Problem

SWEEP = (0.001, 0.01, 1.0, 10.0)
"""Dampings beside the default, as multiples of each layer's mean eigenvalue."""


def tiers(model: nn.Module, problem: Problem) -> dict[str, Tensor]:
    """Every way to invert the curvature: the index's own, its diagonal, the exact matrix; and the index's dampings."""
    train, targets = problem.train(), problem.targets
    analysis = WholeModel(model).fit(train).index(train)
    found = {
        "index (default)": analysis.influence(targets),
        "EK-FAC alone": analysis.influence(targets, inverse="ekfac"),
        "exact (dual)": analysis.dual(train).influence(analysis.gradients(targets)),
    }
    swept = {f"index, damping {value:g}": analysis.damped(Damping(value)).influence(targets) for value in SWEEP}
    return found | swept


def rivals(model: nn.Module, problem: Problem) -> dict[str, Tensor]:
    """Inner products of gradients, which ignore curvature, and random numbers."""
    analysis = WholeModel(model).fit(problem.train())
    products = analysis.gradients(problem.targets) @ analysis.gradients(problem.train()).T
    noise = torch.randn(products.shape, generator=torch.Generator().manual_seed(0))
    return {"gradient products": products / len(problem.texts), "chance": noise}
