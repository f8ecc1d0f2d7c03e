"""Quotes that are no quoting: what can be read in two ways is asked about, and a well-formed file never is."""

import gzip
import random

import pytest

from inffeed_core.data.layout import Layout
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import ImportRefused, LayoutUnclear, SettingsError

SEPARATORS = {"a.tsv": "\t", "tab.csv": "\t", "a.csv": ",", "semicolon.csv": ";", "pipe.csv": "|"}
STRAY = [['"what a day', "pos"], ["meh", "neg"], ["never again", "neg"], ['so they said"', "pos"], ["fine", "neg"]]


def file(name: str, rows: list[list[str]], header: tuple[str, ...] = ("text", "label")) -> Upload:
    lines = [SEPARATORS[name].join(cells) for cells in (header, *rows)]
    return Upload(name, ("\n".join(lines) + "\n").encode())


def rows(upload: Upload, **said: object) -> list[list[object]]:
    return [list(row) for row in read(upload, Layout(**said)).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SEPARATORS)
def test_a_stray_quote_that_another_row_closes_is_asked_about(name: str) -> None:
    with pytest.raises(LayoutUnclear) as asked:
        read(file(name, STRAY))
    assert asked.value.choice == "quotes"
    told = {way.value: way.told for way in asked.value.ways}
    assert "2 rows" in told["double"]
    assert "5 rows" in told["none"]
    assert "--quotes none" in str(asked.value)
    assert "--quotes double" in str(asked.value)
    assert rows(file(name, STRAY), quotes="none") == STRAY
    assert len(rows(file(name, STRAY), quotes="double")) == 2


@pytest.mark.parametrize("name", SEPARATORS)
def test_it_is_asked_about_among_well_quoted_rows_too(name: str) -> None:
    mark = SEPARATORS[name]
    quoted = [f'"good{mark} or ""not bad"""', "pos"]
    with pytest.raises(LayoutUnclear, match="closes only on line"):
        read(file(name, [quoted] * 3 + STRAY + [["bad", "neg"]]))


def test_it_is_asked_about_where_the_label_stands_first_or_in_the_middle() -> None:
    for order in ((1, 0), (0, 1)):
        mixed = [[row[n] for n in order] for row in STRAY]
        with pytest.raises(LayoutUnclear):
            read(file("a.csv", mixed, ("a", "b")))
        with pytest.raises(LayoutUnclear):
            read(file("a.csv", [[str(n), *row, "x"] for n, row in enumerate(mixed)], ("id", "a", "b", "c")))


def test_a_packed_file_is_asked_about_too() -> None:
    plain = file("a.tsv", STRAY)
    with pytest.raises(LayoutUnclear):
        read(Upload("a.tsv.gz", gzip.compress(plain.data)))


@pytest.mark.parametrize("name", SEPARATORS)
@pytest.mark.parametrize(
    "text",
    ['a 5" screen', '"Great" he said', '"Yes" and "no"', '"never closed', 'said ""twice""', '"', '""odd', 'end"'],
)
def test_quotes_that_are_no_quoting_are_kept_without_a_question(name: str, text: str) -> None:
    given = [["fine", "pos"], [text, "neg"], ["poor", "neg"]]
    assert rows(file(name, given)) == given


@pytest.mark.parametrize("name", SEPARATORS)
def test_well_formed_quoting_is_read_without_a_question(name: str) -> None:
    mark = SEPARATORS[name]
    given = [f"one{mark} two", "three\nfour", 'five "six"', f"seven{mark}\n\neight", "", "nine\n\nten", "x\r\ny", '"']
    quoted = [['"' + text.replace('"', '""') + '"', "pos"] for text in given]
    table = read(file(name, quoted))
    assert [row[0] for row in table.rows] == given
    assert not any("unneeded" in note for note in table.notes)


def test_many_texts_with_commas_and_line_breaks_are_no_nuisance() -> None:
    draw = random.Random(0)
    words = ["well", "I liked it, really", "no,", "and\n", "yes\n\nyes", 'the "best"', "a, b", "fine\nthen, again"]
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(2000)]
    quoted = [[str(n), '"' + t.replace('"', '""') + '"', draw.choice(("pos", "neg"))] for n, t in enumerate(texts)]
    table = read(file("a.csv", quoted, ("id", "text", "label")))
    assert [row[1] for row in table.rows] == texts


def test_quotes_around_single_cells_are_taken_off_and_told() -> None:
    table = read(file("a.tsv", [['"Nice"', "pos"], ["fine", "pos"], ["poor", "neg"]]))
    assert table.rows[0][0] == "Nice"
    assert any("1 cell is in unneeded quotes" in note for note in table.notes)
    assert rows(file("a.tsv", [['"Nice"', "pos"], ["fine", "pos"]]), quotes="none")[0][0] == '"Nice"'


def test_wrapped_cells_beside_an_unclosed_quote_are_asked_about() -> None:
    with pytest.raises(LayoutUnclear, match="quotes do not match"):
        read(file("a.csv", [['"fine"', "pos"], ['"He said "hi""', "neg"]]))


def test_what_makes_sense_in_no_reading_is_refused_with_its_line() -> None:
    with pytest.raises(ImportRefused, match=r"begins on line 3.*--quotes none") as refused:
        read(file("a.csv", [['"a, b"', "pos"], ['"c', "neg"]]))
    assert not isinstance(refused.value, LayoutUnclear)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_first_line_may_say_the_separator(name: str) -> None:
    for said, mark in (("sep=;", ";"), ('"sep=|"', "|"), ("SEP=,", ","), ("sep=~", "~")):
        table = read(
            Upload(name, f"{said}\r\ntext{mark}label\r\nfine, really; yes|no{mark}pos\r\n".encode())
            if mark == "~"
            else Upload(name, f"{said}\r\ntext{mark}label\r\nfine{mark}pos\r\n".encode())
        )
        assert (table.columns, table.where(1)) == (("text", "label"), " (line 3)")
        assert table.rows[0][1] == "pos"
    with pytest.raises(ImportRefused, match="states a semicolon as separator"):
        read(Upload("a.csv", b"sep=;\ntext;label\na;b\n"), Layout(delimiter="comma"))


def test_a_separator_can_be_said_and_is_found_though_the_texts_hold_others() -> None:
    pipes = b"text|label\nfine, or; not|pos\nbad, bad; bad|neg\n"
    assert rows(Upload("a.csv", pipes)) == [["fine, or; not", "pos"], ["bad, bad; bad", "neg"]]
    assert rows(Upload("a.csv", b"a:b\nc:d\n"), delimiter=":") == [["c", "d"]]
    assert rows(Upload("a.tsv", pipes), delimiter="pipe") == [["fine, or; not", "pos"], ["bad, bad; bad", "neg"]]
    headless = b"fine, really\tpos\nbad, truly\tneg\n"
    assert rows(Upload("a.csv", headless), header=False) == [["fine, really", "pos"], ["bad, truly", "neg"]]


@pytest.mark.parametrize(
    "said",
    [
        {"quotes": "single"},
        {"delimiter": '"'},
        {"delimiter": "ab"},
        {"header_row": 0},
        {"header": False, "header_row": 2},
    ],
)
def test_layouts_that_cannot_be_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Layout(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_formats_without_such_a_layout_refuse_it(name: str) -> None:
    for said in (Layout(quotes="none"), Layout(header=False), Layout(sheet="x")):
        with pytest.raises(ImportRefused, match="to choose"):
            read(Upload(name, b"x"), said)
