"""The warning about texts that occur twice, with a list to check."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import islice

import pandas as pd
import streamlit as st

from pages.components.shown_text import Shown, any_pair, text_cells, text_columns
from pages.language import say

SHOWN_AT_MOST = 200


class Kind(StrEnum):
    """Where the other text stands: in a split that reports or steers, or in the same one."""

    LEAKAGE = "leakage"
    DUPLICATES = "duplicates"


def equal_texts(kind: Kind, count: int, pairs: Iterable[tuple[str, str, Shown]]) -> None:
    """A line with the count, and up to SHOWN_AT_MOST of (id to leave out, id to keep, what has the text)."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(say(f"data.{kind}"), icon=":material/warning:", color="orange")
        st.text(say(f"data.{kind}_said", count=count))
    with st.expander(say("data.show_them")):
        rows = list(islice(pairs, SHOWN_AT_MOST))
        paired = any_pair(one for *_, one in rows)
        names = say("data.leave_out"), say("data.keep")
        frame = pd.DataFrame([{names[0]: out, names[1]: kept} | text_cells(one, paired) for out, kept, one in rows])
        st.dataframe(frame, hide_index=True, column_config=text_columns(paired))
