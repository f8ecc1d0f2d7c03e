"""Projects are archived and deleted with a way back, and removed only when asked twice."""

from pathlib import Path

import pytest
from commands import answer, run
from small import make_small

from inffeed_core import store
from inffeed_core.errors import NotReady, ProjectError
from inffeed_core.project import putting_away
from inffeed_core.project.folder import Project, projects_in, settings_of
from inffeed_core.project.opened import open_allowed
from inffeed_core.project.putting_away import Away, bring_back, put_away, put_away_ones, remove


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def project(home: Path) -> Project:
    return make_small(home / "reviews")


@pytest.mark.parametrize("away", Away)
def test_a_project_is_put_away_whole_and_brought_back(home, project, away):
    before = project.db.read_bytes()
    place = put_away(project, away)
    assert projects_in(home) == []
    assert [(one.folder, one.name, one.away) for one in put_away_ones(home)] == [(place, "Small", away)]
    with pytest.raises(ProjectError):
        open_allowed(project.folder)
    with pytest.raises(ProjectError):
        open_allowed(place)
    assert bring_back(home, put_away_ones(home)[0]).folder == project.folder
    assert project.db.read_bytes() == before
    assert put_away_ones(home) == []


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(home, project):
    put_away(project, Away.DELETED)
    make_small(project.folder)
    put_away(project, Away.DELETED)
    make_small(project.folder)
    back = [bring_back(home, one).folder.name for one in put_away_ones(home)]
    assert sorted(back) == ["reviews-2", "reviews-2-2"] or sorted(back) == ["reviews-2", "reviews-3"]
    assert len(projects_in(home)) == 3


def test_only_what_was_deleted_can_be_removed(home, project):
    put_away(project, Away.ARCHIVED)
    with pytest.raises(ProjectError, match="archived, not deleted"):
        remove(put_away_ones(home)[0])
    put_away(bring_back(home, put_away_ones(home)[0]), Away.DELETED)
    remove(put_away_ones(home)[0])
    assert (put_away_ones(home), projects_in(home)) == ([], [])


def test_a_project_with_a_job_stays(project):
    with store.writing(project.db) as db:
        store.enqueue(db, "j", "train", {})
    with pytest.raises(NotReady, match=r"under way \(train\)"):
        put_away(project, Away.DELETED)
    assert project.db.is_file()


def test_a_project_elsewhere_is_left_alone(home, tmp_path):
    other = make_small(tmp_path / "elsewhere" / "reviews")
    home.mkdir(exist_ok=True)
    (home / "link").symlink_to(other.folder)
    for folder in (other.folder, home / "link"):
        with pytest.raises(ProjectError, match="leaves it where it is"):
            put_away(Project(folder), Away.DELETED)
    assert other.db.is_file()


def test_a_damaged_project_can_be_put_away(home, project):
    project.db.write_bytes(b"no database at all" * 100)
    put_away(project, Away.DELETED)
    assert [one.name for one in put_away_ones(home)] == ["reviews"]


def test_the_command_line_does_the_same(home, project):
    assert "inffeed restore reviews" in run("archive", "reviews").stdout
    assert "archived" in run("restore").stdout
    assert run("status", "reviews", code=1)
    assert answer("restore", "reviews") == {"folder": str(project.folder)}
    run("settings", "reviews", "--name", "My shop")
    assert settings_of(project).name == "My shop"
    run("delete", "reviews")
    assert "My shop" in run("restore").stdout
    run("delete", "reviews", "--for-good")
    assert "there are: none" in run("restore", "reviews", code=1).output
    assert run("restore").stdout.strip() == "No project was archived or deleted."


def test_a_project_that_is_brought_back_while_they_are_listed_is_not_among_them(home, project, monkeypatch):
    put_away(project, Away.ARCHIVED)
    name = putting_away._name

    def brought_back_meanwhile(folder):
        found = name(folder)
        folder.rename(home / "reviews")
        return found

    monkeypatch.setattr(putting_away, "_name", brought_back_meanwhile)
    assert put_away_ones(home) == []
