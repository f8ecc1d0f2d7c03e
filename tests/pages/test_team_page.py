"""The Team page: roles, assignments and figures as the store has them."""

import pytest
from page_parts import button, texts

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Role, set_roles, team_of
from inffeed_core.records import Act, Decision
from inffeed_core.review.deciding import decide
from inffeed_core.store.assigning import assignments


@pytest.fixture
def led(reviewable_project: Project) -> Project:
    set_roles(reviewable_project, {"Ada": Role.LEAD, "Bob": Role.ANNOTATOR}, "Ada")
    return reviewable_project


def test_before_there_is_a_lead_the_page_says_so_and_names_one(open_page, reviewable_project):
    app = open_page("team", reviewable_project, team_view="People", annotator="Ada")
    assert "everybody may do everything" in texts(app)
    assert "A name is no lock" in texts(app)
    button(app, "Save the role").click().run()
    assert team_of(reviewable_project).roles == {"Ada": Role.LEAD}
    assert "Ada: lead" in texts(app)


def test_the_last_lead_cannot_go_and_annotators_change_nothing(open_page, led):
    app = open_page("team", led, team_view="People", annotator="Ada")
    app.text_input(key="role_name").set_value("Ada")
    app.selectbox(key="role 3").select("none")
    button(app, "Save the role").click().run()
    assert "name another one before Ada" in texts(app)
    assert team_of(led).leads == ("Ada",)
    assert button(open_page("team", led, team_view="People", annotator="Bob"), "Save the role").disabled


def test_flags_are_assigned_and_taken_back(open_page, led):
    app = open_page("team", led, team_view="Assignments", annotator="Ada")
    app.multiselect(key="assign_people").set_value(["Ada", "Bob"]).run()
    app.number_input(key="share Bob").set_value(3.0)
    app.number_input(key="assign_count").set_value(8)
    app.number_input(key="assign_goal").set_value(5)
    app.multiselect(key="assign_label").set_value(["positive"])
    button(app, "Assign").click().run()
    with store.reading(led.db) as db:
        (made,) = assignments(db)
    assert (made.texts, made.goal, made.by, made.only.labels) == ({"Ada": 2, "Bob": 6}, 5, "Ada", ("positive",))
    assert "Bob: 6 left" in texts(app)
    app = open_page("team", led, team_view="Assignments", annotator="Bob")
    assert button(app, "Undo").disabled
    button(open_page("team", led, team_view="Assignments", annotator="Ada"), "Undo").click().run()
    with store.reading(led.db) as db:
        assert assignments(db)[0].undone_by == "Ada"


def test_the_figures_are_for_leads(open_page, led):
    app = open_page("team", led, annotator="Ada")
    assert "Nobody has answered yet" in "".join(one.value for one in app.subheader)
    decide(led, Decision("t", "s000", "Bob", act=Act.RELABEL, label="positive"))
    app = open_page("team", led, annotator="Ada")
    assert [(m.label, m.value) for m in app.metric][:2] == [("Answers", "1"), ("Label changed", "100%")]
    assert "39 flags are open up to the goal" in texts(app)
    assert list(app.dataframe[0].value["Annotator"]) == ["Ada", "Bob"]
    assert len(app.get("plotly_chart")) == 2
    app = open_page("team", led, annotator="Bob")
    assert not app.metric
    assert "Only a lead may" in texts(app)
