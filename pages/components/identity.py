"""Who is working here. Only one source of identity is trusted.

`server.trustedUserHeaders` lets a proxy name the user in a header; `[auth]` in .streamlit/secrets.toml has users sign
in by OpenID Connect. If either is set up, a session without a name from it sees no page, and no name is taken
from the address bar, a field, or what a session remembers. Otherwise people enter their names themselves.
"""

from collections.abc import Mapping
from enum import Enum, auto

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from inffeed_core.project.names import LONGEST_NAME
from pages.components.notices import as_it_is, problem
from pages.language import language_choice, say


class Source(Enum):
    """Where names come from."""

    HEADER = auto()
    SIGN_IN = auto()
    OWN_WORD = auto()


def source() -> Source:
    """What is set up, a header before sign-in. Raises if the secrets cannot be read: they may require sign-in."""
    if st.get_option("server.trustedUserHeaders"):
        return Source.HEADER
    try:
        signs_in = st.user.to_dict().get("is_logged_in") is True or "auth" in st.secrets
        return Source.SIGN_IN if signs_in else Source.OWN_WORD
    except StreamlitSecretNotFoundError as error:
        if error.error_id != "no-secrets-found":
            raise
        return Source.OWN_WORD


def given_name() -> str:
    """The user's name from the header or the sign-in; "" if neither is set up or it names nobody.

    The e-mail address identifies the user: display names can be chosen freely.
    """
    user = st.user.to_dict()
    match source():
        case Source.HEADER:
            headers = st.get_option("server.trustedUserHeaders")
            keys = list(headers.values()) if isinstance(headers, Mapping) else []
        case Source.SIGN_IN if user.get("is_logged_in") is True:
            keys = ["sub"] if user.get("email_verified") is False else ["email", "sub"]
        case _:
            return ""
    return next((name for key in keys if (name := str(user.get(key) or "").strip())), "")


def known_name() -> str:
    """Who is working here: the name given by a source of identity or entered in this session; "" if there is none.

    An entered name is also in the address bar, so a dropped session resumes under the same name.
    """
    if source() is not Source.OWN_WORD:
        return given_name()
    name = str(st.session_state.get("annotator") or st.query_params.get("annotator", "")).strip()[:LONGEST_NAME]
    if name:
        remember_name(name)
    return name


def remember_name(name: str) -> None:
    """Continue under this name, if people enter their names themselves."""
    if source() is Source.OWN_WORD:
        st.session_state["annotator"] = name
        if st.query_params.get("annotator") != name:  # written again it would undo a Back that came meanwhile
            st.query_params["annotator"] = name


def ask_name(words: str) -> None:
    """A field, under these words, for whoever gave no name yet; ends the run once it is filled."""
    given = st.text_input(words, key="asked_name", max_chars=LONGEST_NAME, autocomplete="name", width=320)
    if given and given.strip():
        remember_name(given.strip())
        st.rerun()


def require_identity() -> None:
    """Ends the page if users must be identified and this one is not; offers to sign in."""
    if source() is Source.OWN_WORD:
        return
    st.session_state.pop("annotator", None)
    st.query_params.pop("annotator", None)
    if not given_name():
        _nobody()
        st.stop()


def sign_out() -> None:
    """In the side bar, for a signed-in user: the name, and a button to sign out."""
    if source() is Source.SIGN_IN:
        with st.sidebar:
            st.text(given_name())
            st.button(say("app.sign_out"), icon=":material/logout:", type="tertiary", on_click=st.logout)


def _nobody() -> None:
    language_choice()
    st.title(say("app.name"), anchor=False)
    with st.container(border=True, width=460):
        if source() is Source.HEADER:
            st.subheader(say("app.not_named"), anchor=False)
            st.text(say("app.not_named_advice"))
            return
        st.subheader(say("app.sign_in"), anchor=False)
        st.text(say("app.sign_in_advice"))
        for provider in _providers():
            with_whom = say("app.sign_in_with", provider=as_it_is(provider)) if provider else say("app.sign_in")
            if st.button(with_whom, key=f"sign_in_{provider}", type="primary", icon=":material/login:"):
                _sign_in(provider)


def _providers() -> list[str]:
    """Names of the providers in the secrets; "" for an unnamed one."""
    auth = st.secrets["auth"]
    named = [name for name, part in auth.items() if isinstance(part, Mapping) and "client_id" in part]
    return [*([""] if "client_id" in auth else []), *named] or [""]


def _sign_in(provider: str) -> None:
    try:
        st.login(provider or None)
    except StreamlitAuthError as error:
        problem(str(error))
