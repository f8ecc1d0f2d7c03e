"""Numbers of a Parquet file to which Hugging Face's metadata give names."""

import io
import json

import pyarrow
import pyarrow.parquet
import pytest

from inffeed_core.data.converting import convert
from inffeed_core.data.options import ImportOptions, guess_options
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.records import Split

LABEL = {"names": ["negative", "positive"], "_type": "ClassLabel"}
TEXT = {"dtype": "string", "_type": "Value"}


def parquet(told: object, labels: object = (0, 1, 1)) -> Table:
    metadata = {"huggingface": told if isinstance(told, bytes) else json.dumps(told)}
    values = list(labels) if isinstance(labels, tuple) else labels
    table = pyarrow.table({"text": ["poor", "fine", "good"], "label": values}).replace_schema_metadata(metadata)
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    return read(Upload("train.parquet", file.getvalue()))


@pytest.mark.parametrize("wrap", [lambda f: {"info": {"features": f}}, lambda f: {"features": f}])
@pytest.mark.parametrize("names", [["negative", "positive"], {"0": "negative", "1": "positive"}])
def test_numbers_become_the_names_that_the_file_gives_them(wrap, names) -> None:
    table = parquet(wrap({"text": TEXT, "label": LABEL | {"names": names}}))
    assert list(table.column("label")) == ["negative", "positive", "positive"]
    assert table.notes == (
        "The file names the numbers of column 'label': 0 = negative, 1 = positive; -1 means no label.",
    )
    assert guess_options(table, ["negative", "positive"]).label == "label"


def test_no_label_and_a_number_without_a_name_are_told_by_row() -> None:
    table = parquet({"info": {"features": {"label": LABEL}}}, (-1, 1, 7))
    converted = convert(table, ImportOptions("text", "label", split=Split.TRAIN), ["negative", "positive"])
    assert [(p.row, p.problem) for p in converted.problems] == [
        (1, "The label (column 'label') is missing."),
        (3, "'7' is not a label of this project."),
    ]


def test_lists_of_classes_become_lists_of_names() -> None:
    table = parquet({"features": {"label": {"feature": LABEL, "_type": "Sequence"}}}, [[0], [1, 0], []])
    assert list(table.column("label")) == ['["negative"]', '["positive", "negative"]', "[]"]


def test_a_project_whose_labels_are_the_numbers_gets_them() -> None:
    table = parquet({"info": {"features": {"label": LABEL}}})
    assert guess_options(table, ["0", "1"]).label_names == {"negative": "0", "positive": "1"}


@pytest.mark.parametrize(
    "told",
    [
        b"{",
        b"[" * 100_000,
        [],
        {"info": []},
        {"info": {"features": {"label": 7}}},
        {"info": {"features": {"label": {"_type": "ClassLabel", "names": "ab"}}}},
        {"info": {"features": {"label": {"_type": "ClassLabel", "names": [1, None]}}}},
        {"info": {"features": {"label": {"_type": "Sequence", "feature": []}}}},
        {"info": {"features": {"other": LABEL}}},
    ],
)
def test_malformed_metadata_name_nothing(told) -> None:
    assert list(parquet(told).column("label")) == [0, 1, 1]


def test_bytes_that_are_no_text_are_told_by_row() -> None:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": [b"fine", "złe".encode("cp1250")], "label": ["a", "b"]}), file)
    table = read(Upload("a.parquet", file.getvalue()))
    converted = convert(table, ImportOptions("text", "label", split=Split.TRAIN), ["a", "b"])
    assert [(p.row, p.problem) for p in converted.problems] == [(2, "Column 'text' holds bytes that are not UTF-8.")]
