"""The way in which a head's curvature is solved with, by its size: see `inffeed_core.solving`."""

from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence.accepted import accepting
from inffeed_core.influence.factor import Solver, factorised
from inffeed_core.influence.products import products
from inffeed_core.influence.row_dual import row_dual
from inffeed_core.influence.softmax import HeadData
from inffeed_core.solving import Plan, plan


def plan_for(data: HeadData) -> Plan:
    """How the curvature of a head on these rows is solved with."""
    return plan(len(data.features), data.classes, data.features.shape[1])


@accepting(probs="float64")
def solver_for(probs: Float[Tensor, "n c"], data: HeadData, l2: float) -> Solver:
    """What solves with the curvature at these probabilities."""
    chosen = plan_for(data)
    if chosen.way == "factor":
        return factorised(probs, data, l2)
    if chosen.way == "rows":
        return row_dual(probs, data, l2, exact_reach=chosen.leverage)
    return products(probs, data, l2)
