"""JSON as people have it: lists, lists within an object, lines under either name."""

import json

import pytest

from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import ImportRefused

ITEMS = [{"text": "a\u2028b", "n": 1}, {"text": 'c "data": [', "label": None, "deep": {"k": [1]}}]
ROWS = [["a\u2028b", 1, None, None], ['c "data": [', None, None, '{"k": [1]}']]


def rows(name: str, content: str) -> list[list[object]]:
    return [list(row) for row in read(Upload(name, content.encode())).rows]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_lists_are_read_under_both_names(name: str, indent: int | None) -> None:
    assert rows(name, "\ufeff" + json.dumps(ITEMS, indent=indent, ensure_ascii=False) + "\n") == ROWS


@pytest.mark.parametrize(
    "whole",
    [
        {"data": ITEMS},
        {"version": 1, "note": '"data": [', "labels": ["x"], "deep": {"data": [{}]}, "data": ITEMS, "end": []},
    ],
)
def test_the_list_in_an_object_is_read(whole: dict[str, object]) -> None:
    for indent in (None, 1):
        assert rows("a.json", json.dumps(whole, indent=indent)) == ROWS


def test_lines_are_read_under_the_name_of_json() -> None:
    lines = [json.dumps(item) for item in ITEMS]
    assert rows("a.json", "\n".join(lines)) == ROWS
    assert rows("a.json", lines[0]) == [["a\u2028b", 1]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "empty"),
        ("", "empty"),
        ("null", "not a JSON list of objects"),
        ('[{"text": "a"}, 7, {"text": "b"}]', "Row 2: Item 2 is not a JSON object"),
        ('[{"text": "a"},\n {"text": }]', "Line 2 is not valid JSON"),
        ('[{"text": "a"}\n {"text": "b"}]', "line 1: a comma or ] is missing"),
        ('[{"text": "a"}', "a comma or ] is missing"),
        ('[{"text": "a", "text": "b"}]', "'text' .*twice"),
        ('{"a": [{"text": "a"}], "b": [{"text": "b"}]}', "several lists of objects: 'a', 'b'"),
        ("[" * 100_000, "nested too deep|not valid JSON"),
        ('{"text": {"0": "a"}, "label": ', "not valid JSON"),
    ],
)
def test_other_json_is_refused_with_a_reason(content: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        read(Upload("a.json", content.encode()))
