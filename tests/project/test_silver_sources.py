"""Files bring what several sources say: in columns, in JSON, and later for texts that are there."""

import json
from pathlib import Path

import pytest
from commands import answer, run

from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload
from inffeed_core.errors import ImportRefused
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.sources import sources_of, use_source
from inffeed_core.records import SilverLabel, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import count_by_split, instances, reading, silver_labels_of

HEADER = "id,text,silver:gpt-4o,confidence:gpt-4o,silver:vader"


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "empty", ProjectSettings("Test", ("negative", "positive")))


def csv(*rows: str, header: str = HEADER, name: str = "silver.csv") -> Upload:
    return Upload(name, "\n".join([header, *rows]).encode())


def bring(project: Project, *rows: str, **file: str) -> None:
    shown = preview(project, csv(*rows, **file))
    assert shown.ready, shown.problems
    commit(project, csv(*rows, **file), shown.options)


def labels(project: Project) -> dict[str, str]:
    with reading(project.db) as db:
        return {one.id: one.label for one in instances(db)}


def said(project: Project, id: str) -> list[tuple[str, str | None, float | None]]:
    with reading(project.db) as db:
        return [(one.source, one.label, one.confidence) for one in silver_labels_of(db, [id]).get(id, [])]


def test_columns_of_sources_are_found_and_told(empty: Project) -> None:
    file = csv("a,good,Positive,0.9,negative", "b,bad,,,negative", "c,odd,,,")
    shown = preview(empty, file)
    assert (shown.options.label, shown.options.split) == (None, Split.SILVER)
    assert shown.silver == {"gpt-4o": 1, "vader": 2}
    assert shown.counts[Split.SILVER] == {"vote": 2, "": 1}
    commit(empty, file, shown.options)
    assert labels(empty) == {"a": "positive", "b": "negative", "c": ""}
    assert said(empty, "a") == [("gpt-4o", "positive", 0.9), ("vader", "negative", None)]
    with reading(empty.db) as db:
        assert not any(one.metadata for one in instances(db))


@pytest.mark.parametrize(
    "silver",
    [
        {"gpt": {"label": "positive", "confidence": 0.75}, "vader": "negative"},
        {"gpt": {"label": "positive", "confidence": "0.75"}, "vader": {"label": "negative"}, "silent": None},
    ],
)
def test_a_json_object_says_the_same(empty: Project, silver: dict[str, object]) -> None:
    file = Upload("silver.jsonl", json.dumps({"id": "a", "text": "x", "silver": silver}).encode())
    commit(empty, file, preview(empty, file).options)
    assert said(empty, "a") == [("gpt", "positive", 0.75), ("vader", "negative", None)]


def test_a_refusal_is_kept_as_one(empty: Project) -> None:
    bring(empty, "a,x,,I cannot say", header="id,text,silver:gpt,answer:gpt")
    assert said(empty, "a") == [("gpt", None, None)]
    assert labels(empty) == {"a": ""}


def test_silver_on_gold_changes_no_label_and_tells_what_sources_are_worth(empty: Project) -> None:
    rows = ("a,good,positive,positive,0.9,negative", "b,bad,negative,negative,0.7,negative")
    bring(empty, *rows, header=HEADER.replace("text", "text,label"), name="train.csv")
    assert labels(empty) == {"a": "positive", "b": "negative"}
    gpt, vader = sources_of(empty).figures
    assert (gpt.labels, gpt.agreement[Split.TRAIN].share, gpt.confidence) == ({Split.TRAIN: 2}, 1.0, 0.8)
    assert (vader.agreement[Split.TRAIN].agreed, vader.agreement[Split.TRAIN].of) == (1, 2)


def test_the_label_column_is_one_source_more(empty: Project) -> None:
    rows = ("a,good,positive,0.9,negative,vader", "b,bad,negative,,negative,vader")
    bring(empty, *rows, header="id,text,label,confidence,silver:gpt,source")
    assert said(empty, "a") == [("vader", "positive", 0.9), ("gpt", "negative", None)]
    with reading(empty.db) as db:
        assert count_by_split(db)[Split.SILVER] == {"positive": 1, "negative": 1}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,good,neutral,0.9,negative", "'neutral' (of the source 'gpt-4o') is not a label"),
        ("a,good,positive,90 %,negative", "'90 %' is not a confidence"),
        ("a,good,positive,1.2,negative", "'1.2' is not a confidence"),
        ("a,good,positive,nan,negative", "'nan' is not a confidence"),
        ("a,good,,0.9,negative", "A confidence of 'gpt-4o' stands without a label"),
    ],
)
def test_a_wrong_cell_refuses_the_whole_file_and_names_its_row(empty: Project, row: str, says: str) -> None:
    shown = preview(empty, csv("z,fine,positive,1,positive", row))
    assert [p.row for p in shown.problems] == [2]
    assert says in shown.problems[0].problem
    with pytest.raises(ImportRefused):
        commit(empty, csv("z,fine,positive,1,positive", row), shown.options)
    assert labels(empty) == {}


