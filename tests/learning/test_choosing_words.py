"""TF-IDF beside a version's encoder: what validation prefers, what a retrain keeps, and where it has no place."""

import shutil
from dataclasses import replace
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from quiet import quiet
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, load
from inffeed_core.cli import main
from inffeed_core.cli.version_words import layers_words, trained_words
from inffeed_core.errors import ModelError, NotReady, SettingsError
from inffeed_core.learning import words
from inffeed_core.learning.kept_choices import settings_again
from inffeed_core.learning.layers_said import words_said
from inffeed_core.learning.model_card import card
from inffeed_core.learning.training import retrain, train
from inffeed_core.models.heads import load_head
from inffeed_core.project.encoders import trained_with, words_of
from inffeed_core.project.folder import Project, change_settings, settings_of
from inffeed_core.records import Act, Decision, ModelVersion
from inffeed_core.settings import AnalysisSettings, TrainSettings

HEAD = TrainSettings(max_tokens=32, recipe="plain", layers="last")
WORDS = replace(HEAD, tfidf="on", tfidf_dimensions=7)
FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, explained=5)


def columns(project: Project, version: ModelVersion) -> int:
    return load_head(project.models / version.id).weight.shape[1]


def test_it_stands_beside_the_encoder_and_the_card_tells_it(small: Project) -> None:
    version = train(small, WORDS, quiet, FEW)
    found = words_of(version)
    assert found is not None
    assert (found["dimensions"], found["width"], found["texts"]) == (7, 7, 32)
    assert columns(small, version) == 32 + 7
    told = card(version, settings_of(small), "lines")
    assert "beside them TF-IDF of" in told
    assert "fitted on 32 of the texts" in told
    assert "`scikit-learn`" in told
    assert layers_words(version) == "  TF-IDF"
    assert words_said(version) is None  # nothing was open


def test_without_it_nothing_is_as_before(small: Project) -> None:
    version = train(small, HEAD, quiet)
    assert (words_of(version), columns(small, version)) == (None, 32)
    told = card(version, settings_of(small), "lines")
    assert "TF-IDF" not in told
    assert "scikit-learn" not in told
    assert not (small.models / version.id / "tfidf").exists()
    assert not list(small.features.glob("tfidf*"))


@pytest.mark.parametrize(("losses", "chosen"), [((0.5, 0.6), False), ((0.6, 0.5), True), ((0.5, 0.5), False)])
def test_the_lower_validation_loss_decides_and_none_where_they_are_equal(
    small: Project, monkeypatch: pytest.MonkeyPatch, losses: tuple[float, float], chosen: bool
) -> None:
    found = iter(losses)
    monkeypatch.setattr(words, "judged_by_loss", lambda *_: next(found))
    version = train(small, replace(HEAD, tfidf="auto"), quiet)
    assert (words_of(version) is not None) == chosen
    said = words_said(version)
    assert said is not None
    assert f"{losses[1]:.3f} nats with it, {losses[0]:.3f} without" in said
    assert said in trained_words(small, version, None)


def test_it_is_judged_beside_the_layers_that_were_chosen(small: Project) -> None:
    version = train(small, replace(HEAD, layers="auto", tfidf="auto"), quiet)
    tried, layers = version.report["tfidf_tried"], version.report["layers_tried"]
    assert isinstance(tried, dict)
    assert isinstance(layers, dict)
    assert tried["off"] == min(layers.values())
    assert (words_of(version) is not None) == (tried["on"] < tried["off"])


def test_an_instant_retrain_keeps_it_and_its_penalty(small: Project) -> None:
    first = train(small, WORDS, quiet, FEW)
    promoted(small, first)
    second = retrain(small, HEAD, FEW, quiet)
    assert words_of(second) == words_of(first)
    assert second.report["l2"] == first.report["l2"]
    again = settings_again(second)
    assert (again.tfidf, again.tfidf_dimensions) == ("on", 7)
    assert settings_again(train(small, HEAD, quiet)).tfidf == "off"


@pytest.mark.parametrize("asked", [{"tfidf": "off"}, {"tfidf_dimensions": 5}])
def test_another_one_is_fitted_anew(small: Project, asked: dict[str, Any]) -> None:
    promoted(small, train(small, replace(WORDS, l2=0.1), quiet, FEW))
    second = retrain(small, replace(HEAD, **asked), FEW, quiet)
    assert columns(small, second) == 32 + asked.get("tfidf_dimensions", 0)
    assert second.settings["l2"] is None


def test_nothing_is_foretold_of_a_head_on_other_features(small: Project) -> None:
    promoted(small, train(small, replace(WORDS, l2=0.1), quiet, FEW))
    for number, asked in enumerate(({}, {"tfidf": "off"})):
        with store.writing(small.db) as db:
            store.record_decision(db, Decision(f"k{number}", f"silver-{number}", "anna", Act.RELABEL, "negative"))
            store.record_decision(db, Decision(f"l{number}", f"silver-{number + 3}", "anna", Act.RELABEL, "positive"))
        version = retrain(small, replace(HEAD, l2=0.1, **asked), FEW, quiet)
        assert (version.report["foretold"] is None) == bool(asked)
        promoted(small, version)


