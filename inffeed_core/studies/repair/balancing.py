"""Classes of equal weight for a head, as fine-tuning weighs them (`models.course.class_weights`)."""

from dataclasses import replace

from torch.nn.functional import one_hot

from inffeed_core.influence import HeadData
from inffeed_core.models.course import class_weights
from inffeed_core.models.lessons import Lessons


def balanced(data: HeadData) -> HeadData:
    """The same rows, what each teaches weighted by the inverse of how much of its class is taught in all."""
    taught = one_hot(data.labels, data.classes).double() if data.targets is None else data.targets.double()
    pulled = taught * class_weights(Lessons([], taught, data.row_weights), balanced=True)
    mass = pulled.sum(1)
    targets = (
        None
        if data.targets is None
        else (pulled / mass.clamp_min(1e-12).unsqueeze(1)).where(mass.unsqueeze(1) > 0, taught)
    )
    return replace(data, weights=data.row_weights * mass, targets=targets)
