"""Who may do what in a project: the one place that knows.

Leads may do everything. Annotators review, and see what they decided themselves. Whoever was given no role counts as
an annotator. Until a lead is named nobody has a role, and everybody may do everything, as in projects of earlier
releases; from then on there is always a lead. Names come from sign-in or a trusted header where one is set up. Else
people type them, so roles prevent slips and not misuse. Pages ask `why_not` before they offer something, and `require`
when it is done; the command line and this library belong to whoever owns the folder, and ask nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from inffeed_core.characters import as_label
from inffeed_core.errors import NotAllowed, SettingsError
from inffeed_core.project.folder import Project
from inffeed_core.project.names import person_name
from inffeed_core.store import reading, writing
from inffeed_core.store.roles import roles, set_role
from inffeed_core.wording import Sentence, Term


class Role(StrEnum):
    """What a person is in a project."""

    LEAD = "lead"
    ANNOTATOR = "annotator"


class Right(StrEnum):
    """What only leads may do, in words that follow "may"."""

    ROOM = "set the room"
    DATA = "bring in texts and labels, or leave texts out"
    LABELS = "change the labels"
    TRAIN = "train, analyse or cancel that"
    VERSION = "choose the version in use and how it decides"
    FEEDBACK = "ask for feedback, apply it or undo it"
    EXPORT = "export and back up"
    SEE_ALL = "see everybody’s decisions, agreement and figures"
    TEAM = "change roles and assign texts"
    PUT_AWAY = "rename, archive, delete or restore the project"


_JOBS = {
    "train": Right.TRAIN,
    "retrain": Right.TRAIN,
    "analyse": Right.TRAIN,
    "probe": Right.TRAIN,
    "export-model": Right.EXPORT,
    "propose": Right.FEEDBACK,
    "feedback": Right.FEEDBACK,
    "label": Right.DATA,
}


@dataclass(frozen=True, slots=True)
class Team:
    """The roles of a project at one moment."""

    roles: Mapping[str, Role]
    """By person; empty while everybody may do everything."""

    @property
    def leads(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(person for person, role in self.roles.items() if role is Role.LEAD)

    def role_of(self, person: str) -> Role | None:
        """None while nobody has a role."""
        return self.roles.get(as_label(person), Role.ANNOTATOR) if self.roles else None

    def why_not(self, person: str, right: Right) -> Sentence | None:
        """Why this person may not do that; None if they may. "" stands for somebody who gave no name."""
        if self.role_of(person) in (None, Role.LEAD):
            return None
        about = {"what": Term("rights", right), "leads": ", ".join(self.leads)}
        return Sentence("role-lead-only", person=person, **about) if person else Sentence("role-nameless", **about)


def team_in(db: Database) -> Team:
    """The roles now, in an open database."""
    return Team({person: Role(role) for person, role in roles(db).items()})


def team_of(project: Project) -> Team:
    """The roles now."""
    with reading(project.db) as db:
        return team_in(db)


def require(project: Project, person: str, right: Right) -> None:
    """Raises NotAllowed, with the reason, where this person may not do that."""
    if (reason := team_of(project).why_not(person, right)) is not None:
        raise NotAllowed(reason)


def right_to_job(kind: str) -> Right | None:
    """What it takes to start or cancel a job of this kind; None for one that helps whoever reviews."""
    return _JOBS.get(kind)


def set_roles(project: Project, wanted: Mapping[str, Role | None], by: str) -> Team:
    """Give people roles, or take them away (None): all of it or nothing; returns the roles then.

    Raises SettingsError for a name that cannot be one, and where nobody would lead.
    """
    named = {person_name(person): role for person, role in wanted.items()}
    with writing(project.db) as db:
        before = team_in(db)
        for person, role in named.items():
            if before.roles.get(person) != role:
                set_role(db, person, role, by)
        after = team_in(db)
        if after.leads or not (after.roles or before.roles):
            return after
        lost = ", ".join(before.leads)
        raise SettingsError(Sentence("role-last-lead", person=lost) if lost else Sentence("role-first-lead"))
