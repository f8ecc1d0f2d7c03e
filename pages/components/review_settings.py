"""Settings for annotators: guidelines, a warning, blurred texts, breaks."""

from typing import Any

import streamlit as st

from inffeed_core.errors import InfFeedError
from inffeed_core.project.folder import Project, change_settings, settings_of
from inffeed_core.project.roles import Right
from inffeed_core.settings import PROJECT_BOUNDS
from inffeed_core.store import metadata_keys, reading
from pages.components.notices import problem
from pages.components.rights import refused, shut_button
from pages.language import say


def care_button(project: Project) -> None:
    """Opens the settings."""
    shut = shut_button(project, Right.ROOM)
    if st.button(say("care.open"), icon=":material/tune:", type="tertiary", key="care", **shut):
        st.dialog(say("care.title"), width="medium")(_form)(project)


def _form(project: Project) -> None:
    now = settings_of(project)
    with st.form("care_form", border=False):
        changes = {
            "guidelines": st.text_area(say("home.field_guidelines"), now.guidelines, height=180).strip(),
            "warning": st.text_area(say("care.warning"), now.warning, help=say("care.warning_help")).strip(),
            "context": tuple(
                st.multiselect(
                    say("care.context"),
                    list(dict.fromkeys([*now.context, *_names(project)])),
                    now.context,
                    help=say("care.context_help"),
                    placeholder=say("care.context_none"),
                )
            ),
            "blur": st.checkbox(say("care.blur"), now.blur, help=say("care.blur_help")),
        }
        left, right = st.columns(2)
        changes["overlap"] = left.number_input(
            say("care.overlap"), *PROJECT_BOUNDS["overlap"], now.overlap, help=say("care.overlap_help")
        )
        changes["lease_minutes"] = right.number_input(
            say("care.lease"), 1.0, 1440.0, now.lease_minutes, 1.0, help=say("care.lease_help"), format="%g"
        )
        changes["break_minutes"] = left.number_input(
            say("care.minutes"), *PROJECT_BOUNDS["break_minutes"], now.break_minutes, help=say("care.never")
        )
        changes["break_decisions"] = right.number_input(
            say("care.decisions"), *PROJECT_BOUNDS["break_decisions"], now.break_decisions, help=say("care.never")
        )
        changes["refresh_after"] = left.number_input(
            say("care.refresh"), *PROJECT_BOUNDS["refresh_after"], now.refresh_after, help=say("care.refresh_help")
        )
        changes["queue_end"] = _queue_end(now.queue_end, right)
        if st.form_submit_button(say("care.save"), type="primary"):
            _save(project, changes)


def _queue_end(now: float | None, place: Any) -> float | None:
    """A share from a field of percents; None where it is empty."""
    percent = place.number_input(
        say("care.queue_end"),
        0.0,
        100.0,
        None if now is None else 100 * now,
        1.0,
        format="%g",
        placeholder=say("care.queue_end_audit"),
        help=say("care.queue_end_help"),
    )
    return None if percent is None else percent / 100


def _names(project: Project) -> list[str]:
    """Of the metadata that texts have."""
    with reading(project.db) as db:
        return metadata_keys(db)


def _save(project: Project, changes: dict[str, object]) -> None:
    if refused(project, Right.ROOM):
        return
    try:
        change_settings(project, **changes)
    except InfFeedError as error:
        problem(str(error))
        return
    st.rerun()
