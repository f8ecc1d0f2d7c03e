"""The review card: one component of Python, JavaScript and CSS, without a build step.

The browser holds the next flags and every decision not yet acknowledged; `exchange` defines the messages between both
sides. The scripts are joined in order into one module, because a component without a package has only one. They are a
component of their own, because Streamlit sends a component's script again with everything that it shows.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

KEYS = {
    "enter": "accept",
    "l": "labels",
    "k": "keep",
    "u": "unsure",
    "s": "skip",
    "f": "flag",
    "x": "leaveOut",
    "n": "note",
    "d": "twins",
    "z": "undo",
    "arrowleft": "back",
    "arrowright": "forth",
    "arrowup": "up",
    "arrowdown": "down",
    "pagedown": "further",
    "pageup": "nearer",
    "b": "reveal",
    "g": "guidelines",
    "i": "details",
    "m": "marks",
    "e": "explore",
    "?": "keys",
}
"""Key (as browsers name it, lower case) to command, until the annotator changes it (bindings.js)."""

_HERE = Path(__file__).parent
_SCRIPTS = (
    "outbox.js",
    "room.js",
    "elements.js",
    "evidence.js",
    "marks.js",
    "subject.js",
    "keys.js",
    "bindings.js",
    "care.js",
    "sheets.js",
    "labels.js",
    "actions.js",
    "place.js",
    "connection.js",
    "view.js",
    "card.js",
)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_scripts = st.components.v2.component(
    "inffeed_review_scripts",
    js="\n".join([f"const STYLE = {json.dumps(_read('card.css'))};", *map(_read, _SCRIPTS)]),
)
_card = st.components.v2.component("inffeed_review_card", js=_read("mount.js"))


def review_scripts() -> None:
    """What every card needs and none changes. Call it outside of the fragment that shows the card: it is sent once."""
    _scripts(key="review_scripts")


def review_card(key: str, data: Mapping[str, Any], on_message: Callable[[], None]) -> None:
    """Show the card. The browser's message is in `st.session_state[key]["message"]` when `on_message` is called."""
    _card(key=key, data=dict(data), on_message_change=on_message)
