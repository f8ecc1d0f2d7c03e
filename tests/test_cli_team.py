"""`inffeed decisions` and `inffeed agreement`: what they list and change is what lies in SQLite."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from reviewing import Filling, make_reviewable, texts

from inffeed_core import review
from inffeed_core.cli import main
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_reviewable(tmp_path / "p", Filling(silver=12))
    for who in ("Ada", "Bob"):
        for n in range(6):
            label = "positive" if n < (4 if who == "Ada" else 3) else "negative"
            note = "Irony?" if n == 0 else ""
            review.decide(made, Decision(f"{who}{n}", f"s{n:03}", who, act=Act.RELABEL, label=label, note=note))
    return made


def run(project: Project, command: str, *arguments: str, ok: bool = True) -> str:
    result = CliRunner().invoke(main, [command, str(project.folder), *arguments])
    assert (result.exit_code == 0) is ok, result.output
    return result.output


def test_decisions_are_listed_changed_and_restored(project):
    told = json.loads(run(project, "decisions", "--annotator", "Ada", "--label", "positive", "--json"))
    assert [one["decision"]["instance_id"] for one in told] == ["s003", "s002", "s001", "s000"]
    assert len(json.loads(run(project, "decisions", "--annotator", "Ada", "--everybody", "--note", "*", "--json"))) == 2
    chosen = ("decisions", "--annotator", "Ada", "--label", "positive")
    assert "s003  disputed" not in run(project, *chosen, "--to", "negative", "--preview")
    before = {id: one.label for id, one in texts(project, [f"s{n:03}" for n in range(6)]).items()}
    assert "4 changed" in run(project, *chosen, "--take-back")
    assert json.loads(run(project, *chosen, "--json")) == []
    assert "4 texts" in run(project, "decisions", "--annotator", "Ada", "--reverse")
    assert {id: one.label for id, one in texts(project, list(before)).items()} == before
    assert "nothing to change" in run(project, *chosen[:3], "--label", "nonsense", "--take-back", ok=False)
    assert "only one of" in run(project, *chosen, "--to", "negative", "--take-back", ok=False)


def test_agreement_is_told_in_numbers(project):
    told = json.loads(run(project, "agreement", "--json"))
    assert (told["texts"], told["annotators"], told["pairs"][0]["agree"]) == (6, 2, pytest.approx(5 / 6))
    assert told["pairs"][0]["kappa"]["value"] == pytest.approx(2 / 3)
    assert "Ada and Bob: 6 texts, 83% the same, kappa 0.667" in run(project, "agreement")
