"""Choosers whose options come and go: what is shown is what is returned.

A select box with a fixed key keeps its first value on the server, while the browser shows the latest one, for example
in a popover that nobody has opened: it showed one version and returned another. So other options, or another default,
make a new box here, which starts at the user's choice if that is still offered. The choice is stored in one place, the
session, for each project, and survives a visit to another page.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T", bound=Hashable)


def choice(
    label: str, options: Sequence[T], *, name: str, default: T | None = None, place: Any = st, **shown: Any
) -> T | None:
    """One of the options in a select box: the user's choice, else the default; with None nothing is chosen at first.

    `place` is where the box goes; `shown` holds further arguments of `st.selectbox`.
    """
    kept = _kept(_where(name), options, default)
    index = None if kept is None else list(options).index(kept)
    key = _key(name, (*options, default))
    found: T | None = place.selectbox(
        label, options, index=index, key=key, on_change=_keeper(_where(name), key), **shown
    )
    return found


def choose(name: str, value: Hashable) -> None:
    """Make this the user's choice, for example because a link names it; the box is drawn again."""
    st.session_state[_where(name)] = value
    place = _offered(name)
    st.session_state[place] = None, st.session_state.get(place, (None, -1))[1]


def page_number(label: str, pages: int, *, name: str, of: Hashable = "") -> int:
    """Which of `pages` pages: the user's choice, else the first; a single page needs no choice.

    `of` is what is paged, such as the search: each starts at its first page.
    """
    where = _where(f"{name} {of}")
    begin = _kept(where, range(1, pages + 1), 1) or 1
    if pages < 2:
        return 1
    key = _key(name, (of, pages))
    found: int = st.number_input(label, 1, pages, begin, key=key, on_change=_keeper(where, key), width=160)
    return found


def page_asked(name: str, of: Hashable = "") -> int:
    """The page requested last, else 1, for a list read before its page number is drawn; it may no longer exist."""
    return int(st.session_state.get(_where(f"{name} {of}"), 1))


def _kept(where: str, options: Sequence[T], default: T | None) -> T | None:
    """The user's choice while it is offered; afterwards it is forgotten."""
    kept: T | None = st.session_state.get(where, default)
    if kept in options:
        return kept
    st.session_state.pop(where, None)
    return default


def _keeper(where: str, key: str) -> Callable[[], None]:
    def keep() -> None:
        st.session_state[where] = st.session_state[key]

    return keep


def _key(name: str, offered: Hashable) -> str:
    """The name with a number, which counts up whenever the offer under it changes."""
    place = _offered(name)
    before, changes = st.session_state.get(place, (None, -1))
    if before != (_project(), offered):
        changes += 1
        st.session_state[place] = (_project(), offered), changes
    return f"{name} {changes}" if changes else name


def _offered(name: str) -> str:
    return f"offered:{name}"


def _where(name: str) -> str:
    return f"choice:{name}:{_project()}"


def _project() -> str:
    return str(getattr(st.session_state.get("project"), "folder", ""))
