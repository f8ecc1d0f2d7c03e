"""Analyses through the training: what they foretell is what the next fine-tuning does."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from quiet import quiet
from small import active, explained, make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.analysis import replay_cost
from inffeed_core.analysis.analysing import analyse, explain, load
from inffeed_core.analysis.exploring import portrait
from inffeed_core.analysis.replay_cost import cost_of, spacing, text_cost
from inffeed_core.analysis.retrained import group_sizes
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.analysis.training_tier import open_training
from inffeed_core.analysis.verifying import correlation, slope, verify
from inffeed_core.cli.learning import carried_words
from inffeed_core.cli.version_words import trained_words
from inffeed_core.errors import Cancelled, NotReady, SettingsError
from inffeed_core.flags.carrying import carried
from inffeed_core.influence.replay import kept_at_once
from inffeed_core.learning.training import retrain, train
from inffeed_core.models.lessons import Lessons
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Example, ModelVersion, Split
from inffeed_core.review.items import item
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings
from inffeed_core.store.analyses import RetrainedGroup

TRAINING = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3, scope="training")
UNCHECKED = replace(TRAINING, retrains=0)
"""For tests about something else than the trainings that check how far scores carry."""
GENTLE = FineTuneSettings(epochs=6, learning_rate=3e-4, batch_size=32, patience=100)
TUNED = TrainSettings(method="fine-tune", fine_tune=GENTLE, max_tokens=32, recipe="plain")


@pytest.fixture(scope="module")
def tuned_once(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("tuned") / "project")
    change_settings(project, model=str(base))
    train(project, TUNED, quiet, replace(TRAINING, scope="head"))
    return project


@pytest.fixture
def tuned(tuned_once: Project, tmp_path: Path) -> Project:
    """The small project with a fine-tuned version and an analysis through its head."""
    return Project(shutil.copytree(tuned_once.folder, tmp_path / "tuned"))


@pytest.fixture(scope="module")
def replayed_once(tuned_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(shutil.copytree(tuned_once.folder, tmp_path_factory.mktemp("replayed") / "project"))
    analyse(project, UNCHECKED, quiet)
    return project


@pytest.fixture
def replayed(replayed_once: Project, tmp_path: Path) -> Project:
    """The same with a second analysis, through the training."""
    return Project(shutil.copytree(replayed_once.folder, tmp_path / "replayed"))


def loss_at(version: ModelVersion, step: int) -> float:
    told = version.report["fine_tuning"]
    assert isinstance(told, dict)
    return next(point["loss"] for point in told["curve"] if point["step"] == step)


def test_what_it_foretells_comes_true_in_whole_trainings(replayed: Project):
    analyse(replayed, replace(TRAINING, scope="head"), quiet)
    found = verify(replayed, 8, quiet, "training")
    for kind, count in ((found.removal, 8), (found.relabelling, 8), (found.groups, 6)):
        assert len(kind) == count
        assert (correlation(kind) or 0) > 0.9
        assert 0.5 < (slope(kind) or 0) < 2
    with pytest.raises(NotReady, match="--scope all"):
        verify(replayed, 2, quiet, "all")


def test_the_experiment_is_the_products_own_retrain(replayed: Project):
    before = active(replayed)
    tried = verify(replayed, 2, quiet).relabelling[0]
    with store.writing(replayed.db) as db:
        label = store.instance(db, tried.id).label
        other = "positive" if label == "negative" else "negative"
        store.record_decision(db, Decision("t", tried.id, "Ada", Act.RELABEL, other))
    step = before.report["fine_tuning"]["best_step"]  # type: ignore[index]
    after = train(replayed, TUNED, quiet)
    assert loss_at(before, step) - loss_at(after, step) == pytest.approx(tried.actual, abs=2e-6)
    came = after.report["foretold"]
    assert isinstance(came, dict)
    assert (came["scope"], came["texts"], came["others"], came["step"]) == ("training", 1, False, step)
    assert came["predicted"] == pytest.approx(-tried.predicted)
    assert came["actual"] == pytest.approx(-tried.actual, abs=2e-6)
    predicted, actual = zip(*came["by_class"].values(), strict=True)  # both labels have as many validation texts
    assert sum(predicted) / 2 == pytest.approx(came["predicted"])
    assert sum(actual) / 2 == pytest.approx(came["actual"], abs=2e-6)
    assert before.report["foretold"] is None
    assert "Influence through the training foretold that 1 changed label would" in trained_words(replayed, after, None)


def groups_of(project: Project, analysis: int) -> list[RetrainedGroup]:
    with store.reading(project.db) as db:
        return store.retrained_groups(db, analysis)


def test_how_far_scores_carry_is_measured_once_stored_and_told_on_the_flag(tuned: Project):
    found = analyse(tuned, replace(TRAINING, retrains=5), quiet)
    groups = groups_of(tuned, found.id)
    assert [one.name for one in groups] == [f"check {n} of 2 texts" for n in range(1, 6)]
    with store.reading(tuned.db) as db:
        (known,) = carried(db, found)
        gains = {one.instance: one.relabel_gain or 0.0 for one in store.scored(db, found.id)}
    assert (known.groups, known.texts) == (5, 2)
    assert known.carries in ("size", "rank")  # so few steps at so high a rate are rough
    assert known.correlation > 0.9
    assert item(tuned, max(gains, key=lambda id: gains[id]), "expected-gain").flag.carries == known.carries
    assert " ".join(known.sentences) in carried_words(tuned, found.id)
    stages: list[str] = []
    again = analyse(tuned, replace(TRAINING, retrains=5), lambda stage, *_: stages.append(stage))
    assert "Retraining" not in stages
    assert groups_of(tuned, again.id) == groups
    verify(tuned, 4, quiet)
    assert {one.name for one in groups_of(tuned, again.id)} > {"check 1 of 2 texts", "group 1"}
    head = analyse(tuned, replace(TRAINING, scope="head"), quiet)
    assert groups_of(tuned, head.id) == []


def test_a_killed_check_goes_on_from_the_group_it_was_at(tuned: Project):
    begun: list[int] = []

    def killed(stage: str, done: int, total: int) -> None:
        if stage == "Retraining" and done == 0:
            begun.append(done)
            if len(begun) == 4:  # one with the labels as they are, then the groups
                raise MemoryError("killed")

    with pytest.raises(MemoryError):
        analyse(tuned, TRAINING, killed)
    begun.clear()
    found = analyse(tuned, TRAINING, lambda stage, done, total: begun.append(done) if stage == "Retraining" else None)
    assert begun.count(0) == 1 + TRAINING.retrains - 2
    whole = groups_of(tuned, found.id)
    shutil.rmtree(tuned.features / "training")
    assert groups_of(tuned, analyse(tuned, TRAINING, quiet).id) == whole


def test_without_checks_nothing_is_retrained_and_nothing_claimed(tuned: Project):
    stages: list[str] = []
    found = analyse(tuned, UNCHECKED, lambda stage, *_: stages.append(stage))
    assert "Retraining" not in stages
    assert groups_of(tuned, found.id) == []
    assert carried_words(tuned, found.id) == ""


def test_a_flag_says_what_the_next_fine_tuning_should_gain(replayed: Project):
    with store.reading(replayed.db) as db:
        analysis = store.analysis_in_use(db)
        assert analysis is not None
        gains = {
            one.instance: one.relabel_gain for one in store.scored(db, analysis.id) if one.relabel_gain is not None
        }
    first = max(gains, key=lambda id: gains[id])
    shown = item(replayed, first, "expected-gain").flag
    assert shown.next_gain == (gains[first], 1)
    analyse(replayed, replace(TRAINING, scope="head"), quiet)
    assert item(replayed, first, "expected-gain").flag.next_gain is None


def test_orders_stand_on_it_and_evidence_stays_the_heads(tuned: Project):
    with store.reading(tuned.db) as db:
        head = store.analysis_in_use(db)
        assert head is not None
    found = analyse(tuned, UNCHECKED, quiet)
    with store.reading(tuned.db) as db:
        for policy in ("negative-influence", "class-influence", "expected-gain", "class-gain"):
            ours, theirs = (store.ranking_scores(db, one.id, policy) for one in (found, head))
            assert ours.keys() == theirs.keys()
            assert ours != theirs, policy
        assert explained(db, found.id) == explained(db, head.id)


def test_it_is_computed_once_for_a_version(replayed: Project):
    stages: list[str] = []
    analyse(replayed, replace(UNCHECKED, influencers=2), lambda stage, *_: stages.append(stage))
    assert "Undoing the training" not in stages
    assert [path.suffix for path in (replayed.features / "training").iterdir() if path.is_file()].count(
        ".safetensors"
    ) == 1


def test_influence_on_one_text_goes_through_the_training_on_request(replayed: Project):
    with store.reading(replayed.db) as db:
        analysis = store.analysis_in_use(db)
        assert analysis is not None
        before = explained(db, analysis.id)["validation-0"]
    stages: list[str] = []
    explain(replayed, ["validation-0"], lambda stage, *_: stages.append(stage), exact=True)
    assert "Undoing the training" in stages
    with store.reading(replayed.db) as db:
        assert explained(db, analysis.id)["validation-0"] != before
    assert portrait(replayed, "validation-0").solved
    assert not portrait(replayed, "validation-1").solved
    explain(replayed, ["validation-0"], quiet)
    assert not portrait(replayed, "validation-0").solved


def test_several_texts_share_one_replay_whose_cost_is_told_first(tuned: Project):
    analyse(tuned, UNCHECKED, quiet)
    steps: list[int] = []
    explain(
        tuned,
        ["test-0", "test-1", "train-0"],
        lambda stage, done, total: steps.append(done) if stage == "Undoing the training" else None,
        exact=True,
    )
    assert sorted(steps) == sorted(set(steps))
    one, eight, nine = (text_cost(tuned, count) for count in (1, 8, 9))
    assert one.seconds < eight.seconds < 8 * one.seconds
    assert nine.seconds == pytest.approx(2 * eight.seconds)


def test_a_cancelled_replay_leaves_nothing_and_a_killed_one_goes_on(tuned: Project):
    def stop(error: type[BaseException]):
        def progress(stage: str, done: int, total: int) -> None:
            if stage == "Undoing the training" and done == 3:
                raise error("stopped")

        return progress

    with pytest.raises(Cancelled):
        analyse(tuned, UNCHECKED, stop(Cancelled))
    assert not [path for path in (tuned.features / "training").iterdir() if path.is_dir()]
    with pytest.raises(MemoryError):
        analyse(tuned, UNCHECKED, stop(MemoryError))
    stages: list[str] = []
    analyse(tuned, UNCHECKED, lambda stage, *_: stages.append(stage))
    assert "Repeating the training" not in stages
    assert "Undoing the training" in stages


def test_a_retrain_is_published_with_it_also_for_adapters(tuned: Project):
    version = retrain(tuned, replace(TUNED, method="lora"), replace(TRAINING, retrains=2), quiet)
    with store.reading(tuned.db) as db:
        found = store.latest_analysis(db, version.id)
    assert found is not None
    assert found.settings["scope"] == "training"
    assert [one.name for one in groups_of(tuned, found.id)] == ["check 1 of 2 texts", "check 2 of 2 texts"]


def test_half_of_the_groups_are_large_where_these_can_be_judged():
    assert group_sizes(8, 300) == [3] * 4 + [15] * 4
    assert group_sizes(9, 300) == [3] * 5 + [15] * 4
    assert group_sizes(6, 300) == [3] * 6
    assert group_sizes(8, 20) == [2] * 8
    assert group_sizes(0, 300) == []


def test_versions_without_a_training_that_can_be_repeated_are_refused(analysed: Project, tuned: Project):
    with pytest.raises(NotReady, match="not fine-tuned"):
        analyse(analysed, TRAINING, quiet)
    with pytest.raises(SettingsError, match="method is instant"):
        retrain(tuned, TrainSettings(max_tokens=32), TRAINING, quiet)
    with pytest.raises(SettingsError, match="refine"):
        replace(TRAINING, refine=True)
    version = active(tuned)
    old = {name: value for name, value in version.report["fine_tuning"].items() if name != "course"}  # type: ignore[union-attr]
    with pytest.raises(NotReady, match="another release"):
        cost_of(replace(version, report={**version.report, "fine_tuning": old}), 1)


def test_cost_is_told_before(tuned: Project, monkeypatch: pytest.MonkeyPatch):
    cost = cost_of(active(tuned), 2)
    told = active(tuned).report["fine_tuning"]
    assert isinstance(told, dict)
    steps, parameters = told["best_step"], told["parameters"]
    assert cost.bytes == (kept_at_once(steps, spacing(steps, parameters)) + 4) * 12 * parameters
    assert "of disk" in cost.said()
    checked = cost_of(active(tuned), 2, 6)
    assert (checked.seconds > cost.seconds, checked.bytes) == (True, cost.bytes)
    monkeypatch.setattr(replay_cost, "BYTES", 2**40)
    with pytest.raises(NotReady, match="GB on the disk"):
        analyse(tuned, TRAINING, quiet)


def test_states_are_kept_as_often_as_they_have_room():
    assert spacing(100, 1_000) == 1
    assert spacing(100, 22_700_000) == 10  # as rarely as computing them again only once allows
    assert spacing(1_000, 1_000_000) == 6
    assert spacing(1, 10**12) == 1


def corrected(project: Project, id: str = "silver-3") -> None:
    """This text's label is turned round."""
    with store.writing(project.db) as db:
        label = store.instance(db, id).label
        other = "positive" if label == "negative" else "negative"
        store.record_decision(db, Decision(f"turn {id} from {label}", id, "Ada", Act.RELABEL, other))


