"""Addresses of the app's pages, for links.

A page adds to its address what it lacks, the project and the name that was typed. That is one more step of the
browser's history, and Back would lead to the same page again, so links carry both from the start.
"""

import streamlit as st

from inffeed_core.project.folder import Project

Query = dict[str, str | list[str]]


def address(project: Project, **query: str | list[str]) -> Query:
    """What the address of a page of this project holds beside its path."""
    named: Query = {"annotator": name} if (name := str(st.session_state.get("annotator") or "")) else {}
    return {"project": str(project.folder), **named, **query}
