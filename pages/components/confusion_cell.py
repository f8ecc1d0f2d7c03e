"""The texts of one cell of the confusion chart: clicked there or chosen by its two labels, listed and queued."""

from typing import NoReturn

import streamlit as st

from inffeed_core.learning.comparing import Changes
from inffeed_core.project.folder import Project
from pages.components.addresses import address
from pages.components.text_list import text_list
from pages.language import say

GOLD, PREDICTED = "cell_gold", "cell_predicted"
OPENED = "cell_opened"


def take_cell(key: str) -> None:
    """The clicked cell is the one to open."""
    for point in st.session_state[key]["selection"]["points"]:
        own = point.get("customdata")
        if own:
            gold, predicted = (own["0"], own["1"]) if isinstance(own, dict) else own
            st.session_state[GOLD], st.session_state[PREDICTED] = gold, predicted


def confusion_cell(project: Project, found: Changes) -> None:
    """Two labels to choose, and the validation texts with this gold label and this prediction."""
    if (asked := st.session_state.pop(OPENED, None)) is not None:
        _explore(project, asked)
    left, right = st.columns(2)
    options = list(found.labels)
    for key in (GOLD, PREDICTED):
        if st.session_state.get(key) not in options:
            st.session_state.pop(key, None)
    empty = say("models.cell_choose")
    gold = left.selectbox(
        say("models.cell_gold"), options, index=None, placeholder=empty, key=GOLD, help=say("models.cell_help")
    )
    predicted = right.selectbox(say("models.cell_predicted"), options, index=None, placeholder=empty, key=PREDICTED)
    if gold is None or predicted is None:
        return
    ids = [one.id for one in found.of_cell(gold, predicted)]
    if ids:
        text_list(project, ids, _ask, name="cell", gold=True)
    else:
        st.text(say("models.cell_empty"))


def _ask(id: str) -> None:
    st.session_state[OPENED] = id


def _explore(project: Project, id: str) -> NoReturn:
    st.switch_page("pages/explore.py", query_params=address(project, id=id))
