"""Labels of rules, classifiers and the project's own gold."""

from pathlib import Path

import pytest
from quiet import quiet
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.errors import ModelError, NotReady, SettingsError
from inffeed_core.labelling.labelling import label
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import SilverLabel, SourceKind, Split

RULES = """
def broken(text):
    return "negative" if _has(text, "broke") else None

def happy(text, pair=None):
    assert pair is None
    return "positive" if _has(text, "works") else None

def _has(text, word):
    return word in text
"""


def labels_of(project: Project, source: str) -> dict[str, SilverLabel]:
    with store.reading(project.db) as db:
        return {one.instance_id: one for one in store.silver_labels(db) if one.source == source}


def truth(project: Project) -> dict[str, str]:
    with store.reading(project.db) as db:
        return {i.id: "negative" if "broke" in i.text else "positive" for i in store.instances(db, list(Split))}


def rules(tmp_path: Path, text: str) -> LabelSettings:
    path = tmp_path / "rules.py"
    path.write_text(text, encoding="utf-8")
    return LabelSettings(means="rules", rules=str(path))


def test_each_function_of_a_file_is_a_source(project: Project, tmp_path: Path) -> None:
    label(project, rules(tmp_path, RULES), quiet)

    broken, right = labels_of(project, "broken"), truth(project)
    assert broken
    assert {one.label for one in broken.values()} == {"negative"}
    assert set(broken) == {id for id, is_so in right.items() if is_so == "negative" and not id.startswith("test")}
    assert set(broken) | set(labels_of(project, "happy")) == {id for id in right if not id.startswith("test")}
    with store.reading(project.db) as db:
        assert {one.kind for one in store.sources(db) if one.name in ("broken", "happy")} == {SourceKind.RULE}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "defines no function"),
        ("def f(text): return 'nice'", "returned 'nice' for the text"),
        ("def f(text): return 1", "returned 1"),
        ("def f(text): return text.missing", "failed on the text train-0: AttributeError"),
        ("def f(): return 'positive'", "takes 0 arguments"),
        ("def f(a, b, c): return 'positive'", "takes 3 arguments"),
        ("import nowhere\ndef f(text): return None", "cannot be run: ModuleNotFoundError"),
        ("raise SystemExit(3)\ndef f(text): return None", "cannot be run: SystemExit"),
        ("def f(text) return", "is no Python program"),
        ("from os.path import join", "defines no function"),
    ],
)
def test_rules_that_cannot_work_are_told_and_change_nothing(
    project: Project, tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        label(project, rules(tmp_path, text), quiet)

    assert labels_of(project, "f") == {}


def test_changed_rules_replace_their_labels_only_when_asked(project: Project, tmp_path: Path) -> None:
    label(project, rules(tmp_path, "def f(text): return 'positive'"), quiet)

    with pytest.raises(SettingsError, match="sha256 differs"):
        label(project, rules(tmp_path, "def f(text): return None"), quiet)
    changed = rules(tmp_path, "def f(text): return 'negative' if 'broke' in text else None")
    label(project, LabelSettings.from_dict(changed.as_dict() | {"again": True}), quiet)

    assert {one.label for one in labels_of(project, "f").values()} == {"negative"}


def test_a_model_of_the_gold_labels_texts_that_it_has_not_seen(project: Project, base: Path) -> None:
    change_settings(project, model=str(base))

    label(project, LabelSettings(means="own"), quiet)

    found, right = labels_of(project, "gold model"), truth(project)
    silver = [id for id in right if id.startswith("silver")]
    assert set(found) == {id for id in right if not id.startswith("test")}
    assert sum(found[id].label == right[id] for id in silver) >= 18
    assert all(0.5 <= (one.confidence or 0) <= 1 for one in found.values())


def test_a_model_of_the_gold_needs_gold(tmp_path: Path, base: Path) -> None:
    from inffeed_core.project.folder import create_project
    from inffeed_core.records import Example
    from inffeed_core.settings import ProjectSettings

    empty = create_project(tmp_path / "empty", ProjectSettings("Empty", ("a", "b"), model=str(base)))
    with store.writing(empty.db) as db:
        store.add_examples(db, [Example("s", "a text", "", Split.SILVER)])

    with pytest.raises(NotReady, match="0 train and 0 validation"):
        label(empty, LabelSettings(means="own"), quiet)


def test_a_classifier_labels_by_its_own_head(project: Project, tmp_path: Path) -> None:
    names = {0: "good", 1: "bad", 2: "awful"}
    model = str(save_model(tmp_path / "m", "BertForSequenceClassification", num_labels=3, id2label=names))
    mapping = {"good": "positive", "bad": "negative", "awful": "negative"}

    with pytest.raises(ModelError, match="do not match"):
        label(project, LabelSettings(means="classifier", model=model), quiet)
    label(project, LabelSettings(means="classifier", model=model, labels=mapping, name="three"), quiet)

    found = labels_of(project, "three")
    assert len(found) == 40
    expected = by_pipeline(model, project)
    for id, one in found.items():
        sums = {"positive": expected[id]["good"], "negative": expected[id]["bad"] + expected[id]["awful"]}
        assert one.label == max(sums, key=sums.__getitem__)
        assert one.confidence == pytest.approx(max(sums.values()), abs=1e-5)


def by_pipeline(model: str, project: Project) -> dict[str, dict[str, float]]:
    """What transformers' own pipeline says."""
    from transformers import pipeline

    classify = pipeline("text-classification", model=model, top_k=None)
    with store.reading(project.db) as db:
        texts = list(store.instances(db, [Split.TRAIN, Split.VALIDATION, Split.SILVER]))
    said = classify([one.text for one in texts], truncation=True, max_length=64)
    return {one.id: {p["label"]: p["score"] for p in of} for one, of in zip(texts, said, strict=True)}


def test_zero_shot_asks_about_each_label(project: Project, tmp_path: Path) -> None:
    from transformers import pipeline

    names = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}
    ids = {name: i for i, name in names.items()}
    model = str(
        save_model(
            tmp_path / "nli", "BertForSequenceClassification", id2label=names, label2id=ids, max_position_embeddings=256
        )
    )
    words = {"negative": "anger"}

    label(project, LabelSettings(means="zero-shot", model=model, name="nli", descriptions=words), quiet)

    found = labels_of(project, "nli")
    classify = pipeline("zero-shot-classification", model=model)
    with store.reading(project.db) as db:
        text = next(iter(store.instances(db, [Split.SILVER])))
    said = classify(text.text, ["anger", "positive"], hypothesis_template="This text is about {}.")
    best = {"anger": "negative", "positive": "positive"}[said["labels"][0]]
    assert found[text.id].label == best
    assert found[text.id].confidence == pytest.approx(said["scores"][0], abs=1e-5)


