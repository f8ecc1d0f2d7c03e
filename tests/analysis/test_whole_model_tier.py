"""Analyses through the whole model, on a random transformer of a few thousand weights."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from models.test_gradients_on_ray import InThisProcess
from quiet import quiet
from small import examples, explained, make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, explain
from inffeed_core.cli import main
from inffeed_core.errors import Cancelled, SettingsError
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings
from inffeed_core.learning.training import train
from inffeed_core.models import gradients_on_ray, ray_cluster
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.heads import load_head
from inffeed_core.models.network import VersionNetwork
from inffeed_core.models.sources import resolve
from inffeed_core.project.folder import Project, create_project, settings_of
from inffeed_core.records import Act, Analysis, Decision, Instance, Split
from inffeed_core.settings import AnalysisSettings, ProjectSettings, TrainSettings

HEAD = AnalysisSettings(influencers=3, harmed=2, folds=3)
ALL = replace(HEAD, scope="all")
LEARNED = (Split.TRAIN, Split.SILVER)


@pytest.fixture(autouse=True)
def few_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny model needs no 4096 components, whose factorisation is most of the time."""
    few = partial(WholeModelSettings, dimension=256)
    monkeypatch.setattr("inffeed_core.analysis.whole_model_tier.WholeModelSettings", few)


@pytest.fixture
def tiny(tmp_path: Path) -> Project:
    """The small project, trained on features of a tiny transformer."""
    return read_by_a_tiny_model(make_small(tmp_path / "project"), tmp_path / "model")


def read_by_a_tiny_model(project: Project, folder: Path) -> Project:
    model = save_model(folder, "BertModel")
    with store.writing(project.db) as db:
        store.save_project_settings(db, replace(store.project_settings(db), model=str(model)))
    train(project, TrainSettings(max_tokens=16, l2=1e-3, layers="last"), quiet)
    return project


def scores(project: Project, analysis: Analysis, policy: str) -> dict[str, float]:
    with store.reading(project.db) as db:
        return store.ranking_scores(db, analysis.id, policy)


def stages_of(project: Project, settings: AnalysisSettings) -> list[str]:
    seen: list[str] = []
    analyse(project, settings, lambda stage, done, total: seen.append(stage))
    return seen


def exact_harm(project: Project) -> dict[str, float]:
    """Minus each silver text's influence on the mean validation loss, from the exact dual."""
    learned, validation = instances(project, *LEARNED), instances(project, Split.VALIDATION)
    each = exact_influence(project, learned, validation)
    pairs = zip(learned, each.mean(0).tolist(), strict=True)
    return {one.id: -value for one, value in pairs if one.split is Split.SILVER}


def exact_influence_on(project: Project, id: str) -> dict[str, float]:
    """Every learned text's influence on one of them, from the exact dual."""
    learned = instances(project, *LEARNED)
    each = exact_influence(project, learned, [one for one in learned if one.id == id])
    return dict(zip((one.id for one in learned), each[0].tolist(), strict=True))


def instances(project: Project, *splits: Split) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db, splits))


def exact_influence(project: Project, learned: list[Instance], targets: list[Instance]) -> torch.Tensor:
    encoder = Encoder(resolve(settings_of(project).model), 16)

    def batches(some: list[Instance]) -> list[tuple[dict[str, torch.Tensor], torch.Tensor]]:
        labels = torch.tensor([settings_of(project).labels.index(one.label) for one in some])
        return [(encoder.padded(encoder.tokenise([one.passage for one in some])), labels)]

    network = VersionNetwork(encoder, load_head(project.models / "v1"))
    damping = Damping(ALL.damping or 0, "trace")
    whole = WholeModel(network, WholeModelSettings(damping=damping)).fit(batches(learned))
    return whole.dual(batches(learned)).influence(whole.gradients(batches(targets)))


def test_refined_flags_are_ranked_by_the_exact_influence_through_all_layers(tiny: Project):
    expected = exact_harm(tiny)
    found = scores(tiny, analyse(tiny, replace(ALL, refine=True), quiet), "negative-influence")
    size = max(map(abs, expected.values()))
    assert found == pytest.approx(expected, rel=0.05, abs=0.01 * size)
    assert list(found) == sorted(found, key=lambda id: -found[id])


def test_refined_flags_of_three_labels_are_ranked_by_the_exact_influence_too(tmp_path: Path):
    project = create_project(tmp_path / "project", ProjectSettings("Three", ("negative", "neutral", "positive")))
    with store.writing(project.db) as db:
        neutral = (replace(one, label="neutral") if n % 3 == 0 else one for n, one in enumerate(examples()))
        store.add_examples(db, list(neutral))
    read_by_a_tiny_model(project, tmp_path / "model")
    expected = exact_harm(project)
    found = scores(project, analyse(project, replace(ALL, refine=True), quiet), "negative-influence")
    assert found == pytest.approx(expected, rel=0.05, abs=0.01 * max(map(abs, expected.values())))


def test_the_scope_changes_what_rests_on_influence_and_nothing_else(tiny: Project):
    head, last, whole = (analyse(tiny, replace(HEAD, scope=scope), quiet) for scope in ("head", "last-block", "all"))
    for policy in ("expected-gain", "self-influence", "gold-loss"):
        assert scores(tiny, head, policy) == scores(tiny, last, policy) == scores(tiny, whole, policy)
    different = [tuple(scores(tiny, one, "negative-influence").values()) for one in (head, last, whole)]
    assert len(set(different)) == 3
    with store.reading(tiny.db) as db:
        assert explained(db, whole.id).keys() == explained(db, head.id).keys()
        evidence = store.evidence_for(db, whole.id, ["silver-3"])["silver-3"]
    assert len(evidence.supporters) == len(evidence.opposers) == 3
    assert "silver-3" not in {one.id for one in evidence.supporters + evidence.opposers}
    assert all(one.influence > 0 for one in evidence.supporters)
    assert all(one.influence < 0 for one in evidence.opposers + evidence.harmed)
    assert {one.split for one in evidence.harmed} == {Split.VALIDATION}


