"""What only leads may do is disabled for others, with the reason; and where it is asked for all the same, refused."""

import pytest
from page_parts import button, texts

from inffeed_core.project.folder import Project, settings_of
from inffeed_core.project.roles import Role, set_roles
from inffeed_core.records import Act, Decision
from inffeed_core.review.deciding import decide

REASON = "Only a lead may"


@pytest.fixture
def led(reviewable_project: Project) -> Project:
    """A project that Ada leads, where she and Bob decided something."""
    set_roles(reviewable_project, {"Ada": Role.LEAD, "Bob": Role.ANNOTATOR}, "Ada")
    for n, who in enumerate(("Ada", "Bob")):
        decide(reviewable_project, Decision(who, f"s{n:03}", who, act=Act.RELABEL, label="positive", note=f"by {who}"))
    return reviewable_project


@pytest.mark.parametrize(
    ("page", "query", "label"),
    [
        ("review", {}, "Room"),
        ("review", {"view": "decisions"}, "Agreement"),
        ("models", {}, "Retrain"),
        ("models", {}, "Analyse again"),
        ("data", {"view": "Labels"}, "Add"),
        ("data", {"view": "Export"}, "Make a backup"),
        ("home", {}, "More"),
    ],
)
def test_a_lead_s_control_is_disabled_for_an_annotator(open_page, led, page, query, label, monkeypatch):
    monkeypatch.setenv("INFFEED_HOME", str(led.folder.parent))
    for who, off in (("Ada", False), ("Bob", True), ("", True)):
        app = open_page(page, led, annotator=who, **query)
        if page == "review" and not who:
            continue
        found = button(app, label)
        assert found.disabled is off, who
        assert (REASON in (found.help or "") + texts(app)) is off


def test_what_is_asked_for_all_the_same_is_refused(open_page, led, started):
    app = open_page("models", led, annotator="Ada")
    set_roles(led, {"Eva": Role.LEAD, "Ada": Role.ANNOTATOR}, "Eva")  # after the page was drawn
    button(app, "Retrain").click().run()
    assert started == []
    assert REASON in texts(app)
    before = settings_of(led)
    app = open_page("data", led, annotator="Eva", view="Labels")
    set_roles(led, {"Zoe": Role.LEAD, "Eva": None}, "Zoe")
    app.text_input(key="new_label").set_value("mixed")
    button(app, "Add").click().run()
    assert REASON in texts(app)
    assert settings_of(led) == before


def test_annotators_see_their_own_decisions_and_leads_all(open_page, led):
    def seen(who: str) -> tuple[bool, ...]:
        app = open_page("review", led, annotator=who, view="decisions")
        whose = next(box for box in app.selectbox if box.label == "Whose")
        if "Everybody’s" in whose.options:
            whose.select("").run()
        return tuple(f"by {one}" in texts(app) for one in ("Ada", "Bob"))

    assert seen("Ada") == (True, True)
    assert seen("Bob") == (False, True)
    app = open_page("review", led, annotator="Bob", view="agreement")
    assert REASON in texts(app)


def test_the_side_bar_says_who_is_here_and_that_a_name_is_no_lock(open_page, led):
    app = open_page("models", led)
    assert button(app, "Retrain").disabled
    assert "A name is no lock" in texts(app)
    app.text_input(key="person_name").set_value("Ada")
    button(app, "Go on under this name").click().run()
    assert "Ada · lead" in texts(app)
    assert not button(app, "Retrain").disabled
