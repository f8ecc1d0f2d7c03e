"""Second texts on the pages: a column of every table, a field under every text, and something to filter by."""

from pathlib import Path

import pytest
from page_parts import texts
from reviewing import Filling, make_reviewable

from inffeed_core import store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Example, Split

TARGETS = ("Wind farms", "Night buses")
HOSTILE = "<b>A</b> [link](https://example.org) $x$"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    pairs = {f"{split}{n:03}": TARGETS[n % 2] for split in "tvs" for n in range(12)} | {"s003": HOSTILE}
    made = make_reviewable(tmp_path / "p", Filling(silver=12, pairs=pairs))
    with store.writing(made.db) as db:
        db.conn.execute("""UPDATE instance SET metadata = '{"thread": "https://example.org/<7>"}' WHERE id = 's003'""")
    change_settings(made, context=("thread",))
    return made


def test_texts_are_listed_and_filtered_by_second_text(open_page, project):
    app = open_page("data", project, view="Texts")
    assert app.dataframe[0].value["Second text"].tolist()[:2] == list(TARGETS)
    [about] = [one for one in app.multiselect if one.label == "Second text"]
    app = about.set_value(["Night buses"]).run()
    assert set(app.dataframe[0].value["Second text"]) == {"Night buses"}
    assert len(app.dataframe[0].value) == 15


def test_without_second_texts_there_is_no_column_of_them(open_page, reviewable_project):
    app = open_page("data", reviewable_project, view="Texts")
    assert "Second text" not in app.dataframe[0].value
    assert "Second text" not in [one.label for one in app.multiselect]
    assert "Second text" not in [one.value for one in open_page("explore", reviewable_project, id="s003").caption]


def test_equal_texts_are_listed_with_their_second_texts(open_page, project):
    with store.writing(project.db) as db:
        same = store.instance(db, "s003")
        store.add_examples(db, [Example("again", same.text, same.label, Split.SILVER, pair=HOSTILE.upper())])
        store.add_examples(db, [Example("other", same.text, same.label, Split.SILVER, pair="Wind farms")])
    app = open_page("data", project, view="Overview")
    tables = [one.value for one in app.dataframe if "Second text" in one.value]
    assert [table.to_numpy().tolist() for table in tables] == [[["again", "s003", same.text, HOSTILE.upper()]]]


def test_explore_shows_both_and_the_pinned_metadata_as_plain_text(open_page, project):
    app = open_page("explore", project, id="s003")
    assert HOSTILE in [one.value for one in app.text]
    assert "thread: https://example.org/<7>" in texts(app)
    assert "Second text" in [one.value for one in app.caption]
    assert set(app.dataframe[0].value["Second text"]) <= {*TARGETS}


def test_flags_are_filtered_by_second_text_on_the_page(open_page, project):
    app = open_page("review", project, annotator="Ada")
    [about] = [one for one in app.multiselect if one.label == "Second texts"]
    assert set(about.options) == {*TARGETS, HOSTILE}
    app = about.set_value([HOSTILE]).run()
    assert not app.exception
    assert app.session_state["with_pair"] == [HOSTILE]
