"""When to stop: one quiet line under the controls of the room, and whether the queue goes on beyond its end."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from inffeed_core.review.progress import Sitting
from inffeed_core.store import takes_again
from pages.language import say

FEWEST = 10
"""Flags answered before a share of them is told."""


def shows_all() -> bool:
    """Whether to go on beyond where the queue ends; the address says so."""
    return st.query_params.get("all") == "1"


def show_outlook(outlook: Mapping[str, Any] | None, sitting: Sitting) -> None:
    """`review.stopping.Outlook`, as the card gets it; nothing before it says something."""
    if outlook is None or takes_again(sitting.only):
        return
    told, end = _told(outlook), outlook["end"]
    if told:
        st.caption(say("review.outlook_between").join(told), width="content", help=say("review.outlook_help"))
    if end is None or not end["beyond"]:
        return
    if sitting.whole:
        help = say("review.end_here_help", share=end["share"])
        st.button(say("review.end_here"), key="end_here", type="tertiary", help=help, on_click=_show, args=(False,))
        return
    st.button(
        say("review.show_all", count=end["beyond"]),
        key="show_all",
        type="tertiary",
        help=say("review.ends_by_audit" if end["audited"] else "review.ends_as_set", share=end["share"]),
        on_click=_show,
        args=(True,),
    )


def _told(outlook: Mapping[str, Any]) -> list[str]:
    recent, left, ahead = outlook["recent"], outlook["left"], outlook["ahead"]
    told = []
    if recent["checked"] >= FEWEST:
        told.append(say("review.outlook_recent", **recent, share=recent["wrong"] / recent["checked"]))
    if left is not None:
        told.append(say("review.outlook_left", **{name: round(value) for name, value in left.items()}))
    if told and ahead:
        told.append(say("review.outlook_next", count=ahead, coming=round(outlook["coming"])))
    return told


def _show(everything: bool) -> None:
    if everything:
        st.query_params["all"] = "1"
    else:
        st.query_params.pop("all", None)
