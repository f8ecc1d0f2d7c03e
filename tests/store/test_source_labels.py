"""Several sources label a text; the choice or their vote says which label is read, and gold never changes."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from small import LABELS
from sqlite_utils import Database

from inffeed_core.errors import InvalidSilver
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Example, SilverLabel, Source, SourceKind, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    add_source,
    choose_silver,
    count_by_split,
    exclude,
    find,
    instances,
    migrate,
    reading,
    record_decision,
    record_silver_labels,
    save_project_settings,
    silver_choice,
    silver_clock,
    silver_labels,
    silver_labels_of,
    source_counts,
    sources,
    writing,
)
from inffeed_core.store.migrations import migrations

GPT = Source("gpt", SourceKind.LLM, {"prompt": "Is it good?", "model": "gpt-4o"}, "2026-03-01T12:00:00.000Z")
NEGATIVE, POSITIVE = LABELS


@pytest.fixture
def three(tmp_path: Path) -> Project:
    """Texts a to d without a label yet and a gold one, and three sources that have said nothing."""
    made = create_project(tmp_path / "three", ProjectSettings("Three", LABELS))
    with writing(made.db) as db:
        add_examples(db, [Example(id, f"text {id}", "", Split.SILVER) for id in "abcd"])
        add_examples(db, [Example("gold", "the gold one", POSITIVE, Split.VALIDATION)])
        for name in ("first", "second", "third"):
            add_source(db, Source(name))
    return made


def say(project: Project, id: str, **labels: str | None) -> None:
    with writing(project.db) as db:
        record_silver_labels(db, [SilverLabel(source, id, label) for source, label in labels.items()])


def labels(project: Project) -> dict[str, tuple[str, str]]:
    """(label, whose it is) of every instance."""
    with reading(project.db) as db:
        return {one.id: (one.label, one.source) for one in instances(db)}


def test_sources_and_what_they_say_come_back_as_they_went_in(three: Project) -> None:
    said = [
        SilverLabel("gpt", "a", POSITIVE, 0.75, at="2026-03-01T12:00:01.000Z"),
        SilverLabel("gpt", "gold", None, answer="I cannot judge that."),
    ]
    with writing(three.db) as db:
        assert add_source(db, GPT)
        assert record_silver_labels(db, said) == 2
    with reading(three.db) as db:
        assert sources(db)[-1] == GPT
        assert [one.name for one in sources(db)] == ["first", "second", "third", "gpt"]
        assert silver_labels_of(db, ["gold", "a", "b"]) == {"a": said[:1], "gold": said[1:]}
        assert list(silver_labels(db)) == said
        assert list(silver_labels(db, [Split.VALIDATION])) == said[1:]


def test_a_text_without_silver_has_no_label_yet(three: Project) -> None:
    say(three, "a", first=POSITIVE)
    assert labels(three) == {
        "a": (POSITIVE, "first"),
        **dict.fromkeys("bcd", ("", "")),
        "gold": (POSITIVE, ""),
    }
    with reading(three.db) as db:
        assert count_by_split(db)[Split.SILVER] == {POSITIVE: 1, "": 3}


@pytest.mark.parametrize(
    ("said", "label", "whose"),
    [
        ({"first": NEGATIVE, "second": POSITIVE, "third": POSITIVE}, POSITIVE, "vote"),
        ({"second": POSITIVE, "third": NEGATIVE}, POSITIVE, "vote"),
        ({"first": None, "second": None, "third": NEGATIVE}, NEGATIVE, "third"),
        ({"first": None}, "", ""),
    ],
)
def test_the_vote_goes_by_number_and_ties_to_the_source_that_came_first(
    three: Project, said: dict[str, str | None], label: str, whose: str
) -> None:
    say(three, "a", **said)
    assert labels(three)["a"] == (label, whose)


def test_the_order_in_which_labels_arrive_decides_nothing(three: Project) -> None:
    for source, label in (("third", POSITIVE), ("second", NEGATIVE), ("first", POSITIVE)):
        say(three, "a", **{source: label})
    for source, label in (("first", POSITIVE), ("second", NEGATIVE), ("third", POSITIVE)):
        say(three, "b", **{source: label})
    assert labels(three)["a"] == labels(three)["b"] == (POSITIVE, "vote")


def test_a_chosen_source_speaks_alone_and_the_choice_is_kept(three: Project) -> None:
    say(three, "a", first=NEGATIVE, second=POSITIVE, third=POSITIVE)
    say(three, "b", second=POSITIVE)
    with writing(three.db) as db:
        assert silver_choice(db) is None
        assert choose_silver(db, "first", "Ana") == 2
        assert silver_choice(db) == "first"
    assert labels(three)["a"] == (NEGATIVE, "first")
    assert labels(three)["b"] == ("", "")
    with writing(three.db) as db:
        add_examples(db, [Example("e", "e", POSITIVE, Split.SILVER, source="second")])
        assert choose_silver(db, "first", "Ana") == 0
    assert labels(three)["e"] == ("", "")
    with writing(three.db) as db:
        assert choose_silver(db, None, "Ana") == 3
    assert labels(three)["e"] == (POSITIVE, "second")


def test_labels_of_gold_change_none_of_its_own(three: Project) -> None:
    say(three, "gold", first=NEGATIVE, second=NEGATIVE)
    with writing(three.db) as db:
        choose_silver(db, "first", "Ana")
        assert source_counts(db)["first"] == {Split.VALIDATION: 1}
        assert silver_clock(db) == 0
    assert labels(three)["gold"] == (POSITIVE, "")


def test_decisions_stay_on_top_of_whatever_sources_say(three: Project) -> None:
    say(three, "a", first=NEGATIVE)
    with writing(three.db) as db:
        record_decision(db, Decision("t", "a", "Ana", Act.RELABEL, label=POSITIVE))
        record_silver_labels(db, [SilverLabel("second", "a", NEGATIVE)])
        found = find(db, ["a"])["a"]
    assert (found.label, found.original_label, found.confirmed) == (POSITIVE, NEGATIVE, True)


def test_the_clock_counts_labels_that_changed_after_their_import(three: Project) -> None:
    clocks = []
    for said in ({"first": POSITIVE}, {"second": POSITIVE}, {"first": NEGATIVE, "second": NEGATIVE}):
        say(three, "a", **said)
        with reading(three.db) as db:
            clocks.append(silver_clock(db))
    assert clocks == [1, 1, 2]
    with writing(three.db) as db:
        add_examples(db, [Example("n", "n", POSITIVE, Split.SILVER, silver=(SilverLabel("new", "n", NEGATIVE),))])
        assert silver_clock(db) == 2


def test_examples_bring_what_several_sources_say(three: Project) -> None:
    told = (SilverLabel("gpt", "n", NEGATIVE, 0.5), SilverLabel("vader", "n", NEGATIVE))
    with writing(three.db) as db:
        add_examples(db, [Example("n", "n", POSITIVE, Split.SILVER, silver=told)])
        add_examples(db, [Example("g", "g", POSITIVE, Split.TRAIN, silver=told[:1])])
        assert silver_labels_of(db, ["n"])["n"] == [SilverLabel("imported", "n", POSITIVE), *told]
        assert [one.kind for one in sources(db)] == [SourceKind.IMPORTED] * 6
    assert labels(three)["n"] == (NEGATIVE, "vote")
    assert labels(three)["g"] == (POSITIVE, "")


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (SilverLabel("nobody", "a", POSITIVE), "no source 'nobody'"),
        (SilverLabel("first", "z", POSITIVE), "id 'z'"),
        (SilverLabel("first", "a", "neutral"), "'neutral'.* is no label"),
        (SilverLabel("first", "a", ""), "'' .* is no label"),
        (SilverLabel("first", "a", POSITIVE, 1.5), "confidence 1.5"),
        (SilverLabel("first", "a", POSITIVE, float("nan")), "confidence nan"),
    ],
)
def test_what_cannot_be_stored_is_refused_whole(three: Project, one: SilverLabel, says: str) -> None:
    with pytest.raises(InvalidSilver, match=says), writing(three.db) as db:
        record_silver_labels(db, [SilverLabel("first", "a", POSITIVE), one])
    with reading(three.db) as db:
        assert silver_labels_of(db, ["a"]) == {}


@pytest.mark.parametrize("name", ["", " gpt", "vote"])
def test_odd_names_are_none_for_a_source(three: Project, name: str) -> None:
    with pytest.raises(InvalidSilver, match="name"), writing(three.db) as db:
        add_source(db, Source(name))


def test_a_source_is_known_once_and_another_one_needs_another_name(three: Project) -> None:
    with writing(three.db) as db:
        assert add_source(db, GPT)
        assert not add_source(db, Source(GPT.name, GPT.kind, dict(GPT.details)))
        with pytest.raises(InvalidSilver, match="is another one"):
            add_source(db, Source(GPT.name, GPT.kind, {"prompt": "Another?"}))
        with pytest.raises(InvalidSilver, match="choose one of first, second, third, gpt"):
            choose_silver(db, "none", "Ana")


def test_excluded_texts_count_no_more(three: Project) -> None:
    say(three, "a", first=POSITIVE)
    with writing(three.db) as db:
        exclude(db, ["a"], "test")
        assert source_counts(db) == {"first": {}, "second": {}, "third": {}}
        assert list(silver_labels(db)) == []


def test_a_project_of_the_release_before_keeps_its_labels_and_whose_they_are(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    db = Database(path)
    migrations.apply(db, stop_before="m011_sources")
    save_project_settings(db, ProjectSettings("old", LABELS))
    rows = [("a", "silver", "vader"), ("b", "silver", ""), ("c", "silver", "gpt"), ("d", "train", "Ana")]
    sql = "INSERT INTO instance (id, text, text_hash, label, split, source) VALUES (?1, ?1, ?1, 'positive', ?2, ?3)"
    db.conn.executemany(sql, rows)
    db.conn.commit()
    db.conn.close()
    migrate(path)
    with writing(path) as db:
        assert [one.name for one in sources(db)] == ["vader", "imported", "gpt"]
        assert silver_labels_of(db, "abcd") == {
            id: [SilverLabel(source or "imported", id, POSITIVE)] for id, split, source in rows if split == "silver"
        }
        assert choose_silver(db, None, "Ana") == 0
        assert [(one.id, one.source) for one in instances(db)] == [(id, source) for id, _, source in rows]


def test_labels_that_come_with_a_text_count_as_those_that_come_later(three: Project) -> None:
    names, ids = ("third", "first", "second"), []
    with writing(three.db) as db:
        for n, said in enumerate(product((None, "", *LABELS), repeat=3)):
            given = zip(names, said, strict=True)
            told = [SilverLabel(source, "", label) for source, label in given if label != ""]
            for id, silver in ((f"now-{n}", told), (f"later-{n}", [])):
                own = [replace(one, instance_id=id) for one in silver]
                add_examples(db, [Example(id, f"{id}.", "", Split.SILVER, silver=tuple(own))])
            record_silver_labels(db, [replace(one, instance_id=f"later-{n}") for one in told])
            ids.append(n)
    for choice in (None, "first", "second"):
        with writing(three.db) as db:
            choose_silver(db, choice, "Ana")
        found = labels(three)
        assert [found[f"now-{n}"] for n in ids] == [found[f"later-{n}"] for n in ids]
    with writing(three.db) as db:
        silver = (SilverLabel("first", "new", NEGATIVE), SilverLabel("second", "new", POSITIVE))
        add_examples(db, [Example("new", "new", "", Split.SILVER, silver=silver)])
    assert labels(three)["new"] == (POSITIVE, "second")
