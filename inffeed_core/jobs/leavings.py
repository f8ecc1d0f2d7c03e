"""What a killed job leaves behind: files without a version, and feedback that no version learned from.

A process that ends in any other way cleans up after itself. Checkpoints of a fine-tuning stay, so that it can resume.
"""

import shutil

from filelock import FileLock, Timeout

from inffeed_core.project.folder import Project
from inffeed_core.store import abandoned_feedback, reading, undo_feedback, versions, writing

TRAINING = ("train", "retrain", "feedback")
"""Kinds of jobs that make versions."""


def clear_away(project: Project, kind: str) -> None:
    """Clean up after a killed job of this kind, unless another is running. Raises StoreError."""
    if kind not in TRAINING:
        return
    try:
        with FileLock(project.jobs / "turn.lock").acquire(timeout=0):
            _files(project)
            if kind == "feedback":
                _feedback(project)
    except Timeout:  # the running job makes a version itself, and first clears its place
        return


def _files(project: Project) -> None:
    with reading(project.db) as db:
        known = {one.id for one in versions(db)}
    for folder in project.models.iterdir() if project.models.is_dir() else ():
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _feedback(project: Project) -> None:
    with writing(project.db) as db:
        for token, annotator in abandoned_feedback(db):
            undo_feedback(db, token, annotator)
