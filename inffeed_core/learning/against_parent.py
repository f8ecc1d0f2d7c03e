"""Whether a version that was just fitted is better or worse than the active one, on validation, in pairs.

The parent sees the texts as they are now through its own encoder. Where that is gone, its stored predictions stand in,
for a text never changes; where they are not of the same texts, nothing is compared, and the version says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inffeed_core import store
from inffeed_core.errors import ModelError
from inffeed_core.influence import logits
from inffeed_core.learning.comparing import stored_predictions
from inffeed_core.models.deciding import held_out
from inffeed_core.models.metrics import Ints, macro_f1_difference
from inffeed_core.project.encoded import Encoded, encode_as, stored_fit
from inffeed_core.project.folder import Project
from inffeed_core.records import Interval, ModelVersion, Progress, Split


@dataclass(frozen=True, slots=True)
class Difference:
    """Validation macro-F1 of a new version minus its parent's."""

    interval: Interval | None
    missing: str = ""
    """Why there is none although there is a parent."""


def difference(
    project: Project,
    parent: ModelVersion | None,
    after: Ints,
    validation: Encoded,
    labels: tuple[str, ...],
    as_of: int,
    progress: Progress,
) -> Difference:
    """Compare what a new version says of these validation texts, class numbers [n], with what its parent says by the
    decision rule that it uses now. Raises Cancelled."""
    if parent is None:
        return Difference(None)
    try:
        before = _predicted(project, parent, as_of, progress)
    except ModelError as error:
        stored = _stored(project, parent)
        ids = [one.id for one in validation.instances]
        if not all(stored.get(id) in labels for id in ids):
            return Difference(None, str(error))
        before = np.array([labels.index(stored[id]) for id in ids])
    return Difference(macro_f1_difference(before, after, validation.labels.numpy(), len(labels)))


def _predicted(project: Project, parent: ModelVersion, as_of: int, progress: Progress) -> Ints:
    with store.reading(project.db) as db:
        if store.outdated(db, parent.id):
            raise ModelError(f"The labels have changed since {parent.id} was trained.")
    seen = encode_as(project, parent, as_of, progress, (Split.VALIDATION,))
    return held_out(parent.rule, logits(stored_fit(project, parent).theta, seen.features).numpy(), seen.labels.numpy())


def _stored(project: Project, parent: ModelVersion) -> Mapping[str, str]:
    with store.reading(project.db) as db:
        return stored_predictions(project, db, parent)
