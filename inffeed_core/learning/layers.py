"""Which layers of a bare encoder a version's features are pooled from: chosen on validation where that is left open.

A head is fitted on the last layer's features, and one on those of the middle layer beside it, each with the weight
decay of the lowest validation loss. The one with the lower loss once both are calibrated decides, and the last layer
alone where they are equal. Both are taught the labels as they are, of `MOST_FITTED` texts at most, enough to compare.

A middle layer keeps more of a text's words than the last one, which was trained to tell what a text means. The loss
chose better than macro-F1, which few validation texts decide, and better still when calibrated: wrong silver labels
make every head unsure, and one more than another (docs/benchmarks.md, "Layers to pool").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.errors import OnlyLastLayer
from inffeed_core.influence import HeadData, choose_l2, logits, losses
from inffeed_core.influence.calibrating import temperature
from inffeed_core.project.encoded import LEARNED, Encoded, Material, encode
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Progress
from inffeed_core.settings import L2_GRID, Pooled, TrainSettings
from inffeed_core.silver.beliefs import Validation

MOST_FITTED = 5_000
"""Texts that the two heads are compared on; of more, as many are drawn."""
MOST_TEXTS = 50_000
"""Texts to learn from beyond which the last layer is taken unasked: twice the numbers cost memory and time there."""
STAGE = "Choosing the layers"
_SEED = 20240214


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """The layers of a version's features, and how validation judged what was tried."""

    layers: Pooled
    tried: Mapping[Pooled, float] = field(default_factory=dict)
    """Mean calibrated validation loss in nats of each; empty where there was nothing to choose."""

    @property
    def told(self) -> dict[str, object]:
        """As a version's report holds it: `layers`, and `layers_tried` where there was a choice."""
        return {"layers": self.layers, "layers_tried": dict(self.tried)}


def read_layers(
    project: Project, model: str, settings: TrainSettings, as_of: int, progress: Progress, found: Sequence[Instance]
) -> dict[Pooled, Encoded]:
    """These instances as `encode` gives them, with the layers that the settings name, or with each that is to be tried.

    Raises NotReady, ModelError, Cancelled.
    """
    if settings.layers == "middle+last":
        return {"middle+last": encode(project, model, settings, as_of, progress, found=found)}
    read: dict[Pooled, Encoded] = {}
    if is_open(settings, found):
        try:  # first, because its pass over the texts gives the last layer too
            both = replace(settings, layers="middle+last")
            read["middle+last"] = encode(project, model, both, as_of, progress, found=found)
        except OnlyLastLayer:
            pass
    last = encode(project, model, replace(settings, layers="last"), as_of, progress, found=found)
    return {"last": last, **read}


def preferred(
    read: Mapping[Pooled, Encoded], classes: int, silver_weight: float, progress: Progress
) -> tuple[LayerChoice, Material]:
    """The layers that validation prefers, and what a version learns from with them."""
    found = {layers: Material(data=data, classes=classes, silver_weight=silver_weight) for layers, data in read.items()}
    if len(found) == 1:
        [(layers, material)] = found.items()
        return LayerChoice(layers), material
    taught = {layers: (one.learned.data, one.steering) for layers, one in found.items()}
    choice = choose_layers(taught, progress)
    return choice, found[choice.layers]


def choose_layers(
    taught: Mapping[Pooled, tuple[HeadData, Validation]], progress: Progress = lambda stage, done, total: None
) -> LayerChoice:
    """The layers with the lowest calibrated validation loss; of equal ones the first.

    `taught` gives for each the same texts to learn from, and the validation texts.
    """
    tried: dict[Pooled, float] = {}
    for number, (layers, (data, steering)) in enumerate(taught.items()):

        def told(stage: str, done: int, of: int, before: int = number) -> None:
            progress(stage, before * of + done, len(taught) * of)

        tried[layers] = judged_by_loss(data, steering, told)
    return LayerChoice(min(tried, key=lambda layers: tried[layers]), tried)


def judged_by_loss(data: HeadData, steering: Validation, progress: Progress) -> float:
    """The mean calibrated validation loss, in nats, of a head with the best weight decay, taught `MOST_FITTED` texts of
    these at most."""
    features, labels = steering
    fit = choose_l2(_some(data), features, labels, L2_GRID, report=lambda done, of: progress(STAGE, done, of))
    return calibrated_loss(logits(fit.theta, features), labels)


def calibrated_loss(scores: Float[Tensor, "n c"], labels: Int[Tensor, " n"]) -> float:
    """Mean loss of these logits in nats, divided by the temperature with which it is lowest."""
    return float(losses(torch.softmax(scores / temperature(scores, labels), 1), labels).mean())


def is_open(settings: TrainSettings, found: Sequence[Instance]) -> bool:
    """Whether the middle layer is to be tried beside the last one, where the encoder has one."""
    fits = settings.method == "instant" and settings.precision != "int8"
    return fits and settings.layers == "auto" and sum(one.split in LEARNED for one in found) <= MOST_TEXTS


def _some(data: HeadData) -> HeadData:
    """`MOST_FITTED` rows at most, of those that count, drawn the same for the same number of rows."""
    heard = data.row_weights.nonzero().squeeze(1)
    if len(heard) <= MOST_FITTED:
        return data
    drawn = torch.randperm(len(heard), generator=torch.Generator().manual_seed(_SEED))[:MOST_FITTED]
    rows = heard[drawn].sort().values
    targets, weights = (None if part is None else part[rows] for part in (data.targets, data.weights))
    return replace(data, features=data.features[rows], labels=data.labels[rows], targets=targets, weights=weights)
