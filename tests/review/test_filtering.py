"""A filter leaves the flags that are wanted, in their order, and progress counts these alone."""

from pathlib import Path

import pytest
from reviewing import make_reviewable, take

from inffeed_core import review, store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, FlagFilter, SilverLabel, Source
from inffeed_core.review.progress import Sitting


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Silver texts 0 to 39; every third from a forum, every fourth of the year 2024, each with a number."""
    made = make_reviewable(tmp_path / "project")
    with store.writing(made.db) as db:
        for n in range(40):
            source = "forum" if n % 3 == 0 else "shop"
            metadata = f'{{"year": {2024 if n % 4 == 0 else 2023}, "number": {n}, "od\\"d": "a\'b"}}'
            db.conn.execute("UPDATE instance SET metadata = ? WHERE id = ?", [metadata, f"s{n:03}"])
            store.add_source(db, Source(source))
            store.record_silver_labels(db, [SilverLabel(source, f"s{n:03}", "positive")])
    return made


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (FlagFilter(labels=("positive",)), [1, 3, 5]),
        (FlagFilter(labels=("negative", "positive")), [0, 1, 2]),
        (FlagFilter(sources=("forum",)), [0, 3, 6]),
        (FlagFilter(metadata=(("year", "2024"),)), [0, 4, 8]),
        (FlagFilter(metadata=(("year", "2024"), ("number", "8"))), [8]),
        (FlagFilter(metadata=(('od"d', "a'b"),)), [0, 1, 2]),
        (FlagFilter(words="told 1"), [1, 10, 11]),
        (FlagFilter(words='"silver AND text 39"'), []),
        (FlagFilter(words="text 39"), [39]),
        (FlagFilter(labels=("positive",), sources=("forum",), words="silver"), [3, 9, 15]),
        (FlagFilter(sources=("nowhere",)), []),
        (FlagFilter(labels=("negative",), suggested=("positive",)), [0, 2, 4]),
        (FlagFilter(suggested=("nothing of the kind",)), []),
        (FlagFilter(confidence=(0.8, 0.9)), [0, 1, 2]),
        (FlagFilter(confidence=(0.81, 1.0)), []),
        (FlagFilter(disagreeing=True), [0, 2, 4]),  # imported as negative, and positive by the others
    ],
)
def test_only_what_is_wanted_comes_in_the_order_of_the_policy(project, only, wanted):
    assert [i.flag.id for i in review.queue(project, limit=3, only=only)] == [f"s{n:03}" for n in wanted]
    handed = take(project, Sitting("Ada", only=only), 3)
    assert [i.flag.id for i in handed.items] == [f"s{n:03}" for n in wanted]


def test_progress_is_about_what_is_wanted(project):
    review.decide(project, Decision("a", "s000", "Ada", Act.SKIP))
    review.decide(project, Decision("b", "s001", "Ada", Act.SKIP))
    progress = review.progress(project, Sitting("Ada", only=FlagFilter(sources=("forum",))))
    assert (progress.done, progress.open) == (1, 13)


def test_one_can_filter_by_what_several_texts_have(project):
    with store.reading(project.db) as db:
        sources, pairs = store.facets(db)
    assert sources == ["imported", "shop", "forum"]
    assert pairs == [('od"d', "a'b"), ("year", "2023"), ("year", "2024")]
