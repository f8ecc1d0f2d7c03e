"""How long a retrain will take on this machine: from the last version made the same way, else from a short probe.

The probe is a job (`probe`) that times a few batches, so that a page can ask without importing torch. Fine-tuning may
stop earlier than estimated, since early stopping ends it where validation no longer gets better.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from inffeed_core.records import Job, JobState, ModelVersion, Progress, Split
from inffeed_core.settings import TrainSettings
from inffeed_core.store import count_by_split, jobs, last_decision_row, project_settings, reading, versions
from inffeed_core.wording import Sentence
from inffeed_core.workflow.encoders import base_of
from inffeed_core.workflow.projects import Project


@dataclass(frozen=True, slots=True)
class Estimate:
    """Wall time of a retrain without its analysis."""

    seconds: float
    basis: Sentence
    """Where it comes from, in words."""


def estimate(project: Project, settings: TrainSettings) -> Estimate | None:
    """None where nothing has been measured yet: then a probe helps, or for an instant retrain the first training."""
    with reading(project.db) as db:
        model, counts = project_settings(db).model, count_by_split(db)
        alike = [v for v in versions(db) if v.settings.get("method", "instant") == settings.method]
        probes = [job for job in jobs(db) if job.kind == "probe" and job.state is JobState.DONE]
    alike = [v for v in alike if base_of(v) == model]
    if settings.method == "instant":
        if not alike:  # the first one also encodes all texts and chooses l2
            return None
        return Estimate(_number(alike[-1].report, "seconds"), Sentence("time-like-version", version=alike[-1].id))
    texts = sum(sum(counts[split].values()) for split in (Split.TRAIN, Split.SILVER))
    measured = _from_version(alike) or _from_probe(probes, model, settings)
    if measured is None:
        return None
    per_text, basis = measured
    return Estimate(per_text * texts * settings.fine_tune.epochs, basis)


def probe(project: Project, settings: TrainSettings, progress: Progress) -> dict[str, object]:
    """Time a few batches: {"seconds_per_text", "method", "model", "batch_size"}. Raises NotReady, ModelError."""
    from inffeed_core.workflow.tuning import time_per_text  # imports torch

    with reading(project.db) as db:
        about, as_of = project_settings(db), last_decision_row(db)
    seconds = time_per_text(project, about, settings, as_of, progress)
    return {"seconds_per_text": seconds, "method": settings.method, "model": about.model}


def _from_version(alike: list[ModelVersion]) -> tuple[float, Sentence] | None:
    for one in reversed(alike):
        told = one.report.get("fine_tuning")
        if isinstance(told, Mapping) and told.get("seconds_per_text"):
            return _number(told, "seconds_per_text"), Sentence("time-by-version", version=one.id)
    return None


def _from_probe(probes: list[Job], model: str, settings: TrainSettings) -> tuple[float, Sentence] | None:
    for job in probes:
        if (job.result.get("method"), job.result.get("model")) == (settings.method, model):
            return _number(job.result, "seconds_per_text"), Sentence("time-by-probe")
    return None


def _number(values: Mapping[str, object], name: str) -> float:
    return float(str(values[name]))
