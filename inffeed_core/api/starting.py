"""Jobs from outside: their settings are checked before a job starts."""

from inffeed_core import jobs, store
from inffeed_core.api.shapes import NewJob
from inffeed_core.api.telling import Refused
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.jobs import control
from inffeed_core.project import roles
from inffeed_core.project.folder import Project
from inffeed_core.project.status import Step, status
from inffeed_core.records import Job
from inffeed_core.settings import AnalysisSettings, Settings, TrainSettings

_TAKES = {"retrain": {"train", "analysis"}, "analyse": {"analysis"}, "refresh": set(), "explain": {"ids"}}
_TOO_EARLY = (Step.IMPORT_TRAIN, Step.IMPORT_VALIDATION)


def start(project: Project, person: str, asked: NewJob) -> Job:
    """Start a job; the same again while it is queued or running returns that one.

    Raises NotAllowed, SettingsError, NotReady, UnknownInstance, or JobError if another of its kind runs.
    """
    _require_right(project, person, asked.kind)
    given = {name for name in ("train", "analysis", "ids") if getattr(asked, name)}
    if unknown := sorted(given - _TAKES[asked.kind]):
        raise SettingsError(f"A job of kind {asked.kind} takes no {' and no '.join(unknown)}; leave it out.")
    return jobs.start(project, asked.kind, _settings(project, asked))


def find(project: Project, id: str) -> Job:
    """One job, its death noticed. Raises Refused if there is none with this id."""
    latest = next((job for job in jobs.refresh(project) if job.id == id), None)
    if latest is None:
        with store.reading(project.db) as db:
            latest = store.job(db, id)
    if latest is None:
        raise Refused(404, "unknown-job", f"There is no job {id[:40]!r}; GET the project's jobs to see their ids.")
    return latest


def cancel(project: Project, person: str, id: str) -> Job:
    """Ask a job to stop. Raises NotAllowed, and Refused if there is none with this id."""
    found = find(project, id)
    _require_right(project, person, found.kind)
    return control.cancel(project, found.id)


def _require_right(project: Project, person: str, kind: str) -> None:
    if (right := roles.right_to_job(kind)) is not None:
        roles.require(project, person, right)


def _settings(project: Project, asked: NewJob) -> dict[str, object]:
    if asked.kind == "explain":
        return {"ids": _explainable(project, asked.ids)}
    if asked.kind == "refresh":
        with store.reading(project.db) as db:
            _require_analysis(store.analysis_in_use(db))
            return {"decisions": store.last_decision_row(db)}
    now = status(project)
    if now.next_step.step in _TOO_EARLY:
        raise NotReady(str(now.next_step.sentence))
    if asked.kind == "analyse":
        if now.version is None:
            raise NotReady("There is no model version to analyse; start a job of kind retrain.")
        return {"analysis": _checked(AnalysisSettings, asked.analysis)}
    return {"train": _checked(TrainSettings, asked.train), "analysis": _checked(AnalysisSettings, asked.analysis)}


def _explainable(project: Project, ids: list[str]) -> list[str]:
    if not ids:
        raise SettingsError("A job of kind explain needs `ids`, the texts to explain; none arrived.")
    with store.reading(project.db) as db:
        _require_analysis(store.analysis_in_use(db))
        return [store.instance(db, id).id for id in ids]


def _require_analysis(found: object) -> None:
    if found is None:
        raise NotReady("The active version has no analysis yet; start a job of kind retrain or analyse first.")


def _checked(kind: type[Settings], values: dict[str, object]) -> dict[str, object]:
    try:
        return kind.from_dict(values).as_dict()
    except (TypeError, AttributeError, ValueError) as error:  # a list where a number belongs, say
        raise SettingsError(
            f"These settings cannot be read as {kind.__name__} ({error}); see docs/settings."
        ) from error
