"""Fine-tune a project's model on its current labels, from the project's base model each time.

Starting from the base, not from the previous version, keeps a version a function of its data, settings and seed, and
carries no early mistake over in the weights. Checkpoints are in `features/fine-tuning/<key>`, keyed by all of these, so
that the same training resumes when it is started again after a kill; those of other trainings are deleted, and those of
a cancelled or failed one at once.

A transformer that was fine-tuned on silver labels has seen them: whatever a head on its features says about silver,
including out-of-fold probabilities and the gold-only posterior, is no longer independent of the silver label. Flags of
such a version favour the existing labels; the head on the untouched encoder stays the default for reviewing.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inffeed_core.errors import Cancelled, NotReady, Terminated, require
from inffeed_core.models.courses import course_today
from inffeed_core.models.lessons import FineTuned
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.project.encoded import fingerprint
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import here
from inffeed_core.project.taught import fine_tuning_of, lessons_of, taught_by, texts_of
from inffeed_core.records import Instance, Progress
from inffeed_core.settings import ProjectSettings, TrainSettings


def tune(
    project: Project, about: ProjectSettings, settings: TrainSettings, as_of: int, progress: Progress
) -> FineTuned:
    """Fine-tune on the labels of decision row `as_of`: gold and confirmed silver at weight 1, other silver as set.

    Raises NotReady if there is nothing to learn from or to score on, MissingExtra, ModelError, Cancelled.
    """
    if settings.method == "lora":
        require("finetune", "peft")  # before anything is encoded
    learn, validation = texts_of(project, as_of)
    if not validation:
        raise NotReady("There is no validation gold to decide when to stop; import some into the validation split.")
    base = resolve(here(project, about.model))
    work = _work(project, _key(base, about, settings, learn, validation))
    taught = taught_by(project, about, settings, as_of, progress).lessons
    from inffeed_core.models.fine_tuning import fine_tune  # imports transformers, 3 s

    steering = lessons_of(validation, about.labels)
    return fine_tune(base, taught, steering, fine_tuning_of(about, settings, work), progress)


@contextmanager
def cleared(project: Project) -> Iterator[None]:
    """If the block is cancelled or fails, delete what a fine-tuning left: checkpoints are large and no longer useful.

    After a kill or a system shutdown they remain, so that the training can resume. A finished fine-tuning
    is kept if only a later step failed.
    """
    try:
        yield
    except Terminated:
        raise
    except BaseException as error:
        cancelled = isinstance(error, (Cancelled, KeyboardInterrupt))
        for work in _works(project):
            finished = work / "result"
            for path in [work] if cancelled or not finished.is_dir() else [p for p in work.iterdir() if p != finished]:
                shutil.rmtree(path, ignore_errors=True)
        raise


def _works(project: Project) -> list[Path]:
    folder = project.features / "fine-tuning"
    return list(folder.iterdir()) if folder.is_dir() else []


def time_per_text(
    project: Project, about: ProjectSettings, settings: TrainSettings, as_of: int, progress: Progress
) -> float:
    """Measured wall seconds per text and epoch of fine-tuning with these settings."""
    learn, _ = texts_of(project, as_of)
    from inffeed_core.models.fine_tuning import seconds_per_text  # imports transformers, 3 s

    taught = lessons_of(learn, about.labels, settings.silver_weight)
    run = fine_tuning_of(about, settings, project.features / "fine-tuning")
    return seconds_per_text(resolve(here(project, about.model)), taught, run, progress)


def _keyed(settings: TrainSettings) -> dict[str, object]:
    """Settings as they were before there were windows and layers, which no fine-tuning has, and rules, which decide
    afterwards."""
    return {name: value for name, value in settings.as_dict().items() if name not in ("windows", "layers", "rule")}


def _key(
    base: ModelFiles,
    about: ProjectSettings,
    settings: TrainSettings,
    learn: Sequence[Instance],
    validation: Sequence[Instance],
) -> str:
    course = course_today(lora=settings.method == "lora")
    parts = [course, base.weights_hash, base.recipe_hash, _keyed(settings), about.seed, about.labels]
    return hashlib.sha256(json.dumps([*parts, fingerprint(learn), fingerprint(validation)]).encode()).hexdigest()[:32]


def _work(project: Project, key: str) -> Path:
    folder = project.features / "fine-tuning"
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.iterdir():
        if other.name != key:
            shutil.rmtree(other)
    return folder / key
