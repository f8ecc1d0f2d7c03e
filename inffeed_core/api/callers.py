"""Who asks, by their key, and about which project."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inffeed_core.api.keys import person_of
from inffeed_core.api.telling import Refused
from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import Project, open_project, placed

_bearer = HTTPBearer(auto_error=False, description="A key from `inffeed api-key DIR NAME --new`.")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(slots=True)
class Place:
    """What is served: one project, or all in a folder."""

    folder: Path
    _opened: dict[str, Project] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = placed(self.folder)
        if self._is_one:
            self.project(self.folder.name)
        elif not self.folder.is_dir():
            raise ProjectError(f"There is no folder {self.folder}; name a project, or the folder that holds projects.")

    @property
    def _is_one(self) -> bool:
        return (self.folder / "project.db").is_file()

    def names(self) -> list[str]:
        """The projects' folders by name, hidden ones left out."""
        if self._is_one:
            return [self.folder.name]
        return sorted(path.parent.name for path in self.folder.glob("[!.]*/project.db"))

    def project(self, name: str) -> Project | None:
        """The project in the folder of this name; None if there is none. Raises ProjectError if it cannot be read."""
        if name not in self.names():
            return None
        folder = self.folder if self._is_one else self.folder / name
        if placed(folder) != folder:  # a link to elsewhere, which the app does not open either
            return None
        if name not in self._opened:
            self._opened[name] = open_project(folder)
        return self._opened[name]

    def lying_here(self) -> Iterator[Project]:
        """All projects as they lie there, neither migrated nor checked."""
        for name in self.names():
            yield Project(self.folder if self._is_one else self.folder / name)

    def projects(self) -> Iterator[Project]:
        """All that can be opened."""
        for name in self.names():
            try:
                found = self.project(name)
            except ProjectError:
                continue
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True)
class Caller:
    """A person with a valid key."""

    project: Project
    person: str
    """Under this name their decisions are stored."""


def caller(project: str, request: Request, given: Given) -> Caller:
    """Who asks. The same is answered for a wrong key and for a project that is not there."""
    found = place_of(request).project(project) if given is not None else None
    person = person_of(found, given.credentials) if found is not None and given is not None else None
    if found is None or person is None:
        raise no_key()
    return Caller(found, person)


def no_key() -> Refused:
    """What is answered to whoever has no valid key."""
    said = (
        "No valid key for this project arrived; send `Authorization: Bearer KEY` with a key from `inffeed api-key DIR "
        "NAME --new`, and name the project as its folder is named."
    )
    return Refused(401, "no-key", said, {"www-authenticate": "Bearer"})


def place_of(request: Request) -> Place:
    """What this server serves."""
    place: Place = request.app.state.place
    return place


Asking = Annotated[Caller, Depends(caller)]
