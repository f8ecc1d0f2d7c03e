"""How long a retrain will take on this machine, estimated from similar ones that were measured.

Similar means the same method, encoder, tokens and precision, with the same choices left open. A version records how
long its training took, and how much of that went into encoding texts that were not in the cache: the first one encodes
all, later ones those added since. The analysis is estimated from the last job that ran one with the same settings.
Fine-tuning is estimated from a version, else from a short probe, a job (`probe`) that times a few batches, so that a
page can ask without importing torch. It may end sooner, because early stopping ends it when validation no longer
improves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlite_utils import Database

from inffeed_core.project.encoders import layers_of, transformer_for
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of
from inffeed_core.records import Job, JobState, ModelVersion, Progress, Split
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.store import (
    active_version,
    count_by_split,
    job_settings,
    jobs,
    last_decision_row,
    project_settings,
    reading,
    versions,
)
from inffeed_core.store.clock import seconds_between
from inffeed_core.wording import Sentence


@dataclass(frozen=True, slots=True)
class Estimate:
    """Wall time of a retrain."""

    seconds: float
    basis: Sentence
    """What the estimate is based on, in words."""
    analysis: bool = False
    """Whether the time includes the analysis afterwards, or only the training."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Measurements in a project."""

    versions: Sequence[ModelVersion]
    active: ModelVersion | None
    model: str
    texts: int
    """Of all splits."""
    learned: int
    """Train and silver."""
    jobs: Sequence[tuple[Job, Mapping[str, object]]]
    """Finished jobs, newest first, with their settings."""