@pytest.mark.parametrize(
    "cell",
    ['["positive"]', "{", '{"gpt": {"label": "positive", "score": 1}}', '{"gpt": ["positive"]}', '{"": "positive"}'],
)
def test_a_cell_that_is_no_such_object_is_refused(empty: Project, cell: str) -> None:
    file = Upload("s.jsonl", json.dumps({"text": "x", "silver": cell}).encode())
    options = ImportOptions("text", None, split=Split.SILVER, silver_object="silver")
    assert preview(empty, file, options).total_problems == 1


def test_gold_without_a_label_is_refused_and_silver_is_not(empty: Project) -> None:
    options = ImportOptions("text", "label", split_column="split")
    shown = preview(empty, csv("x,,silver", "y,,train", header="text,label,split"), options)
    assert [p.row for p in shown.problems] == [2]
    no_labels = ImportOptions("text", None, split_column="split")
    assert "no column with labels" in preview(empty, csv("y,train", header="text,split"), no_labels).problems[0].problem


def test_a_second_file_adds_labels_and_no_texts(empty: Project) -> None:
    bring(empty, "a,good,positive", "b,bad,negative", header="id,text,label")
    bring(empty, "g,gold,positive", header="id,text,label", name="train.csv")
    file = csv("a,good,negative,0.6", "g,gold,negative,0.9", header="id,text,silver:gpt,confidence:gpt", name="gpt.csv")
    shown = preview(empty, file)
    assert (shown.options.join, shown.joined, shown.silver) == ("id", 2, {"gpt": 2})
    result = commit(empty, file, shown.options)
    assert (result.total, result.joined, result.changed) == (0, 2, 0)
    assert said(empty, "a") == [("imported", "positive", None), ("gpt", "negative", 0.6)]
    assert labels(empty) == {"a": "positive", "b": "negative", "g": "positive"}
    again = preview(empty, file)
    assert (again.unchanged, again.silver) == (2, {})
    assert commit(empty, file, again.options).silver == {}


def test_texts_are_found_by_their_words_wherever_they_stand(empty: Project) -> None:
    bring(empty, "a,Good one,positive", "b,bad,negative", header="id,text,label")
    bring(empty, "g,good  one,positive", header="id,text,label", name="validation.csv")
    bring(empty, "GOOD ONE,negative", header="text,silver:gpt")
    assert said(empty, "a")[1:] == said(empty, "g") == [("gpt", "negative", None)]


def test_a_file_of_ids_and_labels_alone_can_only_be_joined(empty: Project) -> None:
    bring(empty, "a,good,positive", "b,bad,negative", header="id,text,label")
    bring(empty, "b,positive", header="id,silver:gpt")
    assert said(empty, "b") == [("imported", "negative", None), ("gpt", "positive", None)]
    shown = preview(empty, csv("zz,positive", header="id,silver:gpt"))
    assert "no text with the id 'zz'" in shown.problems[0].problem


def test_rows_of_one_text_may_be_several_sources(empty: Project) -> None:
    bring(empty, "a,good,positive", header="id,text,label")
    bring(empty, "a,gpt,negative", "a,vader,negative", header="id,source,label")
    assert labels(empty) == {"a": "negative"}
    shown = preview(empty, csv("a,gpt,negative", "a,gpt,positive", header="id,source,label"))
    assert [p.row for p in shown.problems] == [2]


def test_what_contradicts_a_source_is_refused_or_replaced(empty: Project) -> None:
    bring(empty, "a,good,positive", header="id,text,silver:gpt")
    file = csv("a,negative", header="id,silver:gpt")
    shown = preview(empty, file)
    assert "'gpt' says 'positive' of the text 'a' already, here 'negative'" in shown.problems[0].problem
    options = ImportOptions(None, None, id="id", silver=shown.options.silver, join="id", replace=True)
    assert preview(empty, file, options).replaced == 1
    assert commit(empty, file, options).changed == 1
    assert labels(empty) == {"a": "negative"}


def test_another_text_under_the_same_id_is_no_match(empty: Project) -> None:
    bring(empty, "a,good,positive", header="id,text,label")
    shown = preview(empty, csv("a,bad,negative", header="id,text,silver:gpt"))
    assert "The project's text with the id 'a' is another one" in shown.problems[0].problem


def test_a_chosen_source_is_followed_and_recorded(empty: Project) -> None:
    bring(empty, "a,good,positive,,negative", "b,bad,,,negative")
    assert labels(empty)["a"] == "positive"
    assert use_source(empty, "vader", "Ana") == 1
    found = sources_of(empty)
    assert (found.use, found.unlabelled, labels(empty)["a"]) == ("vader", 0, "negative")
    assert use_source(empty, "gpt-4o", "Ana") == 2
    assert sources_of(empty).unlabelled == 1


