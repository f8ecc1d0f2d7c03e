"""Who is in which review room now, so that a closed tab does not keep flags from others.

Streamlit drops what is cached for a session as soon as its connection ends: the tab was closed or reloaded, or lost
the network. The flags of anybody who does not return within `GRACE` are freed. Going to another page of the app does
not end the connection, so they stay. A killed server forgets who was there: their leases then expire.
"""

import sqlite3
import threading
from collections import Counter
from contextlib import suppress

import streamlit as st

from inffeed_core import store
from inffeed_core.errors import InfFeedError
from inffeed_core.project.folder import Project
from inffeed_core.review.progress import Sitting

GRACE = 6.0
"""Seconds: a reload takes less."""


class Rooms:
    """Counts the sessions of each annotator in each project, and remembers the last sitting of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: Counter[tuple[str, str]] = Counter()
        self._sittings: dict[tuple[str, str], Sitting] = {}

    def enter(self, project: Project, annotator: str) -> None:
        """One more session."""
        with self._lock:
            self._sessions[str(project.folder), annotator] += 1

    def leave(self, project: Project, annotator: str) -> None:
        """One session less; after the last, and some grace, the annotator's flags are free."""
        with self._lock:
            self._sessions[str(project.folder), annotator] -= 1
        timer = threading.Timer(GRACE, self.give_back, (project, annotator))
        timer.daemon = True
        timer.start()

    def give_back(self, project: Project, annotator: str) -> None:
        """Free the annotator's flags unless a session of theirs is in the room."""
        with self._lock:
            if self._sessions[str(project.folder), annotator] > 0:
                return
        with (
            suppress(InfFeedError, sqlite3.Error, OSError),  # otherwise they become free when the lease ends
            store.writing(project.db) as db,
        ):
            store.leave(db, annotator)

    def goes_on(self, project: Project, sitting: Sitting) -> bool:
        """Whether this was the annotator's last sitting, or none is known; from now on it is the last."""
        with self._lock:
            before = self._sittings.get(whose := (str(project.folder), sitting.annotator))
            self._sittings[whose] = sitting
        return before in (None, sitting)


ROOMS = Rooms()


class _Seat:
    """One session in a room."""

    def __init__(self, project: Project, annotator: str) -> None:
        self.whose = project, annotator
        ROOMS.enter(project, annotator)

    def free(self) -> None:
        ROOMS.leave(*self.whose)


def take_seat(project: Project, annotator: str) -> None:
    """Register this session in the room; call it in each run."""
    seat = _seat(project, str(project.folder), annotator)
    before = st.session_state.get("review_seat")
    if (
        before is not None and before.whose != seat.whose
    ):  # another name, for example after signing in, or another project
        ROOMS.give_back(*before.whose)
    st.session_state["review_seat"] = seat


@st.cache_resource(scope="session", max_entries=1, on_release=_Seat.free, show_spinner=False)
def _seat(_project: Project, folder: str, annotator: str) -> _Seat:
    return _Seat(_project, annotator)