def test_a_second_analysis_finds_the_index_and_says_the_same(tiny: Project):
    first = analyse(tiny, ALL, quiet)
    assert "Encoding gradients" not in stages_of(tiny, ALL)
    with store.reading(tiny.db) as db:
        second = store.latest_analysis(db)
        assert second is not None
        assert second.id > first.id
        assert explained(db, first.id) == explained(db, second.id)
    assert scores(tiny, first, "negative-influence") == scores(tiny, second, "negative-influence")


def test_a_cancelled_analysis_goes_on_where_it_was(tiny: Project):
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "Encoding gradients":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        analyse(tiny, ALL, stop)
    with store.reading(tiny.db) as db:
        assert store.analyses(db) == []
    (kept,) = (tiny.features / "whole-model" / "all").glob("*/factors.safetensors")
    written = kept.stat().st_mtime_ns
    analyse(tiny, ALL, quiet)
    assert kept.stat().st_mtime_ns == written


def test_the_index_of_an_older_version_makes_way(tiny: Project):
    analyse(tiny, ALL, quiet)
    analyse(tiny, replace(ALL, scope="last-block"), quiet)
    with store.writing(tiny.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ada", Act.RELABEL, "positive"))
    stages: list[str] = []
    train(tiny, TrainSettings(max_tokens=16, l2=1e-3), lambda stage, *_: stages.append(stage), ALL)
    assert "Encoding gradients" in stages
    assert "Encoding gradients" not in stages_of(tiny, ALL)
    for scope in ("all", "last-block"):
        assert len(list((tiny.features / "whole-model" / scope).glob("*/index.json"))) == 1


def test_explaining_stays_in_the_tier_of_the_analysis(tiny: Project):
    head, whole = analyse(tiny, HEAD, quiet), analyse(tiny, ALL, quiet)
    explain(tiny, ["test-1"], quiet)
    with store.reading(tiny.db) as db:
        assert "test-1" not in explained(db, head.id)
        evidence = store.evidence_for(db, whole.id, ["test-1"])["test-1"]
    assert evidence.supporters
    assert evidence.opposers


def test_an_analysis_of_an_earlier_release_is_explained_under_its_own_damping(tiny: Project):
    before = analyse(tiny, replace(ALL, damping=None), quiet)
    told = {name: value for name, value in before.settings.items() if name != "damping"}
    with store.writing(tiny.db) as db:
        db.table("analysis").update(before.id, {"settings": json.dumps(told)})
    stages: list[str] = []
    explain(tiny, ["test-1"], lambda stage, *_: stages.append(stage))
    assert "Differentiating targets" in stages
    assert "Encoding gradients" not in stages  # the index is the one that it was made with
    assert "Encoding gradients" in stages_of(tiny, ALL)


def test_a_single_text_can_be_explained_by_the_exact_curvature(tiny: Project):
    whole = analyse(tiny, ALL, quiet)
    explain(tiny, ["silver-3"], quiet, exact=True)
    expected = exact_influence_on(tiny, "silver-3")
    with store.reading(tiny.db) as db:
        evidence = store.evidence_for(db, whole.id, ["silver-3"])["silver-3"]
    found = {one.id: one.influence for one in (*evidence.supporters, *evidence.opposers)}
    size = max(map(abs, expected.values()))
    assert found == pytest.approx({id: expected[id] for id in found}, rel=0.01, abs=1e-4 * size)
    del expected["silver-3"]
    assert evidence.supporters[0].influence == pytest.approx(max(expected.values()), rel=0.01)
    assert evidence.opposers[0].influence == pytest.approx(min(expected.values()), rel=0.01)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(SettingsError, match="scope is 'middle'"):
        AnalysisSettings(scope="middle")
    with pytest.raises(SettingsError, match="exact anyway"):
        AnalysisSettings(refine=True)


def test_an_analysis_on_ray_says_what_one_here_says(tiny: Project, monkeypatch: pytest.MonkeyPatch):
    here, engine = analyse(tiny, ALL, quiet), InThisProcess()
    shutil.rmtree(tiny.features / "whole-model")
    monkeypatch.setattr(gradients_on_ray, "ROWS", 8)
    monkeypatch.setattr(ray_cluster, "require_ray", lambda: None)
    monkeypatch.setattr(ray_cluster, "joined_to", engine.joined)
    monkeypatch.setattr(gradients_on_ray, "through_ray", engine.through)
    asked = ["analyse", str(tiny.folder), "--scope", "all", "--influencers", "3", "--ray", "local", "--workers", "2"]
    told = CliRunner().invoke(main, [*asked, "--dry-run"]).stdout
    assert "The gradients of 32 texts would be computed by the same workers, in blocks" in told
    assert engine.done == []
    done = CliRunner().invoke(main, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    assert engine.done
    with store.reading(tiny.db) as db:
        there = store.latest_analysis(db)
    assert there is not None
    expected, found = (scores(tiny, one, "negative-influence") for one in (here, there))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert not list((tiny.features / "whole-model" / "all" / "shards").glob("*"))
