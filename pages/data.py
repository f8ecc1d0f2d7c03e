"""Data: import, browse, fix duplicates, and export."""

from collections.abc import Callable

import streamlit as st

from inffeed_core.project.status import status
from pages.components.data_export import export_view
from pages.components.data_health import health_view
from pages.components.data_import import IMPORTS, import_view
from pages.components.data_overview import overview
from pages.components.data_texts import texts_view
from pages.components.job_panel import job_panel
from pages.components.label_set import label_view
from pages.components.session import require_project
from pages.components.tabs import tabs
from pages.language import say


def page() -> None:
    """One tab for each thing to do; only the open one computes."""
    st.title(say("app.data"), anchor=False)
    project = require_project()
    job_panel(project)
    now = status(project)
    names = [
        say("data.overview"),
        say("data.import"),
        say("data.texts"),
        say("check.title"),
        say("label_set.title"),
        say("data.export"),
    ]
    first = 1 if now.next_step.step in IMPORTS else 0
    views: tuple[Callable[[], None], ...] = (
        lambda: overview(project, now),
        lambda: import_view(project, now),
        lambda: texts_view(project, now),
        lambda: health_view(project, now),
        lambda: label_view(project, now),
        lambda: export_view(project, now),
    )
    for tab, view in zip(tabs(names, key="view", first=first), views, strict=True):
        if tab.open:
            with tab:
                view()


page()
