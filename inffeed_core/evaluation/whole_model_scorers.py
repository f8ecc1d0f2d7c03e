"""What `influence.whole_model` says of a trained model, as scorers for `datamodelling`."""

import torch
from torch import Tensor, nn

from inffeed_core.evaluation.datamodelling import Problem
from inffeed_core.influence.whole_model import WholeModel


def tiers(model: nn.Module, problem: Problem) -> dict[str, Tensor]:
    """Every way to invert the curvature: the index's own, its diagonal, and the exact matrix of all parameters."""
    train, targets = problem.train(), problem.targets
    analysis = WholeModel(model).fit(train).index(train)
    return {
        "index (default)": analysis.influence(targets),
        "EK-FAC alone": analysis.influence(targets, inverse="ekfac"),
        "refined": analysis.refined(train).influence(analysis.gradients(targets))[0],
    }


def rivals(model: nn.Module, problem: Problem) -> dict[str, Tensor]:
    """Inner products of gradients, which know no curvature, and random numbers."""
    analysis = WholeModel(model).fit(problem.train())
    products = analysis.gradients(problem.targets) @ analysis.gradients(problem.train()).T
    noise = torch.randn(products.shape, generator=torch.Generator().manual_seed(0))
    return {"gradient products": products / len(problem.texts), "chance": noise}
