"""The pages of InfFeed and their order. Start with `make app` or `inffeed app`."""

import streamlit as st

st.set_page_config(page_title="InfFeed", page_icon=":material/published_with_changes:", layout="wide")
st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/database:"),
        st.Page("pages/review.py", title="Review", icon=":material/rate_review:"),
        st.Page("pages/explore.py", title="Explore", icon=":material/hub:"),
        st.Page("pages/models.py", title="Models", icon=":material/model_training:"),
    ]
).run()
