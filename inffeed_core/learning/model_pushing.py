"""A model version on the Hugging Face hub. Only an explicit command gets here."""

import tempfile
from pathlib import Path

from inffeed_core.data.neighbours.hub import hub_set
from inffeed_core.learning.model_export import export_model
from inffeed_core.project.folder import Project
from inffeed_core.project.pushing import upload
from inffeed_core.records import Progress


def push_model(project: Project, version: str, repository: str, *, private: bool, progress: Progress) -> str:
    """Upload a version as `export_model` writes it; returns the address.

    `repository` is hf:OWNER/NAME. Raises ImportRefused for another name, ExportFailed where the hub refuses.
    """
    name = hub_set(repository).repository
    with tempfile.TemporaryDirectory() as made:
        folder = export_model(project, version, Path(made) / "model", progress)
        return upload(folder, name, kind="model", private=private)
