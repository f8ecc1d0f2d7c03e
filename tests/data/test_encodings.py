"""The encoding of a text: one that the bytes prove is used; otherwise a person is asked."""

import gzip
import json

import pytest

from inffeed_core.data.encodings import ENCODINGS, codec_of
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.errors import EncodingUnclear, ImportRefused, SettingsError

SAID = {
    "cp1250": "Świetny produkt bardzo się cieszę",
    "cp1251": "Отличный товар, рекомендую всем",
    "cp1252": "Très bien, j’adore cette œuvre",
    "gb18030": "今天天气很好，我很喜欢这个产品",
    "shift_jis": "今日はいい天気ですね",
    "euc_kr": "아주 좋은 제품입니다",
    "koi8-r": "Отличный товар, рекомендую всем",
    "big5": "今天天氣很好，我很喜歡",
    "iso2022_jp": "今日はいい天気ですね",
    "utf-16-le": "Świetny produkt, 今天",
    "utf-16-be": "Świetny produkt, 今天",
}
READ_ALIKE = {"shift_jis": "cp932", "euc_kr": "cp949"}
NAMES = ("a.csv", "a.tsv", "a.tab", "a.jsonl", "a.ndjson", "a.csv.gz", "a.jsonl.gz")


def file(name: str, encoding: str) -> Upload:
    said = SAID[encoding]
    if "json" in name:
        lines = [json.dumps({"text": said, "label": "good"}, ensure_ascii=False)] * 3
    else:
        comma = "\t" if ".t" in name else ","
        lines = [f"text{comma}label", *[f'"{said}"{comma}good'] * 3]
    data = ("\n".join(lines) + "\n").encode(encoding)
    return Upload(name, gzip.compress(data) if name.endswith(".gz") else data)


def texts(table: Table) -> set[object]:
    return set(table.column("text"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ["cp1250", "gb18030", "utf-16-le", "utf-16-be"])
def test_every_text_format_is_asked_about_and_read_as_it_was_said(name: str, encoding: str) -> None:
    with pytest.raises(EncodingUnclear):
        read(file(name, encoding))
    table = read(file(name, encoding), encoding=encoding)
    assert texts(table) == {SAID[encoding]}
    assert (table.encoding, table.notes[0]) == (encoding, f"Read as {encoding}.")


@pytest.mark.parametrize("encoding", SAID)
def test_the_right_encoding_is_proposed_with_the_text_as_it_reads_it(encoding: str) -> None:
    with pytest.raises(EncodingUnclear) as asked:
        read(file("a.csv", encoding))
    samples = {p.encoding: p.sample for p in asked.value.proposals}
    proposed = encoding if encoding in samples else READ_ALIKE[encoding]
    assert SAID[encoding] in samples[proposed]
    assert len(set(samples.values())) == len(samples)
    assert f"{proposed:<12}" in str(asked.value)
    assert SAID[encoding] in str(asked.value)
    assert "--encoding" in str(asked.value)
    assert texts(read(file("a.csv", encoding), encoding=proposed)) == {SAID[encoding]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_proves_its_encoding_may_be_said_as_well_but_not_wrongly(encoding: str) -> None:
    upload = Upload("a.csv", "text,label\nŚwietny,good\n".encode(encoding))
    said = encoding.removesuffix("-sig")
    assert texts(read(upload)) == texts(read(upload, encoding=said)) == {"Świetny"}
    if encoding != "utf-8":
        with pytest.raises(ImportRefused, match="byte order mark"):
            read(upload, encoding="cp1250")


def test_utf_8_that_is_read_as_something_else_is_told() -> None:
    upload = Upload("a.csv", "text,label\nŚwietny,good\n".encode())
    assert any("also valid UTF-8" in note for note in read(upload, encoding="cp1250").notes)


def test_a_wrong_encoding_is_refused_with_the_line() -> None:
    with pytest.raises(ImportRefused, match=r"line 2 \(byte 13\) is not valid utf-8"):
        read(file("a.csv", "cp1250"), encoding="utf-8")
    with pytest.raises(ImportRefused, match="is not valid shift_jis"):
        read(Upload("a.csv", b"text,label\n\x81\xff,good\n"), encoding="shift_jis")


def test_characters_that_a_chunk_cuts_in_two_are_whole() -> None:
    data = b"text,label\n" + "今".encode("gb18030") * 600_000 + "x今,a\n".encode("gb18030")
    assert texts(read(Upload("a.csv", data), encoding="gb18030")) == {"今" * 600_000 + "x今"}


def test_damaged_utf_8_is_told_and_not_guessed() -> None:
    data = "text,label\nété été été ".encode() + b"\xff,bad\n"
    with pytest.raises(EncodingUnclear, match="looks like UTF-8: the file was damaged"):
        read(Upload("a.csv", data))


@pytest.mark.parametrize(
    "name", ["punycode", "unicode_escape", "idna", "utf-7", "base64", "rot13", "nonsense", "", "\0"]
)
def test_codecs_that_are_traps_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="not an encoding that can be read"):
        codec_of(name)


def test_every_encoding_is_known_by_its_name_and_its_other_names() -> None:
    assert [codec_of(encoding) for encoding in ENCODINGS] == list(ENCODINGS)
    others = {"Windows-1250": "cp1250", "GBK": "gb18030", "latin-1": "iso8859-1", "SJIS": "shift_jis", "utf8": "utf-8"}
    assert {other: codec_of(other) for other in others} == others


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
def test_packed_formats_say_their_encoding_themselves(name: str) -> None:
    with pytest.raises(ImportRefused, match="files state their own encoding"):
        read(Upload(name, b"x"), encoding="cp1250")
