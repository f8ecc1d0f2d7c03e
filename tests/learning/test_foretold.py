"""After an instant retrain, what the head foretold stands beside what came."""

from dataclasses import replace

import pytest
from quiet import quiet
from small import active

from inffeed_core import store
from inffeed_core.cli.version_words import trained_words
from inffeed_core.influence import HeadData, first_step, fit_head
from inffeed_core.learning.foretold_said import foretold_of
from inffeed_core.learning.training import retrain, train
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Example, ModelVersion, Split
from inffeed_core.settings import AnalysisSettings, TrainSettings

PLAIN = TrainSettings(max_tokens=32, recipe="plain", l2=1e-2)
ANALYSIS = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


def corrected(project: Project, *ids: str) -> None:
    with store.writing(project.db) as db:
        for id in ids:
            other = "positive" if store.instance(db, id).label == "negative" else "negative"
            store.record_decision(db, Decision(f"turn {id}", id, "Ada", Act.RELABEL, other))


def again(project: Project, settings: TrainSettings = PLAIN) -> ModelVersion:
    return retrain(project, settings, ANALYSIS, quiet)


@pytest.fixture
def plain(analysed: Project) -> Project:
    """Its version in use taught silver as it is."""
    train(analysed, PLAIN, quiet, ANALYSIS)
    with store.writing(analysed.db) as db:
        store.promote(db, "v2", "test")
    return analysed


def test_the_head_foretells_the_sum_of_the_gains_on_the_cards(plain: Project):
    with store.reading(plain.db) as db:
        analysis = store.latest_analysis(db, "v2")
        assert analysis is not None
        scores = {one.instance: one for one in store.scored(db, analysis.id)}
    turned = [id for id in ("silver-3", "silver-10") if scores[id].suggested != scores[id].label]
    assert turned
    corrected(plain, *turned)
    made = again(plain)
    found = foretold_of(made)
    assert found is not None
    assert made.parent == "v2"
    assert found.predicted == pytest.approx(-sum(scores[id].relabel_gain or 0 for id in turned), rel=1e-6)
    assert found.actual == pytest.approx(found.predicted, rel=0.3)
    assert found.by_label.keys() == {"negative", "positive"}
    assert sum(actual for _, actual in found.by_label.values()) / 2 == pytest.approx(found.actual)
    assert found.sentence in trained_words(plain, made, None)
    assert f"{len(turned)} changed label" in found.sentence
    assert not found.others


def test_the_loss_that_came_is_the_difference_of_the_versions_own(plain: Project):
    before = active(plain)
    corrected(plain, "silver-3")
    after = again(plain)
    found = foretold_of(after)
    assert found is not None
    losses = [one.report["rules"]["argmax"]["validation"]["loss"] for one in (before, after)]  # type: ignore[index]
    assert found.actual == pytest.approx(losses[1] - losses[0], abs=1e-6)


def test_a_recipe_that_doubts_silver_says_that_others_teach_otherwise_too(plain: Project):
    doubting = replace(PLAIN, recipe="noise-aware", trust=0.5, silver_weight=0.5)
    train(plain, doubting, quiet, ANALYSIS)
    with store.writing(plain.db) as db:
        store.promote(db, "v3", "test")
    corrected(plain, "silver-3", "silver-4")
    found = foretold_of(again(plain, replace(doubting, l2=None)))
    assert found is not None
    assert found.others
    assert 0.3 < found.predicted / found.actual < 3  # one step of so few texts is rough


@pytest.mark.parametrize("change", ["nothing", "texts", "l2", "weight", "recipe"])
def test_nothing_is_said_where_more_or_nothing_differs(plain: Project, change: str):
    settings = PLAIN
    if change != "nothing":
        corrected(plain, "silver-3")
    if change == "texts":
        with store.writing(plain.db) as db:
            store.add_examples(db, [Example("new", "It works well.", "positive", Split.TRAIN)])
    elif change == "l2":
        settings = replace(PLAIN, l2=1e-1)
    elif change == "weight":
        settings = replace(PLAIN, silver_weight=0.5)
    elif change == "recipe":
        settings = replace(PLAIN, recipe="drop-flagged", trust=1.0)
    assert again(plain, settings).report["foretold"] is None


def test_what_an_earlier_release_told_reads_the_same_way_round(plain: Project):
    old = replace(active(plain), report={"foretold": {"texts": 2, "predicted": 0.01, "actual": 0.02, "step": 5}})
    found = foretold_of(old)
    assert found is not None
    assert (found.predicted, found.actual, dict(found.by_label)) == (-0.01, -0.02, {})
    assert found.sentence.endswith("by -0.01 nats; at step 5 it changed by -0.02.")


@pytest.mark.parametrize("classes", [2, 4])
def test_the_first_step_is_newtons(classes: int):
    import torch

    generator = torch.Generator().manual_seed(3)
    features = torch.randn(60, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (60,), generator=generator)
    before = HeadData(features, labels, classes)
    theta = fit_head(before, 1e-2).theta
    turned = labels.clone()
    turned[0] = (turned[0] + 1) % classes
    after = HeadData(features, turned, classes)
    there = fit_head(after, 1e-2).theta
    assert float((theta + first_step(theta, after, 1e-2) - there).norm()) < 0.1 * float((there - theta).norm())
    torch.testing.assert_close(first_step(there, after, 1e-2), torch.zeros_like(there), atol=1e-7, rtol=0)
