"""The words of the interface, in the language of the user.

Every word that a page shows lies in `pages/languages/`, one table a language, in sections: `say("home.title")` is the
phrase `title` of the section `home`. To add a string, put the phrase into the English table (`english.py`, or
`english_review.py` for the review room, `english_feedback.py` for feedback) and into every other language at the same
place, and `say` it; phrases are filled by `str.format`, so braces are places: `say("data.texts", count=3)`.
`counted("home.flags", 3)` takes `flags_one` or `flags_many`. The section `card` goes to the browser whole. To add a
language, translate a table and name it in `LANGUAGES`. `tests/pages/test_language.py` compares keys and places, and
finds literals left in a page.

The language is the one that the user chose (in the session and in the address, so that a reload keeps it), else
the browser's, else English. What the core says comes as `Sentence`s and is translated by `told`; errors and
warnings about files stay English (see `inffeed_core.wording`), and so do Streamlit's own few words.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from inffeed_core.wording import reworded
from pages.languages import LANGUAGES

CHOICE = "language"


def language() -> str:
    """The code of the language in use, such as `en`."""
    chosen = st.session_state.get(CHOICE) or st.query_params.get(CHOICE) or st.context.locale or ""
    code = str(chosen).lower().partition("-")[0]
    return code if code in LANGUAGES else "en"


def section(name: str) -> Mapping[str, Any]:
    """All phrases of a section."""
    found: Mapping[str, Any] = LANGUAGES[language()].words[name]
    return found


def say(key: str, **values: object) -> str:
    """The phrase of "section.name", filled with the values. Raises KeyError for an unknown one."""
    name, _, phrase = key.partition(".")
    return str(section(name)[phrase]).format(**values)


def counted(key: str, count: int, **values: object) -> str:
    """The phrase for one or for many, filled with `count`."""
    return say(f"{key}_one" if count == 1 else f"{key}_many", count=count, **values)


def told(sentence: str) -> str:
    """What the core says, in the user's language where it can be said in others."""
    return reworded(sentence, section("core"))


def stage(words: str) -> str:
    """What a job is doing, which the database knows in English."""
    return str(section("stages").get(words, words))


def split_name(split: str) -> str:
    """What a split is called."""
    return say(f"splits.{split}")


def language_choice() -> None:
    """In the side bar: the languages by their own names."""
    if CHOICE not in st.session_state:
        st.session_state[CHOICE] = language()
    with st.sidebar:
        st.segmented_control(
            say("app.language"),
            list(LANGUAGES),
            format_func=lambda code: LANGUAGES[code].name,
            key=CHOICE,
            required=True,
            persist_state="session",
            on_change=_remember,
        )


def _remember() -> None:
    st.query_params[CHOICE] = st.session_state[CHOICE]
