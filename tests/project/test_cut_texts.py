"""After an import it is told how many texts training will cut, by split, without loading a model."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import run, write
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.models import here
from inffeed_core.project.cut_texts import cut_texts
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Example, Split

LONG = "It works well " * 30


@pytest.fixture
def lengthy(tmp_path: Path, base: Path) -> Project:
    project = make_small(tmp_path / "project")
    change_settings(project, model=str(base))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(f"long-{n}", f"{LONG} {n}", "positive", Split.SILVER) for n in range(3)])
        store.add_examples(db, [Example("pair", "good", "positive", Split.TRAIN, pair=LONG)])
    return project


def test_long_texts_are_counted_by_split(lengthy: Project) -> None:
    said = cut_texts(lengthy)
    assert said is not None
    assert said.values["limit"] == 64
    assert [said.values[s] for s in ("train", "validation", "test", "silver", "all")] == [1, 0, 0, 3, 52]


def test_nothing_is_said_where_nothing_is_cut(project: Project) -> None:
    assert cut_texts(project) is None


def test_nothing_is_said_where_nothing_can_be_told(lengthy: Project, tmp_path: Path) -> None:
    change_settings(lengthy, model="some/hub-model-that-is-not-here")
    assert cut_texts(lengthy) is None
    change_settings(lengthy, model=str(tmp_path / "gone"))
    assert cut_texts(lengthy) is None


def test_of_very_many_long_texts_some_are_counted(lengthy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "COUNTED", 2)
    said = cut_texts(lengthy)
    assert said is not None
    assert said.startswith("About ")
    assert sum(said.values[s] for s in ("train", "validation", "test", "silver")) == said.values["long"]


def test_an_import_tells_it(tmp_path: Path, base: Path) -> None:
    run("new", tmp_path / "p", "--labels", "a,b", "--model", base)
    file = write(tmp_path / "f.csv", ["text,label", "short,a", f"{LONG},b"])
    said = run("import", tmp_path / "p", file, "--split", "train").stderr
    assert "1 of the project's 2 texts is longer than the 64 tokens that training reads" in said
    assert "--windows" in said


def test_it_takes_neither_torch_nor_transformers(lengthy: Project) -> None:
    code = (
        "import sys; from pathlib import Path; from inffeed_core.project.cut_texts import cut_texts; "
        f"from inffeed_core.project.folder import Project; print(cut_texts(Project(Path({str(lengthy.folder)!r})))); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 of the project's 52 texts are longer")


def test_a_classifiers_own_labels_are_told_without_loading_it(tmp_path: Path, base: Path) -> None:
    model = save_model(tmp_path / "m", "BertForSequenceClassification", id2label={0: "x", 1: "y"})
    assert here.own_labels(str(model)) == ("x", "y")
    assert here.own_labels(str(base)) is None
    assert here.own_labels("some/hub-model-that-is-not-here") is None
