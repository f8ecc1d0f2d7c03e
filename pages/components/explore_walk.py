"""Walking in Explore: from a text to one that influences it and on, with the way back, and back to the review card.

The address holds all of it, so that a reload loses nothing: the text (`id`), those on the way to it (`walked`), and,
if a card was left, its text (`card`) and the rest of the room's address (`room`).
"""

from urllib.parse import parse_qs, urlencode

import streamlit as st

from inffeed_core import store
from inffeed_core.project.folder import Project
from pages.components.addresses import address
from pages.components.notices import as_it_is
from pages.language import say

MOST = 20
"""Texts that the way holds; earlier ones are forgotten."""
CHARACTERS = 28
NOT_THE_ROOMS = ("project", "annotator", "language", "text")
"""What an address holds on every page, and where the card is."""


def walk_to(id: str) -> None:
    """Make this the text shown, and remember the one before; one on the way is gone back to."""
    before = st.session_state.get("explore_id")
    way = st.query_params.get_all("walked")
    if id in way:
        way = way[: way.index(id)]
    elif before and before != id:
        way = [*way, before][-MOST:]
    _go(id, way)


def take_point(key: str) -> bool:
    """The clicked bar or point becomes the target; whether one was clicked."""
    clicked = [one["customdata"] for one in st.session_state[key]["selection"]["points"] if one.get("customdata")]
    for own in clicked:
        walk_to(own["0"] if isinstance(own, dict) else own[0])
    return bool(clicked)


def leave_way() -> None:
    """Forget the way: another text was searched or chosen."""
    st.query_params.pop("walked", None)


def the_way(project: Project) -> None:
    """The texts on the way here, each a button that goes back to it; nothing at the first one."""
    way = st.query_params.get_all("walked")
    if not way:
        return
    with store.reading(project.db) as db:
        known = store.find_any(db, way)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(say("explore.way"), width="content")
        for place, id in enumerate(way):
            if id in known:
                words = _short(known[id].text)
                st.button(
                    say("explore.on_the_way", text=as_it_is(words)),
                    key=f"way {place} {id}",
                    type="tertiary",
                    on_click=_go,
                    args=(id, way[:place]),
                )


def _go(id: str, way: list[str]) -> None:
    st.query_params["id"] = id
    if way:
        st.query_params["walked"] = way
    else:
        leave_way()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= CHARACTERS else flat[: CHARACTERS - 1].rstrip() + "…"


def to_explore(project: Project, id: str, card: str) -> None:
    """From the review card to this text; ends the run. `card` is the text that the card shows."""
    given = [
        (key, value) for key in st.query_params if key not in NOT_THE_ROOMS for value in st.query_params.get_all(key)
    ]
    st.switch_page(
        "pages/explore.py",
        query_params=address(project, id=id, card=card, room=urlencode(given)),
    )


def back_to_card(project: Project) -> None:
    """The button back to the card, where one was left; E presses it."""
    card = st.query_params.get("card")
    if not card:
        return
    name = say("explore.to_card")
    if st.button(name, key="to_card", icon=":material/arrow_back:", type="tertiary", shortcut="E"):
        room = parse_qs(st.query_params.get("room", ""))
        told = {key: values for key, values in room.items() if key not in NOT_THE_ROOMS}
        st.switch_page("pages/review.py", query_params=address(project, **told, text=card))
