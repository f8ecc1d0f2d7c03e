"""Files as other annotation tools write them: by their own libraries where these are light, else by their documents."""

import json
from pathlib import Path

import pytest
from commands import run

from inffeed_core.data.converting import Converted, convert
from inffeed_core.data.neighbours.hub import split_of_path
from inffeed_core.data.options import guess_options
from inffeed_core.data.reading import read
from inffeed_core.errors import ImportRefused
from inffeed_core.records import Act, Split

LABELS = ("negative", "positive")
ANA = "00000000-0000-0000-0000-00000000000a"


def converted(path: Path) -> Converted:
    table = read(path)
    found = convert(table, guess_options(table, LABELS), LABELS)
    found.require_whole()
    return found


def written(path: Path, content: object) -> Path:
    lines = content if path.suffix == ".jsonl" else [content]
    path.write_text("\n".join(json.dumps(one) for one in lines), encoding="utf-8")  # type: ignore[union-attr]
    return path


def said(found: Converted) -> list[tuple[str, str, Act, str | None]]:
    return [(d.instance_id, d.annotator, d.act, d.label) for d in found.decisions]


def choice(label: str, question: str = "sentiment") -> dict[str, object]:
    return {"value": {"choices": [label]}, "from_name": question, "to_name": "text", "type": "choices", "id": "x"}


def task(**more: object) -> dict[str, object]:
    return {"id": 7, "data": {"text": "It works.", "topic": "kettle"}, "project": 1, "created_at": "2026-01-01", **more}


def annotation(label: str, who: object, **more: object) -> dict[str, object]:
    times = {"created_at": "2026-01-02T03:04:05.123456Z", "updated_at": "2026-01-02T03:04:06Z", "lead_time": 3.2}
    return {"id": 1, "completed_by": who, "result": [choice(label)], "was_cancelled": False, **times, **more}


def test_label_studio_says_who_annotated_what_and_when(tmp_path: Path) -> None:
    ana, ben = {"id": 1, "email": "ana@x.org", "first_name": "Ana", "last_name": "N."}, {"id": 2, "email": "ben@x.org"}
    answers = [annotation("Positive", ana), annotation("Negative", ben), annotation("Positive", 3)]
    guesses = [{"model_version": "bert-2", "score": 0.9, "result": [choice("Negative")]}]

    found = converted(written(tmp_path / "tasks.json", [task(annotations=answers, predictions=guesses)]))

    [text] = found.examples
    assert (text.id, text.text, text.label, text.split) == ("7", "It works.", "positive", Split.TRAIN)
    assert text.metadata == {"topic": "kettle"}
    assert [(s.source, s.label, s.confidence) for s in text.silver] == [("bert-2", "negative", 0.9)]
    assert said(found) == [
        ("7", "Ana N.", Act.KEEP, "positive"),
        ("7", "ben@x.org", Act.RELABEL, "negative"),
        ("7", "3", Act.KEEP, "positive"),
    ]
    assert {d.at for d in found.decisions} == {"2026-01-02T03:04:05.123456+00:00"}


def test_label_studio_tasks_without_annotations_are_silver(tmp_path: Path) -> None:
    guesses = [{"model_version": "m", "score": 1.7, "result": [choice("positive")]}]
    [text] = converted(written(tmp_path / "tasks.json", [task(annotations=[], predictions=guesses)])).examples
    assert (text.split, text.label) == (Split.SILVER, "")
    assert [(s.label, s.confidence) for s in text.silver] == [("positive", None)]


def test_a_cancelled_annotation_is_a_skip(tmp_path: Path) -> None:
    answers = [annotation("positive", 1), annotation("negative", 2, was_cancelled=True)]
    found = converted(written(tmp_path / "tasks.json", [task(annotations=answers)]))
    assert said(found) == [("7", "1", Act.KEEP, "positive"), ("7", "2", Act.SKIP, None)]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ([choice("positive"), choice("kettle", "topic")], "several questions"),
        ([{**choice("positive"), "value": {"choices": ["positive", "negative"]}}], "Several labels"),
    ],
)
def test_tasks_with_more_than_one_label_are_refused_with_their_row(tmp_path: Path, result, words: str) -> None:
    tasks = [task(annotations=[annotation("positive", 1)]), task(annotations=[annotation("x", 1, result=result)])]
    with pytest.raises(ImportRefused, match=rf"Row 2: .*{words}"):
        converted(written(tmp_path / "tasks.json", tasks))


