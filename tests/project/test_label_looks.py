"""The key and the colour of a label are chosen by acts that are undone whole, follow its name, and never clash."""

from pathlib import Path

import pytest
from commands import answer, run

from inffeed_core import store
from inffeed_core.charts.palette import COLOUR_NAMES, LABEL_COLOURS
from inffeed_core.errors import SettingsError
from inffeed_core.project import labels
from inffeed_core.project.folder import Project, create_project, settings_of
from inffeed_core.settings import ProjectSettings

BY = "Ana"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Looks", ("a", "b", "c")))


def numbers(project: Project) -> list[str | None]:
    return labels.numbered(settings_of(project))


def test_a_chosen_key_is_kept_and_the_others_take_what_is_left(project: Project):
    assert numbers(project) == ["a", "b", "c"]
    labels.choose_key(project, "a", 5, BY)
    labels.choose_key(project, "c", 1, BY)
    assert numbers(project) == ["c", "b", None, None, "a"]
    labels.retire_label(project, "c", BY)
    assert numbers(project) == ["b", None, None, None, "a"]
    labels.choose_key(project, "a", None, BY)
    assert numbers(project) == ["a", "b"]


def test_two_labels_never_share_a_key(project: Project):
    labels.choose_key(project, "a", 2, BY)
    with pytest.raises(SettingsError, match="2 is the key of 'a'"):
        labels.choose_key(project, "b", 2, BY)
    labels.choose_key(project, "a", 2, BY)
    with pytest.raises(SettingsError, match="from 1 to 9"):
        labels.choose_key(project, "b", 10, BY)
    assert settings_of(project).keys == {"a": 2}


def test_more_labels_than_keys_are_numbered_on(tmp_path: Path):
    names = tuple("abcdefghijkl")
    project = create_project(tmp_path / "p", ProjectSettings("Many", names))
    labels.choose_key(project, "l", 1, BY)
    assert numbers(project) == ["l", *"abcdefghijk"]


def test_a_rename_keeps_key_and_colour_a_merge_drops_them_and_undo_restores_them(project: Project):
    labels.choose_key(project, "a", 7, BY)
    labels.choose_colour(project, "a", "teal", BY)
    labels.rename_label(project, "a", "new", BY)
    assert (settings_of(project).keys, settings_of(project).colours) == ({"new": 7}, {"new": "teal"})
    labels.merge_labels(project, "new", "b", BY)
    assert (settings_of(project).keys, settings_of(project).colours) == ({}, {})
    for _ in range(2):
        labels.undo_labels(project, BY)
    assert (settings_of(project).keys, settings_of(project).colours) == ({"a": 7}, {"a": "teal"})
    labels.undo_labels(project, BY)
    assert settings_of(project).colours == {}
    with store.reading(project.db) as db:
        assert [one.act.value for one in store.label_changes(db)][-3:] == ["rename", "colour", "key"]


def test_an_act_of_an_earlier_release_is_undone_without_keys(project: Project):
    labels.retire_label(project, "c", BY)
    with store.writing(project.db) as db:
        old = "json_remove({0}, '$.keys', '$.colours')"
        db.conn.execute(f"UPDATE label_change SET before = {old.format('before')}, after = {old.format('after')}")
    labels.undo_labels(project, BY)
    assert settings_of(project).offered == ("a", "b", "c")


def test_colours_have_names_and_others_are_refused(project: Project):
    assert len(set(COLOUR_NAMES)) == len(LABEL_COLOURS)
    with pytest.raises(SettingsError, match="'red' is no colour for labels; choose one of violet"):
        labels.choose_colour(project, "a", "red", BY)
    labels.choose_colour(project, "a", "green", BY)
    labels.choose_colour(project, "a", "", BY)
    assert settings_of(project).colours == {}


def test_the_command_chooses_and_tells_them(project: Project):
    run("labels", project.folder, "--key", "b", "9")
    said = run("labels", project.folder, "--colour", "b", "olive").stdout
    assert "key 9  olive" in said
    told = answer("labels", project.folder)
    assert [(one["key"], one["colour"]) for one in told["labels"]] == [(None, ""), (9, "olive"), (None, "")]  # type: ignore[index]
    run("labels", project.folder, "--key", "b", "")
    assert settings_of(project).keys == {}
    assert "a digit" in run("labels", project.folder, "--key", "b", "x", code=2).stderr
