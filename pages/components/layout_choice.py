"""How the table of an uploaded file is laid out: what the file shows, unless the user chooses otherwise or must."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from inffeed_core.data.formats.known import format_of
from inffeed_core.data.layout import AS_FOUND, QUOTES, SEPARATORS, Layout
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused, LayoutUnclear
from pages.language import say

DETECTED = ""
_YES, _NO = "yes", "no"


def chosen_layout(file_id: str) -> Layout:
    """What was chosen for this file so far; its widgets may come later on the page."""
    said = {name: _value(name, file_id) for name in ("delimiter", "quotes", "header", "header_row", "sheet")}
    header = {_YES: True, _NO: False}.get(said["header"])
    return Layout(
        delimiter=said["delimiter"],
        quotes=said["quotes"],
        header=header,
        header_row=None if header is False else said["header_row"],
        sheet=said["sheet"] or _value("sheet_name", file_id),
    )


def layout_choice(name: str, file_id: str, outcome: Table | ImportRefused, sheets: Sequence[str]) -> None:
    """The question that the reading asks, if it does, and a control for each thing that can be chosen."""
    format, _ = format_of(name)
    if format is None or not format.laid_out:
        return
    if isinstance(outcome, LayoutUnclear):
        _question(outcome)
    opened = isinstance(outcome, LayoutUnclear) or chosen_layout(file_id) != AS_FOUND
    with st.expander(say("import.layout"), expanded=opened):
        cells = st.columns(len(format.laid_out))
        for cell, field in zip(cells, format.laid_out, strict=True):
            with cell:
                _control(field, file_id, sheets, outcome)


def _question(outcome: LayoutUnclear) -> None:
    with st.container(border=True):
        st.text(say(f"import.ask_{outcome.choice}"))
        if outcome.choice != "quotes":  # there the question says it all
            st.text(outcome.problems[0].problem)
        for way in outcome.ways:
            named = way.value if outcome.choice == "header_row" else say(f"import.{outcome.choice}_{way.value}")
            st.text(f"{named}: {way.told}")


def _control(field: str, file_id: str, sheets: Sequence[str], outcome: Table | ImportRefused) -> None:
    if field == "header_row":
        st.number_input(say("import.header_row"), 1, value=None, key=_key(field, file_id), help=say("import.row_help"))
    elif field == "sheet" and sheets:
        if _key(field, file_id) not in st.session_state and isinstance(outcome, Table):
            named = _value("sheet_name", file_id)  # typed before the sheets were known
            st.session_state[_key(field, file_id)] = outcome.sheet if named else DETECTED
        _select(field, file_id, [DETECTED, *sheets], lambda sheet: sheet or say("import.detected"))
    elif field == "sheet":
        st.text_input(say("import.sheet"), key=_key("sheet_name", file_id))
    else:
        options = {"delimiter": tuple(SEPARATORS), "quotes": QUOTES, "header": (_YES, _NO)}[field]
        _select(
            field,
            file_id,
            [DETECTED, *options],
            lambda value: say(f"import.{field}_{value}") if value else say("import.detected"),
        )


def _select(field: str, file_id: str, options: Sequence[str], words: Callable[[str], str]) -> None:
    st.selectbox(say(f"import.{field}"), options, format_func=words, key=_key(field, file_id))


def _key(field: str, file_id: str) -> str:
    return f"layout {field} {file_id}"


def _value(field: str, file_id: str) -> Any:
    return st.session_state.get(_key(field, file_id)) or None
