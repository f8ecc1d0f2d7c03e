"""Tabs that keep the open one open, whatever becomes of their names or of the project meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was drawn last: the names in the language then, the tab that opens by itself, and the one that is open."""

    names: tuple[str, ...]
    first: int
    shown: int


def tabs(names: Sequence[str], *, key: str, first: int = 0) -> Sequence[TabContainer]:
    """One for each name; only the open one needs to be filled.

    On arriving at the page, the one that the address names is open, else number `first`. Streamlit itself would open
    `first` again whenever that, or a name, changes.
    """
    place, named = f"tabs:{key}", tuple(names)
    kept: _Kept | None = st.session_state.get(place) if key in st.session_state else None
    if kept is not None:
        first = kept.first
        if kept.names != named:
            st.session_state[key] = named[kept.shown]
    made = st.tabs(named, default=named[first], key=key, on_change="rerun", bind="query-params")
    shown = next((n for n, tab in enumerate(made) if tab.open), first)
    st.session_state[place] = _Kept(named, first, shown)
    return made