def test_a_bare_encoder_is_no_classifier(project: Project, base: Path) -> None:
    with pytest.raises(ModelError, match="no sequence classifier"):
        label(project, LabelSettings(means="classifier", model=str(base)), quiet)


def test_zero_shot_needs_a_label_called_entailment(project: Project, tmp_path: Path) -> None:
    names = {0: "x", 1: "y"}
    model = str(save_model(tmp_path / "m", "BertForSequenceClassification", num_labels=2, id2label=names))

    with pytest.raises(ModelError, match="entailment"):
        label(project, LabelSettings(means="zero-shot", model=model), quiet)


def test_the_same_labels_again_count_as_no_change(project: Project, tmp_path: Path) -> None:
    label(project, rules(tmp_path, RULES), quiet)
    with store.writing(project.db) as db:
        store.choose_silver(db, "broken", "ada")
        before, said = store.silver_clock(db), labels_of(project, "broken").keys()
    again = LabelSettings.from_dict(rules(tmp_path, RULES).as_dict() | {"again": True})
    label(project, again, quiet)
    with store.reading(project.db) as db:
        assert (store.silver_clock(db), labels_of(project, "broken").keys()) == (before, said)
    rules(tmp_path, RULES.replace('"broke")', '"nothing of the kind")'))
    label(project, again, quiet)
    assert not labels_of(project, "broken")
