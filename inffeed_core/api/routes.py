"""The routes of the web API."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from inffeed_core import jobs, store
from inffeed_core.analysis.exploring import Portrait, portrait
from inffeed_core.api import starting
from inffeed_core.api.callers import Asking, Caller, Given, no_key, place_of
from inffeed_core.api.deciding import take
from inffeed_core.api.keys import person_of
from inffeed_core.api.shapes import (
    MOST,
    AnswerSeen,
    Discussion,
    ErrorSeen,
    FlagPage,
    FlagSeen,
    Influencers,
    NewDecision,
    NewJob,
    Projects,
    Short,
    StatusSeen,
    Taken,
    TextSeen,
    TopicSeen,
)
from inffeed_core.errors import SettingsError, UnknownInstance
from inffeed_core.flags.plain import ENGLISH, plain
from inffeed_core.flags.policies import POLICIES
from inffeed_core.flags.reasons import ENGLISH as JOINTS
from inffeed_core.project.status import status as status_of
from inffeed_core.records import FlagFilter, Job
from inffeed_core.review.discussing import Topic, topics
from inffeed_core.review.handing_out import queue
from inffeed_core.review.items import ReviewItem, item
from inffeed_core.settings import SENT

Order = Literal[(*POLICIES, SENT)]  # type: ignore[valid-type]
Words = Annotated[list[Short], Query(max_length=MOST)]

_REFUSED = {401: "No valid key", 403: "Not yours to do", 404: "Not there", 409: "Not now", 422: "Not as it must be"}
router = APIRouter(
    prefix="/v1/projects",
    responses={status: {"model": ErrorSeen, "description": said} for status, said in _REFUSED.items()},
)


@router.get("")
def projects(request: Request, given: Given) -> Projects:
    """The projects for which your key is valid."""
    found = place_of(request).projects() if given is not None else ()
    names = [one.folder.name for one in found if given is not None and person_of(one, given.credentials) is not None]
    if not names:
        raise no_key()
    return Projects(projects=names)


@router.get("/{project}/status")
def status(asking: Asking) -> StatusSeen:
    """Where the project stands, and what to do next."""
    jobs.refresh(asking.project)
    now = status_of(asking.project)
    return StatusSeen(
        name=now.settings.name,
        you=asking.person,
        labels=now.settings.offered,
        texts=now.counts,
        answers=now.decisions,
        open_flags=now.open_flags,
        undecided=now.undecided,
        version=now.version.id if now.version else None,
        analysis=now.analysis.id if now.analysis else None,
        changed=now.changed,
        next_step=now.next_step.step,
        next_sentence=str(now.next_step.sentence),
        jobs=now.jobs,
    )


@router.get("/{project}/flags")
def flags(
    asking: Asking,
    order: Order = POLICIES[0],
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    after: Annotated[int, Query(ge=0, lt=2**31, description="`next` of the page before.")] = 0,
    label: Words = [],  # noqa: B006 # FastAPI copies it
    source: Words = [],  # noqa: B006
    pair: Words = [],  # noqa: B006
    where: Annotated[list[Short], Query(max_length=MOST, description="KEY=VALUE of the metadata.")] = [],  # noqa: B006
    search: Annotated[str, Query(max_length=1000)] = "",
    suggested: Words = [],  # noqa: B006
    least: Annotated[float, Query(ge=0, le=1, description="Probability of the suggested label.")] = 0.0,
    most: Annotated[float, Query(ge=0, le=1)] = 1.0,
    disagreeing: Annotated[bool, Query(description="Only texts that sources give different labels.")] = False,
) -> FlagPage:
    """The open flags, the one to check first first."""
    only = FlagFilter(
        labels=tuple(label),
        sources=tuple(source),
        pairs=tuple(pair),
        metadata=tuple(map(_pair, where)),
        words=search,
        suggested=tuple(suggested),
        confidence=None if (least, most) == (0, 1) else (least, most),
        disagreeing=disagreeing,
    )
    found = queue(asking.project, order, limit, only=only, after=after)
    return FlagPage(
        order=order,
        analysis=found[0].analysis_id if found else None,
        flags=[_flag(one) for one in found],
        next=found[-1].flag.rank if len(found) == limit else None,
    )


def _pair(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals:
        raise SettingsError(f"where={entry[:100]!r} is not a pair; write it as KEY=VALUE, such as where=year=2024.")
    return key, value


def _flag(one: ReviewItem) -> FlagSeen:
    names = ("id", "text", "pair", "label", "suggested", "suggested_probability", "predicted", "probability")
    told: dict[str, Any] = {name: getattr(one.flag, name) for name in (*names, "score", "rank", "metadata")}
    return FlagSeen(**told, reason=_reason(one))


def _reason(one: ReviewItem) -> str:
    return "" if one.blind or not one.flag.rank else plain(one.flag, one.evidence, ENGLISH, JOINTS)


@router.get("/{project}/texts/{id:path}")
def text(asking: Asking, id: Annotated[str, Path(max_length=1000)], order: Order = POLICIES[0]) -> TextSeen:
    """One text with its influencers, and why the order flags it."""
    found = portrait(asking.project, id)
    shown, score = found.instance, found.score
    return TextSeen(
        id=shown.id,
        text=shown.text,
        pair=shown.pair,
        split=shown.split,
        label=shown.label,
        original_label=shown.original_label,
        confirmed=shown.confirmed,
        disputed=shown.disputed,
        metadata=shown.metadata,
        analysis=found.analysis.id if found.analysis else None,
        predicted=score.predicted if score else None,
        probability=score.probability if score else None,
        suggested=score.suggested if score else None,
        ranks={name: rank for name, (rank, _) in found.standings.items()},
        reason=_reason_of(asking, found, order),
        influencers=_influencers(found),
    )


def _reason_of(asking: Caller, found: Portrait, order: str) -> str:
    if order not in found.standings:
        return ""
    try:
        return _reason(item(asking.project, found.instance.id, order))
    except UnknownInstance:  # a newer analysis came between, which does not rank it
        return ""


def _influencers(found: Portrait) -> Influencers | None:
    if found.evidence is None:
        return None
    sides = {name: getattr(found.evidence, name) for name in ("supporters", "opposers", "harmed")}
    return Influencers(**sides)


@router.post("/{project}/decisions", status_code=201, responses={200: {"model": Taken, "description": "As before"}})
def decide(asking: Asking, sent: NewDecision, response: Response) -> Taken:
    """Decide about a text: 201 if it was stored now, 200 if it had arrived before."""
    taken = take(asking.project, asking.person, sent)
    response.status_code = 201 if taken.stored else 200
    return taken


@router.get("/{project}/discussion")
def discussion(asking: Asking, limit: Annotated[int, Query(ge=1, le=MOST)] = 20) -> Discussion:
    """What annotators marked or disagree on, with everybody's answers and notes."""
    found = topics(asking.project, asking.person)
    return Discussion(topics=[_topic(one) for one in found[:limit]], more=max(len(found) - limit, 0))


