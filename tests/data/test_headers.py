"""A first row that may be data is asked about; one that names its columns is not."""

import io

import openpyxl
import pytest

from inffeed_core.data.headers import require_header
from inffeed_core.data.layout import Layout
from inffeed_core.data.options import guess_options
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import ImportRefused, LayoutUnclear

LABELS = ("negative", "positive")


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def asked(upload: Upload) -> LayoutUnclear:
    with pytest.raises(LayoutUnclear) as caught:
        require_header(read(upload), LABELS)
    return caught.value


@pytest.mark.parametrize(
    "rows",
    [
        [["I love it", "positive"], ["I hate it", "negative"]],
        [["fine", "Positive"], ["poor", "negative"]],
        [["positive", "fine"], ["negative", "poor"]],
        [["", "great", "positive"], ["x", "bad", "negative"]],
        [["a nice phone", "pos"], ["a bad phone", "neg"], ["good", "pos"]],
        [["one", "1"], ["two", "0"]],
        [["1", "what a day"], ["2", "what a night"]],
        [["this was the best day of all", "joy"], ["this was the worst day of all", "anger"]],
        [["这个产品非常好用", "好"], ["这个产品不好用", "差"]],
        [["It works!", "joy"], ["It broke.", "anger"]],
        [["great phone", "pos"], ["bad", "neg"]],
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.xlsx"])
def test_a_first_row_that_may_be_data_is_asked_about(name: str, rows: list[list[str]]) -> None:
    mark = "\t" if name == "a.tsv" else ","
    data = workbook(*rows) if name == "a.xlsx" else "\n".join(mark.join(row) for row in rows).encode()
    error = asked(Upload(name, data))
    assert error.choice == "header"
    assert [way.value for way in error.ways] == ["yes", "no"]
    assert "--header no" in str(error)
    headless = read(Upload(name, data), Layout(header=False))
    assert len(headless.rows) == len(rows)
    assert headless.columns[1] == "column 2"
    require_header(headless, LABELS)
    require_header(read(Upload(name, data), Layout(header=True)), LABELS)


@pytest.mark.parametrize(
    "head",
    ["text,label", "tweet,verdict", "Text,Label,positive", "id,opinion,rating", ",review,stars", "text of tweet,class"],
)
def test_column_names_are_not_asked_about(head: str) -> None:
    rows = "\n".join(f"{n}{',poor thing' * head.count(',')}" for n in (1, 2))
    require_header(read(Upload("a.csv", f"{head}\n{rows}\n".encode())), LABELS)


@pytest.mark.parametrize("above", [["My export of 2026", "", "made by me"], ["a", "b", "c"]])
def test_a_header_in_a_later_row_is_named(above: list[str]) -> None:
    rows = [above, ["", "", ""], ["id", "Text", "Label"], ["7", "fine", "positive"], ["8", "poor", "negative"]]
    for name, data, place in (
        ("a.csv", "\n".join(",".join(row) for row in rows).encode(), 3),
        ("a.xlsx", workbook(*[[cell or None for cell in row] for row in rows]), 3),
    ):
        error = asked(Upload(name, data))
        assert (error.choice, error.ways[0].value) == ("header_row", str(place))
        table = read(Upload(name, data), Layout(header_row=place))
        assert (table.columns, len(table.rows), table.rows[0][1]) == (("id", "Text", "Label"), 2, "fine")
        assert guess_options(table, LABELS).text == "Text"


def test_a_title_of_one_cell_is_refused_with_the_line_of_the_header() -> None:
    for said, told in ((None, "--header-row 3"), (Layout(header_row=3), "")):
        upload = Upload("a.csv", b"My export\n\ntext,label\nfine,positive\n")
        if said is None:
            with pytest.raises(ImportRefused, match=told):
                read(upload)
        else:
            assert read(upload, said).columns == ("text", "label")


def test_rows_without_content_above_the_header_are_skipped() -> None:
    table = read(Upload("a.csv", b",,\n,,\nid,text,label\n1,fine,positive\n"))
    assert (table.columns, table.where(1)) == (("id", "text", "label"), " (line 4)")


def test_a_header_that_comes_again_is_a_row_error() -> None:
    with pytest.raises(ImportRefused, match=r"Row 2: It repeats the column names \(line 3\)"):
        read(Upload("a.csv", b"text,label\nfine,positive\ntext,label\npoor,negative\n"))


def test_equal_cells_of_a_first_row_name_the_choice() -> None:
    with pytest.raises(ImportRefused, match="--header no"):
        read(Upload("a.csv", b"good,good\nfine,good\n"))
    assert len(read(Upload("a.csv", b"good,good\nfine,good\n"), Layout(header=False)).rows) == 2


def test_a_single_row_names_the_choice() -> None:
    for name, data in (("a.csv", b"great phone,positive\n"), ("a.xlsx", workbook(["great phone", "positive"]))):
        with pytest.raises(ImportRefused, match="--header no"):
            read(Upload(name, data))
        assert len(read(Upload(name, data), Layout(header=False)).rows) == 1
    with pytest.raises(ImportRefused, match="There is no line 9"):
        read(Upload("a.csv", b"text,label\na,b\n"), Layout(header_row=9))
