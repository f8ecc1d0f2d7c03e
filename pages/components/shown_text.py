"""A text with its second text and its context: as it is, never as Markdown, in pages and in tables."""

from collections.abc import Iterable
from typing import Protocol

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig, ColumnWidth

from inffeed_core.project.browsing import targets
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Instance
from inffeed_core.review.items import context_of
from inffeed_core.store import count_instances, reading
from pages.language import say

OPTION_CHARACTERS = 60


class Shown(Protocol):
    """What has a text, and perhaps a second one."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def pair(self) -> str | None:
        """Its second text."""


def show_text(one: Shown) -> None:
    """The text, and below it the second one under its name."""
    st.text(one.text)
    if one.pair is not None:
        with st.container(gap=None):
            st.caption(say("columns.pair"))
            st.text(one.pair)


def show_context(project: Project, one: Instance) -> None:
    """The metadata that the project shows under every text."""
    for name, value in context_of(one.metadata, settings_of(project).context):
        st.text(say("explore.context", name=name, value=value))


def begun(text: str) -> str:
    """The beginning of a second text, as an option shows it."""
    flat = " ".join(text.split())
    return flat if len(flat) <= OPTION_CHARACTERS else flat[: OPTION_CHARACTERS - 1] + "…"


def second_text_options(project: Project) -> list[str]:
    """The second texts to filter by; none where there are too many different ones."""
    with reading(project.db) as db:
        return _targets(project, str(project.folder), count_instances(db))


@st.cache_data(max_entries=20, show_spinner=False)
def _targets(_project: Project, folder: str, instances: int) -> list[str]:
    """Kept until texts are added or left out: 200 ms for 50,000 texts."""
    return targets(_project)


def any_pair(rows: Iterable[Shown]) -> bool:
    """Whether a table of these has a column of second texts."""
    return any(one.pair is not None for one in rows)


def text_cells(one: Shown, paired: bool) -> dict[str, str]:
    """The cells of a text, with its second text where the table has a column of them."""
    return {say("columns.text"): one.text} | ({say("columns.pair"): one.pair or ""} if paired else {})


def text_columns(paired: bool) -> dict[str, ColumnConfig]:
    """How the columns of texts and splits are shown, and that of second texts, which leaves texts less room."""
    widths: dict[str, ColumnWidth] = {"text": 250, "pair": 150} if paired else {"text": "large"}
    widths["split"] = 90  # by itself it is as wide as the first rows need, which may be of another split
    return {say(f"columns.{name}"): st.column_config.TextColumn(width=width) for name, width in widths.items()}
