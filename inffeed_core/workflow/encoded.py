"""A project's instances as tensors: what training and analysis both start from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.influence import HeadData, HeadFit
from inffeed_core.influence.softmax import sum_zero_basis
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.models.heads import load_head
from inffeed_core.records import Instance, ModelVersion, Progress, Split
from inffeed_core.settings import TrainSettings
from inffeed_core.workflow.projects import Project

LEARNED = (Split.TRAIN, Split.SILVER)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Instances with their features and class numbers, in the order of import."""

    instances: Sequence[Instance]
    features: Float[Tensor, "n d"]
    labels: Int[Tensor, " n"]

    def only(self, *splits: Split) -> "Encoded":
        """Those of these splits."""
        return self.where([i for i, one in enumerate(self.instances) if one.split in splits])

    def where(self, rows: Sequence[int]) -> "Encoded":
        """Those at these positions."""
        return Encoded([self.instances[i] for i in rows], self.features[list(rows)], self.labels[list(rows)])

    def head_data(self, classes: int, silver_weight: float = 1.0) -> HeadData:
        """For fitting a head: unconfirmed silver weighs `silver_weight`, everything else 1."""
        weights = [1.0 if one.confirmed else silver_weight for one in self.instances]
        return HeadData(self.features, self.labels, classes, torch.tensor(weights, dtype=torch.float64))

    def fingerprint(self) -> str:
        """SHA-256 of ids, texts, labels and whether each is confirmed."""
        digest = hashlib.sha256()
        for one in self.instances:
            for part in (one.id, one.text, one.label, str(one.confirmed)):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\x00")
        return digest.hexdigest()


def encode(project: Project, model: str, settings: TrainSettings, as_of: int, progress: Progress) -> Encoded:
    """Every instance of the project with the labels of decision row `as_of`, through this encoder.

    Texts encoded before come from the cache. Raises NotReady for an empty project, ModelError, Cancelled.
    """
    with store.reading(project.db) as db:
        about, found = store.project_settings(db), list(store.instances(db, as_of=as_of))
    if not found:
        raise NotReady("The project holds no texts yet; import gold and silver data first.")
    features = encoded_features(
        model,
        [one.text for one in found],
        project.features,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        progress=progress,
    )
    number = {label: c for c, label in enumerate(about.labels)}
    return Encoded(found, features, torch.tensor([number[one.label] for one in found]))


def stored_fit(project: Project, version: ModelVersion) -> HeadFit:
    """The head of a version in reduced weights, as it was saved."""
    head = load_head(project.models / version.id)
    weight = torch.cat([head.weight.double(), head.bias.double().unsqueeze(1)], 1)
    return HeadFit(sum_zero_basis(len(head.labels)).T @ weight, float(str(version.report["l2"])), 0, 0.0)
