"""What another encoder would bring and cost is told, and nothing is fetched for it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from inffeed_core.cli import main
from inffeed_core.models.stronger import DEFAULT, MPNET
from inffeed_core.project.folder import Project


def test_the_cost_is_that_of_the_projects_texts(project: Project) -> None:
    done = CliRunner().invoke(main, ["encoders", str(project.folder), "--json"])
    told = json.loads(done.stdout)
    assert told["texts"] == 48
    assert [one["model"] for one in told["encoders"]] == [DEFAULT.model, MPNET.model]
    assert told["encoders"][1]["minutes"] == pytest.approx(48 / 8 / 60, abs=0.05)
    assert told["encoders"][1]["gains"]["reviews_products"]["last"] == 0.071
    assert told["encoders"][1]["gains"]["sarcasm_forum_llm"] == {"last": -0.015, "middle+last": None}


def test_the_list_marks_the_encoder_in_use_and_names_size_and_licence(project: Project) -> None:
    words = CliRunner().invoke(main, ["encoders", str(project.folder)]).stdout
    assert f"* {DEFAULT.model} (the default)" in words
    assert f"  {MPNET.model}\n    438 MB, Apache-2.0; about 6 s for 48 texts on one core" in words
    assert "reviews_products +0.071 / +0.073, climate_stance_gpt4o +0.013, " in words


def test_gains_on_sets_labelled_by_language_models_are_those_of_the_evidence() -> None:
    page = (Path(__file__).parents[1] / "docs" / "evidence_language_models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (all-\S+) \|.* \| ([\d.]+) / [\d.]+ \|$", page, re.MULTILINE)
    by_set: dict[str, dict[str, float]] = {}
    for name, encoder, gold_for_all in rows:
        by_set.setdefault(name, {})[f"sentence-transformers/{encoder}"] = float(gold_for_all)
    assert len(by_set) == 5
    for name, scores in by_set.items():
        assert MPNET.gains[name] == (pytest.approx(scores[MPNET.model] - scores[DEFAULT.model], abs=0.0011), None)
