"""A project with second texts is trained, analysed and exported with both texts."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from quiet import quiet
from small import SIZES
from test_model_export import predicted
from test_tuning import TUNED

from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.training import train
from inffeed_core.project.encoded import encode
from inffeed_core.project.folder import Project, create_project, settings_of
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings, TfIdf, TrainSettings
from inffeed_core.store import add_examples, writing

LABELS = ("against", "favour")
PAIRS = ("night buses", "wind farms")
HEAD = TrainSettings(max_tokens=32)


def about(k: int) -> str | None:
    return PAIRS[k % 2] if k % 5 else None


@pytest.fixture
def stances(tmp_path: Path, base: Path) -> Project:
    """All say the same; what they say it about decides, and some texts have no second one."""
    project = create_project(tmp_path / "stances", ProjectSettings("Stances", LABELS, model=str(base)))
    with writing(project.db) as db:
        add_examples(
            db,
            [
                Example(f"{split}-{k}", f"We want it, says {k}.", LABELS[k % 2], split, pair=about(k))
                for split, size in SIZES.items()
                for k in range(size)
            ],
        )
    return project


def test_features_are_those_of_both_texts(stances: Project) -> None:
    data = encode(stances, settings_of(stances).model, HEAD, 0, quiet)
    same = {one.pair: row for one, row in zip(data.instances, data.features, strict=True) if one.id.endswith("-1")}
    assert set(same) == {"wind farms"}
    with writing(stances.db) as db:
        add_examples(db, [Example("other", "We want it, says 1.", "favour", Split.TRAIN, pair="night buses")])
    again = encode(stances, settings_of(stances).model, HEAD, 0, quiet)
    assert (again.features[-1] - same["wind farms"]).abs().max() > 0.01
    assert again.fingerprint() != data.fingerprint()


@pytest.mark.parametrize("tfidf", ["off", "on"])
def test_the_lines_in_the_card_classify_a_pair_as_the_version_does(
    stances: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tfidf: TfIdf
) -> None:
    version = train(stances, replace(HEAD, tfidf=tfidf), quiet)
    instances, ours = predicted(stances, version.id)
    words = (export_model(stances, version.id, tmp_path / "model", quiet) / "README.md").read_text()
    assert "second text" in words
    [lines] = re.findall(r"```python\n(.*?)\n```", words, re.S)
    one = instances[1]
    code = lines.replace('"A text to classify."', json.dumps(one.text))
    code = code.replace('"Its second text."', json.dumps(one.pair))
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    exec(code, {})  # in a process of its own such lines run in the tests of exporting
    said = capsys.readouterr().out
    label, probability = ours[one.id]
    assert said.startswith(f"['{label}']")
    assert max(map(float, re.findall(r"[\d.]+(?:e-\d+)?", said))) == pytest.approx(probability, abs=1e-5)


def test_a_fine_tuned_version_predicts_pairs_the_same_in_a_plain_pipeline(stances: Project, tmp_path: Path) -> None:
    version = train(stances, TUNED, quiet)
    instances, ours = predicted(stances, version.id)
    folder = export_model(stances, version.id, tmp_path / "model", quiet)
    assert '"text_pair": "Its second text."' in (folder / "README.md").read_text()
    classify = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    given = [{"text": one.text} | ({} if one.pair is None else {"text_pair": one.pair}) for one in instances]
    for one, theirs in zip(instances, [classify(each, truncation=True) for each in given], strict=True):
        label, probability = ours[one.id]
        assert theirs["label"] == label
        assert theirs["score"] == pytest.approx(probability, abs=1e-5)
