"""A version's decision rule: fitted with it, changed without training, and the same in every figure."""

import json
from pathlib import Path

import numpy as np
import pytest
import transformers
from quiet import quiet
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.analysis.ruled import rule_of
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.learning.comparing import changes, compare
from inffeed_core.learning.judging import class_shift
from inffeed_core.learning.model_export import export_model
from inffeed_core.learning.rules_said import rule_said, shift_said
from inffeed_core.learning.training import retrain, train
from inffeed_core.models import deciding
from inffeed_core.models.deciding import DecisionRule, FittedRule
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import ModelVersion
from inffeed_core.settings import DEFAULT_RULE, AnalysisSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
HEAD = TrainSettings(max_tokens=32, rule="argmax")
FAR = (0.0, 1e4)
"""Offsets that decide for the second label everywhere, which nobody can miss."""


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules whose offsets decide for the second label everywhere."""
    fitted = deciding.fit_rules

    def moved(logits: np.ndarray, gold: np.ndarray) -> dict:
        found = fitted(logits, gold)
        rule = DecisionRule("macro-f1", found["calibrated"].rule.temperature, FAR)
        probabilities = found["calibrated"].probabilities
        return found | {"macro-f1": FittedRule(rule, probabilities, rule.decide(logits), 0.0)}

    monkeypatch.setattr("inffeed_core.learning.judging.fit_rules", moved)
    monkeypatch.setattr(deciding, "fit_rules", moved)


def use(project: Project, id: str, rule: str) -> ModelVersion:
    with store.writing(project.db) as db:
        return store.use_rule(db, id, rule, "Ana")


def scores(project: Project) -> dict[str, tuple[str, float]]:
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        assert analysis is not None
        return {row.instance: (row.predicted, row.probability) for row in store.scored(db, analysis.id)}


def test_a_version_starts_with_macro_f1_unless_told_otherwise(small: Project):
    assert train(small, TrainSettings(max_tokens=32), quiet).rule == DEFAULT_RULE == "macro-f1"


def test_a_version_is_trained_with_every_rule_and_starts_with_the_one_asked_for(small: Project):
    version = train(small, HEAD, quiet)
    rules = store.rules_of(version)
    assert version.rule == "argmax"
    assert list(rules) == ["argmax", "calibrated", "macro-f1"]
    assert (rules["argmax"].validation, rules["argmax"].test) == (version.validation, version.test)
    assert rules["calibrated"].validation.macro_f1 == version.validation.macro_f1
    assert rules["calibrated"].test.loss != version.test.loss
    with store.reading(small.db) as db:
        assert [(one.rule, one.by) for one in store.rule_choices(db, "v1")] == [("argmax", "training")]


def test_another_rule_changes_every_figure_at_once_and_back(small: Project, far: None):
    train(small, HEAD, quiet, FEW)
    before = scores(small)
    version = use(small, "v1", "macro-f1")
    assert version.validation == store.rules_of(version)["macro-f1"].validation
    assert version.validation.f1["negative"].value == 0
    assert version.test.f1["negative"].value == 0
    after = scores(small)
    assert {label for label, _ in after.values()} == {"positive"}
    assert {label for label, _ in before.values()} == {"negative", "positive"}
    with store.reading(small.db) as db:
        flags = store.flagged(db, store.analysis_in_use(db).id, "expected-gain")
        assert store.active_version(db).rule == "macro-f1"
        assert store.versions(db)[0].rule == "macro-f1"
    assert {one.row.predicted for one in flags} == {"positive"}
    use(small, "v1", "calibrated")
    calibrated = scores(small)
    assert {id: label for id, (label, _) in calibrated.items()} == {id: label for id, (label, _) in before.items()}
    assert calibrated != before
    use(small, "v1", "argmax")
    assert scores(small) == before


def test_comparisons_flips_and_confusions_follow_the_rules_in_use(small: Project, far: None):
    train(small, HEAD, quiet, FEW)
    second = train(small, TrainSettings(max_tokens=32, l2=0.1, rule="argmax"), quiet, FEW)
    same = compare(small, "v1", "v2").difference
    assert same == pytest.approx(second.report["difference"]["value"])
    use(small, "v2", "macro-f1")
    with store.reading(small.db) as db:
        first, now = store.version(db, "v1"), store.version(db, "v2")
    gone = now.validation.macro_f1.value - first.validation.macro_f1.value
    assert gone < 0
    assert compare(small, "v1", "v2").difference == pytest.approx(gone)
    found = changes(small, "v1", "v2")
    assert {flip.after for flip in found.flips} == {"positive"}
    assert [row[0] for row in found.after] == [0, 0]


def test_retraining_keeps_the_rule_in_use_and_is_compared_under_it(small: Project, far: None):
    train(small, HEAD, quiet, FEW)
    use(small, "v1", "macro-f1")
    version = retrain(small, TrainSettings(max_tokens=32), FEW, quiet)
    assert (version.rule, version.report["difference_rules"]) == ("macro-f1", ["macro-f1", "macro-f1"])
    assert version.report["difference"]["value"] == 0
    chosen = retrain(small, TrainSettings(max_tokens=32, rule="calibrated"), FEW, quiet)
    assert chosen.rule == "calibrated"
    with store.reading(small.db) as db:
        assert store.active_version(db).id == "v3"


def test_versions_of_earlier_releases_use_argmax_and_say_what_to_do(small: Project):
    train(small, HEAD, quiet, FEW)
    with store.writing(small.db) as db:
        [row] = db.query("SELECT report FROM version")
        report = json.loads(row["report"])
        del report["rules"], report["difference_rules"]
        db.conn.execute("UPDATE version SET report = ?", [json.dumps(report)])
        db.conn.execute("DELETE FROM rule_choice")
        db.conn.execute("UPDATE score SET calibrated = NULL, decided = NULL, decided_probability = NULL")
        old = store.version(db, "v1")
    assert (old.rule, store.rules_of(old), rule_of(old)) == ("argmax", {}, DecisionRule("argmax"))
    assert old.validation is not None
    assert len(scores(small)) > 0
    with pytest.raises(NotReady, match="retrain"):
        use(small, "v1", "macro-f1")
    assert use(small, "v1", "argmax").rule == "argmax"
    assert analyse(small, FEW, quiet).version == "v1"


def test_unknown_rules_and_versions_are_refused(small: Project):
    train(small, HEAD, quiet)
    with pytest.raises(NotReady, match="best"):
        use(small, "v1", "best")
    with pytest.raises(NotReady, match="v9"):
        use(small, "v9", "argmax")
    with pytest.raises(SettingsError, match="rule is 'best'"):
        TrainSettings(rule="best")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["argmax", "calibrated", "macro-f1"])
def test_an_exported_pipeline_decides_as_the_app_does(small: Project, tmp_path: Path, kind: str):
    """With offsets that change some decisions, not all; a classifier's last layer gets them."""
    classifier = save_model(tmp_path / "classifier", "BertForSequenceClassification", initializer_range=0.1)
    change_settings(small, model=str(classifier), model_labels={"LABEL_0": "negative", "LABEL_1": "positive"})
    version = train(small, HEAD, quiet, FEW)
    tipped = json.loads(json.dumps(version.report))
    plain = scores(small)
    middle = float(np.median([p if label == "positive" else 1 - p for label, p in plain.values()]))
    tipped["rules"]["macro-f1"]["offsets"] = [0.0, float(np.log((1 - middle) / middle))]
    with store.writing(small.db) as db:
        db.conn.execute("UPDATE version SET report = ?", [json.dumps(tipped)])
    use(small, "v1", kind)
    analyse(small, FEW, quiet)
    ours = scores(small)
    folder = export_model(small, "v1", tmp_path / "model", quiet)
    with store.reading(small.db) as db:
        instances = [one for one in store.instances(db) if one.id in ours]
    classify = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    theirs = classify([one.text for one in instances], truncation=True)
    assert [one["label"] for one in theirs] == [ours[one.id][0] for one in instances]
    config = json.loads((folder / "config.json").read_text())
    assert config["inffeed_decision_rule"]["kind"] == kind
    assert "## How it decides" in (folder / "README.md").read_text()
    if kind != "macro-f1":
        assert [one["score"] for one in theirs] == pytest.approx([ours[one.id][1] for one in instances], abs=1e-5)


