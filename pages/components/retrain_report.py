"""A report of a retrain, as a file to download."""

import streamlit as st

from inffeed_core.learning.retrain_page import retrain_page
from inffeed_core.learning.retrain_report import retrain_report
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.records import Act, ModelVersion, Split
from pages.components.choices import choice
from pages.components.rights import guarded, shut_button
from pages.language import say, section, split_name, told


def report_button(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    """Opens the choice of a version and its report; nothing where no version has a parent."""
    ids = [one.id for one in versions if one.parent is not None]
    if not ids:
        return
    with st.popover(say("team.report"), icon=":material/description:"):
        chosen = choice(
            say("models.version"), ids, name="reported_version", default=active.id if active.id in ids else ids[0]
        )
        st.text(say("team.report_said"))
        words, acts = dict(section("report")), {str(act): say(f"acts.{act}") for act in Act}
        splits = {str(split): split_name(split) for split in Split}

        def made() -> bytes:
            return retrain_page(retrain_report(project, chosen or ids[0]), words, acts, splits, told)

        st.download_button(
            say("team.report_download", id=chosen or ids[0]),
            data=guarded(project, Right.EXPORT, made),
            file_name=f"retrain-{chosen or ids[0]}.html",
            mime="text/html",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
            **shut_button(project, Right.EXPORT),
        )
