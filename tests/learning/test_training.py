"""Training and analysis on the sample project, with features that one run of the tests computes once.

What a training leaves to see, and when, is looked at on the small project.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from quiet import quiet
from small import LABELS, active, examples, explained
from transformers import BertConfig, BertForSequenceClassification

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, explain
from inffeed_core.errors import Cancelled, NotReady, UnknownInstance
from inffeed_core.flags.policies import POLICIES
from inffeed_core.influence import fit_head
from inffeed_core.learning.training import retrain, train
from inffeed_core.models.heads import load_head
from inffeed_core.project import encoded
from inffeed_core.project.encoded import Material, encode, stored_fit
from inffeed_core.project.folder import Project, create_project, settings_of
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.settings import AnalysisSettings, ProjectSettings, Recipe, TrainSettings
from inffeed_core.silver import beliefs as believing
from inffeed_core.silver.beliefs import beliefs as fitted_beliefs
from inffeed_core.store import instances as store_instances

FEW = AnalysisSettings(influencers=3, harmed=2, folds=3)


def relabel(project: Project, *ids: str) -> None:
    with store.writing(project.db) as db:
        for id in ids:
            other = "negative" if store.instance(db, id).label == "positive" else "positive"
            store.record_decision(db, Decision(f"token-{id}", id, "Ada", Act.RELABEL, other))


def some_silver(project: Project, count: int) -> list[str]:
    with store.reading(project.db) as db:
        return [one.id for one in store.instances(db, [Split.SILVER])][:count]


def test_the_first_version_is_promoted_and_tells_what_it_learned_from(sample: Project):
    version = train(sample, TrainSettings(), quiet)
    assert (version.id, version.parent, active(sample).id) == ("v1", None, "v1")
    assert version.train_counts == {"gold": 80, "silver_confirmed": 0, "silver": 300}
    assert version.validation is not None
    assert (version.validation.n, set(version.validation.f1)) == (100, {"negative", "positive"})
    assert version.test is not None
    assert version.test.n == 120
    assert version.report["difference"] is None
    assert load_head(sample.models / "v1").labels == ("negative", "positive")


def test_retraining_turns_corrections_into_gold_and_keeps_l2_and_the_old_version(trained: Project):
    before = active(trained)
    files = {p.name: p.read_bytes() for p in (trained.models / "v1").iterdir()}
    relabel(trained, *some_silver(trained, 5))
    version = retrain(trained, TrainSettings(), FEW, quiet)
    assert (version.id, version.parent) == ("v2", "v1")
    assert version.train_counts == {"gold": 80, "silver_confirmed": 5, "silver": 295}
    assert version.report["l2"] == before.report["l2"]
    assert version.data_hash != before.data_hash
    assert {p.name: p.read_bytes() for p in (trained.models / "v1").iterdir()} == files
    with store.reading(trained.db) as db:
        assert store.version(db, "v1") == before
        analysis = store.latest_analysis(db, active(trained).id)
    assert analysis is not None


def test_same_data_and_settings_give_the_same_weights(trained: Project):
    again = train(trained, TrainSettings(), quiet)
    first, second = load_head(trained.models / "v1"), load_head(trained.models / again.id)
    assert again.data_hash == active(trained).data_hash
    torch.testing.assert_close(first.weight, second.weight, atol=1e-9, rtol=1e-9)


def test_a_significantly_worse_version_is_kept_but_not_promoted(sample: Project):
    good = train(sample, TrainSettings(l2=1e-3, recipe="plain"), quiet)
    with store.reading(sample.db) as db:
        right = list(store.instances(db, [Split.TRAIN]))
    relabel(sample, *[one.id for one in right])  # all gold turned round
    bad = train(sample, TrainSettings(l2=1e-4, silver_weight=0.0, recipe="plain"), quiet)
    difference = bad.report["difference"]
    assert isinstance(difference, dict)
    assert difference["high"] < 0
    assert active(sample).id == good.id
    with store.reading(sample.db) as db:
        assert [v.id for v in store.versions(db)] == ["v1", "v2"]


def test_the_analysis_ranks_all_unconfirmed_silver_by_every_policy(trained: Project):
    relabel(trained, *some_silver(trained, 2))
    train(trained, TrainSettings(), quiet)
    analysis = analyse(trained, FEW, quiet)
    with store.reading(trained.db) as db:
        for policy in POLICIES:
            ranked = store.flagged(db, analysis.id, policy, store.DECIDED_TOO, limit=1000)
            assert [r.rank for r in ranked] == list(range(1, 299))
            assert sorted((r.score for r in ranked), reverse=True) == [r.score for r in ranked]
        rows = store.scored(db, analysis.id)
    assert len(rows) == 600
    assert sum(row.suggested is not None for row in rows) == 298


def test_evidence_has_the_right_signs_order_and_splits(trained: Project):
    analysis = analyse(trained, FEW, quiet)
    with store.reading(trained.db) as db:
        (first,) = store.flagged(db, analysis.id, "negative-influence", limit=1)
        evidence = store.evidence_for(db, analysis.id, [first.row.instance])[first.row.instance]
    helpful = [i.influence for i in evidence.supporters]
    harmful = [i.influence for i in evidence.opposers]
    harmed = [i.influence for i in evidence.harmed]
    assert helpful == sorted(helpful, reverse=True)
    assert min(helpful) > 0 > max(harmful)
    assert harmful == sorted(harmful)
    assert harmed == sorted(harmed)
    assert max(harmed) < 0
    learned = {Split.TRAIN, Split.SILVER}
    assert {i.split for i in evidence.supporters + evidence.opposers} <= learned
    assert {i.split for i in evidence.harmed} == {Split.VALIDATION}
    assert first.row.instance not in {i.id for i in evidence.supporters + evidence.opposers}


def test_an_analysis_repeats_exactly(trained: Project):
    first, second = analyse(trained, FEW, quiet), analyse(trained, FEW, quiet)
    with store.reading(trained.db) as db:
        assert store.scored(db, first.id) == store.scored(db, second.id)
        for policy in POLICIES:
            a, b = (store.flagged(db, one.id, policy, limit=50) for one in (first, second))
            assert a == b
        assert explained(db, first.id) == explained(db, second.id)


def test_explaining_adds_what_the_analysis_left_out(trained: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inffeed_core.analysis.analysing.EXPLAIN_ALL_PAIRS", 1)
    analysis = analyse(trained, replace(FEW, explained=2), quiet)
    with store.reading(trained.db) as db:
        found = explained(db, analysis.id)
        held_out = next(one.id for one in store.instances(db, [Split.TEST]))
    assert held_out not in found
    assert 2 <= len(found) <= 2 * len(POLICIES)
    explain(trained, [held_out], quiet)
    with store.reading(trained.db) as db:
        evidence = store.evidence_for(db, analysis.id, [held_out])[held_out]
    assert len(evidence.supporters) == len(evidence.opposers) == 3
    with pytest.raises(UnknownInstance, match="nobody"):
        explain(trained, ["nobody"], quiet)


def test_left_out_instances_ask_for_a_retrain_first(trained: Project):
    with store.writing(trained.db) as db:
        store.exclude(db, some_silver(trained, 1), "leak")
    with pytest.raises(NotReady, match="retrain first"):
        analyse(trained, FEW, quiet)
    retrain(trained, TrainSettings(), FEW, quiet)
    assert active(trained).train_counts["silver"] == 299


@pytest.mark.parametrize("stage", ["Fitting the model", "Scoring", "Finding influencers", "Saving the version"])
def test_cancelling_at_any_stage_leaves_the_project_as_it_was(analysed: Project, stage: str):
    relabel(analysed, *some_silver(analysed, 5))
    before = what_others_see(analysed)

    def stop(now: str, done: int, total: int) -> None:
        if now == stage:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        retrain(analysed, TrainSettings(), FEW, stop)
    assert what_others_see(analysed) == before
    assert retrain(analysed, TrainSettings(), FEW, quiet).id == "v2"


def what_others_see(project: Project) -> tuple[object, ...]:
    """The active version, all versions and analyses, the open flags, and the files of the models."""
    with store.reading(project.db) as db:
        analyses = [row["id"] for row in db.query("SELECT id FROM analysis")]
        versions, now = [v.id for v in store.versions(db)], store.active_version(db)
    files = sorted(str(path.relative_to(project.models)) for path in project.models.rglob("*"))
    return now and now.id, versions, analyses, status(project).open_flags, files


@pytest.mark.parametrize("recipe", ["plain", "auto"])
def test_nobody_ever_sees_a_version_without_its_analysis(analysed: Project, recipe: Recipe):
    before, seen = what_others_see(analysed), []
    retrain(analysed, TrainSettings(recipe=recipe), FEW, lambda *_: seen.append(what_others_see(analysed)[:4]))
    assert set(map(str, seen)) == {str(before[:4])}
    assert active(analysed).id == "v2"
    with store.reading(analysed.db) as db:
        assert store.analysis_in_use(db).version == "v2"


def test_a_version_that_is_held_back_has_its_analysis_and_the_flags_stay(sample: Project):
    retrain(sample, TrainSettings(l2=1e-3, recipe="plain"), FEW, quiet)
    with store.reading(sample.db) as db:
        right = list(store.instances(db, [Split.TRAIN]))
        flags = store.analysis_in_use(db)
    relabel(sample, *[one.id for one in right])  # all gold turned round
    bad = retrain(sample, TrainSettings(l2=1e-4, silver_weight=0.0, recipe="plain"), FEW, quiet)
    with store.reading(sample.db) as db:
        assert (store.active_version(db).id, store.analysis_in_use(db)) == ("v1", flags)
        assert store.latest_analysis(db, bad.id) is not None


def test_training_alone_takes_no_flags_from_the_room(trained: Project):
    analyse(trained, FEW, quiet)
    assert train(trained, TrainSettings(), quiet).id == "v2"
    assert active(trained).id == "v1"


def test_who_chooses_another_version_meanwhile_is_not_overruled(analysed: Project):
    retrain(analysed, TrainSettings(), FEW, quiet)

    def roll_back(stage: str, done: int, total: int) -> None:
        if stage == "Finding influencers" and active(analysed).id != "v1":
            with store.writing(analysed.db) as db:
                store.promote(db, "v1", "Ana")

    retrain(analysed, TrainSettings(), FEW, roll_back)
    assert active(analysed).id == "v1"


def test_what_is_missing_is_said(tmp_path: Path, project: Project):
    nothing = create_project(tmp_path / "empty", ProjectSettings("Empty", ("a", "b")))
    with pytest.raises(NotReady, match="has no texts"):
        train(nothing, TrainSettings(), quiet)
    with pytest.raises(NotReady, match="no model version"):
        analyse(project, FEW, quiet)
    with store.writing(nothing.db) as db:
        store.add_examples(db, [Example("1", "one", "a", Split.TRAIN), Example("2", "two", "b", Split.SILVER)])
    told: list[str] = []
    with pytest.raises(NotReady, match="no validation gold"):
        train(nothing, TrainSettings(), lambda stage, done, total: told.append(stage))
    assert "Encoding texts" not in told  # which would take long for nothing


def test_a_sequence_classifier_s_own_head_is_compared_with_the_refitted_one(sample: Project, tmp_path: Path):
    from inffeed_core.models.sources import resolve

    tokenizer_files = resolve(settings_of(sample).model).folder
    config = BertConfig(
        vocab_size=30522,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label={0: "Positive", 1: "Negative"},
        label2id={"Positive": 0, "Negative": 1},
    )
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "classifier")
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(tokenizer_files / name, tmp_path / "classifier" / name)
    with store.writing(sample.db) as db:
        store.save_project_settings(db, replace(store.project_settings(db), model=str(tmp_path / "classifier")))
    version = train(sample, TrainSettings(max_tokens=16), quiet)
    agreement = version.report["head_agreement"]
    assert isinstance(agreement, float)
    assert 0 <= agreement <= 1


def test_gold_alone_is_trained_on_and_analysed(tmp_path: Path, base: Path):
    project = create_project(tmp_path / "gold", ProjectSettings("Gold", LABELS, model=str(base)))
    with store.writing(project.db) as db:
        store.add_examples(db, [one for one in examples() if one.split is not Split.SILVER])
    version = retrain(project, TrainSettings(max_tokens=32), FEW, quiet)
    with store.reading(project.db) as db:
        analysis = store.latest_analysis(db, version.id)
        assert analysis is not None
        assert len(store.scored(db, analysis.id)) == 28
        assert store.flagged(db, analysis.id, POLICIES[0], limit=10) == []


def test_features_in_int8_train_much_the_same_version_and_are_kept_apart(sample: Project):
    exact = train(sample, TrainSettings(l2=1e-3, layers="last"), quiet)
    quick = train(sample, TrainSettings(l2=1e-3, precision="int8"), quiet)
    assert quick.settings["precision"] == "int8"
    assert exact.validation is not None
    assert quick.validation is not None
    assert quick.validation.macro_f1.value == pytest.approx(exact.validation.macro_f1.value, abs=0.03)
    heads = [load_head(sample.models / version.id).weight for version in (exact, quick)]
    assert not torch.equal(*heads)
    assert torch.cosine_similarity(heads[0].flatten(), heads[1].flatten(), dim=0) > 0.95


def test_an_analysis_explains_the_head_that_the_recipe_fitted(sample: Project):
    """The weights in the file are the optimum of what the analysis thinks was taught: a refit moves nothing."""
    version = train(sample, TrainSettings(recipe="noise-aware", layers="last"), quiet)
    assert version.report["recipe"] == "noise-aware"
    data = encode(sample, version.encoder, TrainSettings(layers="last"), version.as_of_decision, quiet)
    given = Material(data=data, classes=2, silver_weight=1.0).taught_to(version)
    assert given.targets is not None
    theta = stored_fit(sample, version).theta
    again = fit_head(given, float(str(version.report["l2"])), start=theta)
    torch.testing.assert_close(again.theta, theta, atol=1e-5, rtol=1e-4)
    analyse(sample, AnalysisSettings(), quiet)


def test_a_retrain_reads_the_texts_once_and_fits_what_it_believes_once(
    trained: Project, monkeypatch: pytest.MonkeyPatch
):
    retrain(trained, TrainSettings(recipe="noise-aware", trust=1.0), FEW, quiet)
    relabel(trained, *some_silver(trained, 1))
    read, believed = [], []
    monkeypatch.setattr(encoded.store, "instances", lambda *a, **k: read.append(a[1]) or store_instances(*a, **k))
    monkeypatch.setattr(believing, "beliefs", lambda *a: believed.append(a) or fitted_beliefs(*a))
    retrain(trained, TrainSettings(recipe="noise-aware", trust=1.0), FEW, quiet)
    assert [set(splits) for splits in read] == [set(Split), {Split.VALIDATION}]  # the latter through the parent
    assert len(believed) == 1


def test_a_project_without_test_texts_is_trained(project: Project, base: Path):
    with store.writing(project.db) as db:
        store.exclude(db, [one.id for one in store.instances(db, [Split.TEST])], "leak")
    version = train(project, TrainSettings(max_tokens=32), quiet, model=str(base))
    assert version.validation is not None
    assert version.test is None
