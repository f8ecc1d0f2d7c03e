"""Whether a version that was just fitted is better or worse than the active one, on validation, in pairs.

The parent sees the texts as they are now through its own encoder. Where that is gone, its stored predictions stand in,
for a text never changes; where they are not of the same texts, nothing is compared, and the version says why.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from inffeed_core.errors import ModelError
from inffeed_core.influence import HeadFit, probabilities
from inffeed_core.learning.comparing import PREDICTIONS
from inffeed_core.models.metrics import macro_f1_difference
from inffeed_core.project.encoded import Encoded, encode, stored_fit
from inffeed_core.project.encoders import located
from inffeed_core.project.folder import Project
from inffeed_core.records import Interval, ModelVersion, Progress, Split
from inffeed_core.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Difference:
    """Validation macro-F1 of a new version minus its parent's."""

    interval: Interval | None
    missing: str = ""
    """Why there is none although there is a parent."""


def difference(
    project: Project,
    parent: ModelVersion | None,
    fit: HeadFit,
    validation: Encoded,
    labels: tuple[str, ...],
    as_of: int,
    progress: Progress,
) -> Difference:
    """Compare a fit with the parent on these validation texts. Raises Cancelled."""
    if parent is None:
        return Difference(None)
    try:
        before = _predicted(project, parent, as_of, progress)
    except ModelError as error:
        stored = _stored(project, parent)
        ids = [one.id for one in validation.instances]
        if not all(stored.get(id) in labels for id in ids):
            return Difference(None, str(error))
        before = torch.tensor([labels.index(stored[id]) for id in ids])
    after = probabilities(fit.theta, validation.features).argmax(1)
    gold = validation.labels.numpy()
    return Difference(macro_f1_difference(before.numpy(), after.numpy(), gold, len(labels)))


def _predicted(project: Project, parent: ModelVersion, as_of: int, progress: Progress) -> torch.Tensor:
    settings = TrainSettings.from_dict(parent.settings)
    encoder = located(project, parent.encoder, progress)
    seen = encode(project, encoder, settings, as_of, progress, (Split.VALIDATION,))
    return probabilities(stored_fit(project, parent).theta, seen.features).argmax(1)


def _stored(project: Project, parent: ModelVersion) -> Mapping[str, str]:
    try:
        told: dict[str, str] = json.loads((project.models / parent.id / PREDICTIONS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told
