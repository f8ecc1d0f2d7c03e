"""Instances are written once; what is true of them now is found by id, text, split and overlap."""

import sqlite3

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small import examples

from inffeed_core.errors import UnknownInstance
from inffeed_core.project.folder import Project
from inffeed_core.records import Example, Split
from inffeed_core.store import (
    add_examples,
    count_by_split,
    count_instances,
    duplicates,
    exclude,
    existing_ids,
    find,
    instance,
    instances,
    leaks,
    reading,
    search,
    writing,
)
from inffeed_core.store.instances import text_hash


def add(project: Project, *added: Example) -> None:
    with writing(project.db) as db:
        assert add_examples(db, added) == len(added)


def text(id: str, text: str, split: Split = Split.TRAIN) -> Example:
    return Example(id, text, "positive", split)


def test_examples_come_back_as_they_went_in(project: Project) -> None:
    odd = Example(
        "ünï/1", "Zeile\n\t<b>\x7f 🙂 'quoted'", "negative", Split.TEST, "me", {"n": 1.5, "none": None, "é": True}
    )
    add(project, odd)
    with reading(project.db) as db:
        found = instance(db, "ünï/1")
    assert (found.id, found.text, found.label, found.split) == (odd.id, odd.text, odd.label, odd.split)
    assert (found.original_label, found.source, dict(found.metadata)) == (odd.label, "me", dict(odd.metadata))
    assert found.confirmed
    assert found.annotator is None


def test_instances_keep_the_order_of_import(project: Project) -> None:
    with reading(project.db) as db:
        assert [i.id for i in instances(db)] == [e.id for e in examples()]
        silver = list(instances(db, [Split.SILVER]))
    assert len(silver) == 20
    assert not any(i.confirmed for i in silver)


def test_an_id_that_is_taken_refuses_the_whole_batch(project: Project) -> None:
    with pytest.raises(sqlite3.IntegrityError), writing(project.db) as db:
        add_examples(db, [text("fresh", "fresh"), text("train-0", "again")])
    with reading(project.db) as db:
        assert count_instances(db) == 48
        assert existing_ids(db, ["fresh", "train-0"]) == {"train-0"}


def test_counts_are_by_split_and_current_label(project: Project) -> None:
    with reading(project.db) as db:
        counts = count_by_split(db)
    assert counts[Split.TRAIN] == {"negative": 6, "positive": 6}
    assert counts[Split.SILVER] == {"negative": 11, "positive": 9}


def test_excluded_instances_are_gone_from_every_answer(project: Project) -> None:
    with writing(project.db) as db:
        assert exclude(db, ["train-0", "train-1"], "test") == 2
        assert exclude(db, ["train-1", "train-2"], "again") == 1
    with reading(project.db) as db:
        assert count_instances(db) == 45
        assert sum(count_by_split(db)[Split.TRAIN].values()) == 9
        assert "train-0" not in {i.id for i in instances(db)}
        assert find(db, ["train-0", "train-3", "nobody"]).keys() == {"train-3"}
        assert existing_ids(db, ["train-0"]) == {"train-0"}
        assert search(db, "train-0") == []
        with pytest.raises(UnknownInstance, match="train-0"):
            instance(db, "train-0")


@pytest.mark.parametrize("same", ["It Broke", "  it\n broke ", "ＩＴ broke", "IT BROKE"])
def test_texts_that_differ_in_case_space_or_width_are_the_same(same: str) -> None:
    assert text_hash(same) == text_hash("it broke")
    assert text_hash(same) != text_hash("it broke!")


def test_duplicates_are_within_a_split_and_leaks_across(project: Project) -> None:
    add(project, text("a", "Same words"), text("b", "same  words"), text("c", "SAME words", Split.SILVER))
    with reading(project.db) as db:
        assert duplicates(db) == [("a", "b")]
        assert leaks(db) == []
    add(project, text("d", "same words", Split.TEST))
    with reading(project.db) as db:
        assert leaks(db) == [("a", "d"), ("b", "d"), ("c", "d")]
    with writing(project.db) as db:
        exclude(db, ["d", "b"], "fixed")
    with reading(project.db) as db:
        assert leaks(db) == duplicates(db) == []


def test_search_finds_words_prefixes_and_ids(project: Project) -> None:
    add(project, text("x", "Das Gehäuse ist zerkratzt"), text("y", "a 100% cotton T-shirt, it's great"))
    with reading(project.db) as db:
        assert [i.id for i in search(db, "gehause zerk")] == ["x"]
        assert [i.id for i in search(db, "T-shirt 100%")] == ["y"]
        assert search(db, "silver-7")[0].id == "silver-7"
        assert search(db, "   ") == []
        assert len(search(db, "buyer", limit=5)) == 5


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.text(
        alphabet=st.one_of(st.sampled_from("\"'*^:()-+{}AND OR NOT NEAR text\0"), st.characters()), max_size=30
    )
)
@example(query="\ud800")
def test_no_query_breaks_search(project: Project, query: str) -> None:
    with reading(project.db) as db:
        search(db, query)