def test_a_shift_is_told_from_chance():
    generator = np.random.default_rng(0)
    same = class_shift(generator.integers(0, 2, 300), generator.integers(0, 2, 2000), ["a", "b"])
    assert (same.warns, same.distance < same.by_chance) == (False, True)
    few = class_shift(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0]), ["a", "b"])
    assert not few.warns
    other = class_shift(generator.integers(0, 2, 300), (generator.random(2000) < 0.1).astype(int), ["a", "b"])
    assert other.warns
    assert other.distance == pytest.approx(0.4, abs=0.05)
    certain = class_shift(np.arange(40_000) % 2, (np.arange(40_000) % 25 < 14).astype(int), ["a", "b"])
    assert certain.distance > certain.by_chance
    assert not certain.warns  # certain, and too small to matter
    assert class_shift(np.array([], int), np.array([1]), ["a", "b"]) is None


def test_the_warning_names_the_label_that_differs_most(small: Project, far: None):
    version = train(small, HEAD, quiet)
    rule = store.rules_of(version)["macro-f1"]
    assert shift_said(rule) is None
    shift = store.ClassShift(0.3, 0.1, {"a": 0.2, "b": 0.5, "c": 0.3}, {"a": 0.5, "b": 0.4, "c": 0.1}, True)
    said = shift_said(type(rule)("macro-f1", 1.0, (0.0, 1.0), None, None, 0.02, shift))
    assert "a: 20% against 50%" in said
    assert "+0.020" in rule_said(type(rule)("macro-f1", 1.0, (0.0, 1.0), None, None, 0.02, None))
    assert rule_said(type(rule)("macro-f1", 1.0, (), None, None, -0.02, None)).startswith("It was to decide")
