"""The pages of InfFeed and their order. Start with `make app` or `inffeed app`."""

from pathlib import Path

import streamlit as st

ICON = Path(__file__).parent / "pages/components/icon.svg"  # an icon by name would be fetched from Google

st.set_page_config(page_title="InfFeed", page_icon=str(ICON), layout="wide")
st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/database:"),
        st.Page("pages/review.py", title="Review", icon=":material/rate_review:"),
        st.Page("pages/explore.py", title="Explore", icon=":material/hub:"),
        st.Page("pages/models.py", title="Models", icon=":material/model_training:"),
    ]
).run()
