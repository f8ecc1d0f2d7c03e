"""The warning about texts that stand twice, with a list to check it by."""

from collections.abc import Iterable
from itertools import islice

import pandas as pd
import streamlit as st

SHOWN_AT_MOST = 200

LEAKAGE = "Leakage"
LEAKAGE_SAID = "train or silver texts also stand in validation or test, which makes scores look too good."
DUPLICATES = "Duplicates"
DUPLICATES_SAID = "texts repeat an earlier one of their split and count twice."


def equal_texts(name: str, count: int, said: str, pairs: Iterable[tuple[str, str, str]]) -> None:
    """A line with the count, and up to SHOWN_AT_MOST of (id to leave out, id to keep, text)."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(name, icon=":material/warning:", color="orange")
        st.text(f"{count:,} {said}")
    with st.expander("Show them"):
        frame = pd.DataFrame(islice(pairs, SHOWN_AT_MOST), columns=["Leave out", "Keep", "Text"])
        st.dataframe(frame, hide_index=True, column_config={"Text": st.column_config.TextColumn(width="large")})
