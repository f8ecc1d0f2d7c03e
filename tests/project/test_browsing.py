"""Pages of the data set, and texts that occur twice."""

import pytest

from inffeed_core import store
from inffeed_core.project.browsing import browse, doubled
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.settings import ProjectSettings

ALL = tuple(Split)
LABELS = ("no", "yes")


@pytest.fixture
def project(tmp_path) -> Project:
    project = create_project(tmp_path / "p", ProjectSettings("Browsed", LABELS))
    splits = [Split.TRAIN, Split.SILVER]
    with store.writing(project.db) as db:
        store.add_examples(
            db, [Example(f"i{n:02}", f"number {n} apple", LABELS[n % 2], splits[n // 10]) for n in range(20)]
        )
    return project


def test_pages_follow_each_other_in_the_order_of_import(project):
    pages = [browse(project, ALL, LABELS, page=n, size=8) for n in range(3)]
    assert [i.id for page in pages for i in page.rows] == [f"i{n:02}" for n in range(20)]
    assert {page.total for page in pages} == {20}


def test_filters_are_by_split_and_by_the_label_of_today(project):
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "i10", "anna", Act.RELABEL, "yes"))
    found = browse(project, [Split.SILVER], ["yes"])
    assert [i.id for i in found.rows] == ["i10", "i11", "i13", "i15", "i17", "i19"]
    assert found.total == 6


def test_a_search_is_filtered_and_paged_too(project):
    found = browse(project, [Split.TRAIN], ["no"], query="apple", page=1, size=3)
    assert found.total == 5
    assert len(found.rows) == 2
    assert all(i.split is Split.TRAIN and i.label == "no" for i in found.rows)


def test_equal_texts_tell_which_one_would_go(project):
    with store.writing(project.db) as db:
        store.add_examples(
            db,
            [
                Example("again", "Number 3  APPLE", "yes", Split.TRAIN),
                Example("held", "number 12 apple", "yes", Split.TEST),
            ],
        )
    found = doubled(project)
    assert [(t.left_out, t.kept) for t in found.duplicates] == [("again", "i03")]
    assert [(t.left_out, t.kept) for t in found.leaks] == [("i12", "held")]
    assert (found.total_duplicates, found.total_leaks) == (1, 1)
