"""Which projects the app may open."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import create_project
from inffeed_core.project.opened import FILE, may_open, open_allowed, open_by_hand, opened_by_hand
from inffeed_core.settings import ProjectSettings

ABOUT = ProjectSettings("Reviews", ("a", "b"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("INFFEED_HOME", str(folder))
    monkeypatch.delenv("INFFEED_PROJECT", raising=False)
    create_project(folder / "reviews", ABOUT)
    return folder


@pytest.fixture
def secret(tmp_path):
    return create_project(tmp_path / "secret", ABOUT)


def test_projects_under_the_home_folder_open(home):
    deeper = create_project(home / "team" / "deeper", ABOUT)
    assert open_allowed(str(home / "reviews")).folder == (home / "reviews").resolve()
    assert open_allowed(deeper.folder) == deeper
    assert open_allowed(home / "team" / ".." / "reviews").folder == (home / "reviews").resolve()


def test_others_do_not_and_nobody_learns_whether_they_are_there(home, secret, tmp_path):
    (tmp_path / "empty").mkdir()
    (home / "link").symlink_to(secret.folder)
    (home / "empty").mkdir()
    (home / "outside").symlink_to(tmp_path)
    names = [
        secret.folder,
        tmp_path / "empty",
        tmp_path / "nowhere",
        home / "nowhere",
        home / "empty",
        home / "link",
        home / "outside" / "secret",
        home / ".." / "secret",
        home / "outside" / ".." / "secret",
        home / "reviews" / ".." / ".." / "secret",
        home,
        "/",
        "",
        ".",
        "~",
        "~nobody-of-this-name/x",
        "/etc/passwd",
        "a\0b",
        f"{home}/reviews\0",
        "x" * 5000,
        f"{home}-elsewhere/reviews",
    ]
    for name in names:
        assert said_of(name) == said_of(home / "gone")
        assert not may_open(name)


def said_of(name):
    with pytest.raises(ProjectError) as refused:
        open_allowed(name)
    return str(refused.value).replace(f"folder {name} with", "")


def test_what_may_not_be_opened_is_refused_before_the_disk_is_asked(home, secret, monkeypatch):
    asked = []

    def watched(real):
        def function(path, *args, **kwargs):
            asked.append(os.fspath(path) if not isinstance(path, int) else "")
            return real(path, *args, **kwargs)

        return function

    for name in ("stat", "lstat", "open", "readlink", "scandir"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    assert not may_open(secret.folder)
    assert not may_open(secret.folder.parent / "nowhere")
    assert [
        path for path in asked if str(path).startswith((str(secret.folder), str(secret.folder.parent / "no")))
    ] == []


def test_what_was_opened_by_hand_opens_from_then_on(home, secret):
    opened_by_hand(secret.folder)
    assert open_allowed(str(secret.folder)) == secret
    assert json.loads((home / FILE).read_text()) == [str(secret.folder)]
    assert not may_open(secret.folder.parent / "other")
    assert not may_open(secret.folder / "models")


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "a\0b", "x" * 5000, "/nowhere", "/etc/passwd"])
def test_a_path_that_holds_no_project_is_refused_in_words_and_not_noted(home, name):
    with pytest.raises(ProjectError, match="There is no folder"):
        open_by_hand(name)
    assert not (home / FILE).exists()


def test_a_link_opened_by_hand_stands_for_where_it_leads(home, secret, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(secret.folder)
    opened_by_hand(link)
    assert may_open(secret.folder)


def test_the_environment_names_one_more(home, secret, monkeypatch):
    monkeypatch.setenv("INFFEED_PROJECT", str(secret.folder))
    assert may_open(secret.folder)
    opened_by_hand(secret.folder)
    monkeypatch.delenv("INFFEED_PROJECT")
    assert may_open(secret.folder)


def test_many_open_by_hand_at_once(home, tmp_path):
    projects = [create_project(tmp_path / f"p{n}", ABOUT).folder for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(opened_by_hand, projects * 2))
    assert sorted(json.loads((home / FILE).read_text())) == sorted(map(str, projects))
    assert sorted(p.name for p in home.iterdir()) == sorted(["reviews", FILE, f".{FILE}.lock"])


@pytest.mark.parametrize("content", ["", "{", "null", "7", "[7]", '{"a": 1}', "\xff"])
def test_a_broken_list_allows_nothing_and_is_written_anew(home, secret, content):
    (home / FILE).write_text(content, encoding="latin-1")
    assert not may_open(secret.folder)
    opened_by_hand(secret.folder)
    assert may_open(secret.folder)