def records():
    import argilla

    answers = [argilla.Response("label", "negative", user_id=ANA, status="submitted")]
    return [
        argilla.Record(
            id="r1",
            fields={"text": "It broke."},
            metadata={"topic": "kettle"},
            suggestions=[argilla.Suggestion("label", "positive", score=0.7, agent="bert")],
            responses=answers,
        ),
        argilla.Record(id="r2", fields={"text": "It works."}),
    ]


def test_argilla_records_as_its_library_makes_them(tmp_path: Path) -> None:
    found = converted(written(tmp_path / "records.json", [record.to_dict() for record in records()]))

    first, second = found.examples
    assert (first.id, first.text, first.metadata) == ("r1", "It broke.", {"topic": "kettle"})
    assert [(s.source, s.label, s.confidence) for s in first.silver] == [("bert", "positive", 0.7)]
    assert said(found) == [("r1", ANA, Act.KEEP, "negative")]
    assert (second.text, second.label, second.split) == ("It works.", "", Split.SILVER)  # nobody has answered yet


def test_argilla_columns_of_datasets(tmp_path: Path) -> None:
    row = {
        "id": "r1",
        "status": "completed",
        "_server_id": "s",
        "text": "It broke.",
        "label.responses": ["negative", "positive"],
        "label.responses.users": [ANA, "u2"],
        "label.responses.status": ["submitted", "draft"],
        "label.suggestion": "positive",
        "label.suggestion.score": 0.7,
        "label.suggestion.agent": "bert",
    }
    found = converted(written(tmp_path / "records.jsonl", [row]))
    assert said(found) == [("r1", ANA, Act.KEEP, "negative")]
    assert [s.source for s in found.examples[0].silver] == ["bert"]


def prodigy(text: str, who: str, answer: str, **more: object) -> dict[str, object]:
    hashes = {"_input_hash": hash(text) % 10**6, "_task_hash": 1, "_timestamp": 1767323045, "_view_id": "choice"}
    return {"text": text, "meta": {"topic": "kettle"}, "answer": answer, "_annotator_id": who, **hashes, **more}


def test_prodigy_has_a_line_for_each_answer(tmp_path: Path) -> None:
    options = [{"id": label, "text": label} for label in LABELS]
    rows = [
        prodigy("It works.", "set-ana", "accept", options=options, accept=["positive"]),
        prodigy("It broke.", "set-ana", "accept", options=options, accept=["negative"]),
        prodigy("It works.", "set-ben", "ignore", options=options, accept=[]),
        prodigy("It works.", "set-eve", "reject", label="negative"),
    ]

    found = converted(written(tmp_path / "set.jsonl", rows))

    works, broke = found.examples
    assert (works.text, works.label, works.metadata) == ("It works.", "positive", {"topic": "kettle"})
    assert (broke.text, broke.label) == ("It broke.", "negative")
    assert set(said(found)) == {
        (works.id, "set-ana", Act.KEEP, "positive"),
        (broke.id, "set-ana", Act.KEEP, "negative"),
        (works.id, "set-ben", Act.SKIP, None),
        (works.id, "set-eve", Act.UNSURE, None),
    }
    assert {d.at for d in found.decisions} == {"2026-01-02T03:04:05.000+00:00"}
    assert [d.note for d in found.decisions if d.act is Act.UNSURE] == ["Rejected: negative"]


def test_doccano_lists_labels(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "It works.", "label": ["positive"], "topic": "kettle", "Comments": ["sure?"]},
        {"id": 2, "text": "It broke.", "label": ["negative"], "topic": "kettle", "Comments": []},
    ]
    works, broke = converted(written(tmp_path / "all.jsonl", rows)).examples
    assert (works.id, works.label, works.metadata) == ("1", "positive", {"topic": "kettle", "comments": "sure?"})
    assert (broke.id, broke.label) == ("2", "negative")


def test_doccano_with_several_labels_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "a", "label": ["positive"]}, {"id": 2, "text": "b", "label": ["positive", "negative"]}]
    with pytest.raises(ImportRefused, match="Row 2: The text has several labels"):
        converted(written(tmp_path / "all.jsonl", rows))


