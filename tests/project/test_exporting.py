"""An export holds what the project holds, and importing it gives the same project again."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inffeed_core.characters import is_blank
from inffeed_core.data.export_columns import EXPORT_COLUMNS
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import Cancelled, ExportFailed
from inffeed_core.project.exporting import export, export_bytes
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Act, Decision, Example, Metadata, ModelVersion, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    add_proposals,
    add_version,
    apply_proposals,
    exclude,
    find,
    history,
    instances,
    last_decision_row,
    promote,
    proposal_set,
    reading,
    record_decision,
    standing_about,
    under_discussion,
    undo_last,
    writing,
)

FORMATS = ("csv", "tsv", "jsonl", "csv.gz", "tsv.gz", "jsonl.gz", "parquet")
LABELS = ("negative", "positive")
AT = "2026-03-01T12:00:{:02}.000Z"
METADATA: Metadata = {"note": "clash", "n": -7, "x": 0.25, "known": True, "=risky": "=1+1", "metadata.id": "odd"}


def new(folder: Path) -> Project:
    return create_project(folder, ProjectSettings("Test", LABELS))


def decide(
    project: Project,
    id: str,
    act: Act,
    label: str | None,
    at: int,
    note: str = "",
    who: str = "",
    settles: bool = False,
) -> None:
    with writing(project.db) as db:
        token = f"{id}{act}{at}"
        record_decision(
            db, Decision(token, id, who or f"Ana {at}", act, label, note, at=AT.format(at), settles=settles)
        )


@pytest.fixture
def reviewed(tmp_path: Path) -> Project:
    """One instance for each thing that can have happened to it."""
    project = new(tmp_path / "reviewed")
    with writing(project.db) as db:
        add_examples(
            db,
            [
                Example("gold", "=SUM(1)", "negative", Split.TRAIN, "us", METADATA),
                Example("007", '\'=quoted\r\nlines, "and" quotes', "positive", Split.VALIDATION),
                Example("untouched", "🙂 " * 9000, "positive", Split.SILVER, "vader", {"n": 3}),
                Example("relabelled", "b", "positive", Split.SILVER, "vader"),
                Example("kept", "c", "negative", Split.SILVER, "vader"),
                Example("back", "d", "negative", Split.SILVER),
                Example("undone", "e", "negative", Split.SILVER),
                Example("skipped", "f", "negative", Split.SILVER),
                Example("gone", "g", "negative", Split.SILVER),
                Example("corrected gold", "h", "negative", Split.TEST),
            ],
        )
        exclude(db, ["gone"], "leak")
    decide(project, "kept", Act.KEEP, "negative", 5, note="-sure")
    decide(project, "relabelled", Act.RELABEL, "negative", 1, note="it's irony")
    decide(project, "back", Act.RELABEL, "positive", 2, who="Ben")
    decide(project, "back", Act.RELABEL, "negative", 3, who="Ben")
    decide(project, "skipped", Act.SKIP, None, 4)
    decide(project, "corrected gold", Act.RELABEL, "positive", 7)
    decide(project, "undone", Act.RELABEL, "positive", 6)
    with writing(project.db) as db:
        undo_last(db, "Ana 6", "undo")
    return project


def with_version(project: Project, id: str) -> None:
    with writing(project.db) as db:
        add_version(db, ModelVersion(id, None, "", "encoder", "w", "d", 0, {}, 0, {}, None, None))
        promote(db, id, "Ana")


def rows(project: Project) -> dict[str, dict[str, str]]:
    text = export_bytes(project, "csv").decode("utf-8-sig")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_columns_tell_what_happened(reviewed: Project) -> None:
    with_version(reviewed, "v1")
    exported = rows(reviewed)
    told = ("label", "original_label", "split", "source", "confirmed", "act", "annotator", "decided_at", "note")
    assert [exported["relabelled"][c] for c in told] == [
        *("negative", "positive", "silver", "vader", "true", "relabel", "Ana 1", AT.format(1), "it's irony")
    ]
    assert [exported["kept"][c] for c in told[:8]] == [
        *("negative", "negative", "silver", "vader", "true", "keep", "Ana 5", AT.format(5))
    ]
    for id in ("untouched", "undone"):
        assert [exported[id][c] for c in told[4:]] == ["false", "", "", "", ""]
        assert exported[id]["answers"] == ""
    assert [exported["skipped"][c] for c in told[4:]] == ["false", "skip", "Ana 4", AT.format(4), ""]
    assert exported["back"]["decided_at"] == AT.format(3)
    assert exported["gold"]["confirmed"] == "true"
    assert {row["model_version"] for row in exported.values()} == {"v1"}
    assert "gone" not in exported


def test_metadata_is_prefixed_only_where_it_clashes(reviewed: Project) -> None:
    table = read(Upload("a.jsonl", export_bytes(reviewed, "jsonl")))
    assert table.columns[: len(EXPORT_COLUMNS)] == EXPORT_COLUMNS
    assert table.columns[len(EXPORT_COLUMNS) :] == (
        *("metadata.note", "n", "x", "known", "=risky", "metadata.metadata.id"),
    )
    assert list(table.rows[0][len(EXPORT_COLUMNS) :]) == list(METADATA.values())


@pytest.mark.parametrize("format", FORMATS)
def test_importing_an_export_gives_the_same_project(reviewed: Project, tmp_path: Path, format: str) -> None:
    first = tmp_path / f"first.{format}"
    assert export(reviewed, first) == 9
    again = new(tmp_path / "again")
    shown = preview(again, first)
    assert (shown.ready, shown.options.history, shown.decisions) == (True, True, 6)
    assert commit(again, first, shown.options).decisions == 6
    assert export_bytes(again, format) == first.read_bytes()
    with reading(reviewed.db) as old, reading(again.db) as new_db:
        before = {i.id: (i.text, i.label, i.original_label, i.confirmed, i.decided_at) for i in instances(old)}
        assert before == {
            i.id: (i.text, i.label, i.original_label, i.confirmed, i.decided_at) for i in instances(new_db)
        }
        assert [d.at for d in history(new_db)] == [AT.format(n) for n in (7, 5, 4, 3, 2, 1)]
        assert [d.note for d in history(new_db)] == ["", "-sure", "", "", "", "it's irony"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_typed_formats_bring_metadata_back_with_its_types(reviewed: Project, tmp_path: Path, format: str) -> None:
    again = new(tmp_path / "again")
    file = Upload(f"a.{format}", export_bytes(reviewed, format))
    commit(again, file, preview(again, file).options)
    with reading(again.db) as db:
        by_id = {i.id: i.metadata for i in instances(db)}
    assert (by_id["gold"], by_id["untouched"], by_id["kept"]) == (METADATA, {"n": 3}, {})


def test_the_model_version_is_carried_until_there_is_a_new_one(reviewed: Project, tmp_path: Path) -> None:
    with_version(reviewed, "v1")
    first = export_bytes(reviewed, "csv")
    again = new(tmp_path / "again")
    commit(again, Upload("a.csv", first), preview(again, Upload("a.csv", first)).options)
    assert export_bytes(again, "csv") == first
    with_version(again, "v2")
    assert {row["model_version"] for row in rows(again).values()} == {"v2"}


def test_imported_decisions_can_be_undone(reviewed: Project, tmp_path: Path) -> None:
    again = new(tmp_path / "again")
    file = Upload("a.csv", export_bytes(reviewed, "csv"))
    commit(again, file, preview(again, file).options)
    with writing(again.db) as db:
        undo_last(db, "Ana 1", "token")
    assert rows(again)["relabelled"]["label"] == "positive"


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


def seen(text: str) -> bool:
    """Whether there is anything to see; a text without counts as missing."""
    return not is_blank(text)


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "parquet"])
@settings(max_examples=10)
@given(texts=st.lists((storable | st.text("'=+-@\t\r\n,;\"a", min_size=1)).filter(seen), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, format: str, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    one, two = new(folder / "one"), new(folder / "two")
    with writing(one.db) as db:
        add_examples(db, [Example(str(n), text, "positive", Split.TRAIN) for n, text in enumerate(texts)])
    file = Upload(f"a.{format}", export_bytes(one, format))
    commit(two, file, preview(two, file).options)
    with reading(two.db) as db:
        assert [i.text for i in instances(db)] == texts
    assert export_bytes(two, format) == file.data


def test_chosen_splits_only(reviewed: Project, tmp_path: Path) -> None:
    assert export(reviewed, tmp_path / "a.jsonl.gz", splits=[Split.TRAIN, Split.TEST]) == 2
    lines = gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["gold", "corrected gold"]


def test_an_empty_project_exports_its_header(tmp_path: Path) -> None:
    assert export_bytes(new(tmp_path / "new"), "tsv").decode() == "\t".join(EXPORT_COLUMNS) + "\r\n"


def test_a_metadata_key_of_several_kinds_becomes_text_in_parquet(tmp_path: Path) -> None:
    project = new(tmp_path / "new")
    cells = [1, None, "one", 1.5]
    with writing(project.db) as db:
        add_examples(
            db, [Example(str(n), "t", "positive", Split.TRAIN, metadata={"k": c}) for n, c in enumerate(cells)]
        )
    table = read(Upload("a.parquet", export_bytes(project, "parquet")))
    assert list(table.column("k")) == ["1", None, "one", "1.5"]


def test_cancelling_leaves_the_old_file(reviewed: Project, tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.csv"
    path.parent.mkdir()
    path.write_text("old")

    def cancel(stage: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        export(reviewed, path, progress=cancel)
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [("a.csv", "old")]


def test_an_unknown_format_is_refused(reviewed: Project, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="not end in a format"):
        export(reviewed, tmp_path / "a.xlsx")
    with pytest.raises(ExportFailed, match="not end in a format"):
        export_bytes(reviewed, "pdf")


DISPUTES = {
    "tie": [("Ada", "positive"), ("Bob", "negative")],
    "three ways": [("Ada", "a"), ("Bob", "b"), ("Cem", "c")],
    "majority": [("Ada", "positive"), ("Bob", "negative"), ("Cem", "positive")],
    "settled": [("Ada", "positive"), ("Bob", "negative"), ("Cem", "settle positive")],
    "settled and doubted": [("Ada", "positive"), ("Bob", "negative"), ("Cem", "settle positive"), ("Ada", "negative")],
    "settled, then withdrawn": [("Ada", "positive"), ("Bob", "negative"), ("Cem", "settle positive"), ("Cem", None)],
    "settled, then changed": [("Ada", "positive"), ("Cem", "settle positive"), ("Cem", "negative")],
    "withdrawn": [("Ada", "positive"), ("Ada", None)],
    "withdrawn and given again": [("Ada", "positive"), ("Ada", None), ("Ada", "negative")],
    "one against one unsure": [("Ada", "positive"), ("Bob", None)],
}


def outcome(project: Project) -> dict[str, tuple[object, ...]]:
    with reading(project.db) as db:
        found = {
            i.id: (i.label, i.confirmed, i.disputed, i.annotator, i.decided_at, tuple(told(d) for d in said))
            for i in instances(db)
            if (said := standing_about(db, [i.id]).get(i.id, [])) is not None
        }
        return found | {"under discussion": tuple(sorted(under_discussion(db)))}


def told(d: Decision) -> tuple[object, ...]:
    return d.act, d.annotator, d.label, d.note, d.at, d.settles


@pytest.fixture
def argued(tmp_path: Path) -> Project:
    """One text for each way in which annotators can disagree; the clock of the last one to speak goes wrong."""
    project = create_project(tmp_path / "argued", ProjectSettings("Test", ("negative", "positive", "a", "b", "c")))
    with writing(project.db) as db:
        add_examples(db, [Example(id, f"text {id}", "negative", Split.SILVER) for id in DISPUTES])
        add_examples(db, [Example("gold", "gold", "negative", Split.TRAIN)])
    for id, said in {**DISPUTES, "gold": DISPUTES["tie"]}.items():
        for n, (who, label) in enumerate(said):
            act = Act.RELABEL if label else Act.UNSURE
            settles = (label or "").startswith("settle ")
            decide(project, id, act, (label or "").removeprefix("settle ") or None, 8 - n, f"n{n}", who, settles)
    return project


def test_the_export_tells_of_a_dispute_and_carries_every_answer(argued: Project) -> None:
    exported = rows(argued)
    for id, label in {"tie": "negative", "three ways": "negative", "settled and doubted": "negative"}.items():
        assert [exported[id][c] for c in ("label", "confirmed", "disputed", "act", "annotator", "note")] == [
            *(label, "false", "true", "", "", "")
        ]
    said = json.loads(exported["three ways"]["answers"])
    assert [(one["annotator"], one["label"], one["note"]) for one in said] == [
        *(("Ada", "a", "n0"), ("Bob", "b", "n1"), ("Cem", "c", "n2"))
    ]
    assert [exported["gold"][c] for c in ("label", "confirmed", "disputed")] == ["negative", "false", "true"]
    for id in ("withdrawn", "majority", "settled"):
        assert exported[id]["disputed"] == "false"
    assert [exported["withdrawn"][c] for c in ("confirmed", "act", "annotator", "note")] == [
        *("false", "unsure", "Ada", "n1")
    ]
    assert [exported["one against one unsure"][c] for c in ("label", "confirmed", "act", "annotator")] == [
        *("positive", "true", "relabel", "Ada")
    ]


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_dispute_is_the_same_after_export_and_import(argued: Project, tmp_path: Path, format: str) -> None:
    again = create_project(tmp_path / "again", ProjectSettings("Test", ("negative", "positive", "a", "b", "c")))
    file = Upload(f"a.{format}", export_bytes(argued, format))
    commit(again, file, preview(again, file).options)
    assert outcome(again) == outcome(argued)
    assert export_bytes(again, format) == file.data


def test_an_export_of_an_earlier_release_is_still_one(reviewed: Project, tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(export_bytes(reviewed, "csv").decode("utf-8-sig"), newline="")))
    kept = [c for c in table[0] if c not in ("disputed", "answers")]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, kept, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(row for row in table if row["id"] != "skipped")
    old, again = Upload("old.csv", file.getvalue().encode()), new(tmp_path / "again")
    shown = preview(again, old)
    assert (shown.ready, shown.options.history, shown.decisions) == (True, True, 4)
    commit(again, old, shown.options)
    assert {id: row["label"] for id, row in rows(again).items()} == {
        id: row["label"] for id, row in rows(reviewed).items() if id != "skipped"
    }


@pytest.mark.parametrize(
    "after", [(), (("Ana", "negative"),), (("Ana", "negative"), ("Ana", None), ("Cem", "negative"))]
)
def test_what_people_say_after_feedback_counts_alone_here_and_after_an_import(
    argued: Project, tmp_path: Path, after: list[tuple[str, str | None]]
) -> None:
    with_version(argued, "v1")
    with writing(argued.db) as db:
        proposed = [("untouched", "negative", "positive", 0.5), ("tie", "negative", "a", 0.4)]
        add_examples(db, [Example("untouched", "untouched", "negative", Split.SILVER)])
        made = add_proposals(db, "v1", last_decision_row(db), {"method": "influence-vote"}, proposed, {})
        apply_proposals(db, proposal_set(db, made), ["untouched", "tie"], "Eve", "token")
    for n, (who, label) in enumerate(after):
        for id in ("untouched", "tie"):
            decide(argued, id, Act.RELABEL if label else Act.UNSURE, label, 20 + n, who=who)
    expected = {False: ("positive", "a"), True: ("negative", "negative")}[bool(after)]
    again = create_project(tmp_path / "again", ProjectSettings("Test", ("negative", "positive", "a", "b", "c")))
    file = Upload("a.csv", export_bytes(argued, "csv"))
    commit(again, file, preview(again, file).options)
    for project in (argued, again):
        with reading(project.db) as db:
            found = find(db, ["untouched", "tie"])
            assert [(found[id].label, found[id].confirmed) for id in found] == [
                (label, True) for label in (expected if list(found)[0] == "untouched" else expected[::-1])
            ]
    assert export_bytes(again, "csv") == file.data
