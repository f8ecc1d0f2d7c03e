"""A label on which annotators' votes tie is neither taught as gold nor used to measure until it is settled."""

from pathlib import Path

import pytest
from quiet import quiet

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, load
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision, Split
from inffeed_core.review.discussing import settle, topics
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.silver.channel import UNKNOWN

DISPUTED = ("silver-3", "train-0", "validation-1")
FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


def dispute(project: Project) -> None:
    """Two annotators say different things about a text of every kind."""
    with store.writing(project.db) as db:
        for id in DISPUTED:
            for annotator, label in (("Ana", "positive"), ("Ben", "negative")):
                store.record_decision(db, Decision(f"{annotator}{id}", id, annotator, Act.RELABEL, label))


@pytest.fixture
def disputed(project: Project, base: Path) -> Project:
    change_settings(project, model=str(base))
    train(project, TrainSettings(max_tokens=32), quiet)
    dispute(project)
    return project


@pytest.mark.parametrize("recipe", ["plain", "noise-aware", "drop-flagged"])
def test_a_tie_is_taught_as_silver_and_measures_nothing(disputed: Project, recipe: str) -> None:
    version = train(disputed, TrainSettings(max_tokens=32, recipe=recipe), quiet)
    assert version.train_counts == {"gold": 11, "silver_confirmed": 0, "silver": 21}
    assert version.validation is not None
    assert version.validation.n == 7
    state = load(disputed, FEW, quiet)
    by_id = {one.id: n for n, one in enumerate(state.learn.instances)}
    learned = state.material.learned
    for id in ("silver-3", "train-0"):
        assert (bool(learned.confirmed[by_id[id]]), int(learned.silver[by_id[id]]) != UNKNOWN) == (False, True)
    assert "validation-1" not in {one.id for one in state.validation.instances}


def test_what_is_disputed_is_ranked_like_silver_and_settled_like_any(disputed: Project) -> None:
    version = train(disputed, TrainSettings(max_tokens=32), quiet)
    analysis = analyse(disputed, FEW, quiet)
    with store.reading(disputed.db) as db:
        assert store.silver_scored(db, analysis.id) == 21
    assert {topic.instance.id for topic in topics(disputed)} == set(DISPUTED)
    for id in DISPUTED:
        settle(disputed, id, "positive", "Cem")
    assert topics(disputed) == []
    assert status(disputed).changed == 3
    again = train(disputed, TrainSettings(max_tokens=32), quiet)
    assert again.train_counts == {"gold": 12, "silver_confirmed": 1, "silver": 19}
    assert again.validation is not None
    assert (again.validation.n, again.parent) == (8, version.id)
    with store.reading(disputed.db) as db:
        assert all(one.confirmed for one in store.instances(db, [Split.TRAIN, Split.VALIDATION]))
