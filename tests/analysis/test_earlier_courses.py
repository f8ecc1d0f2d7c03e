"""Versions that an earlier release fine-tuned in another way: repeated in that way, and not taken for today's."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from quiet import quiet
from small import active, make_small

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse, load
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.analysis.training_tier import open_training
from inffeed_core.cli.learning import carried_words
from inffeed_core.flags.carrying import carried
from inffeed_core.learning import tuning
from inffeed_core.learning.training import train
from inffeed_core.models.courses import EPSILONS, course_today
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings
from inffeed_core.store.analyses import RetrainedGroup

TRAINING = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, scope="training", retrains=0)
GENTLE = FineTuneSettings(epochs=6, learning_rate=3e-4, batch_size=32, patience=100)
TUNED = TrainSettings(method="fine-tune", fine_tune=GENTLE, max_tokens=32, recipe="plain")
TODAY = course_today(lora=False)
EARLIER = [course for course in EPSILONS if course != TODAY]


@pytest.fixture(scope="module", params=EARLIER)
def trained_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("earlier") / "project")
    change_settings(project, model=str(base))
    with pytest.MonkeyPatch.context() as patched:
        of_today = tuning.fine_tuning_of
        patched.setattr(tuning, "fine_tuning_of", lambda *given: replace(of_today(*given), given_course=request.param))
        train(project, TUNED, quiet, replace(TRAINING, scope="head"))
    return project


@pytest.fixture
def trained(trained_once: Project, tmp_path: Path) -> Project:
    return Project(shutil.copytree(trained_once.folder, tmp_path / "project"))


def test_it_is_repeated_as_it_was_and_today_gives_another_result(trained: Project):
    told = active(trained).report["fine_tuning"]
    assert isinstance(told, dict)
    assert told["course"] in EARLIER
    state = load(trained, TRAINING, quiet)
    repeated = open_training(trained, state, HeadTier(state.influence, state.validation), quiet).repeated
    kept = next(point["loss"] for point in told["curve"] if point["step"] == told["best_step"])
    assert repeated.loss(repeated.course.taught, state.validation, quiet) == pytest.approx(kept, abs=2e-6)
    again = train(trained, TUNED, quiet).report["fine_tuning"]
    assert isinstance(again, dict)
    assert again["course"] == TODAY
    assert again["curve"][-1]["loss"] != pytest.approx(told["curve"][-1]["loss"], abs=2e-6)


def test_what_it_foretold_is_not_held_against_a_retrain_of_today(trained: Project):
    analyse(trained, TRAINING, quiet)
    with store.writing(trained.db) as db:
        label = store.instance(db, "silver-3").label
        other = "positive" if label == "negative" else "negative"
        store.record_decision(db, Decision("turn", "silver-3", "Ada", Act.RELABEL, other))
    assert train(trained, TUNED, quiet).report["foretold"] is None


def test_its_sizes_are_not_those_of_the_next_retrain(trained: Project):
    found = analyse(trained, TRAINING, quiet)
    with store.writing(trained.db) as db:
        groups = [
            RetrainedGroup(name=f"check {n}", texts=2, predicted=gain, actual=gain)
            for n, gain in enumerate((0.0, 0.1, 0.2, 0.3))
        ]
        store.put_retrained_groups(db, found.id, groups)
        (known,) = carried(db, found)
    assert (known.carries, known.correlation, known.slope) == ("rank", pytest.approx(1), pytest.approx(1))
    assert "the next retrain takes other steps" in known.sentences[1]
    assert str(known.sentences[1]) in carried_words(trained, found.id)
