"""A version tells how many texts were cut or read in windows, by split, and what its tokenizer did not know."""

from pathlib import Path

import pytest
from commands import run
from quiet import quiet
from small import make_small

from inffeed_core import store
from inffeed_core.errors import ModelError, SettingsError
from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.reading import Reading
from inffeed_core.learning.training import retrain, train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Example, Split
from inffeed_core.settings import AnalysisSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
LONG = "It works well " * 30


@pytest.fixture
def lengthy(tmp_path: Path, base: Path) -> Project:
    project = make_small(tmp_path / "project")
    change_settings(project, model=str(base))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(f"long-{n}", f"{LONG} {n}", "positive", Split.SILVER) for n in range(3)])
        store.add_examples(db, [Example("long-v", LONG, "positive", Split.VALIDATION)])
    return project


def test_cut_texts_are_counted_by_split_and_the_maximum_is_offered(lengthy: Project, tmp_path: Path) -> None:
    said = run("train", lengthy.folder, "--max-tokens", 60).stdout
    assert "longer than 60 tokens and were cut there" in said
    assert "silver 3" in said
    assert "The model can read up to 64 tokens at once" in said
    assert "unknown to the tokenizer" in said
    with store.reading(lengthy.db) as db:
        version = store.version(db, "v1")
    read = Reading.of(version)
    assert read is not None
    assert (read.limit, read.most, read.windows, read.long["silver"], read.long["validation"]) == (60, 64, False, 3, 1)
    card = (export_model(lengthy, "v1", tmp_path / "out", quiet) / "README.md").read_text("utf-8")
    assert "were cut there (train 0, validation 1, test 0, silver 3)" in card
    assert "% of the tokens of the texts are unknown" in card


def test_with_windows_nothing_is_cut(lengthy: Project, tmp_path: Path) -> None:
    said = run("retrain", lengthy.folder, "--max-tokens", 60, "--windows").stdout
    assert "were read whole, in windows" in said
    assert "cut there" not in said
    with store.reading(lengthy.db) as db:
        version = store.version(db, "v1")
    assert TrainSettings.from_dict(version.settings).windows
    assert "averaged by their tokens" in (export_model(lengthy, "v1", tmp_path / "o", quiet) / "README.md").read_text()
    assert Reading.of(retrain(lengthy, TrainSettings(max_tokens=60), FEW, quiet)).sentences[0].code == "reading-cut"


def test_the_models_maximum_bounds_what_is_read(lengthy: Project) -> None:
    version = train(lengthy, TrainSettings(max_tokens=8192), quiet)
    read = Reading.of(version)
    assert read is not None
    assert (read.limit, read.most) == (64, 64)
    assert [one.code for one in read.sentences] == ["reading-cut", "reading-whole", "reading-unknown"]


def test_windows_are_for_the_head_alone(lengthy: Project) -> None:
    with pytest.raises(SettingsError, match="Windows are for the method instant"):
        TrainSettings(windows=True, method="lora")
    with pytest.raises(SettingsError, match="through the head alone"):
        retrain(lengthy, TrainSettings(windows=True), AnalysisSettings(scope="all"), quiet)
    with store.reading(lengthy.db) as db:
        assert store.versions(db) == []


@pytest.mark.parametrize("method", ["instant", "fine-tune"])
def test_texts_that_the_tokenizer_does_not_know_are_not_learned(tmp_path: Path, base: Path, method: str) -> None:
    project = make_small(tmp_path / "project")
    change_settings(project, model=str(base))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(f"r{n}", "очень хорошо " * 40, "positive", Split.SILVER) for n in range(20)])
    with pytest.raises(ModelError, match=r"does not know \d+% of the tokens"):
        train(project, TrainSettings(method=method), quiet)
    with store.reading(project.db) as db:
        assert store.versions(db) == []
