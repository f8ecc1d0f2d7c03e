"""The formats of data files: the name of each, its suffixes, what reads it and what writes it.

This is the only list of them. Packages that are large or may be missing are imported when a file needs them.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from inffeed_core.data.decoding import Text, decode
from inffeed_core.data.formats import delimited, jsonlines
from inffeed_core.data.layout import Layout
from inffeed_core.data.limits import Tally
from inffeed_core.data.table import Cell, Kind, Table

Parse = Callable[[str, bytes, str | None, Tally, Layout], Table]
"""(name of the file, its content, the encoding if one was chosen, the count against the limits, the chosen layout)
→ its table."""
Write = Callable[[BinaryIO, Mapping[str, Kind], Iterable[Sequence[Cell]]], None]
"""(file, columns with their kinds, rows) → written to the file."""


_LOOKED_AT = 1000
"""Bytes that tell the format of a file without a name."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. `parse` raises ImportRefused for a file that is broken, empty or beyond the limits."""

    name: str
    """The usual name, the same in every language."""
    suffixes: tuple[str, ...]
    """The usual one first."""
    parse: Parse
    write: Write | None
    """None if the format is only read."""
    gzipped: bool
    """Whether it is also read and written as .gz. Other formats are compressed already and state their encoding."""
    laid_out: tuple[str, ...] = ()
    """The fields of `Layout` that apply to it."""
    extra: tuple[str, str] | None = None
    """(extra that installs its reader, the package); None if the base install reads it."""


def upload_types() -> list[str]:
    """The suffixes that an uploader offers: every one that can be read."""
    return [*SUFFIXES, "gz"]


def suffix_by_content(data: bytes) -> str:
    """The suffix of a file without a name: what its first bytes tell, otherwise that of CSV."""
    if data.startswith(b"\x1f\x8b"):
        return f"{suffix_by_content(zlib.decompressobj(31).decompress(data[:_LOOKED_AT], _LOOKED_AT))}.gz"
    for beginning, suffix in ((b"PAR1", "parquet"), (b"PK", "xlsx"), (b"\xd0\xcf\x11\xe0", "xls")):
        if data.startswith(beginning):
            return suffix
    start = data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if start.startswith((b"{", b"[")) else "csv"


def format_of(name: str) -> tuple[Format | None, bool]:
    """(format, is gzipped) by a file's name, in any case; the format is None for an unknown suffix."""
    lowered = name.lower()
    zipped = lowered.endswith(".gz")
    _, dot, suffix = lowered.removesuffix(".gz").rpartition(".")
    return (SUFFIXES.get(suffix) if dot else None), zipped


def _decoded(parse: Callable[[str, Text, Tally, Layout], Table]) -> Parse:
    """The parser of a text format, taking bytes instead of text."""

    def parsed(name: str, data: bytes, codec: str | None, tally: Tally, layout: Layout) -> Table:
        text = decode(name, data, codec)
        tally.add(characters=text.characters)
        table = parse(name, text, tally, layout)
        return replace(table, notes=(*text.notes, *table.notes), encoding=text.encoding)

    return parsed


def _parse_tsv(name: str, text: Text, tally: Tally, layout: Layout) -> Table:
    return delimited.parse(name, text, tally, layout, "\t")


def _parse_jsonlines(name: str, text: Text, tally: Tally, layout: Layout) -> Table:
    return jsonlines.parse(name, text, tally)


def _parse_json(name: str, text: Text, tally: Tally, layout: Layout) -> Table:
    return jsonlines.parse_list(name, text, tally)


def _parse_parquet(name: str, data: bytes, codec: str | None, tally: Tally, layout: Layout) -> Table:
    from inffeed_core.data.formats import parquet

    return parquet.parse(name, data, tally)


def _parse_arrow(name: str, data: bytes, codec: str | None, tally: Tally, layout: Layout) -> Table:
    from inffeed_core.data.formats import arrow

    return arrow.parse(name, data, tally)


def _parse_spacy(name: str, data: bytes, codec: str | None, tally: Tally, layout: Layout) -> Table:
    from inffeed_core.data.neighbours import spacy_docs

    return spacy_docs.parse(name, data, tally)


def _parse_excel(name: str, data: bytes, codec: str | None, tally: Tally, layout: Layout) -> Table:
    from inffeed_core.data.formats import excel

    return excel.parse(name, data, tally, layout)


def _write_csv(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    delimited.write(file, ",", list(columns), rows)


def _write_tsv(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    delimited.write(file, "\t", list(columns), rows)


def _write_jsonlines(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    jsonlines.write(file, list(columns), rows)


def _write_json(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    jsonlines.write_list(file, list(columns), rows)


def _write_parquet(file: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> None:
    from inffeed_core.data.formats import parquet

    parquet.write(file, columns, rows)


_SHEETS = ("sheet", "header", "header_row")
_DELIMITED = ("delimiter", "quotes", "header", "header_row")

FORMATS = (
    Format("CSV", ("csv",), _decoded(delimited.parse), write=_write_csv, gzipped=True, laid_out=_DELIMITED),
    Format("TSV", ("tsv", "tab"), _decoded(_parse_tsv), write=_write_tsv, gzipped=True, laid_out=_DELIMITED),
    Format("JSON Lines", ("jsonl", "ndjson"), _decoded(_parse_jsonlines), write=_write_jsonlines, gzipped=True),
    Format("JSON", ("json",), _decoded(_parse_json), write=_write_json, gzipped=True),
    Format("Parquet", ("parquet",), _parse_parquet, write=_write_parquet, gzipped=False),
    Format("Arrow", ("arrow",), _parse_arrow, write=None, gzipped=False),
    Format("spaCy", ("spacy",), _parse_spacy, write=None, gzipped=False, extra=("spacy", "spacy")),
    Format("Excel", ("xlsx", "xlsm"), _parse_excel, write=None, gzipped=False, laid_out=_SHEETS),
    Format("Excel 97", ("xls",), _parse_excel, write=None, gzipped=False, laid_out=_SHEETS, extra=("excel", "xlrd")),
    Format("OpenDocument", ("ods",), _parse_excel, write=None, gzipped=False, laid_out=_SHEETS),
)

SUFFIXES = {suffix: one for one in FORMATS for suffix in one.suffixes}
"""The format by each suffix that is read."""


def _in_words(formats: Sequence[Format]) -> str:
    """Such as "CSV (.csv, .csv.gz) or Parquet (.parquet)"."""
    names = []
    for one in formats:
        usual = f".{one.suffixes[0]}"
        endings = [f".{suffix}" for suffix in one.suffixes] + ([f"{usual}.gz"] if one.gzipped else [])
        names.append(f"{one.name} ({', '.join(endings)})")
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


READABLE = _in_words(FORMATS)
WRITABLE = _in_words([one for one in FORMATS if one.write])
