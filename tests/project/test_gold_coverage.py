"""Warnings before training if gold has only one label, or lacks some."""

import pytest
from click.testing import CliRunner

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.project.folder import create_project
from inffeed_core.project.gold_coverage import gold_gaps
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings

LABELS = ("a", "b", "c")
ALL = dict.fromkeys(LABELS, 3)


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        (ALL, ALL, []),
        ({"a": 5}, ALL, ["All gold texts to learn from are labelled a"]),
        (ALL, {"c": 1, "a": 0}, ["All validation texts are labelled c"]),
        (
            {"a": 1, "c": 1},
            {"b": 1, "c": 1},
            ["No gold text to learn from is labelled b", "No validation text is labelled a"],
        ),
        ({"b": 1}, {"b": 1}, ["All gold texts to learn from are labelled b", "All validation texts are labelled b"]),
        ({}, {}, []),
    ],
)
def test_gaps_of_gold(train, validation, said):
    found = gold_gaps(LABELS, {Split.TRAIN: train, Split.VALIDATION: validation})
    assert [sentence[: len(start)] for sentence, start in zip(found, said, strict=True)] == said


@pytest.mark.parametrize("command", ["train", "retrain"])
def test_the_command_line_warns_before_it_trains(tmp_path, monkeypatch, command):
    project = create_project(tmp_path / "p", ProjectSettings("One", ("a", "b")))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(s.value, f"words {s.value}", "a", s) for s in Split])
    asked: list[str] = []

    def stop(*job: object, **_: object) -> None:
        asked.append("job")
        raise KeyboardInterrupt

    monkeypatch.setattr("inffeed_core.jobs.run_here", stop)
    said = CliRunner().invoke(main, [command, str(project.folder)]).output
    assert asked == ["job"]
    assert "All gold texts to learn from are labelled a" in said
    assert "All validation texts are labelled a" in said