def test_another_encoder_starts_without(small: Project, tmp_path) -> None:
    promoted(small, train(small, WORDS, quiet, FEW))
    other = str(save_model(tmp_path / "other", "BertModel", seed=1))
    assert words_of(retrain(small, HEAD, FEW, quiet, model=other)) is None


def promoted(project: Project, version: ModelVersion) -> None:
    with store.writing(project.db) as db:
        store.promote(db, version.id, "test")


def test_the_features_folder_is_only_a_cache(small: Project) -> None:
    version = train(small, WORDS, quiet)
    before = load(small, FEW, quiet).data.features.clone()
    shutil.rmtree(small.features)
    torch.testing.assert_close(load(small, FEW, quiet).data.features, before)
    (small.models / version.id / "tfidf" / "tfidf.json").unlink()
    with pytest.raises(ModelError, match="restore that folder from a backup"):
        load(small, FEW, quiet)


def test_a_parent_whose_vectorizer_is_gone_is_compared_by_its_stored_predictions(small: Project) -> None:
    first = train(small, WORDS, quiet, FEW)
    shutil.rmtree(small.models / first.id / "tfidf")
    second = train(small, HEAD, quiet, FEW)
    assert second.report["difference"] is not None


def test_the_vectorizer_never_saw_held_out_texts(small: Project) -> None:
    version = train(small, WORDS, quiet)
    terms = (small.models / version.id / "tfidf" / "tfidf.json").read_text()
    assert '"silver"' in terms
    assert '"validation"' not in terms
    assert '"test"' not in terms


@pytest.mark.parametrize("scope", ["last-block", "all"])
def test_influence_beyond_the_head_is_refused_beforehand(small: Project, scope: Any) -> None:
    with pytest.raises(SettingsError, match="through the head alone"):
        train(small, WORDS, quiet, replace(FEW, scope=scope))
    promoted(small, train(small, WORDS, quiet, FEW))
    with pytest.raises(SettingsError, match="through the head alone"):
        analyse(small, replace(FEW, scope=scope), quiet)
    with pytest.raises(SettingsError, match="through the head alone"):  # which keeps it
        retrain(small, HEAD, replace(FEW, scope=scope), quiet)
    given_up = train(small, replace(HEAD, tfidf="auto"), quiet, replace(FEW, scope=scope))
    assert words_of(given_up) is None


@pytest.mark.parametrize("method", ["fine-tune", "lora"])
def test_a_transformer_that_is_trained_takes_nothing_beside_it(method: Any) -> None:
    assert TrainSettings(method=method, tfidf="auto").tfidf == "auto"
    with pytest.raises(SettingsError, match="Choose TF-IDF off, or auto"):
        TrainSettings(method=method, tfidf="on")


@pytest.mark.parametrize("wrong", [{"tfidf": "yes"}, {"tfidf_dimensions": 1}, {"tfidf_dimensions": 1.5}])
def test_unknown_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        TrainSettings.from_dict(wrong)


def test_a_classifier_takes_nothing_beside_it(small: Project, tmp_path) -> None:
    change_settings(small, model=str(save_model(tmp_path / "classifier", "BertForSequenceClassification")))
    assert words_of(train(small, replace(HEAD, tfidf="auto"), quiet)) is None
    with pytest.raises(ModelError, match="sequence classifier.*--tfidf off"):
        train(small, WORDS, quiet)


def test_texts_that_share_no_word_are_told(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inffeed_core.models.tfidf.FEWEST", 1000)
    assert words_of(train(small, replace(HEAD, tfidf="auto"), quiet)) is None
    with pytest.raises(NotReady, match="hardly a word stands in two"):
        train(small, WORDS, quiet)


def test_the_commands_take_and_tell_it(small: Project) -> None:
    arguments = [str(small.folder), "--max-tokens", "32", "--tfidf", "on", "--tfidf-dimensions", "5"]
    said = CliRunner().invoke(main, ["train", *arguments])
    assert said.exit_code == 0, said.output
    assert "TF-IDF" in CliRunner().invoke(main, ["versions", str(small.folder)]).output
    refused = CliRunner().invoke(main, ["train", *arguments, "--method", "lora"])
    assert refused.exit_code != 0
    assert "Choose TF-IDF off, or auto" in refused.output


def test_windows_count_the_whole_text(small: Project) -> None:
    version = train(small, replace(WORDS, windows=True, max_tokens=8), quiet, FEW)
    assert columns(small, version) == 39
    assert trained_with(version).windows
