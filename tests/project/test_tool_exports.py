"""A project in the form of other annotation tools, and back: nothing is lost on the way."""

import json
from pathlib import Path

import pytest
from quiet import quiet

from inffeed_core import store
from inffeed_core.data.neighbours.known import FOLDER, NEIGHBOURS
from inffeed_core.errors import ExportFailed
from inffeed_core.project.exporting import export
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.tool_exports import export_to
from inffeed_core.records import Act, Decision, Example, SilverLabel, Source, SourceKind, Split
from inffeed_core.settings import ProjectSettings

LABELS = ("negative", "positive", "None", "007", "a=b, c", "\U0001f600")
TEXTS = (
    "A plain text, says the reviewer of the kettle.",
    "  spaces around and\ttabs\t ",
    "two\nlines\r\nand more",
    "=SUM(A1)",
    "'apostrophe first",
    '"quoted" and a stray "',
    "U+2028 \u2028 inside",
    "e\u0301 decomposed",
    "שלום עולם, right to left",
    "NA",
    "x" * 40_000,
)


@pytest.fixture
def rich(tmp_path: Path) -> Project:
    """Nasty texts and labels, pairs, several sources, silver on gold, votes, notes, skipped and unsure."""
    project = create_project(tmp_path / "rich", ProjectSettings("Rich", LABELS))
    with store.writing(project.db) as db:
        store.add_examples(
            db,
            [
                Example(
                    id=f"id {n}",
                    text=text,
                    label=LABELS[n % len(LABELS)],
                    split=list(Split)[n % 4],
                    source="vader",
                    metadata={"thread": f"t{n}", "n": n, "answers": "mine"},
                    pair="a target" if n % 3 == 0 else None,
                )
                for n, text in enumerate(TEXTS)
            ],
        )
        store.add_source(db, Source("gpt-x", SourceKind.LLM, {"prompt": "Label it."}))
        store.record_silver_labels(
            db, [SilverLabel("gpt-x", "id 0", "None", 0.75), SilverLabel("gpt-x", "id 3", None, answer="I cannot.")]
        )
        said = [
            Decision("1", "id 3", "Ana Ńowak", Act.RELABEL, "007", note="a\nnote", at="2026-01-02T03:04:05.678+00:00"),
            Decision("2", "id 3", "Ben", Act.KEEP, LABELS[3 % 6], at="2026-01-02T03:05:05+00:00"),
            Decision("3", "id 7", "Ben", Act.SKIP, at="2026-01-02T03:06:05+00:00"),
            Decision("4", "id 7", "Ana Ńowak", Act.UNSURE, at="2026-01-02T03:07:05+00:00", note="?"),
            Decision("5", "id 0", "ben@example.org", Act.RELABEL, "a=b, c", at="2026-01-02T03:08:05+00:00"),
        ]
        for decision in said:
            store.record_decision(db, decision)
    return project


def by_id(project: Project, path: Path) -> dict[str, dict[str, object]]:
    """The rows of the plain export; what describes the sources is in the first row, whichever that is."""
    export(project, path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    sources = {row.pop("silver_sources", None) for row in rows} - {None}
    return {row["id"]: row for row in rows} | {"sources": {"all": sorted(sources)}}


@pytest.mark.parametrize("tool", [*NEIGHBOURS, FOLDER])
def test_what_a_tool_brings_back_is_what_it_was_given(rich: Project, tmp_path: Path, tool: str) -> None:
    path = tmp_path / ("folder" if tool == FOLDER else f"file.{NEIGHBOURS[tool].suffix}")
    again = create_project(tmp_path / "again", ProjectSettings("Rich", LABELS))

    assert export_to(tool, rich, path, progress=quiet) == len(TEXTS)
    commit(again, path, preview(again, path).options, progress=quiet)

    assert by_id(again, tmp_path / "b.jsonl") == by_id(rich, tmp_path / "a.jsonl")


METADATA = {"Comments": "mine", "inffeed": "too", "data": "of May", "predictions": "fair", "answer": "accept"}
METADATA |= {
    "accept": "yes",
    "target": "none",
    "hypothesis": "none",
    "x.responses": "3",
    "spans": "7",
    "_input_hash": "1",
}
"""What other tools call the columns and fields of their own."""


@pytest.fixture
def untouched(tmp_path: Path) -> Project:
    """Nobody has answered, texts stand twice, and metadata have names that tools use."""
    project = create_project(tmp_path / "untouched", ProjectSettings("Untouched", ("negative", "-", '["x"]')))
    examples = [
        Example(id, text, label, split, metadata=METADATA)
        for id, text, label, split in (
            ("=1", "=SUM(A1)", "-", Split.TRAIN),
            ("b", "@me works", "negative", Split.SILVER),
            ("c", "@me works", "-", Split.SILVER),
            ("d", "'=quoted", '["x"]', Split.TEST),
        )
    ]
    with store.writing(project.db) as db:
        store.add_examples(db, examples)
    return project


@pytest.mark.parametrize("tool", [*NEIGHBOURS, FOLDER])
def test_a_project_that_nobody_answered_in_comes_back(untouched: Project, tmp_path: Path, tool: str) -> None:
    path = tmp_path / ("folder" if tool == FOLDER else f"file.{NEIGHBOURS[tool].suffix}")
    again = create_project(tmp_path / "again", ProjectSettings("Untouched", ("negative", "-", '["x"]')))

    assert export_to(tool, untouched, path, progress=quiet) == 4
    commit(again, path, preview(again, path).options, progress=quiet)

    assert by_id(again, tmp_path / "b.jsonl") == by_id(untouched, tmp_path / "a.jsonl")


def test_what_was_answered_in_the_tool_meanwhile_is_added(rich: Project, tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    export_to("label-studio", rich, path, progress=quiet)
    tasks = json.loads(path.read_text(encoding="utf-8"))
    task = next(one for one in tasks if one["meta"]["inffeed"]["id"] == "id 7")
    result = [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["positive"]}}]
    task["annotations"].append(
        {"completed_by": {"email": "eve@example.org"}, "result": result, "created_at": "2026-02-01T00:00:00Z"}
    )
    path.write_text(json.dumps(tasks), encoding="utf-8")
    again = create_project(tmp_path / "again", ProjectSettings("Rich", LABELS))

    commit(again, path, preview(again, path).options, progress=quiet)

    with store.reading(again.db) as db:
        [text] = [one for one in store.instances(db) if one.id == "id 7"]
        assert (text.label, text.annotator, text.confirmed) == ("positive", "eve@example.org", True)