def test_nothing_is_foretold_and_no_replay_begun_where_only_single_texts_were_differentiated(replayed: Project):
    explain(replayed, ["validation-0"], quiet, exact=True)
    kept = sorted((replayed.features / "training").glob("*.safetensors"))
    assert len(kept) == 2
    of_validation = min(kept, key=lambda path: path.stat().st_mtime_ns)
    of_validation.unlink()
    corrected(replayed)
    stages: list[str] = []
    assert train(replayed, TUNED, lambda stage, *_: stages.append(stage)).report["foretold"] is None
    assert not {"Undoing the training", "Repeating the training"} & set(stages)


def test_what_silver_teaches_otherwise_is_foretold_too(tuned: Project):
    doubting = replace(TUNED, recipe="noise-aware", trust=0.5, silver_weight=0.6)
    train(tuned, doubting, quiet, UNCHECKED)
    corrected(tuned, "silver-3")
    corrected(tuned, "silver-4")
    came = train(tuned, doubting, quiet).report["foretold"]
    assert isinstance(came, dict)
    assert came["others"]
    assert came["predicted"] != 0


def test_any_small_change_of_what_is_taught_is_foretold(tuned: Project):
    state = load(tuned, TRAINING, quiet)
    tier = open_training(tuned, state, HeadTier(state.influence, state.validation), quiet)
    raw, small = tier.repeated.raw, 0.02
    generator = torch.Generator().manual_seed(4)
    weights = raw.weights * (1 + small * torch.rand(len(raw.weights), generator=generator))
    lessons = Lessons(raw.texts, (1 - small) * raw.targets + small * raw.targets.flip(1), weights)
    moved, instead = tier.foretold(lessons), tier.repeated.taught_instead(lessons)
    assert moved is not None
    assert instead is not None
    before, after = (
        tier.repeated.loss(taught, state.validation, quiet) for taught in (tier.repeated.course.taught, instead)
    )
    assert float(tier.shares @ moved) == pytest.approx(after - before, rel=0.1)
    weights[0] = 0
    assert tier.foretold(replace(lessons, weights=weights)) is None


@pytest.mark.parametrize("change", ["validation", "seed", "base", "settings"])
def test_a_training_that_differs_in_more_than_labels_is_not_held_against_a_prediction(
    replayed: Project, tmp_path: Path, change: str
):
    corrected(replayed)
    settings = TUNED
    if change == "validation":
        corrected(replayed, "validation-0")
    elif change == "seed":
        change_settings(replayed, seed=1)
    elif change == "base":
        change_settings(replayed, model=str(save_model(tmp_path / "other", "BertModel", initializer_range=0.2)))
    else:
        settings = replace(TUNED, fine_tune=replace(GENTLE, learning_rate=2e-4))
    assert train(replayed, settings, quiet).report["foretold"] is None


def test_a_retrain_on_more_texts_is_not_held_against_the_parents_predictions(replayed: Project):
    more = Example("train-new", "It works well.", "positive", Split.TRAIN)
    with store.writing(replayed.db) as db:
        store.add_examples(db, [more])
    assert train(replayed, TUNED, quiet).report["foretold"] is None
