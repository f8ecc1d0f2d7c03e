"""Projects are made whole or not at all, and errors say what is wrong with a folder and what to do."""

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from platformdirs import user_data_path
from small import LABELS, make_small

from inffeed_core.errors import ProjectError, SettingsError
from inffeed_core.project import folder as projects
from inffeed_core.project.folder import (
    Project,
    change_settings,
    create_project,
    default_home,
    model_reference,
    open_project,
    projects_in,
    settings_of,
)
from inffeed_core.project.places import by_name, home
from inffeed_core.project.sample import open_sample
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import count_instances, reading

SETTINGS = ProjectSettings("Reviews", LABELS)


@pytest.mark.parametrize("present", [False, True])
def test_a_project_is_made_in_a_new_or_an_empty_folder(tmp_path: Path, present: bool) -> None:
    folder = tmp_path / "deep" / "reviews"
    if present:
        folder.mkdir(parents=True)
    project = create_project(folder, SETTINGS)
    assert project.folder == folder
    assert settings_of(open_project(folder)) == SETTINGS
    assert {p.name for p in folder.iterdir()} == {"project.db", "models", "features", "jobs"}
    assert [p.name for p in folder.parent.iterdir()] == ["reviews"]


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="not empty"):
        create_project(tmp_path, SETTINGS)
    with pytest.raises(ProjectError, match="not empty"):
        create_project(tmp_path / "notes.txt", SETTINGS)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_project_is_not_made_twice(project: Project) -> None:
    with pytest.raises(ProjectError, match="already a project"):
        create_project(project.folder, SETTINGS)
    with reading(project.db) as db:
        assert count_instances(db) == 48


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(projects, "save_project_settings", fail)
    with pytest.raises(ProjectError, match="No space left"):
        create_project(tmp_path / "reviews", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProjectError, match="cannot be made"):
        create_project(tmp_path / "file" / "reviews", SETTINGS)


def test_of_two_that_make_the_same_project_one_succeeds(tmp_path: Path) -> None:
    outcomes: list[object] = []

    def make() -> None:
        try:
            outcomes.append(create_project(tmp_path / "reviews", SETTINGS))
        except ProjectError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(o, Project) for o in outcomes) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["reviews"]
    assert settings_of(open_project(tmp_path / "reviews")) == SETTINGS


def test_a_copied_or_moved_project_works_as_it_is(project: Project, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(project.folder, copy)
    with reading(open_project(copy).db) as db:
        assert count_instances(db) == 48
    moved = copy.rename(tmp_path / "moved")
    assert open_project(moved).folder == moved
    with pytest.raises(ProjectError, match="moved, renamed or deleted"):
        open_project(copy)


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="inffeed new"):
        open_project(tmp_path)


@pytest.mark.parametrize("damage", ["garbage", "header only", "middle"])
def test_a_damaged_database_is_a_project_error(project: Project, damage: str) -> None:
    content = project.db.read_bytes()
    match damage:
        case "garbage":
            content = b"garbage " * 1000
        case "header only":
            content = content[:100]
        case "middle":
            content = content[:4096] + b"\xff" * (len(content) - 4096)
    project.db.write_bytes(content)
    with pytest.raises(ProjectError, match=r"damaged|not a SQLite database|another program"):
        open_project(project.folder)
    [summary] = projects_in(project.folder.parent)
    assert "open a backup" in summary.problem
    assert summary.name == "project"


def test_the_home_lists_projects_last_changed_first(tmp_path: Path) -> None:
    make_small(tmp_path / "old")
    create_project(tmp_path / "new", SETTINGS)
    (tmp_path / "not a project").mkdir()
    (tmp_path / "file.txt").touch()
    os.utime(tmp_path / "old" / "project.db", (1_000_000_000, 1_000_000_000))
    found = projects_in(tmp_path)
    assert [(p.folder.name, p.name, p.instances, p.decisions) for p in found] == [
        ("new", "Reviews", 0, 0),
        ("old", "Small", 48, 0),
    ]
    assert found[1].changed == "2001-09-09T01:46:40Z"
    assert projects_in(tmp_path / "nowhere") == []


def test_the_home_is_told_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "all"))
    assert default_home() == tmp_path / "all"
    monkeypatch.delenv("INFFEED_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    assert default_home() == user_data_path("inffeed", appauthor=False) / "projects"


def test_projects_of_the_working_directory_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFFEED_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "projects" / "not one").mkdir(parents=True)
    assert default_home() != tmp_path / "projects"
    make_small(tmp_path / "projects" / "old")
    assert default_home() == tmp_path / "projects"
    assert str(home()).startswith(f"Projects are in {tmp_path / 'projects'} (found in the working directory")


def test_a_bare_name_is_looked_for_where_projects_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "all"))
    monkeypatch.chdir(tmp_path)
    make_small(tmp_path / "all" / "reviews")
    assert by_name(Path("reviews")) == tmp_path / "all" / "reviews"
    assert by_name(Path("other")) == Path("other")
    (tmp_path / "reviews").mkdir()
    assert by_name(Path("reviews")) == Path("reviews")


def test_a_local_model_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "encoder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert model_reference("encoder") == str(tmp_path / "encoder")
    assert model_reference("some/model") == "some/model"


def test_the_sample_is_imported_once_and_opened_after(tmp_path: Path) -> None:
    stages: list[str] = []
    project = open_sample(tmp_path / "sample", lambda stage, done, total: stages.append(stage))
    assert stages
    with reading(project.db) as db:
        assert count_instances(db) == 630
    stages.clear()
    assert open_sample(tmp_path / "sample", lambda stage, done, total: stages.append(stage)) == project
    assert stages == []


def test_a_sample_that_cannot_be_imported_leaves_nothing(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_sample(tmp_path / "sample", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_project_whose_creation_was_cut_off_is_told(project: Project) -> None:
    with sqlite3.connect(project.db) as connection:
        connection.execute("DELETE FROM setting")
    with pytest.raises(ProjectError, match="no settings"):
        open_project(project.folder)


def test_what_annotators_are_shown_can_be_changed_later(tmp_path: Path):
    project = create_project(tmp_path / "p", ProjectSettings("P", ("a", "b")))
    assert change_settings(project, blur=True, warning="Insults.").blur
    assert settings_of(project).warning == "Insults."
    with pytest.raises(SettingsError, match="break_minutes is -1"):
        change_settings(project, break_minutes=-1)
    assert settings_of(project).break_minutes == 45


def test_a_log_that_is_merged_while_projects_are_listed_is_no_problem(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes the last connection to a database removes its log, such as between these two looks at it."""
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name.endswith("-wal") or exists(path))
    (listed,) = projects_in(project.folder.parent)
    assert (listed.problem, listed.instances) == ("", 48)


def test_a_project_that_is_moved_away_while_projects_are_listed_is_none_of_them(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated = projects.migrate
    monkeypatch.setattr(projects, "migrate", lambda *given: (migrated(*given), project.folder.rename(tmp_path / ".x")))
    assert projects_in(project.folder.parent) == []
