"""The words of the interface, in the language of the user.

Every word that a page shows is in `pages/languages/`, one folder per language, in sections: `say("home.title")` is the
phrase `title` of the section `home`. To add a string, put the phrase into the English table (`english/common.py`, or
`english/review.py` for the review room, `english/feedback.py` for feedback) and into every other language at the same
place, and `say` it; phrases are filled by `wording.filled`, so braces are places: `say("data.found", count=3)`, and
`{count:text|texts}` is a word for one and for many. `counted("models.flips", 3)` takes `flips_one` or `flips_many`,
where whole phrases differ. The section `card` goes to the browser whole. To add a language, translate the folder of one
and name it in `LANGUAGES`. `tests/pages/test_language.py` compares keys and places, and finds literals left in a page.

The language is the one that the user chose (kept in the session and in the address, so that it survives a reload), else
the browser's, else English. The core's sentences are `Sentence`s, which `told` translates; errors and
warnings about files stay English (see `inffeed_core.wording`), and so do Streamlit's own few words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from inffeed_core.wording import filled, reworded
from pages.languages import LANGUAGES

CHOICE = "language"


def language() -> str:
    """The code of the language in use, such as `en`."""
    return _first_known(st.session_state.get(CHOICE), st.query_params.get(CHOICE), st.context.locale)


def _first_known(*asked: object) -> str:
    codes = (str(one).lower().partition("-")[0] for one in asked)
    return next((code for code in codes if code in LANGUAGES), "en")


def section(name: str) -> Mapping[str, Any]:
    """All phrases of a section."""
    found: Mapping[str, Any] = LANGUAGES[language()].words[name]
    return found


def say(key: str, **values: object) -> str:
    """The phrase of "section.name", filled with the values. Raises KeyError for an unknown one."""
    name, _, phrase = key.partition(".")
    return filled(str(section(name)[phrase]), **values)


def called(key: str) -> str:
    """The name of "section.member" of a closed set; an unknown member keeps its own name.

    A project may hold, say, a kind of job from a newer or older release.
    """
    name, _, member = key.partition(".")
    return str(section(name).get(member, member))


def counted(key: str, count: int, **values: object) -> str:
    """The phrase for one or for many, filled with `count`."""
    return say(f"{key}_one" if count == 1 else f"{key}_many", count=count, **values)


def any_of(names: Sequence[str]) -> str:
    """Such as "CSV, TSV or Excel"; nothing for no names."""
    several = say("app.between").join(names[:-1])
    return say("app.or").join(filter(None, (several, *names[-1:])))


def told(sentence: str) -> str:
    """A sentence of the core, in the user's language if it can be translated."""
    return reworded(sentence, section("core"), LANGUAGES[language()].words)


def stage(words: str) -> str:
    """A job's stage, which the database holds in English, in the user's language."""
    return called(f"stages.{words}")


def ending(words: str) -> str:
    """Why a job ended, which the database knows in English."""
    return called(f"endings.{words}")


def split_name(split: str) -> str:
    """The name of a split."""
    return called(f"splits.{split}")


def label_name(label: str) -> str:
    """A label's own name, or the phrase for a text that has no label yet."""
    return label or say("columns.no_label")


def language_choice() -> None:
    """In the side bar: the languages by their own names."""
    code = language()
    st.session_state[CHOICE] = (
        code  # at every run: after arriving here from a form in a dialog, the browser showed none
    )
    if code != _first_known(st.query_params.get(CHOICE), st.context.locale):  # a link to another page dropped it
        st.query_params[CHOICE] = code
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
    if st.session_state[CHOICE] in LANGUAGES:
        st.query_params[CHOICE] = st.session_state[CHOICE]