@dataclass(slots=True)
class EncodingTime:
    """The `progress` of encoding, which records how many texts were not in the cache."""

    progress: Progress
    texts: int = field(default=0, init=False)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report, and count."""
        self.texts = max(self.texts, total)
        self.progress(stage, done, total)


def estimate_time(
    project: Project, settings: TrainSettings, analysis: AnalysisSettings | None = None
) -> Estimate | None:
    """Estimate training with these settings, and the analysis if one is given and a similar one was measured.

    None if nothing similar has been measured yet: then a probe helps, or for an instant retrain the first training.
    """
    with reading(project.db) as db:
        known = _known(db)
    found = _instant(known, settings) if settings.method == "instant" else _fine_tuning(known, settings)
    if found is None or analysis is None or (more := _analysis(known, analysis)) is None:
        return found
    return Estimate(found.seconds + more, found.basis, analysis=True)


def _known(db: Database) -> _Known:
    counts = {split: sum(n for label, n in of.items() if label) for split, of in count_by_split(db).items()}
    return _Known(
        versions=versions(db),
        active=active_version(db),
        model=project_settings(db).model,
        texts=sum(counts.values()),
        learned=counts[Split.TRAIN] + counts[Split.SILVER],
        jobs=[(job, job_settings(db, job.id)) for job in jobs(db) if job.state is JobState.DONE],
    )


def _instant(known: _Known, settings: TrainSettings) -> Estimate | None:
    encoder = transformer_for(known.model, known.active)
    keeps = known.active is not None and base_of(known.active) == known.model
    layers = layers_of(known.active) if keeps and known.active and settings.layers == "auto" else settings.layers
    alike = [
        v
        for v in known.versions
        if v.encoder == encoder
        and _same(v, settings, "max_tokens", "precision", "windows")
        and (layers == "last" or v.settings.get("layers", "last") != "last")
    ]
    measured = [
        v for n, v in enumerate(alike) if n or "encoding" in v.report
    ]  # for others, the encoding time is unknown
    fitted = [v for v in measured if v.settings.get("method", "instant") == "instant" and v.report.get("seconds")]
    chooses = settings.l2 is None and not keeps
    like = [v for v in fitted if (v.settings.get("l2") is None) == chooses]
    if not (like or (fitted and not chooses)):
        return None
    one = (like or fitted)[-1]
    encoding = _encoding(known, alike)
    if encoding is None:
        return None
    fit = max(0.0, _number(one.report, "seconds") - _encoded(one)[0])
    share = known.learned / max(1, sum(one.train_counts.values())) if one.train_counts else 1.0
    return Estimate(encoding + fit * share, Sentence("time-like-version" if like else "time-at-most", version=one.id))


def _encoding(known: _Known, alike: Sequence[ModelVersion]) -> float | None:
    """Seconds for texts added since; None if there are some and no version shows how fast they are encoded."""
    missing = known.texts - max(int(str(v.report.get("texts", 0))) for v in alike)
    if missing <= 0 or all("texts" not in v.report for v in alike):
        return 0.0
    paces = [(texts, seconds / texts) for seconds, texts in map(_encoded, alike) if texts]
    return missing * max(paces)[1] if paces else None


def _encoded(version: ModelVersion) -> tuple[float, int]:
    """(seconds, texts) of what had to be encoded for it."""
    told = version.report.get("encoding")
    return (_number(told, "seconds"), int(_number(told, "texts"))) if isinstance(told, Mapping) else (0.0, 0)


def _fine_tuning(known: _Known, settings: TrainSettings) -> Estimate | None:
    alike = [
        v
        for v in known.versions
        if base_of(v) == known.model
        and _same(v, settings, "method", "max_tokens")
        and _same_batch(v.settings, settings)
    ]
    probes = [job for job, _ in known.jobs if job.kind == "probe"]
    measured = _from_version(alike) or _from_probe(probes, known.model, settings)
    if measured is None:
        return None
    per_text, basis = measured
    return Estimate(per_text * known.learned * settings.fine_tune.epochs, basis)


def _same(version: ModelVersion, settings: TrainSettings, *names: str) -> bool:
    """Whether a version was made with these settings; settings that an earlier release did not store are defaults."""
    wanted, default = settings.as_dict(), TrainSettings().as_dict()
    return all(version.settings.get(name, default[name]) == wanted[name] for name in names)


def _same_batch(told: Mapping[str, object], settings: TrainSettings) -> bool:
    before = told.get("fine_tune")
    return not isinstance(before, Mapping) or before.get("batch_size") == settings.fine_tune.batch_size


def _analysis(known: _Known, settings: AnalysisSettings) -> float | None:
    """Seconds of the last analysis with these settings, for as many texts as there are now."""
    by_id = {v.id: v for v in known.versions}
    for job, given in known.jobs:
        version = by_id.get(str(job.result.get("version")))
        if job.kind not in ("analyse", "retrain") or given.get("analysis") != settings.as_dict() or version is None:
            continue
        trained = float(str(version.report.get("seconds", 0.0))) if job.kind == "retrain" else 0.0
        texts = int(str(version.report.get("texts", known.texts)))
        wall = seconds_between(job.started or job.created, job.ended or job.created)
        return max(0.0, wall - trained) * known.texts / max(1, texts)
    return None


def probe(project: Project, settings: TrainSettings, progress: Progress) -> dict[str, object]:
    """Time a few batches: {"seconds_per_text", "method", "model", "batch_size", "max_tokens"}.

    Raises NotReady, ModelError.
    """
    from inffeed_core.learning.tuning import time_per_text  # imports torch

    with reading(project.db) as db:
        about, as_of = project_settings(db), last_decision_row(db)
    seconds = time_per_text(project, about, settings, as_of, progress)
    return {
        "seconds_per_text": seconds,
        "method": settings.method,
        "model": about.model,
        "batch_size": settings.fine_tune.batch_size,
        "max_tokens": settings.max_tokens,
    }


def _from_version(alike: Sequence[ModelVersion]) -> tuple[float, Sentence] | None:
    for one in reversed(alike):
        told = one.report.get("fine_tuning")
        if isinstance(told, Mapping) and told.get("seconds_per_text"):
            return _number(told, "seconds_per_text"), Sentence("time-by-version", version=one.id)
    return None


def _from_probe(probes: Sequence[Job], model: str, settings: TrainSettings) -> tuple[float, Sentence] | None:
    wanted = {
        "method": settings.method,
        "model": model,
        "batch_size": settings.fine_tune.batch_size,
        "max_tokens": settings.max_tokens,
    }
    for job in probes:
        if all(job.result.get(name, value) == value for name, value in wanted.items()):
            return _number(job.result, "seconds_per_text"), Sentence("time-by-probe")
    return None


def _number(values: Mapping[str, object], name: str) -> float:
    return float(str(values[name]))
