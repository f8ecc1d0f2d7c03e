"""A queue of exactly the texts that somebody chose; the address names it, so that a reload keeps it."""

from collections.abc import Sequence
from typing import NoReturn
from uuid import uuid4

import streamlit as st

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.store.choosing import choose_texts, chosen_texts
from pages.components.addresses import address

ADDRESS = "chosen"


def choose(project: Project, ids: Sequence[str]) -> str:
    """Let the review room show these texts, in this order, whatever was answered before; returns their token."""
    with store.writing(project.db) as db:
        chosen = choose_texts(db, uuid4().hex, ids)
    st.session_state["reopened"] = str(project.folder), chosen.ids, chosen.since
    return chosen.token


def review_these(project: Project, ids: Sequence[str]) -> NoReturn:
    """Go to the review room with these texts."""
    token = choose(project, ids)
    st.switch_page("pages/review.py", query_params=address(project, **{ADDRESS: token}))


def chosen_before(project: Project) -> tuple[tuple[str, ...], int]:
    """(ids, row of the last decision then) of the texts that the room shows by choice; none by itself."""
    folder, ids, since = st.session_state.get("reopened", ("", (), 0))
    if folder == str(project.folder):
        return ids, since
    token = st.query_params.get(ADDRESS, "")
    if not token:
        return (), 0
    with store.reading(project.db) as db:
        found = chosen_texts(db, token)
    if found is None:  # forgotten since
        st.query_params.pop(ADDRESS, None)
        return (), 0
    st.session_state["reopened"] = str(project.folder), found.ids, found.since
    return found.ids, found.since


def forget_choice() -> None:
    """Back to the flags."""
    st.session_state.pop("reopened", None)
    st.query_params.pop(ADDRESS, None)