def test_a_table_without_the_file_beside_it_still_says_who_labelled_what(rich: Project, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    export_to("cleanlab", rich, path, progress=quiet)
    (tmp_path / "table.csv.inffeed.jsonl").unlink()
    again = create_project(tmp_path / "again", ProjectSettings("Rich", LABELS))

    commit(again, path, preview(again, path).options, progress=quiet)

    with store.reading(again.db) as db:
        said = {(d.instance_id, d.annotator, d.label) for d in store.history(db)}
        texts = {one.id: one.text for one in store.instances(db)}
    assert said == {
        ("id 3", "Ana Ńowak", "007"),
        ("id 3", "Ben", LABELS[3]),
        ("id 0", "ben@example.org", "a=b, c"),
    }
    assert texts == {f"id {n}": text for n, text in enumerate(TEXTS)}


def test_a_file_beside_another_table_is_not_taken_for_its_own(rich: Project, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    export_to("cleanlab", rich, path, progress=quiet)
    path.write_text("id,text,split,label,annotator:Eve\nid 0,Another text,train,negative,positive\n", encoding="utf-8")
    again = create_project(tmp_path / "again", ProjectSettings("Rich", LABELS))

    commit(again, path, preview(again, path).options, progress=quiet)

    with store.reading(again.db) as db:
        assert [(d.annotator, d.label) for d in store.history(db)] == [("Eve", "positive")]


def test_files_for_a_tool_have_its_ending_and_a_folder_is_new(rich: Project, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"takes \.json files"):
        export_to("label-studio", rich, tmp_path / "x.csv", progress=quiet)
    (tmp_path / "there").mkdir()
    with pytest.raises(ExportFailed, match="exists already"):
        export_to(FOLDER, rich, tmp_path / "there", progress=quiet)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rich", "there"]


def test_datasets_opens_the_folder(rich: Project, tmp_path: Path) -> None:
    from datasets import load_from_disk

    export_to(FOLDER, rich, tmp_path / "set", progress=quiet)
    found = load_from_disk(tmp_path / "set")

    assert set(found) == {split.value for split in Split}
    assert found["train"].features["label"].names == list(LABELS)
    assert found["train"]["text"][:] == [TEXTS[0], TEXTS[4], TEXTS[8]]


def test_spacy_opens_the_file(rich: Project, tmp_path: Path) -> None:
    import spacy
    from spacy.tokens import DocBin

    export_to("spacy", rich, tmp_path / "x.spacy", progress=quiet)
    docs = list(DocBin().from_disk(tmp_path / "x.spacy").get_docs(spacy.blank("en").vocab))

    assert [doc.text for doc in docs] == list(TEXTS)
    assert docs[1].cats == {label: float(label == LABELS[1]) for label in LABELS}


def test_argilla_takes_the_records(rich: Project, tmp_path: Path) -> None:
    import argilla

    export_to("argilla", rich, tmp_path / "x.json", progress=quiet)
    made = [argilla.Record.from_dict(one) for one in json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))]

    assert [record.fields["text"] for record in made] == list(TEXTS)
    assert sorted(r.value for r in made[3].responses["label"]) == sorted(["007", LABELS[3]])


def test_cleanlab_takes_the_table(rich: Project, tmp_path: Path) -> None:
    import pandas
    from cleanlab.multiannotator import get_majority_vote_label

    export_to("cleanlab", rich, tmp_path / "x.csv", progress=quiet)
    frame = pandas.read_csv(tmp_path / "x.csv", keep_default_na=False).filter(like="annotator:")
    answered = frame[(frame != "").any(axis=1)]
    numbers = answered.replace({label: n for n, label in enumerate(LABELS)} | {"": None}).infer_objects()

    assert list(frame.columns) == ["annotator:Ana Ńowak", "annotator:Ben", "annotator:ben@example.org"]
    assert get_majority_vote_label(numbers.astype("Float64").astype(float)).tolist() == [LABELS.index("a=b, c"), 3]
