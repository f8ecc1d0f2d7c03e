"""An exported version predicts what the version predicts, with nothing of InfFeed in between."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from quiet import quiet
from test_tuning import ADAPTED, TUNED, promote

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.errors import ExportFailed, NotReady
from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance
from inffeed_core.settings import AnalysisSettings, Layers, TfIdf, TrainSettings

HEAD = TrainSettings(max_tokens=32)


def predicted(project: Project, id: str) -> tuple[list[Instance], dict[str, tuple[str, float]]]:
    """(all instances, label and probability of each by id) under this version."""
    promote(project, id)
    analysis = analyse(project, AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3), quiet)
    with store.reading(project.db) as db:
        found = {row.instance: (row.predicted, row.probability) for row in store.scored(db, analysis.id)}
        return list(store.instances(db)), found


@pytest.mark.parametrize("settings", [TUNED, ADAPTED], ids=["fine-tune", "lora"])
def test_a_fine_tuned_version_predicts_the_same_in_a_plain_pipeline(small: Project, tmp_path: Path, settings):
    version = train(small, settings, quiet)
    instances, ours = predicted(small, version.id)
    folder = export_model(small, version.id, tmp_path / "out" / "model", quiet)
    classify = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    for one, theirs in zip(instances, classify([i.text for i in instances], truncation=True), strict=True):
        label, probability = ours[one.id]
        assert theirs["label"] == label
        assert theirs["score"] == pytest.approx(probability, abs=1e-5)


def test_an_instant_retrain_on_a_fine_tuned_transformer_is_exported_with_its_own_head(small: Project, tmp_path: Path):
    promote(small, train(small, TUNED, quiet).id)
    version = train(small, TrainSettings(max_tokens=32, silver_weight=0.0, l2=0.1), quiet)
    instances, ours = predicted(small, version.id)
    folder = export_model(small, version.id, tmp_path / "model", quiet)
    [theirs] = transformers.pipeline("text-classification", model=str(folder), device="cpu")(
        [instances[0].text], truncation=True
    )
    assert (theirs["label"], theirs["score"]) == (
        ours[instances[0].id][0],
        pytest.approx(ours[instances[0].id][1], abs=1e-5),
    )


def said_alone(code: str, folder: Path) -> str:
    """What these lines print in this folder, in a process of their own."""
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout


def said_here(code: str, folder: Path) -> str:
    """The same in this process, where what they import is imported already."""
    with chdir(folder), redirect_stdout(io.StringIO()) as said:
        exec(code, {})
    return said.getvalue()


@pytest.mark.parametrize(
    ("layers", "tfidf", "run"),
    [("last", "off", said_here), ("middle+last", "off", said_here), ("middle+last", "on", said_alone)],
    ids=["last-off", "middle+last-off", "middle+last-on"],
)
def test_the_lines_in_the_card_of_a_version_on_a_bare_encoder_give_its_predictions(
    small: Project, tmp_path: Path, layers: Layers, tfidf: TfIdf, run: Callable[[str, Path], str]
):
    version = train(small, replace(HEAD, layers=layers, tfidf=tfidf), quiet)
    instances, ours = predicted(small, version.id)
    folder = export_model(small, version.id, tmp_path / "model", quiet)
    [lines] = re.findall(r"```python\n(.*?)\n```", (folder / "README.md").read_text(), re.S)
    code = lines.replace('"A text to classify."', json.dumps(instances[0].text))
    said = run(code, folder.parent)
    label, probability = ours[instances[0].id]
    assert said.startswith(f"['{label}']")
    assert max(map(float, re.findall(r"[\d.]+(?:e-\d+)?", said))) == pytest.approx(probability, abs=1e-5)


def test_the_card_tells_counts_scores_settings_and_limits(small: Project, tmp_path: Path):
    version = train(small, TUNED, quiet)
    words = (export_model(small, version.id, tmp_path / "model", quiet) / "README.md").read_text()
    assert words.startswith("---\npipeline_tag: text-classification\n")
    assert 'pipeline("text-classification", model="model")' in words
    assert "| 12 | gold, given by people |" in words
    assert "| 20 | silver that nobody has checked |" in words
    assert f"{version.test.macro_f1.value:.3f} (" in words
    assert "method: fine-tune" in words
    assert "seed: 0" in words
    assert "Limits" in words
    assert version.data_hash in words


def test_nothing_is_overwritten_and_unknown_versions_are_refused(small: Project, tmp_path: Path):
    version = train(small, HEAD, quiet)
    with pytest.raises(ExportFailed, match="already exists"):
        export_model(small, version.id, tmp_path, quiet)
    with pytest.raises(NotReady, match="v9"):
        export_model(small, "v9", tmp_path / "model", quiet)
    assert not (tmp_path / "model").exists()


def test_a_full_disk_leaves_no_half_model(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    version = train(small, HEAD, quiet)

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy", full)
    with pytest.raises(ExportFailed, match="No space left"):
        export_model(small, version.id, tmp_path / "out" / "model", quiet)
    assert not any((tmp_path / "out").iterdir())
