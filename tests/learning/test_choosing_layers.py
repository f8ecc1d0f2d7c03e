"""Which layers a version pools: what validation prefers, what a retrain keeps, and what is read again."""

from dataclasses import replace

import pytest
import torch
from quiet import quiet
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, explain
from inffeed_core.errors import OnlyLastLayer, SettingsError
from inffeed_core.influence import HeadData
from inffeed_core.learning import layers as choosing
from inffeed_core.learning.kept_choices import settings_again
from inffeed_core.learning.layers import choose_layers
from inffeed_core.learning.layers_said import layers_said
from inffeed_core.learning.training import retrain, train
from inffeed_core.models.heads import load_head
from inffeed_core.project.encoders import layers_of, trained_with
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import ModelVersion
from inffeed_core.settings import AnalysisSettings, Layers, Scope, TrainSettings

HEAD = TrainSettings(max_tokens=32, recipe="plain")
FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, explained=5)


def columns(project: Project, version: ModelVersion) -> int:
    return load_head(project.models / version.id).weight.shape[1]


def clouds(apart: float) -> tuple[HeadData, tuple[torch.Tensor, torch.Tensor]]:
    """Two classes whose features lie so far apart, in noise that is always the same."""
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(400) % 2
    features = torch.randn(400, 3, generator=chance) + apart * labels.unsqueeze(1)
    return HeadData(features[:300], labels[:300], 2), (features[300:], labels[300:])


def test_the_lower_validation_loss_decides_and_the_last_layer_where_they_are_equal() -> None:
    assert choose_layers({"last": clouds(0.5), "middle+last": clouds(1.0)}).layers == "middle+last"
    assert choose_layers({"last": clouds(1.0), "middle+last": clouds(0.5)}).layers == "last"
    assert choose_layers({"last": clouds(1.0), "middle+last": clouds(1.0)}).layers == "last"


def test_of_many_texts_as_many_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_FITTED", 100)
    choice = choose_layers({"last": clouds(0.5), "middle+last": clouds(1.0)})
    assert choice.layers == "middle+last"
    assert choice.tried != choose_layers({"last": clouds(0.5), "middle+last": clouds(1.2)}).tried


def test_a_version_keeps_and_tells_what_validation_chose(small: Project) -> None:
    version = train(small, HEAD, quiet)
    tried = version.report["layers_tried"]
    assert isinstance(tried, dict)
    assert layers_of(version) == ("middle+last" if tried["middle+last"] < tried["last"] else "last")
    assert columns(small, version) == (64 if layers_of(version) == "middle+last" else 32)
    assert f"{tried['last']:.3f}" in str(layers_said(version))


@pytest.mark.parametrize("layers", ["last", "middle+last"])
def test_an_instant_retrain_keeps_the_layers(small: Project, layers: Layers) -> None:
    first = train(small, replace(HEAD, layers=layers), quiet, FEW)
    with store.writing(small.db) as db:
        store.promote(db, first.id, "test")
    second = retrain(small, HEAD, FEW, quiet)
    assert layers_of(first) == layers_of(second) == layers
    assert second.report["l2"] == first.report["l2"]
    assert settings_again(second).layers == layers
    assert layers_said(second) is None


def test_other_layers_are_fitted_anew(small: Project) -> None:
    train(small, replace(HEAD, layers="last", l2=0.1), quiet, FEW)
    second = retrain(small, replace(HEAD, layers="middle+last"), FEW, quiet)
    assert layers_of(second) == "middle+last"
    assert second.settings["l2"] is None
    assert columns(small, second) == 64


@pytest.mark.parametrize("scope", ["head", "last-block", "all"])
def test_every_scope_reads_the_layers_of_the_version(small: Project, scope: Scope) -> None:
    version = train(small, replace(HEAD, layers="middle+last"), quiet)
    found = analyse(small, replace(FEW, scope=scope), quiet)
    explain(small, [_first(small)], quiet)
    with store.reading(small.db) as db:
        assert store.scored(db, found.id)
    assert columns(small, version) == 64


def _first(project: Project) -> str:
    with store.reading(project.db) as db:
        return next(iter(store.instances(db))).id


def test_a_version_of_an_earlier_release_has_the_last_layer(small: Project) -> None:
    version = train(small, replace(HEAD, layers="last"), quiet)
    told = {name: value for name, value in version.settings.items() if name != "layers"}
    before = replace(version, settings=told, report={"l2": 0.1})
    assert trained_with(before).layers == settings_again(before).layers == "last"


def test_a_classifier_has_only_its_last_layer(small: Project, tmp_path) -> None:
    change_settings(small, model=str(save_model(tmp_path / "classifier", "BertForSequenceClassification")))
    assert layers_of(train(small, HEAD, quiet)) == "last"
    with pytest.raises(OnlyLastLayer, match="Choose the layers last"):
        train(small, replace(HEAD, layers="middle+last"), quiet)


@pytest.mark.parametrize("other", [{"method": "fine-tune"}, {"precision": "int8"}])
def test_what_has_only_the_last_layer_is_told_at_once(other: dict[str, str]) -> None:
    assert TrainSettings.from_dict(other).layers == "auto"
    with pytest.raises(SettingsError, match="layers last"):
        TrainSettings.from_dict({"layers": "middle+last", **other})


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(SettingsError, match="'first'; expected one of"):
        TrainSettings.from_dict({"layers": "first"})
