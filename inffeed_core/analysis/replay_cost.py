"""What influence through a version's training takes, and whether there is any. Does not import torch."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from inffeed_core.errors import NotReady
from inffeed_core.models.courses import EPSILONS
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion, Split
from inffeed_core.store import active_version, count_by_split, reading

MOST_CLASSES = 6
"""Up to this many classes are differentiated one by one."""
TARGETS_AT_ONCE = 8
"""Single texts per replay; each holds three numbers a parameter: 270 MB for MiniLM."""
GRAPH, PER_TARGET = 1.2, 2.3
"""Trainings that a replay is worth, beside computing its states: for the graphs of its steps, and for each target."""
ROOM = 2 << 30
"""Bytes of states that may be kept so that fewer have to be computed again."""
BYTES = 3 * 4
"""Of a state, for each parameter."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate."""

    seconds: float
    bytes: int
    """On the disk of the project, while it runs."""

    def said(self) -> str:
        """In words."""
        time = f"{self.seconds / 60:.0f} minutes" if self.seconds >= 90 else f"{max(1, self.seconds):.0f} seconds"
        return f"about {time} and {self.room()} of disk"

    def require_room(self, folder: Path) -> None:
        """Raise NotReady where the disk has less free."""
        free = shutil.disk_usage(folder).free
        if free < self.bytes:
            raise NotReady(
                f"Influence through this training needs about {self.room()} on the disk of {folder} for its states; "
                f"{free / 1e9:.1f} GB are free. Free some space, or fine-tune with the method lora, which needs less."
            )

    def room(self) -> str:
        """The disk in words."""
        return f"{self.bytes / 1e9:.1f} GB" if self.bytes >= 1e9 else f"{max(1, round(self.bytes / 1e6))} MB"


def analysis_cost(project: Project, retrains: int) -> Cost:
    """What an analysis of the active version with the scope training takes, if the training is then repeated with so
    many groups of other labels. Raises NotReady."""
    with reading(project.db) as db:
        version, targets = active_version(db), _targets(db)
    if version is None:
        raise NotReady("There is no model version yet; train one first (`inffeed train`, or the Models page).")
    return cost_of(version, targets, retrains)


def analysis_trainings(project: Project, retrains: int) -> int:
    """About how many times as long as a training such an analysis takes, where no version tells it in seconds."""
    with reading(project.db) as db:
        return round(_trainings(2, _targets(db), retrains))


def _targets(db: Database) -> int:
    """How many losses are differentiated: that of each class with validation texts, or only the mean."""
    classes = sum(count > 0 for label, count in count_by_split(db)[Split.VALIDATION].items() if label)
    return classes if classes <= MOST_CLASSES else 1


def _trainings(computed: float, targets: int, retrains: int) -> float:
    """What a replay and so many checks are worth, if each state is computed `computed` times."""
    checks = retrains + 1 if retrains else 0  # one as it is
    return computed + GRAPH + PER_TARGET * targets + checks


def text_cost(project: Project, texts: int) -> Cost:
    """What influence on so many single texts through the training of the active version takes. Raises NotReady."""
    with reading(project.db) as db:
        version = active_version(db)
    if version is None:
        raise NotReady("There is no model version yet; train one first (`inffeed train`, or the Models page).")
    together = min(texts, TARGETS_AT_ONCE)
    one = cost_of(version, together)
    return Cost(one.seconds * -(-texts // TARGETS_AT_ONCE), one.bytes)


def require_replayable(version: ModelVersion) -> None:
    """Raise NotReady for a version whose training cannot be repeated."""
    told: Any = version.report.get("fine_tuning")
    if not told:
        raise NotReady(
            f"{version.id} was not fine-tuned, so there is no training for influence to go through. Retrain with the "
            "method fine-tune or lora first, or choose another scope."
        )
    if told.get("course", 1) not in EPSILONS:
        raise NotReady(
            f"{version.id} was fine-tuned by another release, whose training cannot be repeated to the bit. Retrain "
            "first, or choose another scope."
        )


def require_its_device(version: ModelVersion) -> None:
    """Raise NotReady where the version was fine-tuned on another kind of device than that of this process.

    Each kind draws other masks for dropout, so that elsewhere another training would be repeated. Imports torch.
    """
    from inffeed_core.models.device import VARIABLE, the_device

    told: Any = version.report["fine_tuning"]
    then, now = told["device"], the_device().type
    if then != now:
        raise NotReady(
            f"{version.id} was fine-tuned on the device {then}, and this is {now}. Dropout draws other numbers here, "
            f"so the training cannot be repeated. Where there is such a device, set {VARIABLE}={then}; else "
            "retrain first, or choose another scope."
        )


def cost_of(version: ModelVersion, targets: int, retrains: int = 0) -> Cost:
    """What a replay for so many targets takes, and so many trainings after it, by what the training took.

    Raises NotReady, see `require_replayable`.
    """
    require_replayable(version)
    told: Any = version.report["fine_tuning"]
    steps, parameters = told["best_step"], told["parameters"]
    batch = version.settings["fine_tune"]["batch_size"]  # type: ignore[index]
    per_text = told.get("seconds_per_text") or 0.0
    every = spacing(steps, parameters)
    states = -(-steps // every) + every + 2 * targets
    trainings = _trainings(2 - 1 / every, targets, retrains)
    return Cost(per_text * batch * steps * trainings, states * BYTES * parameters)


def spacing(steps: int, parameters: int) -> int:
    """Of how many steps of a training one state is kept: of √T, or of fewer where `ROOM` lets them."""
    fewest = math.isqrt(steps - 1) + 1
    return next((every for every in range(1, fewest) if -(-steps // every) * BYTES * parameters <= ROOM), fewest)
