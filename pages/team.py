"""Team: the figures for leads, who has which role, and what is assigned to whom."""

from collections.abc import Callable

import streamlit as st

from pages.components.session import require_project
from pages.components.tabs import tabs
from pages.components.team_assigning import assigning_view
from pages.components.team_figures import figures_view
from pages.components.team_people import people_view
from pages.language import say


def page() -> None:
    """One tab for each; only the open one computes."""
    st.title(say("app.team"), anchor=False)
    project = require_project()
    names = [say("team.figures"), say("team.people"), say("team.assignments")]
    views: tuple[Callable[[], None], ...] = (
        lambda: figures_view(project),
        lambda: people_view(project),
        lambda: assigning_view(project),
    )
    for tab, view in zip(tabs(names, key="team_view"), views, strict=True):
        if tab.open:
            with tab:
                view()


page()
