"""Publish a version: its files first, then one transaction that makes it a version, analysed and perhaps active.

Until that transaction the version is invisible, and a failure or stop before it removes the files again. A
kill leaves files without a row; the next training, or whoever notices the death, removes them.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inffeed_core import store
from inffeed_core.analysis.analysing import Computed, State, write_analysis
from inffeed_core.errors import ProjectError
from inffeed_core.influence import HeadFit
from inffeed_core.influence.softmax import sum_zero_basis
from inffeed_core.models.heads import save_head
from inffeed_core.models.lessons import FineTuned
from inffeed_core.models.tfidf import Vectorizer
from inffeed_core.project.encoded import Material, stored_fit
from inffeed_core.project.encoders import ADAPTERS, TRANSFORMER, WORDS
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion
from inffeed_core.settings import AnalysisSettings, ProjectSettings


@dataclass(frozen=True)
class Made:
    """A version that is not yet visible."""

    version: ModelVersion
    about: ProjectSettings
    material: Material
    """The data that it learned from, which its analysis reuses."""
    fit: HeadFit
    predicted: Mapping[str, Mapping[str, str]]
    """By the name of the file that keeps them: predicted label by id, for validation and test texts."""
    transformer: str
    """The hub id or folder of its encoder."""
    tuned: FineTuned | None
    vectorizer: Vectorizer | None
    """The TF-IDF beside its encoder."""
    worse: bool
    """Whether it is significantly worse than the active one."""
    adopts: bool
    """Whether its model, and the names of that one's labels, become the project's."""

    @property
    def adopted(self) -> dict[str, Any]:
        """Settings that become the project's."""
        return {"model": self.about.model, "model_labels": self.about.model_labels}


@contextmanager
def files(project: Project, made: Made) -> Iterator[None]:
    """The files of a version that the block publishes; they are removed if it fails."""
    folder = project.models / made.version.id
    if folder.exists():  # left by a run that was killed between writing the files and the row
        shutil.rmtree(folder)
    try:
        _write(folder, made)
        yield
    except BaseException:
        if not _is_published(project, made.version.id):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _is_published(project: Project, id: str) -> bool:
    try:
        with store.reading(project.db) as db:
            return any(one.id == id for one in store.versions(db))
    except ProjectError:  # unknown, so nothing is removed
        return True


def state(project: Project, made: Made, analysis: AnalysisSettings) -> State:
    """The state that an analysis of the version starts from, as `analysing.load` would return it."""
    return State(
        version=made.version,
        about=made.about,
        material=made.material,
        settings=analysis,
        stored_theta=stored_fit(project, made.version).theta,
        as_of=made.version.as_of_decision,
        transformer=made.transformer,
    )


def publish(project: Project, made: Made, found: Computed | None, act: str | None) -> ModelVersion:
    """Store the version with its analysis and, if allowed, make it active, all in one transaction.

    It does not become active if it is worse, if somebody has chosen another version since it was compared, or if it has
    no analysis and the active one has. `act` is the feedback that it learned from.
    """
    with store.writing(project.db) as db:
        active, analysed = store.active_version(db), store.analysis_in_use(db) is not None
        store.add_version(db, made.version)
        store.use_rule(db, made.version.id, made.version.rule, by="training")
        if found is not None:
            write_analysis(db, found)
        compared = (active.id if active else None) == made.version.parent
        if compared and not made.worse and (found is not None or not analysed):
            store.promote(db, made.version.id, by="training")
        if act is not None:
            store.learned(db, act, made.version.id)
        if made.adopts:
            store.save_project_settings(db, replace(store.project_settings(db), **made.adopted))
        return store.version(db, made.version.id)


def _write(folder: Path, made: Made) -> None:
    weight = sum_zero_basis(len(made.about.labels)) @ made.fit.theta
    details = {"version": made.version.id, "data_hash": made.version.data_hash, "l2": made.fit.l2}
    save_head(folder, weight[:, :-1], weight[:, -1], made.about.labels, details)
    for name, predicted in made.predicted.items():
        (folder / name).write_text(json.dumps(predicted, ensure_ascii=False), encoding="utf-8")
    if made.vectorizer is not None:
        made.vectorizer.save(folder / WORDS)
    if made.tuned is not None:
        adapters = (made.tuned.folder / "adapter_config.json").is_file()
        shutil.copytree(made.tuned.folder, folder / (ADAPTERS if adapters else TRANSFORMER), copy_function=_linked)


def _linked(source: str, target: str) -> None:
    """Hard-link the file, which takes no space; copy it on disks without hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
