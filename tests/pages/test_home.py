"""Home: beginning, and finding the way back."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from page_parts import button, texts
from sqlite_utils import Database
from streamlit.testing.v1 import AppTest

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project, projects_in, settings_of
from inffeed_core.records import Example, JobState, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.migrations import migrations
from pages.languages.english import common

APP = Path(__file__).parents[2] / "app.py"
ENGLISH = common.WORDS["home"]


def test_a_newcomer_is_offered_the_sample_and_a_new_project(open_page):
    app = open_page("home")
    assert {"Open the sample project", "New project"} <= {b.label for b in app.button}
    assert "None yet." in texts(app)


def test_the_sample_is_imported_and_its_first_training_starts_by_itself(open_page, home, started):
    app = open_page("home")
    button(app, "Open the sample project").click().run()
    assert not app.exception
    with store.reading(home / "sample" / "project.db") as db:
        counts = {split: sum(labels.values()) for split, labels in store.count_by_split(db).items()}
    assert counts[Split.SILVER] >= 200
    assert counts[Split.VALIDATION] > 0
    assert [kind for kind, _ in started] == ["retrain"]
    assert "Cancel" in {b.label for b in app.button}


def test_opening_the_sample_again_starts_nothing(open_page, home, started):
    button(open_page("home"), "Open the sample project").click().run()
    with store.writing(home / "sample" / "project.db") as db:
        store.end_job(db, "job1", JobState.DONE)
        from page_parts import version

        store.add_version(db, version("v1", None, None))
        store.promote(db, "v1", "test")
    button(open_page("home"), "Open the sample project").click().run()
    assert len(started) == 1


def test_the_open_project_says_what_is_next_and_leads_there(open_page, reviewable_project):
    app = open_page("home", reviewable_project)
    assert "Reviews" in texts(app)
    assert {m.label: m.value for m in app.metric}["Silver"] == "40"
    app.get_by_key("next_step").click().run()
    assert not app.exception
    assert app.title[0].value == "Models"


def test_texts_without_a_label_are_told_beside_the_flags(open_page, reviewable_project):
    assert not [one for one in open_page("home", reviewable_project).caption if "no label yet" in one.value]
    with store.writing(reviewable_project.db) as db:
        bare = [Example(id=f"bare-{n}", text=f"nothing is said of {n}", label="", split=Split.SILVER) for n in range(2)]
        store.add_examples(db, bare)
    told = [one.value for one in open_page("home", reviewable_project).caption if "no label yet" in one.value]
    assert [one[:32] for one in told] == ["2 silver texts have no label yet"]


def test_projects_are_listed_and_open_at_their_next_step(open_page, home):
    create_project(home / "one", ProjectSettings("First project", ("a", "b")))
    app = open_page("home")
    assert "First project" in texts(app)
    button(app, "Import data").click().run()
    assert not app.exception
    assert app.title[0].value == "Data"
    assert app.session_state["project"].folder == home / "one"


def spoil(folder, how):
    """A folder in the list of projects with something wrong with it."""
    path = folder / "project.db"
    if how == "dangling link":
        folder.symlink_to(folder.parent / "gone")
        return
    if how == "dangling database":
        folder.mkdir(parents=True)
        path.symlink_to(folder / "gone.db")
        return
    create_project(folder, ProjectSettings("Spoiled", ("a", "b")))
    if how == "no database":
        path.write_bytes(b"no database at all" * 300)
    if how == "damaged":
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
    if how == "torn":  # the last page, which nothing but a check reads
        with closing(sqlite3.connect(path)) as db:
            db.execute("VACUUM")  # else the last page may be a free one
        with path.open("r+b") as file:
            file.seek(-4096, 2)
            file.write(b"\xff" * 4096)
    if how == "empty":
        path.write_bytes(b"")
    if how in ("newer", "settings", "table"):
        with store.writing(path) as db:
            change = {
                "newer": "UPDATE _sqlite_migrations SET name = 'm999' WHERE name = 'm001_project'",
                "settings": "UPDATE setting SET value = 'nothing that JSON knows'",
                "table": "DROP TABLE promotion",
            }
            db.conn.execute(change[how])


SPOILED = {
    "no database": "is not a SQLite database",
    "damaged": "is damaged",
    "torn": "is damaged",
    "empty": "is damaged (it is empty)",
    "newer": "newer InfFeed",
    "settings": "cannot be read",
    "table": "no such table",
    "dangling link": "is a link to",
    "dangling database": "is a link to",
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_project_that_cannot_be_read_tells_why_and_hides_no_other(open_page, home, how):
    home.mkdir(parents=True, exist_ok=True)
    for name in ("a first", "z last"):
        create_project(home / name, ProjectSettings(f"Project {name}", ("a", "b")))
    spoil(home / "middle", how)
    app = open_page("home")
    assert not app.exception
    assert SPOILED[how] in texts(app)
    assert "Project a first" in texts(app)
    assert "Project z last" in texts(app)
    assert len([b for b in app.button if b.label == "Import data"]) == 2


def test_a_locked_project_is_told_as_locked_and_hides_no_other(open_page, home):
    for name in ("first", "locked", "last"):
        create_project(home / name, ProjectSettings(f"Project {name}", ("a", "b")))
    with closing(sqlite3.connect(home / "locked" / "project.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM exclusion")
        app = open_page("home")
        assert "locked by another program" in texts(app)
        assert "Project first" in texts(app)
        assert "Project last" in texts(app)


def test_the_open_project_may_be_damaged_and_home_still_stands(open_page, home, reviewable_project):
    create_project(home / "good", ProjectSettings("Good project", ("a", "b")))
    app = open_page("home", reviewable_project)
    reviewable_project.db.write_bytes(b"overwritten by something" * 1000)
    app.run()
    assert not app.exception
    assert "is not a SQLite database" in texts(app)
    assert "Good project" in texts(app)


def test_a_project_of_an_older_release_is_brought_up_to_date_before_it_is_listed(open_page, home):
    (home / "old").mkdir(parents=True)
    with closing(sqlite3.connect(home / "old" / "project.db")) as connection:
        db = Database(connection)
        migrations.apply(db, stop_before="m006_feedback")
        store.save_project_settings(db, ProjectSettings("Older project", ("a", "b")))
    assert "Older project" in texts(open_page("home"))
    with store.reading(home / "old" / "project.db") as db:
        assert not list(migrations.pending(db))


def test_a_new_project_is_made_of_all_that_the_form_holds_and_opens_at_data(open_page, home):
    app = open_page("home")
    button(app, "New project").click().run()
    app.text_input(key="new_name").input("Stance, round 2")
    app.text_input(key="new_labels").input("against, favour , none")
    app.text_input(key="new_model").input("org/encoder ")
    app.text_area(key="new_guidelines").input("Judge the writer's stance.\nNot the tone. ")
    button(app, "Create").click().run()
    assert not app.exception
    (made,) = projects_in(home)
    assert settings_of(Project(made.folder)) == ProjectSettings(
        "Stance, round 2",
        ("against", "favour", "none"),
        model="org/encoder",
        guidelines="Judge the writer's stance.\nNot the tone.",
    )
    assert app.title[0].value == "Data"


def test_guidelines_that_an_earlier_release_misplaced_are_found_again(open_page, home):
    project = create_project(home / "old", ProjectSettings("Older project", ("a", "b")))
    with store.writing(project.db) as db:
        values = ProjectSettings("Older project", ("a", "b")).as_dict() | {"model_labels": "Judge the stance."}
        db.conn.execute("UPDATE setting SET value = ? WHERE key = 'project'", [json.dumps(values)])
    about = settings_of(project)
    assert (about.guidelines, about.model_labels) == ("Judge the stance.", {})


@pytest.mark.parametrize(("name", "labels", "said"), [("", "a, b", "no name"), ("X", "only", "at least two")])
def test_a_new_project_that_cannot_work_is_refused_in_words(open_page, home, name, labels, said):
    app = open_page("home")
    button(app, "New project").click().run()
    app.text_input(key="new_name").input(name)
    app.text_input(key="new_labels").input(labels)
    button(app, "Create").click().run()
    assert said in texts(app)
    assert projects_in(home) == []


def test_a_folder_elsewhere_can_be_opened(open_page, reviewable_project):
    app = open_page("home")
    app.text_input(key="folder").input(str(reviewable_project.folder))
    app.get_by_key("open_folder").click().run()
    assert app.session_state["project"] == reviewable_project
    assert app.query_params["project"] in (str(reviewable_project.folder), [str(reviewable_project.folder)])


def test_a_folder_that_is_no_project_is_refused_in_words(open_page, tmp_path):
    app = open_page("home")
    app.text_input(key="folder").input(str(tmp_path / "nowhere"))
    app.get_by_key("open_folder").click().run()
    assert "There is no folder" in texts(app)


@pytest.mark.parametrize("page", ["data", "explore", "models"])
def test_pages_without_a_project_lead_home(open_page, page):
    app = open_page(page)
    assert [s.value for s in app.subheader] == ["No project is open"]


def test_a_project_is_named_by_the_environment_too(open_page, reviewable_project, monkeypatch):
    monkeypatch.setenv("INFFEED_PROJECT", str(reviewable_project.folder))
    assert open_page("home").session_state["project"] == reviewable_project
    monkeypatch.delenv("INFFEED_PROJECT")
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.query_params["project"] = str(reviewable_project.folder)  # as a bookmark of then has it
    assert app.run().session_state["project"] == reviewable_project


def test_a_project_in_the_address_that_is_gone_is_explained(open_page, tmp_path):
    app = open_page("models", Project(tmp_path / "gone"))
    assert "There is no folder" in texts(app)


def test_a_project_elsewhere_is_not_opened_by_the_address(open_page, home, reviewable_project, tmp_path):
    said = []
    for folder in (reviewable_project.folder, tmp_path / "gone", tmp_path):
        app = AppTest.from_file(str(APP), default_timeout=30)
        app.query_params["project"] = str(folder)
        app.switch_page("pages/data.py").run()
        assert app.session_state["project"] is None
        said.append(next(t.value for t in app.text if "There is no folder" in t.value).replace(f"{folder} with", ""))
    assert len(set(said)) == 1
    assert open_page("data", reviewable_project).session_state["project"] == reviewable_project


def test_a_link_out_of_the_home_folder_is_listed_and_not_opened(open_page, home, reviewable_project):
    home.mkdir()
    (home / "linked").symlink_to(reviewable_project.folder)
    app = open_page("home")
    assert "linked/" in texts(app)
    assert ENGLISH["elsewhere_by_hand"] in texts(app)
    assert not [b for b in app.button if (b.key or "").startswith("go ")]


def test_who_does_not_sit_at_the_machine_types_no_path(open_page, home, monkeypatch):
    monkeypatch.setattr("pages.components.session.at_the_machine", lambda: False)
    app = open_page("home")
    assert ENGLISH["elsewhere_by_hand"] in texts(app)
    assert "folder" not in [t.key for t in app.text_input]


def test_who_does_not_sit_at_the_machine_names_no_folder_as_encoder(open_page, home, tmp_path, monkeypatch):
    monkeypatch.setattr("pages.components.session.at_the_machine", lambda: False)
    for model in (str(tmp_path), "~/model", "../model", "./model", "a/b/c"):
        app = open_page("home")
        button(app, "New project").click().run()
        app.text_input(key="new_name").input("X")
        app.text_input(key="new_labels").input("a, b")
        next(t for t in app.text_input if t.value.startswith("sentence-")).input(model)
        button(app, "Create").click().run()
        assert ENGLISH["encoder_by_hand"] in texts(app)
        assert projects_in(home) == []


def test_an_error_that_nobody_expected_is_told_with_its_log(home, monkeypatch):
    def fail(*_: object) -> None:
        raise KeyError("nowhere")

    monkeypatch.setattr("inffeed_core.project.folder.projects_in", fail)
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert app.exception
    [log] = (home / "error-logs").iterdir()
    assert f"(KeyError: 'nowhere'). Your data is as it was saved last. {log} tells" in texts(app)
    assert "Traceback" in log.read_text("utf-8")
