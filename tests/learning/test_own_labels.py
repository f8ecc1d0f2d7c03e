"""A classifier's own labels: matched by name or position, or named by the user; never a dead end."""

import json
from pathlib import Path

import pytest
from commands import answer, run
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.project.folder import Project, change_settings, settings_of
from inffeed_core.records import ModelVersion


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of LABEL_0, LABEL_1 and LABEL_2."""
    return save_model(tmp_path_factory.mktemp("three"), "BertForSequenceClassification", num_labels=3)


@pytest.fixture
def small(tmp_path: Path, three: Path) -> Project:
    project = make_small(tmp_path / "project")
    change_settings(project, model=str(three))
    return project


def newest(project: Project) -> ModelVersion:
    with store.reading(project.db) as db:
        return store.versions(db)[-1]


def trained(project: Project, *arguments: object, code: int = 0) -> str:
    done = run("train", project.folder, "--max-tokens", 32, *arguments, code=code)
    return done.stdout if code == 0 else done.stderr


def test_unnamed_labels_stop_nothing_and_say_how_they_are_named(small: Project) -> None:
    said = trained(small)
    assert "do not match the project's ['negative', 'positive']" in said
    assert "--model-labels OWN=PROJECT" in said
    assert newest(small).report["head_agreement"] is None


@pytest.mark.parametrize("how", ["pairs", "json"])
def test_named_labels_become_the_projects(small: Project, how: str) -> None:
    wanted = {"LABEL_0": "negative", "LABEL_1": "positive", "LABEL_2": "positive"}
    pairs = [x for own, ours in wanted.items() for x in ("--model-labels", f"{own}={ours}")]
    said = trained(small, *(pairs if how == "pairs" else ("--model-labels", json.dumps(wanted))))
    assert "The refitted head" in said
    assert settings_of(small).model_labels == wanted
    assert newest(small).report["head_agreement"] is not None
    trained(small)
    assert newest(small).report["head_agreement"] is not None


def test_names_of_another_model_are_forgotten_with_it(small: Project, three: Path, base: Path) -> None:
    change_settings(small, model_labels={"LABEL_0": "negative", "LABEL_1": "positive", "LABEL_2": "positive"})
    trained(small, "--model", base)
    assert settings_of(small).model_labels == {}


@pytest.mark.parametrize(
    ("entries", "code", "expected"),
    [
        (["LABEL_0=negative"], 1, "leaves out"),
        (["LABEL_0=negative", "LABEL_1=positive", "LABEL_2=positive", "OTHER=positive"], 1, "OTHER"),
        (["LABEL_0=neutral"], 2, "one of the project's labels: negative, positive"),
        (["negative"], 2, "names no pair"),
        (["=negative"], 2, "names no pair"),
        (["{"], 2, "cannot be read as JSON"),
        (['{"LABEL_0": "neutral"}'], 2, "is no object from the model's labels to the project's"),
        (['{"LABEL_0": 1}'], 2, "is no object"),
    ],
)
def test_names_that_fit_nothing_are_refused_before_anything_is_trained(
    small: Project, entries: list[str], code: int, expected: str
) -> None:
    said = trained(small, *(x for entry in entries for x in ("--model-labels", entry)), code=code)
    assert expected in said
    with store.reading(small.db) as db:
        assert store.versions(db) == []


def test_an_encoder_without_labels_says_so(small: Project, base: Path) -> None:
    said = trained(small, "--model", base, "--model-labels", "LABEL_0=negative", code=1)
    assert "is no classifier with labels of its own" in said


def test_labels_that_hold_an_equals_sign_are_reached(tmp_path: Path) -> None:
    run("new", tmp_path / "p", "--labels", "a=b,b")
    told = answer("settings", tmp_path / "p", "--model-labels", "x=y=a=b", "--model-labels", "z=b")
    assert told["model_labels"] == {"x=y": "a=b", "z": "b"}
