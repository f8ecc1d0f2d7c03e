"""Data: what sets a project up: gold split here, several files, labels of a file, and the check of the data."""

import pytest
from page_parts import button, texts

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings


@pytest.fixture
def empty_project(tmp_path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def counts(project: Project) -> dict[Split, dict[str, int]]:
    with store.reading(project.db) as db:
        return store.count_by_split(db)


def test_splitting_is_offered_for_gold_whose_splits_nothing_says(open_page, empty_project):
    lines = "text,label\n" + "".join(f"text{n} of{n} its{n} own{n},positive\n" for n in range(20))
    lines += "".join(f"word{n} for{n} word{n}x other{n},negative\n" for n in range(2))
    for name, offered in (("train.csv", False), ("gold.csv", True)):
        app = open_page("data", empty_project)
        app.file_uploader[0].set_value((name, lines.encode(), "text/csv")).run()
        way = next(c for c in app.segmented_control if c.key.startswith("split "))
        assert ("split here" in way.options) is offered
    way.set_value("divide").run()
    assert "train: 14 positive, 1 negative" in texts(app)
    assert "No text of test has the label negative" in texts(app)
    next(n for n in app.number_input if n.key.startswith("share train")).set_value(0).run()
    assert "The shares are 0/15/15" in texts(app)
    next(n for n in app.number_input if n.key.startswith("share train")).set_value(70).run()
    button(app, "Import 22 rows").click().run()
    assert [counts(empty_project)[split] for split in (Split.VALIDATION, Split.TEST)] == [
        {"positive": 3, "negative": 1},
        {"positive": 3},
    ]


def test_several_files_are_one_import_and_problems_name_the_file(open_page, empty_project):
    app = open_page("data", empty_project)
    one, two = b"id,text,label\na,fine,positive\n", b"id,text,label\na,poor,negative\n"
    app.file_uploader[0].set_value([("one.csv", one, "text/csv"), ("two.csv", two, "text/csv")]).run()
    assert not app.exception
    assert app.dataframe[0].value["File"].tolist() == ["two.csv"]
    assert button(app, "Import 2 rows").disabled
    app.file_uploader[0].set_value([("one.csv", one, ""), ("two.csv", two.replace(b"a,", b"b,"), "")]).run()
    button(app, "Import 2 rows").click().run()
    assert counts(empty_project)[Split.TRAIN] == {"positive": 1, "negative": 1}


def test_labels_that_the_project_lacks_are_added_if_one_says_so(open_page, empty_project):
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("train.csv", b"text,label\nfine,positive\nodd,mixed\n", "text/csv")).run()
    assert button(app, "Import 2 rows").disabled
    next(c for c in app.checkbox if c.key.startswith("add_labels")).check().run()
    assert "train: 1 positive, 1 mixed" in texts(app)
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    with store.reading(empty_project.db) as db:
        assert store.project_settings(db).labels == ("negative", "positive", "mixed")
        assert [one.by for one in store.label_changes(db)] == ["data-page"]


def test_the_check_tells_what_to_do_and_leaves_leaks_out(open_page, empty_project):
    assert any("no data" in s.value for s in open_page("data", empty_project, view="Check").subheader)
    with store.writing(empty_project.db) as db:
        for id, split in (("a", Split.TRAIN), ("v", Split.VALIDATION)):
            store.add_examples(db, [Example(id, "same", "positive", split)])
    app = open_page("data", empty_project, view="Check")
    assert "1 train text is also in validation or test." in texts(app)
    assert any("Leave them out of train" in c.value for c in app.caption)
    app.button(key="leave_out leak-train").click().run()
    assert counts(empty_project)[Split.TRAIN] == {}
    assert "1 text is left out now." in texts(app)
