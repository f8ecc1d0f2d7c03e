"""A project's instances as tensors, from which both training and analysis start."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import cast

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from inffeed_core import store
from inffeed_core.errors import ModelError, NotReady
from inffeed_core.influence import HeadData, HeadFit
from inffeed_core.influence.softmax import sum_zero_basis
from inffeed_core.models.encoding import WAITING
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.models.gathering import gathered
from inffeed_core.models.heads import load_head
from inffeed_core.models.tfidf import Vectorizer, beside, cached_features, load_vectorizer
from inffeed_core.project.encoders import WORDS, located, trained_with, words_of
from inffeed_core.project.folder import Project
from inffeed_core.project.hearing import said_of
from inffeed_core.records import Instance, ModelVersion, Progress, Split
from inffeed_core.settings import Recipe, TrainSettings
from inffeed_core.silver.beliefs import Beliefs, Learned, Validation
from inffeed_core.silver.channel import UNKNOWN
from inffeed_core.silver.recipes import carried_out
from inffeed_core.silver.said import Said

LEARNED = (Split.TRAIN, Split.SILVER)
AT_ONCE = 65_536
"""Rows of features that are checked at once."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Instances with their features and class numbers, in import order."""

    instances: Sequence[Instance]
    features: Float[Tensor, "n d"]
    labels: Int[Tensor, " n"]
    original: Int[Tensor, " n"]
    """The labels as they were imported; `UNKNOWN` where there was none."""
    said: Said | None = None
    """What every source says of each text but test gold; None where that is one label of each silver text at most."""
    folder: Path | None = None
    """Where many rows of features may be laid down, instead of copied in memory."""

    def only(self, *splits: Split) -> "Encoded":
        """The instances of these splits."""
        return self.where([i for i, one in enumerate(self.instances) if one.split in splits])

    def where(self, rows: Sequence[int]) -> "Encoded":
        """The instances at these positions."""
        at = list(rows)
        return Encoded(
            instances=[self.instances[i] for i in at],
            features=gathered(self.features, at, self.folder),
            labels=self.labels[at],
            original=self.original[at],
            said=None if self.said is None else self.said.where(at),
            folder=self.folder,
        )

    def weights(self, silver_weight: float) -> Float64[Tensor, " n"]:
        """Of each instance: unconfirmed labels weigh `silver_weight`, all others 1."""
        found = [1.0 if one.confirmed else silver_weight for one in self.instances]
        return torch.tensor(found, dtype=torch.float64)

    def head_data(self, classes: int, silver_weight: float = 1.0) -> HeadData:
        """Data for fitting a head."""
        return HeadData(
            features=self.features, labels=self.labels, classes=classes, weights=self.weights(silver_weight)
        )

    def learned(self, classes: int, silver_weight: float = 1.0) -> Learned:
        """Data for applying a recipe. Silver labels are the imported ones, whatever was decided since.

        A disputed gold label is taught as a silver one: its source gave it, and nobody has confirmed it.
        """
        silver = torch.tensor([one.split is Split.SILVER or not one.confirmed for one in self.instances])
        names = sorted({one.source for one in self.instances})
        return Learned(
            data=self.head_data(classes, silver_weight),
            confirmed=torch.tensor([one.confirmed for one in self.instances]),
            silver=torch.where(silver, self.original, UNKNOWN),
            sources=torch.tensor([names.index(one.source) for one in self.instances]),
            said=self.said,
        )

    def fingerprint(self, called: Mapping[str, str] = MappingProxyType({})) -> str:
        """See `fingerprint`."""
        return fingerprint(self.instances, called)


@dataclass(frozen=True)
class Material:
    """What a version learns from and what steers it; built once for both its training and its analysis."""

    data: Encoded
    classes: int
    silver_weight: float
    """Weight of labels that nobody has confirmed."""

    @cached_property
    def learn(self) -> Encoded:
        """The texts to learn from: train and silver."""
        return self.data.only(*LEARNED)

    @cached_property
    def validation(self) -> Encoded:
        """The validation gold, which steers."""
        return self.data.only(Split.VALIDATION)

    @property
    def steering(self) -> Validation:
        """Features and classes of `validation`."""
        return self.validation.features, self.validation.labels

    @cached_property
    def learned(self) -> Learned:
        """Every row of `learn` with one label, the silver ones as they are."""
        return self.learn.learned(self.classes, self.silver_weight)

    @cached_property
    def beliefs(self) -> Beliefs:
        """The probability of each true label, for every row of `learn`."""
        return Beliefs(self.learned, self.steering, self.validation.said)

    def taught_to(self, version: ModelVersion) -> HeadData:
        """The data that the version's head was fitted on, under the recipe chosen then."""
        recipe = cast(Recipe, version.report.get("recipe", "plain"))
        return carried_out(self.beliefs, recipe, float(str(version.report.get("trust", 1.0)))).data


