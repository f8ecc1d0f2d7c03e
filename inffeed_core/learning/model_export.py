"""Export a model version as a folder for transformers, with its card."""

from dataclasses import replace
from pathlib import Path

from inffeed_core import store
from inffeed_core.analysis.ruled import rule_of
from inffeed_core.learning.model_card import card
from inffeed_core.models.heads import load_head
from inffeed_core.models.sources import resolve
from inffeed_core.project.encoded import vectorizer_of
from inffeed_core.project.encoders import layers_of, located
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.settings import TrainSettings


def export_model(project: Project, version_id: str, folder: Path, progress: Progress) -> Path:
    """Write a version to a new folder, whole or not at all; returns its absolute path.

    Raises NotReady for an unknown version, ExportFailed if the folder exists or cannot be written, ModelError.
    """
    with store.reading(project.db) as db:
        version, about, pairs = store.version(db, version_id), store.project_settings(db), store.has_pairs(db)
        about = replace(about, labels=store.labels_of_version(db, version_id))
    progress("Loading the model", 0, 0)
    from inffeed_core.models.exporting import write_classifier  # imports transformers, 3 s

    files = resolve(located(project, version.encoder, progress), layers_of(version))
    max_tokens = TrainSettings.from_dict(version.settings).max_tokens
    progress("Writing the model", 0, 0)
    target = folder.expanduser().resolve()

    def described(lines: str) -> str:
        with store.writing(project.db):  # a job that is no longer its own stops here: the folder is named next
            pass
        return card(version, about, lines, pairs=pairs)

    ruled = (replace(load_head(project.models / version.id), labels=about.labels), rule_of(version))
    vectorizer = vectorizer_of(project, version)
    write_classifier(files, ruled, max_tokens, target, described, pairs=pairs, vectorizer=vectorizer)
    return target
