"""One source of identity is believed, and nothing beside it."""

from pathlib import Path

import pytest
from page_parts import button, texts
from streamlit import config
from streamlit.testing.v1 import AppTest

from inffeed_core import store
from inffeed_core.project.opened import opened_by_hand
from pages.languages.english import common, feedback, review

APP, REVIEW = common.WORDS["app"], review.WORDS["review"]
PAGES = ("home", "data", "review", "explore", "feedback", "models")
APP_FILE = Path(__file__).parents[2] / "app.py"
AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32}
ONE = AUTH | {"client_id": "c", "client_secret": "s", "server_metadata_url": "http://localhost:9/x"}


class Option:
    def __init__(self, value):
        self.value = value


@pytest.fixture
def header(monkeypatch):
    """A proxy names users in a header, which Streamlit keeps under `user`."""
    monkeypatch.setitem(config.get_config_options(), "server.trustedUserHeaders", Option({"X-User": "user"}))


def seen(app):
    return [s.value for s in app.subheader], texts(app)


def opened(name, project, user, secrets=None):
    """The page under an address that names another annotator, in a session that remembers another as well."""
    opened_by_hand(project.folder)
    app = AppTest.from_file(str(APP_FILE), default_timeout=30)
    app.user, app.secrets = user, {"auth": secrets} if secrets else {}
    app.query_params["project"], app.query_params["annotator"] = str(project.folder), "Victim"
    app.session_state["annotator"] = "Victim"
    app.switch_page(f"pages/{name}.py").run()
    assert not app.exception, app.exception
    return app


def leased(project, name):
    with store.reading(project.db) as db:
        return store.leased(db, name)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    "user", [{}, {"user": None}, {"user": "  "}, {"name": "Victim"}, {"is_logged_in": True, "email": "v@x"}]
)
def test_without_the_header_no_page_shows_anything(home, reviewable_project, header, name, user):
    app = opened(name, reviewable_project, user)
    assert seen(app) == ([APP["not_named"]], APP["not_named_advice"])
    assert not app.text_input
    assert leased(reviewable_project, "Victim") == 0


def test_with_the_header_nothing_else_names_the_annotator(home, reviewable_project, header):
    app = opened("review", reviewable_project, {"user": "Hedy", "email": "victim@example.org"})
    assert (leased(reviewable_project, "Hedy"), leased(reviewable_project, "Victim")) == (20, 0)
    assert "annotator" not in app.query_params
    assert REVIEW["change_name"] not in {b.label for b in app.button}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("user", [{}, {"is_logged_in": False, "email": "v@x"}, {"is_logged_in": "yes", "email": "v@x"}])
def test_where_sign_in_is_set_up_no_page_opens_before(home, reviewable_project, name, user):
    app = opened(name, reviewable_project, user, ONE)
    assert seen(app) == ([APP["sign_in"]], APP["sign_in_advice"])
    assert APP["sign_in"] in {b.label for b in app.button}
    assert not app.text_input


def test_each_provider_has_its_way_in(home, reviewable_project):
    part = {"client_id": "c", "client_secret": "s", "server_metadata_url": "http://localhost:9/x"}
    app = opened("home", reviewable_project, {}, AUTH | {"google": part, "our*lab": part})
    assert {b.label for b in app.button} == {"Sign in with google", r"Sign in with our\*lab"}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ida@example.org", "name": "Victim", "sub": "7"}, "ida@example.org"),
        ({"email": "ida@example.org", "email_verified": True, "sub": "7"}, "ida@example.org"),
        ({"email": "victim@example.org", "email_verified": False, "sub": "7"}, "7"),
        ({"name": "Victim", "sub": "7"}, "7"),
    ],
)
def test_who_has_signed_in_is_known_by_what_the_provider_vouches_for(home, reviewable_project, claims, name):
    app = opened("review", reviewable_project, {"is_logged_in": True, **claims}, ONE)
    assert (leased(reviewable_project, name), leased(reviewable_project, "Victim")) == (20, 0)
    assert APP["sign_out"] in {b.label for b in app.button}


def test_feedback_takes_no_typed_name_from_who_is_named(home, reviewable_project, header):
    app = opened("feedback", reviewable_project, {"user": "Hedy"})
    assert feedback.WORDS["feedback"]["name"] not in {t.label for t in app.text_input}


def test_people_on_a_shared_server_type_no_path(home, reviewable_project, header):
    app = opened("home", reviewable_project, {"user": "Hedy"})
    assert common.WORDS["home"]["elsewhere_by_hand"] in texts(app)


def test_without_either_people_give_their_names(open_page, reviewable_project):
    app = open_page("review", reviewable_project)
    app.text_input[0].input("Ada")
    button(app, REVIEW["name_button"]).click().run()
    assert leased(reviewable_project, "Ada") == 20
