"""A text may have a second text: it comes in, is told apart, and goes out as it came."""

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from commands import answer, run

from inffeed_core.data.export_columns import PAIR
from inffeed_core.data.options import ImportOptions, guess_options
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused
from inffeed_core.project.encoded import fingerprint
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, fix_duplicates, preview
from inffeed_core.records import Act, Decision, Example, Instance, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    duplicates,
    instances,
    leaks,
    reading,
    record_decision,
    search,
    writing,
)
from inffeed_core.store.instances import text_hash

LABELS = ("against", "favour", "none")
OPTIONS = ImportOptions("text", "label", split_column="split", id="id", pair="about")
STANCES = (
    "id,split,text,about,label",
    "a,train,We should plant more trees,Wind farms,favour",
    "b,train,We should plant more trees,Night buses,none",
    "c,train,we should  PLANT more trees,wind FARMS,favour",
    "d,test,We should plant more trees,Wind farms,favour",
    "e,silver,We should plant more trees,,none",
    "f,silver,Buses are late again,Night buses,against",
)
FORMATS = ("csv", "tsv", "jsonl", "csv.gz", "tsv.gz", "jsonl.gz", "parquet")


def upload(*rows: str) -> Upload:
    return Upload("stances.csv", "\n".join(rows).encode())


def all_of(project: Project) -> list[Instance]:
    with reading(project.db) as db:
        return list(instances(db))


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "stances", ProjectSettings("Stances", LABELS))


@pytest.fixture
def stances(empty: Project) -> Project:
    commit(empty, upload(*STANCES), OPTIONS)
    return empty


def test_second_texts_are_kept_as_they_are_and_an_empty_cell_is_none(stances: Project) -> None:
    assert [i.pair for i in all_of(stances)] == [
        "Wind farms",
        "Night buses",
        "wind FARMS",
        "Wind farms",
        None,
        "Night buses",
    ]
    assert all("about" not in i.metadata for i in all_of(stances))
    assert all_of(stances)[0].passage == ("We should plant more trees", "Wind farms")
    assert all_of(stances)[4].passage == "We should plant more trees"


def test_equal_texts_are_those_whose_second_texts_are_equal_too(stances: Project) -> None:
    with reading(stances.db) as db:
        assert (duplicates(db), leaks(db)) == ([("a", "c")], [("a", "d"), ("c", "d")])
    shown = preview(
        stances, upload(STANCES[0], "g,train,buses are late again,NIGHT BUSES,none", "h,test,x y,z,none"), OPTIONS
    )
    assert (shown.duplicates, shown.leaks) == ((), ())
    again = preview(stances, upload(STANCES[0], "g,silver,buses are late again,NIGHT BUSES,none"), OPTIONS)
    assert [(s.id, s.other, s.pair) for s in again.duplicates] == [("g", "f", "NIGHT BUSES")]
    assert fix_duplicates(stances) == 1


def test_the_hash_of_a_text_without_a_second_one_is_what_it_was() -> None:
    assert text_hash("It  broke") == "ceb9c7d4f2945856a2f42f06c0d81d33"
    apart = [text_hash("a b"), text_hash("a", "b"), text_hash("a b", ""), text_hash("b", "a"), text_hash("a b", "c")]
    assert len(set(apart)) == len(apart)


def test_what_was_trained_on_tells_second_texts_apart() -> None:
    def one(**more: object) -> Instance:
        return Instance(
            **{"id": "a", "text": "t", "split": Split.TRAIN, "original_label": "x", "label": "x"}
            | {"confirmed": True}
            | more
        )  # type: ignore[arg-type]

    assert len({fingerprint([one()]), fingerprint([one(pair="p")]), fingerprint([one(pair="q")])}) == 3


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_brings_them_back(stances: Project, tmp_path: Path, format: str) -> None:
    nasty = ["=1+1", "'007", 'a "quote"\r\nand\ttab', "NA", "null", "🙂\u2028\u200b", " spaces ", "e\u0301", "-", "7"]
    with writing(stances.db) as db:
        add_examples(
            db,
            [
                Example(f"n{n}", f"text {n}", "none", Split.SILVER, "vader", {PAIR: str(n)}, pair)
                for n, pair in enumerate(nasty)
            ],
        )
        record_decision(db, Decision("t", "n0", "Ana", Act.RELABEL, "favour", "why", at="2026-03-01T12:00:00.000Z"))
    told = export_bytes(stances, format)
    table = read(Upload(f"back.{format}", told))
    assert guess_options(table, LABELS).pair == PAIR
    other = create_project(tmp_path / "back", ProjectSettings("Back", LABELS))
    commit(other, table, guess_options(table, LABELS))
    assert all_of(other) == all_of(stances)
    assert export_bytes(other, format) == told


