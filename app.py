"""The app. Start it with `make app` or `inffeed app`."""

from pathlib import Path

import streamlit as st

from pages.components.navigation import navigate

ICON = Path(__file__).parent / "pages/components/icon.svg"  # an icon by name would be fetched from Google

st.set_page_config(page_title="InfFeed", page_icon=str(ICON), layout="wide")
navigate().run()
