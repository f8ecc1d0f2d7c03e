"""Where a project stands and what to do next, from the database alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Analysis, Changes, Job, ModelVersion, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    Viewer,
    act_counts,
    active_version,
    changed_since,
    changes_since,
    count_by_split,
    count_open,
    latest_analysis,
    open_jobs,
    outdated,
    project_settings,
    reading,
    remembered,
    silver_clock,
    undecided_counts,
)
from inffeed_core.wording import Sentence, Term

BESIDE = ("explain", "refresh", "probe", "export-model", "propose", "health")
"""Kinds of jobs during which reviewing can continue."""
RETRAIN_AFTER = 20
"""After this many changed labels, retraining is the next step even while flags are open."""


class Step(StrEnum):
    """What a project needs next."""

    IMPORT_TRAIN = "import-train"
    IMPORT_VALIDATION = "import-validation"
    IMPORT_SILVER = "import-silver"
    WAIT = "wait"
    TRAIN = "train"
    ANALYSE = "analyse"
    REVIEW = "review"
    RETRAIN = "retrain"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step, and the sentence that tells the user about it."""

    step: Step
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that the home page and `inffeed status` show."""

    settings: ProjectSettings
    counts: Mapping[Split, Mapping[str, int]]
    """Current labels by split, excluded instances left out; "" counts silver texts that have no label yet."""
    decisions: Mapping[Act, int]
    """How often each act is an annotator's last about a text."""
    open_flags: int
    """Silver instances that the default policy ranked and that too few annotators have answered."""
    undecided: Mapping[Act, int]
    """Texts that enough annotators have answered but that are still skipped, unsure or under discussion (`flag`)."""
    version: ModelVersion | None
    """The active version."""
    analysis: Analysis | None
    """The latest analysis of the active version."""
    changed: int
    """How many instances changed label or confirmation since the active version was trained."""
    changes: Changes
    """The same, by what changed."""
    data_changed: bool
    """Whether instances were added or left out since then, or silver labels or the labels of the project changed."""
    analysis_stale: bool
    """Whether labels or data have changed since the analysis, if there is one."""
    jobs: tuple[Job, ...]
    """Queued and running."""
    next_step: NextStep

    @property
    def unlabelled(self) -> int:
        """Silver texts that have no label yet: nothing is learned from them, and no flag ranks them."""
        return self.counts[Split.SILVER].get("", 0)


def status(project: Project) -> Status:
    """The project's state from one consistent snapshot, or as it was read if nothing was written since."""
    return remembered(project.db, "status", lambda: _read(project))


def _read(project: Project) -> Status:
    with reading(project.db) as db:
        counts, version = count_by_split(db), active_version(db)
        analysis = latest_analysis(db, version.id) if version else None
        settings = project_settings(db)
        viewer = Viewer(overlap=settings.overlap)
        open_flags = count_open(db, analysis.id, POLICIES[0], viewer) if analysis else 0
        changes = changes_since(db, version.as_of_decision) if version else Changes(0, 0, 0)
        data_changed = version is not None and (
            _learnable(counts) != sum(version.train_counts.values())
            or silver_clock(db) != version.silver_clock
            or outdated(db, version.id)
        )
        running = tuple(open_jobs(db))
        return Status(
            settings=settings,
            counts=counts,
            decisions=act_counts(db),
            open_flags=open_flags,
            undecided=undecided_counts(db, viewer),
            version=version,
            analysis=analysis,
            changed=changes.total,
            changes=changes,
            data_changed=data_changed,
            analysis_stale=analysis is not None and (data_changed or changed_since(db, analysis.as_of_decision) > 0),
            jobs=running,
            next_step=_import_step(counts)
            or _wait_step(running)
            or _work_step(version, analysis, open_flags, changes.total, data_changed),
        )


def _learnable(counts: Mapping[Split, Mapping[str, int]]) -> int:
    return sum(n for split in (Split.TRAIN, Split.SILVER) for label, n in counts[split].items() if label)


def _import_step(counts: Mapping[Split, Mapping[str, int]]) -> NextStep | None:
    if not counts[Split.TRAIN]:
        return NextStep(Step.IMPORT_TRAIN, Sentence("step-import-train"))
    if not counts[Split.VALIDATION]:
        return NextStep(Step.IMPORT_VALIDATION, Sentence("step-import-validation"))
    if not counts[Split.SILVER]:
        return NextStep(Step.IMPORT_SILVER, Sentence("step-import-silver"))
    if set(counts[Split.SILVER]) == {""}:
        return NextStep(Step.IMPORT_SILVER, Sentence("step-label-silver", count=counts[Split.SILVER][""]))
    return None


def _wait_step(running: tuple[Job, ...]) -> NextStep | None:
    waited_for = [job for job in running if job.kind not in BESIDE]
    if not waited_for:
        return None
    job = waited_for[0]
    doing = {"job": Term("jobs", job.kind), "stage": Term("stages", job.stage)}
    return NextStep(Step.WAIT, Sentence("step-wait-stage" if job.stage else "step-wait", **doing))


def _work_step(
    version: ModelVersion | None, analysis: Analysis | None, open_flags: int, changed: int, data_changed: bool
) -> NextStep:
    if version is None:
        return NextStep(Step.TRAIN, Sentence("step-train"))
    if data_changed:
        return NextStep(Step.RETRAIN, Sentence("step-retrain-data", version=version.id))
    if analysis is None:
        return NextStep(Step.ANALYSE, Sentence("step-analyse", version=version.id))
    if changed >= RETRAIN_AFTER or (changed and not open_flags):
        code = "step-retrain-one" if changed == 1 else "step-retrain-many"
        return NextStep(Step.RETRAIN, Sentence(code, count=changed, version=version.id))
    if open_flags:
        return NextStep(Step.REVIEW, Sentence("step-review", count=open_flags))
    return NextStep(Step.EXPORT, Sentence("step-export"))