def test_excel_holds_second_texts(empty: Project) -> None:
    buffer = io.BytesIO()
    frame = pd.DataFrame(
        {"tweet": ["Plant trees", "Late again"], "target": ["Wind farms", None], "stance": ["favour", "none"]}
    )
    frame.to_excel(buffer, index=False)
    shown = preview(empty, Upload("train.xlsx", buffer.getvalue()))
    assert (shown.options.text, shown.options.pair, shown.options.label) == ("tweet", "target", "stance")
    commit(empty, Upload("train.xlsx", buffer.getvalue()), shown.options)
    assert [i.pair for i in all_of(empty)] == ["Wind farms", None]


def test_an_export_without_second_texts_has_no_column_for_them(empty: Project) -> None:
    commit(empty, upload("text,label", "Plant trees,favour"), ImportOptions("text", "label", split=Split.TRAIN))
    assert PAIR.encode() not in export_bytes(empty, "csv")


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("premise hypothesis label", ["It rains a lot here", "It is wet", "none"], ("premise", "hypothesis")),
        ("sentence1 sentence2 label", ["a b", "c d e f g", "none"], ("sentence1", "sentence2")),
        ("text_b text_a label", ["a b", "c", "none"], ("text_a", "text_b")),
        ("text target stance", ["a b", "Wind farms", "none"], ("text", "target")),
        ("text target label", ["a b", "1", "none"], ("text", None)),
        ("text target label", ["a b", "favour", "none"], ("text", None)),
        ("text target label", ["a b", "", "none"], ("text", None)),
        ("question answer label", ["Is it a b?", "Yes", "none"], ("question", "answer")),
        ("answer question label", ["Yes and so on", "Is it?", "none"], ("answer", "question")),
        ("text about label", ["a b", "Wind farms", "none"], ("text", None)),
    ],
)
def test_the_second_text_is_guessed_by_usual_names(
    columns: str, row: list[str], expected: tuple[str, str | None]
) -> None:
    guess = guess_options(Table("file.csv", tuple(columns.split()), [row]), LABELS)
    assert (guess.text, guess.pair) == expected


def test_a_search_finds_second_texts_too(stances: Project) -> None:
    with reading(stances.db) as db:
        assert [i.id for i in search(db, "farms")] == ["a", "c", "d"]
        assert [i.id for i in search(db, "night late")] == ["f"]
        assert search(db, "trees nobody") == []
    with writing(stances.db) as db:
        add_examples(
            db,
            [
                Example("z", "很好", "none", Split.SILVER, pair="退款政策 :-("),
                Example("y", "退", "none", Split.SILVER, pair="款"),
            ],
        )
        assert [i.id for i in search(db, "退款")] == ["z"]
        assert [i.id for i in search(db, ":-(")] == ["z"]


def test_what_nobody_can_see_is_no_second_text(empty: Project) -> None:
    commit(
        empty,
        upload("text,label,about", "Plant trees,favour,\u200b\u2800"),
        replace(OPTIONS, id=None, split_column=None, split=Split.TRAIN),
    )
    assert [i.pair for i in all_of(empty)] == [None]


def test_broken_characters_in_a_second_text_are_refused_with_the_row(empty: Project) -> None:
    with pytest.raises(ImportRefused, match="Row 2: Column 'about' holds a NUL"):
        commit(empty, upload(*STANCES[:2], "b,train,x,y\0,none"), OPTIONS)
    assert all_of(empty) == []


def test_the_command_line_takes_the_column_and_says_what_lacks(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "stances.csv"
    file.write_text("\n".join(STANCES))
    shown = run("import", empty.folder, file, "--pair-column", "about", "--dry-run")
    assert "Second texts are in 'about'" in shown.stderr
    assert "Without a second text: 1 of 6 rows." in shown.stderr
    assert answer("import", empty.folder, file, "--pair", "about", "--dry-run")["without_pair"] == 1
    assert "no column 'abut'" in run("import", empty.folder, file, "--pair", "abut", code=1).stderr
    assert "chosen twice" in run("import", empty.folder, file, "--pair", "text", "--text", "text", code=1).stderr
    assert all_of(empty) == []
    assert answer("import", empty.folder, file, "--pair", "about")["added"]["train"] == 3
    assert all_of(empty)[0].pair == "Wind farms"


def test_a_guessed_column_can_be_kept_as_metadata(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("text,target,label\nPlant trees,Wind farms,favour\n")
    assert "Second texts" not in run("import", empty.folder, file, "--no-pair").stderr
    assert (all_of(empty)[0].pair, all_of(empty)[0].metadata) == (None, {"target": "Wind farms"})
    contradicted = run("import", empty.folder, file, "--no-pair", "--pair", "target", code=2)
    assert "contradict" in contradicted.stderr
