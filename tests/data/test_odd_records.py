"""Files that are not quite as other tools write them: another file with their columns, or a record out of shape."""

import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from data.test_writing import read_here
from hypothesis import given
from hypothesis import strategies as st

from inffeed_core.data.export_columns import EXPORT_COLUMNS
from inffeed_core.data.reading import read
from inffeed_core.data.table import Cell, Kind
from inffeed_core.data.writing import write
from inffeed_core.errors import ImportRefused

TOOLS_COLUMNS = {
    "data": "of May",
    "predictions": "fair",
    "annotations": "none",
    "answer": "accept",
    "accept": "yes",
    "_session_id": "7",
    "fields": "two",
    "responses": "3",
    "suggestions": "none",
    "mood.responses": "glad",
    "annotator:Ana": "agreed",
}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_an_export_stays_one_whatever_its_metadata_are_called(suffix: str) -> None:
    row: list[Cell] = [None] * len(EXPORT_COLUMNS)
    row[:3] = "a", "It works.", '["a"]'
    columns, file = (*EXPORT_COLUMNS, *TOOLS_COLUMNS), io.BytesIO()
    write(file, f"a.{suffix}", dict.fromkeys(columns, Kind.TEXT), [[*row, *TOOLS_COLUMNS.values()]])
    table = read_here(f"a.{suffix}", file.getvalue())
    assert table.columns == columns
    assert [cell or None for cell in table.rows[0]] == [*row, *TOOLS_COLUMNS.values()]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "It works.", "label": "positive", "data": "of May", "predictions": "fair"},
        {"text": "It works.", "label": "positive", "answer": "yes", "accept": "3"},
        {"text": "It works.", "label": '["'},
        {"text": "It works.", "label": "[sic]"},
    ],
)
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_columns_alone_make_no_tools_file(row: dict[str, str], suffix: str) -> None:
    file = io.BytesIO()
    write(file, f"a.{suffix}", dict.fromkeys(row, Kind.TEXT), [list(row.values())])
    table = read_here(f"a.{suffix}", file.getvalue())
    assert [dict(zip(table.columns, cells, strict=True)) for cells in table.rows] == [row]


CHOICE = {"value": {"choices": ["positive"]}, "from_name": "mood", "to_name": "text", "type": "choices"}
TASK = {"data": {"text": "It works."}, "annotations": [{"result": [CHOICE]}], "predictions": []}
RECORD = {"fields": {"text": "It works."}, "responses": {}, "suggestions": {}, "metadata": {}}
COLUMNS = {"text": "It works.", "mood.responses": ["positive"], "mood.responses.users": ["ana"]}
LINE = {"text": "It works.", "answer": "accept", "label": "positive", "_input_hash": 1, "_session_id": "ana"}
LISTED = {"text": "It works.", "label": ["positive"]}
DAMAGED = {"inffeed": {"id": "a", "answers": '[{"act": "keep"}]'}}


@pytest.mark.parametrize(
    ("good", "odd", "words"),
    [
        (TASK, {"annotations": 3}, "Label Studio writes no such record"),
        (TASK, {"annotations": [{"result": [CHOICE | {"value": {"choices": 1.5}}]}]}, "Label Studio writes no such"),
        (TASK, {"meta": DAMAGED}, "The field 'inffeed', which InfFeed wrote, is damaged"),
        (RECORD, {"fields": ["It works."]}, "Argilla writes no such record"),
        (RECORD, {"responses": {"mood": [{"value": "positive"}]}, "suggestions": {"mood": 7}}, "Argilla writes no"),
        (RECORD, {"metadata": {"inffeed": ["a"]}}, "The field 'inffeed'"),
        (COLUMNS, {"mood.responses.users": ["ana", "ben"]}, "Argilla writes no such record"),
        (LINE, {"meta": DAMAGED}, "The field 'inffeed'"),
        (LISTED, {"Comments": 7}, "doccano writes no such record"),
        (LISTED, DAMAGED, "The field 'inffeed'"),
    ],
)
def test_a_record_out_of_shape_is_refused_with_its_row(
    tmp_path: Path, good: dict[str, object], odd: dict[str, object], words: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (good, good | odd)))
    with pytest.raises(ImportRefused, match=f"Row 2.*{words}.*[Ee]xport the file again"):
        read(path)


def test_a_label_of_prodigy_may_look_like_a_list() -> None:
    table = read_here("a.jsonl", json.dumps(LINE | {"label": '["x"]'}).encode())
    assert list(table.column("label")) == ['["x"]']


@pytest.mark.parametrize("seconds", [1.7e12, 1e18, -1e20, "yesterday"])
def test_an_answer_whose_time_cannot_be_read_has_none(seconds: object) -> None:
    table = read_here("a.jsonl", json.dumps(LINE | {"_timestamp": seconds}).encode())
    assert any("does not say when people answered" in note for note in table.notes)


def test_an_annotation_whose_time_cannot_be_read_has_none() -> None:
    odd = TASK | {"annotations": [{"result": [CHOICE], "created_at": "yesterday"}]}
    table = read_here("a.jsonl", json.dumps(odd).encode())
    assert any("does not say when people answered" in note for note in table.notes)


KEYS = ("value", "choices", "text", "label", "user_id", "status", "score", "email", "answers", "inffeed", "result")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("", "[", "{}", "positive", "1e400")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("good", [TASK, RECORD, COLUMNS, LINE, LISTED])
@given(st.data())
def test_whatever_a_record_holds_it_is_read_or_refused(good: dict[str, object], data: st.DataObject) -> None:
    keys = (*good, "meta", "metadata", "created_at", "_timestamp", "Comments", "inffeed", "mood.suggestion", "accept")
    odd = data.draw(st.dictionaries(st.sampled_from(keys), anything, min_size=1, max_size=3))
    content = "\n".join(json.dumps(one) for one in (good, good | odd)).encode()
    with suppress(ImportRefused):
        assert len(read_here("a.jsonl", content).rows) in (1, 2)  # one where both lines answer about one text