def test_the_command_line_does_all_of_it(empty: Project, tmp_path: Path) -> None:
    (tmp_path / "silver.csv").write_text("key,text,a,b,sure\n1,good,positive,negative,0.5\n", encoding="utf-8")
    run(
        *("import", empty.folder, tmp_path / "silver.csv", "--split", "silver", "--no-label", "--id", "key"),
        *("--silver", "x=a", "--silver", "y=b", "--silver-confidence", "y=sure", "--use", "y"),
    )
    assert said(empty, "1") == [("x", "positive", None), ("y", "negative", 0.5)]
    told = answer("sources", empty.folder)
    assert (told["use"], [one["source"]["name"] for one in told["sources"]]) == ("y", ["x", "y"])
    assert "vote" in run("sources", empty.folder, "--use", "vote").stdout
    assert labels(empty) == {"1": "positive"}
    (tmp_path / "z.csv").write_text("text,label\ngood,negative\n", encoding="utf-8")
    shown = run("import", empty.folder, tmp_path / "z.csv", "--split", "silver", "--source-name", "z")
    assert "Added silver labels to 1 texts" in shown.stdout
    assert said(empty, "1")[2] == ("z", "negative", None)
    assert "no source 'nobody'" in run("sources", empty.folder, "--use", "nobody", code=1).output
    run("import", empty.folder, tmp_path / "z.csv", "--split", "silver", "--join", "none")
    assert len(labels(empty)) == 2


def test_silver_labels_are_told_apart_from_metadata_on_demand(empty: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,silver:gpt\ngood,positive,maybe\n", encoding="utf-8")
    run("import", empty.folder, tmp_path / "a.csv", "--split", "silver", "--no-silver")
    with reading(empty.db) as db:
        assert [dict(one.metadata) for one in instances(db)] == [{"silver:gpt": "maybe"}]


def test_labels_arrive_with_their_time(empty: Project) -> None:
    bring(empty, "a,x,positive,2026-03-01T12:00:00Z", header="id,text,silver:gpt,at:gpt")
    with reading(empty.db) as db:
        assert silver_labels_of(db, ["a"])["a"] == [SilverLabel("gpt", "a", "positive", at="2026-03-01T12:00:00Z")]


def test_true_is_not_the_label_one_wherever_it_stands(tmp_path: Path) -> None:
    project = create_project(tmp_path / "ones", ProjectSettings("Ones", ("0", "1")))
    rows = [{"id": f"r{n}", "text": f"text {n}", "silver:rule": said} for n, said in enumerate((1, True, 1.0))]
    shown = preview(project, Upload("silver.jsonl", "\n".join(map(json.dumps, rows)).encode()))
    assert [(one.row, one.problem[:28]) for one in shown.problems] == [(2, "'true' (of the source 'rule'")]


def test_the_same_source_in_two_columns_is_stored_once(empty: Project) -> None:
    header = "id,text,label,confidence,silver:imported"
    file = csv("a,good,positive,0.5,positive", header=header)
    shown = preview(empty, file)
    assert [one.problem[:39] for one in shown.problems] == ["The source 'imported' gives this row tw"]
    plain = csv("a,good,positive,positive", header="id,text,label,silver:imported")
    commit(empty, plain, preview(empty, plain).options)
    assert said(empty, "a") == [("imported", "positive", None)]


@pytest.mark.parametrize("twin", ["silver:gpt\u200b", "silver: gpt", "SILVER:gpt", "silver:\ufeffgpt"])
def test_columns_of_one_source_are_refused_however_its_name_is_written(empty: Project, twin: str) -> None:
    with pytest.raises(ImportRefused, match="Columns name the same source: 'silver:gpt', "):
        preview(empty, csv("x,positive,negative", header=f"text,silver:gpt,{twin}"))


def test_names_of_sources_are_the_same_in_any_unicode_form(empty: Project) -> None:
    bring(empty, "a,x,positive,0.25", header="id,text,silver:cafe\u0301,confidence:caf\u00e9")
    row = {"id": "b", "text": "y", "silver": {"cafe\u0301 ": "negative"}}
    file = Upload("silver.jsonl", json.dumps(row).encode())
    commit(empty, file, preview(empty, file).options)
    named = csv("c,z,positive,cafe\u0301", header="id,text,label,source")
    commit(empty, named, preview(empty, named).options)
    assert [one.source.name for one in sources_of(empty).figures] == ["caf\u00e9"]
    assert said(empty, "a") == [("caf\u00e9", "positive", 0.25)]


def test_a_long_name_of_a_source_is_a_name_and_no_text(empty: Project) -> None:
    shown = preview(empty, csv("x y,positive", header="text,silver: the language model of last July"))
    assert list(shown.silver) == ["the language model of last July"]


def test_a_confidence_without_labels_is_told(empty: Project) -> None:
    shown = preview(empty, csv("x,positive,0.5", header="text,silver:GPT,confidence:gpt"))
    assert shown.ready
    told = "Column 'confidence:gpt' is kept as metadata: no column 'silver:gpt' holds labels of that source."
    assert told in shown.notes


@pytest.mark.parametrize("given", ["0_1", "0,5", "50%", "5e1", "inf", "0x1"])
def test_what_is_no_number_from_0_to_1_is_no_confidence(empty: Project, given: str) -> None:
    shown = preview(empty, csv(f'x,positive,"{given}"', header="text,silver:gpt,confidence:gpt"))
    assert [one.problem for one in shown.problems] == [f"{given!r} is not a confidence (of the source 'gpt') (line 2)."]
