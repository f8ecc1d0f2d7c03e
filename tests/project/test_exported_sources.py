"""What sources say goes into an export, and comes back identical, with their records and the choice among them."""

from pathlib import Path

import pytest

from inffeed_core.project.exporting import export
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.sources import use_source
from inffeed_core.records import Act, Decision, Example, SilverLabel, Source, SourceKind, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    add_examples,
    add_source,
    instances,
    reading,
    record_decision,
    record_silver_labels,
    silver_choice,
    silver_labels,
    sources,
    writing,
)

LABELS = ("no, never", "=yes", "None")
GPT = Source("gpt: 4o, mini", SourceKind.LLM, {"prompt": 'Is "it"\nso?', "k": 3}, "2026-03-01T12:00:00.000Z")


@pytest.fixture
def told(tmp_path: Path) -> Project:
    """Three sources over silver and gold, with refusals, confidences, times, a choice, and decisions on top."""
    made = create_project(tmp_path / "told", ProjectSettings("Told", LABELS))
    with writing(made.db) as db:
        add_examples(db, [Example(id, f"text {id}", "", Split.SILVER, metadata={"silver:odd": "x"}) for id in "abc"])
        add_examples(db, [Example("d", "text d", "None", Split.SILVER, source="vader")])
        add_examples(db, [Example("g", "gold", "=yes", Split.TRAIN), Example("h", "held", "None", Split.TEST)])
        add_source(db, GPT)
        add_source(db, Source("rule", SourceKind.RULE, {"file": "rules.py"}, "2026-03-02T12:00:00.000Z"))
        record_silver_labels(
            db,
            [
                SilverLabel(GPT.name, "a", "=yes", 0.1 + 0.2, at="2026-03-01T12:00:01.000Z"),
                SilverLabel(GPT.name, "b", None, answer=" I would rather not, =SUM(A1)\n"),
                SilverLabel(GPT.name, "g", "None", 1.0),
                SilverLabel("rule", "a", "no, never"),
                SilverLabel("rule", "c", "no, never", 0.0),
                SilverLabel("rule", "h", "None"),
            ],
        )
        record_decision(db, Decision("t", "b", "Ana", Act.RELABEL, label="None", at="2026-03-03T12:00:00.000Z"))
    return made


def contents(project: Project) -> list[object]:
    with reading(project.db) as db:
        return [list(instances(db)), list(silver_labels(db)), sources(db), silver_choice(db)]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("use", [None, "rule", GPT.name])
def test_everything_comes_back(told: Project, tmp_path: Path, format: str, use: str | None) -> None:
    if use is not None:
        use_source(told, use, "Ana")
    path = tmp_path / f"out.{format}"
    export(told, path)
    again = create_project(tmp_path / "again", ProjectSettings("Again", LABELS))
    commit(again, path, preview(again, path).options)
    before, after = contents(told), contents(again)
    assert after[1:] == before[1:]
    assert after[0] == before[0]


def test_where_one_label_says_all_the_export_is_as_it_was(project: Project, tmp_path: Path) -> None:
    export(project, tmp_path / "out.jsonl")
    assert "silver" not in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0].replace("silver-", "")
    again = create_project(tmp_path / "again", ProjectSettings("Again", ("negative", "positive")))
    commit(again, tmp_path / "out.jsonl", preview(again, tmp_path / "out.jsonl").options)
    assert contents(again)[:2] == contents(project)[:2]


def test_an_original_label_that_no_source_gives_is_refused(told: Project, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    export(told, path)
    changed = path.read_text(encoding="utf-8").replace('"label": "no, never"', '"label": "None"', 1)
    changed = changed.replace('"original_label": "no, never"', '"original_label": "None"', 1)
    path.write_text(changed, encoding="utf-8")
    again = create_project(tmp_path / "again", ProjectSettings("Again", LABELS))
    assert "is what no source says" in preview(again, path).problems[0].problem
