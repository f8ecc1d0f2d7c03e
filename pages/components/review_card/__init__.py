"""The review card: one component of Python, JavaScript and CSS, without a build step.

The browser holds the next flags and every decision not yet acknowledged; `exchange` defines the messages between both
sides. The scripts are joined in order into one module, because a component without a package has only one.
"""

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

_card = st.components.v2.component(
    "inffeed_review_card",
    css=(_HERE / "card.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)


def review_card(key: str, data: Mapping[str, Any], on_message: Callable[[], None]) -> None:
    """Show the card. The browser's message is in `st.session_state[key]["message"]` when `on_message` is called."""
    _card(key=key, data=dict(data), on_message_change=on_message)