def fingerprint(instances: Sequence[Instance], called: Mapping[str, str] = MappingProxyType({})) -> str:
    """SHA-256 of ids, texts, second texts where there are any, labels and whether each is confirmed.

    `called` holds other names of labels, such as those of the time when a version was trained.
    """
    digest = hashlib.sha256()
    for one in instances:
        second = () if one.pair is None else ("\x00", one.pair)
        for part in (one.id, one.text, *second, called.get(one.label, one.label), str(one.confirmed)):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\x00")
    return digest.hexdigest()


def usable(instances: Iterable[Instance]) -> list[Instance]:
    """Without texts that have no label yet, and without held-out ones whose label is disputed: they would measure a
    model by what nobody has confirmed."""
    return [one for one in instances if one.label and (one.split in LEARNED or not one.disputed)]


def wording_of(one: Instance) -> str:
    """Its text and second text as one, for what compares words."""
    return one.text if one.pair is None else f"{one.text}\n{one.pair}"


def instances_of(project: Project, as_of: int, splits: Sequence[Split] = tuple(Split)) -> list[Instance]:
    """The `usable` instances of the project with the labels of this decision row. Raises NotReady for none."""
    with store.reading(project.db) as db:
        found = usable(store.instances(db, splits, as_of=as_of))
    if not found:
        raise NotReady("The project has no texts yet; import gold and silver data first.")
    return found


def encode(
    project: Project,
    model: str,
    settings: TrainSettings,
    as_of: int,
    progress: Progress,
    splits: Sequence[Split] = tuple(Split),
    found: Sequence[Instance] | None = None,
) -> Encoded:
    """The `usable` instances of the project with the labels of decision row `as_of`, through this encoder; `found`,
    where they were read already. Layers that are still to be chosen (`auto`) are the last one.

    Texts encoded before come from the cache. Raises NotReady for an empty project, ModelError, Cancelled.
    """
    found = instances_of(project, as_of, splits) if found is None else found
    with store.reading(project.db) as db:
        about = store.project_settings(db)
        said = said_of(db, found, about.labels)
    features = encoded_features(
        model,
        [one.passage for one in found],
        project.features,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        precision=settings.precision,
        windows=settings.windows,
        layers="last" if settings.layers == "auto" else settings.layers,
        progress=progress,
    )
    _require_numbers(model, found, features)
    number = {label: c for c, label in enumerate(about.labels)}
    return Encoded(
        instances=found,
        features=features,
        labels=torch.tensor([number[one.label] for one in found]),
        original=torch.tensor([number.get(one.original_label, UNKNOWN) for one in found]),
        said=said,
        folder=project.features,
    )


def encode_as(
    project: Project, version: ModelVersion, as_of: int, progress: Progress, splits: Sequence[Split] = tuple(Split)
) -> Encoded:
    """The `usable` instances with the labels of decision row `as_of`, as a version reads them. Raises what `encode` and
    `located` do."""
    model = located(project, version.encoder, progress)
    found = encode(project, model, trained_with(version), as_of, progress, splits)
    vectorizer = vectorizer_of(project, version)
    return found if vectorizer is None else with_words(project, found, vectorizer, progress)


def vectorizer_of(project: Project, version: ModelVersion) -> Vectorizer | None:
    """The TF-IDF beside a version's encoder; None where there is none. Raises ModelError where it cannot be read."""
    return None if words_of(version) is None else load_vectorizer(project.models / version.id / WORDS)


def with_words(project: Project, data: Encoded, vectorizer: Vectorizer, progress: Progress) -> Encoded:
    """The same instances with this TF-IDF beside their features."""
    texts = [one.passage for one in data.instances]
    words = cached_features(vectorizer, texts, project.features, lambda: progress(WAITING, 0, 0))
    return replace(data, features=beside(data.features, words))


def _require_numbers(model: str, found: Sequence[Instance], features: Float[Tensor, "n d"]) -> None:
    """Raise ModelError where features that an earlier release kept are infinite or no numbers."""
    for start in range(0, len(found), AT_ONCE):
        block = features[start : start + AT_ONCE]
        if not bool(block.sum(dtype=torch.float64).isfinite()):
            bad = int((~block.isfinite().all(1)).nonzero()[0, 0]) + start
            raise ModelError(
                f"The features of {found[bad].id!r} by {model!r} hold numbers that are infinite or none. Delete the "
                "project's folder features, which is only a cache; if they come again, choose another model."
            )


def stored_fit(project: Project, version: ModelVersion) -> HeadFit:
    """The saved head of a version, in reduced weights."""
    head = load_head(project.models / version.id)
    weight = torch.cat([head.weight.double(), head.bias.double().unsqueeze(1)], 1)
    return HeadFit(
        theta=sum_zero_basis(len(head.labels)).T @ weight,
        l2=float(str(version.report["l2"])),
        iterations=0,
        gradient_norm=0.0,
    )
