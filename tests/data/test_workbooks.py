"""Workbooks as people have them: hidden parts, errors, escapes, apostrophes, several sheets, in every kind of file."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta

import odf.opendocument
import odf.style
import odf.table
import odf.teletype
import odf.text
import openpyxl
import pytest
import xlwt
from openpyxl.cell.cell import ERROR_CODES

from inffeed_core.data.export_columns import EXPORT_COLUMNS
from inffeed_core.data.formats.sheets import column_letters
from inffeed_core.data.formats.xlsx import unescaped
from inffeed_core.data.layout import AS_FOUND, Layout
from inffeed_core.data.limits import ReadLimits
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused

ROWS = [["text", "label"], ["fine", "good"], ["poor", "bad"]]
Sheets = Mapping[str, list[list[object]]]


def xlsx(
    sheets: Sheets,
    hidden: Mapping[str, str] = {},
    hidden_rows: tuple[int, ...] = (),
    hidden_columns: tuple[int, ...] = (),
    merged: tuple[str, ...] = (),
) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        sheet.sheet_state = hidden.get(title, "visible")
        for column in hidden_columns:
            sheet.column_dimensions[column_letters(column)].hidden = True
        for row in rows:
            sheet.append(row)
        for number in hidden_rows:
            sheet.row_dimensions[number].hidden = True
        for area in merged:
            sheet.merge_cells(area)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def xls(
    sheets: Sheets,
    hidden: Mapping[str, str] = {},
    hidden_rows: tuple[int, ...] = (),
    hidden_columns: tuple[int, ...] = (),
) -> bytes:
    book = xlwt.Workbook()
    for title, rows in sheets.items():
        sheet = book.add_sheet(title)
        sheet.visibility = {"visible": 0, "hidden": 1, "veryHidden": 2}[hidden.get(title, "visible")]
        for at, row in enumerate(rows):
            for n, cell in enumerate(row):
                if isinstance(cell, str) and cell in ERROR_CODES:
                    sheet.row(at).set_cell_error(n, cell if cell != "#N/A" else "#N/A!")
                elif cell is not None:
                    moment = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm:ss") if isinstance(cell, date) else None
                    sheet.write(at, n, cell, moment) if moment else sheet.write(at, n, cell)
        for number in hidden_rows:
            sheet.row(number - 1).hidden = True
        for column in hidden_columns:
            sheet.col(column - 1).hidden = True
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def ods(
    sheets: Sheets,
    hidden: Mapping[str, str] = {},
    hidden_rows: tuple[int, ...] = (),
    hidden_columns: tuple[int, ...] = (),
) -> bytes:
    document = odf.opendocument.OpenDocumentSpreadsheet()
    style = odf.style.Style(name="out of sight", family="table")
    style.addElement(odf.style.TableProperties(display="false"))
    document.automaticstyles.addElement(style)
    for title, rows in sheets.items():
        table = odf.table.Table(name=title, **({"stylename": style} if title in hidden else {}))
        for column in range(1, 1 + max(hidden_columns, default=0)):
            table.addElement(odf.table.TableColumn(visibility="collapse" if column in hidden_columns else "visible"))
        for at, row in enumerate(rows, start=1):
            line = odf.table.TableRow(**({"visibility": "collapse"} if at in hidden_rows else {}))
            for cell in row:
                line.addElement(ods_cell(cell))
            table.addElement(line)
        document.spreadsheet.addElement(table)
    file = io.BytesIO()
    document.write(file)
    return file.getvalue()


def ods_cell(cell: object) -> odf.table.TableCell:
    match cell:
        case None:
            return odf.table.TableCell()
        case bool():
            return odf.table.TableCell(valuetype="boolean", booleanvalue=str(cell).lower())
        case int() | float():
            return odf.table.TableCell(valuetype="float", value=repr(cell))
        case date():
            return odf.table.TableCell(valuetype="date", datevalue=cell.isoformat())
    made = odf.table.TableCell(valuetype="string")
    if cell in ERROR_CODES:
        made.setAttrNS("urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0", "value-type", "error")
    for line in str(cell).split("\n"):
        paragraph = odf.text.P()
        odf.teletype.addTextToElement(paragraph, line)
        made.addElement(paragraph)
    return made


KINDS: dict[str, Callable[..., bytes]] = {"a.xlsx": xlsx, "a.xlsm": xlsx, "a.xls": xls, "a.ods": ods}
every_kind = pytest.mark.parametrize("name", KINDS)


def table(name: str, sheets: Sheets, layout: Layout = AS_FOUND, **hidden: object) -> Table:
    return read(Upload(name, KINDS[name](sheets, **hidden)), layout)


def rows(found: Table) -> list[list[object]]:
    return [list(found.columns), *map(list, found.rows)]


@every_kind
def test_values_keep_their_types(name: str) -> None:
    given = [
        ["text", "n", "x", "yes", "at", "day"],
        ["a  b\nc", 7, 0.5, True, datetime(2026, 3, 1, 12, 30), date(2026, 3, 1)],
    ]
    assert rows(table(name, {"data": given})) == [
        given[0],
        ["a  b\nc", 7, 0.5, True, "2026-03-01T12:30:00", "2026-03-01"],
    ]


@every_kind
@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets_and_rows_are_left_out_and_told(name: str, state: str) -> None:
    secret = [["text", "label"], ["secret", "good"]]
    found = table(name, {"out": secret, "in": ROWS}, hidden={"out": state}, hidden_rows=(2,))
    assert rows(found) == [ROWS[0], ROWS[2]]
    assert found.where(1) == " (sheet row 3)"
    assert any("Hidden sheets are not read: 'out'" in note for note in found.notes)
    assert any("1 hidden rows of sheet 'in' were left out" in note for note in found.notes)
    assert (found.sheet, found.sheets) == ("in", ("in", "out"))
    assert rows(table(name, {"out": secret, "in": ROWS}, Layout(sheet="out"), hidden={"out": state})) == secret
    with pytest.raises(ImportRefused, match="Every sheet with content is hidden.*'out'"):
        table(name, {"empty": [], "out": secret}, hidden={"out": state})


@every_kind
def test_hidden_columns_are_left_out_and_told(name: str) -> None:
    given = [["id", "text", "label", "first draft"], ["a", "fine", "good", "#N/A"], ["b", "poor", "bad", "good"]]
    found = table(name, {"in": given}, hidden_columns=(1, 4))
    assert rows(found) == ROWS
    assert "Hidden columns of sheet 'in' were left out: 'id', 'first draft'. Show them to import them." in found.notes
    numbered = table(name, {"in": given[1:]}, Layout(header=False), hidden_columns=(1, 4))
    assert rows(numbered) == [["column 2", "column 3"], *ROWS[1:]]
    with pytest.raises(ImportRefused, match="Every column with content is hidden: 'text', 'label'"):
        table(name, {"in": ROWS}, hidden_columns=(1, 2))


@every_kind
def test_an_export_is_read_with_the_columns_that_somebody_hid(name: str) -> None:
    head = list(EXPORT_COLUMNS)
    found = table(name, {"in": [head, [f"x{n}" for n in range(len(head))]]}, hidden_columns=(1, len(head)))
    assert list(found.columns) == head


@pytest.mark.parametrize(
    ("area", "told"),
    [("B3:B4", "Sheet rows 3 to 4 hold merged cells"), ("A2:B2", "Sheet row 2 holds merged cells")],
)
def test_merged_cells_in_the_rows_are_refused(area: str, told: str) -> None:
    given = [*ROWS, ["plain", "good"]]
    with pytest.raises(ImportRefused, match=f"{told}.*Unmerge"):
        table("a.xlsx", {"in": given}, merged=(area,))
    assert rows(table("a.xlsx", {"in": [["About texts"], *given]}, Layout(header_row=2), merged=("A1:B1",))) == given


def test_merged_cells_of_other_kinds_are_refused() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("in")
    for at, row in enumerate(ROWS):
        sheet.write(at, 0, row[0])
    sheet.write(0, 1, "label")
    sheet.write_merge(1, 2, 1, 1, "good")
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(ImportRefused, match="Sheet rows 2 to 3 hold merged cells"):
        read(Upload("a.xls", file.getvalue()))
    document = odf.opendocument.OpenDocumentSpreadsheet()
    found = odf.table.Table(name="in")
    for at, row in enumerate(ROWS):
        line = odf.table.TableRow()
        line.addElement(ods_cell(row[0]))
        cell = ods_cell(row[1]) if at < 2 else odf.table.CoveredTableCell()
        if at == 1:
            cell.setAttribute("numberrowsspanned", "2")
        line.addElement(cell)
        found.addElement(line)
    document.spreadsheet.addElement(found)
    file = io.BytesIO()
    document.write(file)
    with pytest.raises(ImportRefused, match="Sheet rows 2 to 3 hold merged cells"):
        read(Upload("a.ods", file.getvalue()))


def test_formulas_without_a_saved_value_are_row_errors() -> None:
    with pytest.raises(ImportRefused, match="Cell B2 holds a formula whose value was not saved") as told:
        table("a.xlsx", {"in": [["text", "label"], ["fine", '="go"&"od"'], ["poor", "bad"]]})
    assert told.value.total == 1


def test_a_formula_that_gives_nothing_is_an_empty_cell() -> None:
    data = with_part(
        xlsx({"in": [["text", "label"], ["fine", "=A1"], ["poor", "bad"]]}),
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace('r="B2"', 'r="B2" t="str"'),
    )
    assert rows(read(Upload("a.xlsx", data))) == [ROWS[0], ["fine", None], ["poor", "bad"]]


@every_kind
@pytest.mark.parametrize("error", ["#NAME?", "#N/A", "#REF!", "#DIV/0!"])
def test_error_cells_are_row_errors(name: str, error: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        table(name, {"data": [*ROWS, [error, "good"], ["fine", error]]})
    assert f"Row 3: Cell A4 holds {error}." in str(refused.value)
    assert f"Row 4: Cell B5 holds {error}." in str(refused.value)


@every_kind
def test_a_sheet_and_a_header_row_can_be_chosen(name: str) -> None:
    two = {"first": ROWS, "Second": [["made by me"], [None], ["text", "label"], ["other", "good"]]}
    found = table(name, two)
    assert (rows(found), found.sheet) == (ROWS, "first")
    assert any("sheets not read: 'Second'" in note for note in found.notes)
    chosen = table(name, two, Layout(sheet="second", header_row=3))
    assert (rows(chosen), chosen.where(1)) == ([["text", "label"], ["other", "good"]], " (sheet row 4)")
    for said, told in ((Layout(sheet="third"), "Choose one of 'first', 'Second'"), (Layout(header_row=9), "is empty")):
        with pytest.raises(ImportRefused, match=told):
            table(name, two, said)


@every_kind
def test_without_a_header_columns_are_numbered(name: str) -> None:
    assert rows(table(name, {"data": ROWS}, Layout(header=False))) == [["column 1", "column 2"], *ROWS]


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("a_x000D__x000a_b", "a\r\nb"),
        ("a_x0009_b", "a\tb"),
        ("_x005F_x000D_", "_x000D_"),
        ("_xD83D__xDE42_", "🙂"),
        ("max_x00", "max_x00"),
        ("_x00e9_", "é"),
        ("x005F_", "x005F_"),
    ],
)
def test_escapes_of_characters_are_read_as_excel_reads_them(escaped: str, text: str) -> None:
    assert unescaped(escaped) == text
    assert table("a.xlsx", {"data": [*ROWS, [escaped, "good"]]}).rows[2][0] == text


def with_part(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A workbook with one part changed as text, or added."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content.decode()).encode() if entry.filename == part else content)
    return changed.getvalue()


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("xl/styles.xml", lambda xml: re.sub(r"<fills.*?</fills>", '<fills count="1"><fill/></fills>', xml)),
        ("xl/styles.xml", lambda xml: xml.replace("</styleSheet>", "<extLst><ext><y/></ext></extLst></styleSheet>")),
        ("xl/styles.xml", lambda xml: re.sub(r"<borders.*</borders>", "", xml)),
        ("xl/workbook.xml", lambda xml: xml.replace(
            "</sheets>", '</sheets><definedNames><definedName name="_xlnm.Print_Titles" localSheetId="9">#REF!$1:x'
            '</definedName><definedName name="" >!!</definedName></definedNames>')),
        ("xl/worksheets/sheet1.xml", lambda xml: xml.replace("</sheetData>", "</sheetData><extLst><ext/></extLst>")),
    ],
    ids=["empty fill", "extension of styles", "no borders", "odd names", "extension of the sheet"],
)  # fmt: skip
def test_odd_parts_that_hold_no_data_do_not_matter(part: str, change: Callable[[str], str]) -> None:
    data = with_part(xlsx({"data": ROWS}), part, change)
    assert data != xlsx({"data": ROWS})
    assert rows(read(Upload("a.xlsx", data))) == ROWS


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('<c r="A2" t="s"><v>99</v></c>', "a reference to a text that the file does not hold"),
        ('<c r="A2" t="s"><v>-1</v></c>', "a reference to a text that the file does not hold"),
        ('<c r="A2"><v>12x</v></c>', "'12x' as a number"),
        ('<c r="A2" t="e"><v>#SPILL!</v></c>', "#SPILL!"),
    ],
)
def test_cells_without_a_value_are_row_errors(cell: str, told: str) -> None:
    data = with_part(
        xlsx({"data": ROWS}), "xl/worksheets/sheet1.xml", lambda xml: re.sub(r'<c r="A2".*?</c>', cell, xml)
    )
    with pytest.raises(ImportRefused, match=re.escape(f"Row 1: Cell A2 holds {told}.")):
        read(Upload("a.xlsx", data))


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        (time(12, 30), "12:30:00"),
        (timedelta(days=1, hours=2), "1 day, 2:00:00"),
        (datetime(1900, 2, 27), "1900-02-27"),
        (datetime(2026, 3, 1, 12, 30, 15), "2026-03-01T12:30:15"),
    ],
)
def test_moments(value: object, read_as: str) -> None:
    assert table("a.xlsx", {"data": [["text", "at"], ["a", value]]}).rows[0][1] == read_as


def test_what_is_named_wrongly_is_read_by_its_content_or_told() -> None:
    for name, make in (("a.xls", xlsx), ("a.xlsx", xls), ("a.ods", xlsx), ("a.xlsx", ods)):
        assert rows(read(Upload(name, make({"data": ROWS})))) == ROWS
    for name in KINDS:
        with pytest.raises(ImportRefused, match="not a valid Excel"):
            read(Upload(name, b"<html><table><tr><td>text</td></tr></table></html>"))
        with pytest.raises(ImportRefused):
            read(Upload(name, KINDS[name]({"data": ROWS})[:900]))
    with pytest.raises(ImportRefused, match="password"):
        read(Upload("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000)))


@every_kind
def test_the_apostrophes_of_an_export_are_taken_off(name: str) -> None:
    cells: list[object] = ["id1", "'=1+1", "good", "good", "train", *[None] * (len(EXPORT_COLUMNS) - 5)]
    found = table(name, {"data": [list(EXPORT_COLUMNS), [*cells, "x"], ["id2", "''=1", "good", "good", "train"]]})
    assert [row[1] for row in found.rows] == ["=1+1", "'=1"]
    other = table(name, {"data": [["text", "label"], ["'=1+1", "good"]]})
    assert other.rows[0][0] == "'=1+1"


def test_a_cell_entered_with_an_apostrophe_is_its_text() -> None:
    book = openpyxl.Workbook()
    book.active.append(list(EXPORT_COLUMNS))
    book.active.append(["id1", "'=1+1", "good", "good", "train"])
    book.active["B2"].quotePrefix = True
    file = io.BytesIO()
    book.save(file)
    assert read(Upload("a.xlsx", file.getvalue())).rows[0][1] == "'=1+1"


@pytest.mark.parametrize(
    "attribute", ["table:number-columns-repeated", "table:number-rows-repeated"], ids=["columns", "rows"]
)
def test_repeats_of_open_document_are_bounded(attribute: str) -> None:
    def repeat(xml: str, times: int, last_is_empty: bool) -> str:
        cell = "" if last_is_empty else '<table:table-cell office:value-type="float" office:value="1"/>'
        if "columns" in attribute:
            return xml.replace(
                "</table:table-row>", cell.replace("/>", f' {attribute}="{times}"/>') + "</table:table-row>"
            )
        return xml.replace(
            "</table:table>", f'<table:table-row {attribute}="{times}">{cell}</table:table-row></table:table>'
        )

    plain = ods({"data": ROWS})
    few = read(
        Upload("a.ods", with_part(plain, "content.xml", lambda xml: repeat(xml, 3, False))), Layout(header=False)
    )
    assert len(few.rows) * len(few.columns) == (15 if "columns" in attribute else 12)
    with pytest.raises(ImportRefused, match="the limit is 1,000 columns|1,048,576|more than 9,000 rows"):
        read(
            Upload("a.ods", with_part(plain, "content.xml", lambda xml: repeat(xml, 9_999_999, False))),
            limits=ReadLimits(rows=9000),
        )
    empty = read(Upload("a.ods", with_part(plain, "content.xml", lambda xml: repeat(xml, 1_048_576, True))))
    assert rows(empty) == ROWS
