"""Which transformer encodes for a version: one from outside, or one that was fine-tuned in this project.

A version names the latter `version:<id>`, so that a copied or moved project finds it. Retraining only the head keeps
using the transformer of the active version as long as the project's model is the one that was fine-tuned.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from inffeed_core import store
from inffeed_core.models.sources import resolve
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of, here
from inffeed_core.records import ModelVersion, Progress
from inffeed_core.settings import Pooled, TrainSettings

OWN = "version:"
TRANSFORMER, ADAPTERS, WORDS = "transformer", "adapters", "tfidf"
"""Folders within a version's own: a whole transformer, what LoRA changes about its base, or its vectorizer."""


def transformer_for(model: str, parent: ModelVersion | None) -> str:
    """The encoder, as versions name it, that an instant retrain of a project with this model uses."""
    return parent.encoder if parent is not None and base_of(parent) == model else model


def layers_of(version: ModelVersion) -> Pooled:
    """The layers that its features are pooled from; for versions of earlier releases, the last one."""
    return cast(Pooled, version.report.get("layers", "last"))


def words_of(version: ModelVersion) -> Mapping[str, int] | None:
    """What is known of the TF-IDF beside its encoder: `dimensions` asked for, `width`, `terms` and the `texts` that it
    was fitted on; None where there is none."""
    told = version.report.get("tfidf")
    return told if isinstance(told, Mapping) else None


def trained_with(version: ModelVersion) -> TrainSettings:
    """The settings that a version was trained with, layers and TF-IDF as they were chosen: so its texts are read
    again."""
    given, words = TrainSettings.from_dict(version.settings), words_of(version)
    if words is None:
        return replace(given, layers=layers_of(version), tfidf="off", tfidf_dimensions=None)
    return replace(given, layers=layers_of(version), tfidf="on", tfidf_dimensions=words["dimensions"])


def located(project: Project, encoder: str, progress: Progress) -> str:
    """The hub id or the folder behind a version's encoder, wherever it is now.

    Adapters are merged into their base where they are not yet.

    Raises NotReady for an unknown version, ModelError if its files are missing.
    """
    if not encoder.startswith(OWN):
        return here(project, encoder)
    with store.reading(project.db) as db:
        version = store.version(db, encoder.removeprefix(OWN))
        labels = store.project_settings(db).labels
    folder = project.models / version.id
    if (folder / ADAPTERS).is_dir():
        before = _merged_place(project, str(version.report.get("base_weights")), folder / ADAPTERS)
        if before.is_dir():  # merged before, so the base need not be there
            return str(before)
        return str(merged(project, here(project, base_of(version)), folder / ADAPTERS, labels, progress))
    return str(folder / TRANSFORMER)


def merged(project: Project, base: str, adapters: Path, labels: tuple[str, ...], progress: Progress) -> Path:
    """A classifier with these adapters merged into its weights, kept among the project's caches."""
    from inffeed_core.models.cache import locked  # imports torch, which pages must not

    files = resolve(base)
    place = _merged_place(project, files.weights_hash, adapters)
    with locked(place.parent, lambda: progress("Waiting for another job that merges adapters", 0, 0)):
        if not place.is_dir():
            from inffeed_core.models.adapters import merge  # imports peft, 2 s

            progress("Merging the adapters", 0, 0)
            merge(files, adapters, labels, place)
    return place


def _merged_place(project: Project, base_weights: str, adapters: Path) -> Path:
    """Where these adapters lie, merged into the base whose weights have this hash."""
    weights = (adapters / "adapter_model.safetensors").read_bytes()
    return project.features / "merged" / hashlib.sha256(base_weights.encode() + weights).hexdigest()[:32]