def test_datasets_folders_of_one_split_and_of_several(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=list(LABELS))})
    one = Dataset.from_dict({"text": ["It works.", "It broke."], "label": [1, 0]}, features=features)
    one.save_to_disk(tmp_path / "one")
    DatasetDict({"train": one, "test": one.select([1])}).save_to_disk(tmp_path / "several")

    assert [(e.text, e.label) for e in converted(tmp_path / "one").examples] == [
        ("It works.", "positive"),
        ("It broke.", "negative"),
    ]
    assert [(e.text, e.label, e.split) for e in converted(tmp_path / "several").examples] == [
        ("It works.", "positive", Split.TRAIN),
        ("It broke.", "negative", Split.TRAIN),
        ("It broke.", "negative", Split.TEST),
    ]


def test_a_torn_datasets_folder_is_refused(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_dict({"text": ["a"], "label": ["positive"]}).save_to_disk(tmp_path / "one")
    next((tmp_path / "one").glob("*.arrow")).unlink()
    with pytest.raises(ImportRefused, match=r"state\.json names files that are not there"):
        read(tmp_path / "one")


def test_spacy_docs_as_its_library_makes_them(tmp_path: Path) -> None:
    import spacy
    from spacy.tokens import DocBin

    nlp, docs = spacy.blank("en"), DocBin()
    for text, cats in (
        ("It works.", {"positive": 1.0, "negative": 0.0}),
        ("It isn't!", {"positive": 0, "negative": 1}),
    ):
        doc = nlp(text)
        doc.cats = cats
        docs.add(doc)
    docs.to_disk(tmp_path / "train.spacy")

    assert [(e.text, e.label, e.split) for e in converted(tmp_path / "train.spacy").examples] == [
        ("It works.", "positive", Split.TRAIN),
        ("It isn't!", "negative", Split.TRAIN),
    ]


def test_what_is_no_doc_bin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.spacy").write_bytes(b"nothing of the kind")
    with pytest.raises(ImportRefused, match="not a DocBin"):
        read(tmp_path / "x.spacy")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The snapshot of a data set in a hub cache of its own."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    repository = cache / "datasets--me--reviews"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    return snapshot


def test_a_data_set_of_the_hub_cache_is_read_with_its_splits(hub: Path) -> None:
    (hub / "data").mkdir()
    written(hub / "data" / "train-00000-of-00001.jsonl", [{"text": "It works.", "label": "positive"}])
    written(hub / "data" / "dev.jsonl", [{"text": "It broke.", "label": "negative"}])

    table = read(Path("hf:me/reviews"))

    assert sorted((row[0], row[2]) for row in table.rows) == [("It broke.", "validation"), ("It works.", "train")]


def test_a_split_of_a_data_set_of_the_hub_is_imported_alone(hub: Path, tmp_path: Path) -> None:
    written(hub / "train.jsonl", [{"text": "It works.", "label": "positive"}])
    written(hub / "test.jsonl", [{"text": "It broke.", "label": "negative"}])
    run("new", tmp_path / "p", "--labels", "negative,positive")

    assert "Imported 1 test." in run("import", tmp_path / "p", "hf:me/reviews", "--split", "test").stdout


def test_one_of_several_configurations_has_to_be_chosen(hub: Path) -> None:
    for name in ("en", "de"):
        (hub / name).mkdir()
        written(hub / name / "train.jsonl", [{"text": f"In {name}", "label": "positive"}])
    configs = "".join(f"- config_name: {name}\n  data_files: {name}/*.jsonl\n" for name in ("en", "de"))
    (hub / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")

    with pytest.raises(ImportRefused, match="configurations en, de"):
        read(Path("hf:me/reviews"))
    assert [row[0] for row in read(Path("hf:me/reviews#de")).rows] == ["In de"]


@pytest.mark.parametrize("name", ["hf:reviews", "hf:me/re views", "hf:", "hf:a/b/c"])
def test_what_names_no_data_set_is_refused(name: str) -> None:
    with pytest.raises(ImportRefused, match="does not name a data set"):
        read(Path(name))


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("testimonials/part-0.parquet", ""),
        ("developers.csv", ""),
        ("data/train-00000-of-00001.parquet", "train"),
        ("evaluation/part.jsonl", "validation"),
        ("Testing_2.csv", "test"),
        ("val/train-test.csv", "validation"),
    ],
)
def test_only_whole_words_of_a_path_name_a_split(path: str, split: str) -> None:
    assert split_of_path(Path(path)) == split


def test_a_data_set_that_is_not_there_is_told(hub: Path) -> None:
    with pytest.raises(ImportRefused, match="not in this machine's hub cache"):
        read(Path("hf:me/other"))
