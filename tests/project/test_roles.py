"""Who may do what: nobody is bound before there is a lead, and from then on there is always one."""

from pathlib import Path

import pytest
from reviewing import LABELS

from inffeed_core.errors import NotAllowed, SettingsError
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.roles import Right, Role, require, right_to_job, set_roles, team_of
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import reading
from inffeed_core.store.roles import role_changes

ABOUT = ProjectSettings("Reviews", LABELS)


def rows(project: Project) -> list[tuple[str, str | None, str]]:
    with reading(project.db) as db:
        return [(one.person, one.role, one.by) for one in role_changes(db)]


@pytest.fixture
def led(tmp_path: Path) -> Project:
    """A project that Ada leads."""
    return create_project(tmp_path / "led", ABOUT, "Ada")


def test_without_roles_everybody_may_do_everything(tmp_path):
    team = team_of(create_project(tmp_path / "p", ABOUT))
    assert team.role_of("Ada") is None
    assert [team.why_not(person, right) for person in ("Ada", "") for right in Right] == [None] * 2 * len(Right)


def test_whoever_makes_a_project_leads_it_and_others_are_annotators(led):
    team = team_of(led)
    assert (team.leads, team.role_of("Ada"), team.role_of("Bob")) == (("Ada",), Role.LEAD, Role.ANNOTATOR)
    assert rows(led) == [("Ada", "lead", "Ada")]
    for right in Right:
        require(led, "Ada", right)
        with pytest.raises(NotAllowed, match="You are Bob, an annotator"):
            require(led, "Bob", right)
        with pytest.raises(NotAllowed, match=r"Lead here: Ada\. Say who you are"):
            require(led, "", right)


def test_the_reason_names_what_is_asked(led):
    assert str(team_of(led).why_not("Bob", Right.EXPORT)).startswith("Only a lead may export and back up.")


@pytest.mark.parametrize("wanted", [{"Ada": None}, {"Ada": Role.ANNOTATOR}, {"Ada": None, "Bob": Role.ANNOTATOR}])
def test_the_last_lead_stays(led, wanted):
    with pytest.raises(SettingsError, match="name another one before Ada"):
        set_roles(led, wanted, "Ada")
    assert rows(led) == [("Ada", "lead", "Ada")]


def test_the_lead_passes_on_in_one_change(led):
    team = set_roles(led, {" Bob ": Role.LEAD, "Ada": Role.ANNOTATOR, "Eva": Role.ANNOTATOR}, "Ada")
    assert team.roles == {"Ada": Role.ANNOTATOR, "Bob": Role.LEAD, "Eva": Role.ANNOTATOR}
    assert set_roles(led, {"Eva": None}, "Bob").roles == {"Ada": Role.ANNOTATOR, "Bob": Role.LEAD}
    assert rows(led)[0] == ("Eva", None, "Bob")
    before = rows(led)
    set_roles(led, {"Bob": Role.LEAD, "Eva": None}, "Bob")
    assert rows(led) == before, "what changes nothing is not recorded"


def test_annotators_come_after_a_lead(tmp_path):
    project = create_project(tmp_path / "p", ABOUT)
    with pytest.raises(SettingsError, match="name a lead before"):
        set_roles(project, {"Bob": Role.ANNOTATOR}, "Bob")
    assert rows(project) == []


@pytest.mark.parametrize("name", ["", " ", "\u200b", "a\nb", "x" * 201])
def test_a_name_that_nobody_can_read_is_refused_whole(led, name):
    with pytest.raises(SettingsError):
        set_roles(led, {"Eva": Role.ANNOTATOR, name: Role.LEAD}, "Ada")
    assert rows(led) == [("Ada", "lead", "Ada")]


def test_a_project_is_not_made_for_a_lead_without_a_name(tmp_path):
    with pytest.raises(SettingsError):
        create_project(tmp_path / "p", ABOUT, "\u200b")
    assert not (tmp_path / "p").exists()


def test_every_kind_of_job_is_a_lead_s_or_helps_a_reviewer():
    assert {kind for kind in KINDS if right_to_job(kind) is None} == {"refresh", "explain", "verify", "map", "health"}
