"""`inffeed team` and `inffeed assign`: what they show and change is what lies in SQLite."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from reviewing import Filling, make_reviewable

from inffeed_core.cli import main
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import team_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=12))


def run(project: Project, command: str, *arguments: str, ok: bool = True) -> str:
    result = CliRunner().invoke(main, [command, str(project.folder), *arguments])
    assert (result.exit_code == 0) is ok, result.output
    return result.output


def test_roles_are_shown_and_changed_as_one(project):
    assert "everybody may do everything" in run(project, "team")
    run(project, "team", "--lead", "Ada", "--annotator", "Bob", "--annotator", "Eva")
    assert json.loads(run(project, "team", "--remove", "Eva", "--json")) == {
        "roles": {"Ada": "lead", "Bob": "annotator"}
    }
    assert run(project, "team").split() == ["lead", "Ada", "annotator", "Bob"]
    assert "name another one" in run(project, "team", "--annotator", "Zoe", "--remove", "Ada", ok=False)
    assert "two roles" in run(project, "team", "--lead", "Bob", "--remove", "Bob", ok=False)
    assert list(team_of(project).roles) == ["Ada", "Bob"]


def test_a_new_project_has_the_lead_that_it_was_given(tmp_path):
    result = CliRunner().invoke(main, ["new", str(tmp_path / "n"), "--labels", "a,b", "--lead", "Ada"])
    assert result.exit_code == 0, result.output
    assert team_of(Project(tmp_path / "n")).leads == ("Ada",)


def test_the_command_line_is_bound_by_no_role(project):
    run(project, "team", "--lead", "Ada")
    run(project, "settings", "--overlap", "2")
    assert "name" not in run(project, "labels", "--add", "mixed", "--by", "Bob").split()


def test_flags_are_assigned_listed_and_taken_back(project):
    assert "Nothing was assigned" in run(project, "assign")
    told = json.loads(run(project, "assign", "--to", "Ana=2", "--to", "Ben", "--count", "6", "--goal", "20", "--json"))
    assert (told[0]["texts"], told[0]["goal"]) == ({"Ana": 4, "Ben": 2}, 20)
    assert "Ana 4, Ben 2 of" in run(project, "assign")
    assert "20 a day each" in run(project, "assign")
    chosen = ("--suggested", "positive", "--confidence", "0.5", "1")
    told = json.loads(run(project, "assign", "--to", "Cem", *chosen, "--json"))
    assert (told[0]["only"]["suggested"], told[0]["only"]["confidence"]) == (["positive"], [0.5, 1.0])
    assert "undone" in run(project, "assign", "--undo", "2")
    assert "undone by Ada" in run(project, "assign", "--undo", "1", "--by", "Ada")
    assert "no assignment 1" in run(project, "assign", "--undo", "1", ok=False)
    assert "not in the range" in run(project, "assign", "--undo", "9" * 20, ok=False)
    assert "to whom" in run(project, "assign", "--goal", "5", ok=False)
    assert "named twice" in run(project, "assign", "--to", "Ana", "--to", "Ana=2", ok=False)
    assert "a number above 0" in run(project, "assign", "--to", "Ana=-1", ok=False)