def _topic(one: Topic) -> TopicSeen:
    names = ("id", "text", "pair", "split", "label", "original_label", "disputed", "metadata")
    told: dict[str, Any] = {name: getattr(one.instance, name) for name in names}
    answers = [
        AnswerSeen(
            annotator=said.annotator,
            act=said.act,
            label=said.label,
            note=said.note,
            at=said.at,
            overtaken=one.overtaken(said),
        )
        for said in one.said
    ]
    probability = None if one.suggested is None else one.probability
    return TopicSeen(**told, suggested=one.suggested, suggested_probability=probability, answers=answers)


@router.get("/{project}/jobs")
def latest(asking: Asking) -> list[Job]:
    """The latest jobs, newest first."""
    return jobs.refresh(asking.project)


@router.post("/{project}/jobs", status_code=202)
def start(asking: Asking, asked: NewJob) -> Job:
    """Start a job, or find the same one running. What changes the model takes a lead, where the project has one."""
    return starting.start(asking.project, asking.person, asked)


@router.get("/{project}/jobs/{id}")
def job(asking: Asking, id: str) -> Job:
    """One job."""
    with store.reading(asking.project.db):  # a project that vanished is told before its jobs
        return starting.find(asking.project, id)


@router.post("/{project}/jobs/{id}/cancel", status_code=202)
def cancel(asking: Asking, id: str) -> Job:
    """Ask a job to stop; it does at its next report. Takes the same right as to start it."""
    return starting.cancel(asking.project, asking.person, id)
