"""Fine-tuning on tiny models: it repeats, resumes after a kill, minds weights and soft labels, and exports plainly."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from forked import ended
from quiet import quiet
from safetensors.torch import load_file
from tiny_models import save_model

from inffeed_core.errors import Cancelled, NotReady
from inffeed_core.influence.training_run import TrainingRun
from inffeed_core.models.adapters import merge
from inffeed_core.models.fine_tuning import fine_tune
from inffeed_core.models.lessons import FineTuned, FineTuning, Lessons
from inffeed_core.models.sources import resolve
from inffeed_core.settings import FineTuneSettings

LABELS = ("negative", "positive")
SETTINGS = FineTuneSettings(epochs=3, learning_rate=1e-2, batch_size=4, patience=100)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare encoder whose random weights are small, so that it learns within a second."""
    return save_model(tmp_path_factory.mktemp("learner"), "BertModel", initializer_range=0.1)


def lessons(count: int, weights: torch.Tensor | None = None) -> Lessons:
    """Good is positive, bad is negative, whatever stands around it."""
    texts = [f"{'good' if k % 2 else 'bad'} {'x' * (k % 5)} {k}" for k in range(count)]
    return Lessons.of_labels(texts, torch.arange(count) % 2, 2, weights)


def about(work: Path, **changes: object) -> FineTuning:
    return replace(FineTuning(LABELS, SETTINGS, lora=False, max_tokens=16, seed=3, work=work), **changes)


def tuned(base: Path, work: Path, **changes: object) -> FineTuned:
    return fine_tune(resolve(str(base)), lessons(40), lessons(20), about(work, **changes), quiet)


def weights(folder: Path, name: str = "model.safetensors") -> dict[str, torch.Tensor]:
    return load_file(folder / name)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def predictions(folder: Path, texts: list[str]) -> list[str]:
    classify = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    return [answer["label"] for answer in classify(texts, truncation=True)]


def test_it_learns_and_a_plain_pipeline_says_what_it_learned(bert: Path, tmp_path: Path):
    seen: list[tuple[str, int, int]] = []
    data = lessons(40)
    found = fine_tune(resolve(str(bert)), data, lessons(20), about(tmp_path / "w"), lambda *p: seen.append(p))
    assert predictions(found.folder, ["good", "bad", "good one", "bad one"]) == ["positive", "negative"] * 2
    assert found.curve[-1].loss < found.curve[0].loss
    assert [point.step for point in found.curve] == [5, 10, 15, 20, 25, 30]
    assert found.best_step in {point.step for point in found.curve}
    assert [done for stage, done, total in seen if stage == "Fine-tuning" and total == 30][0] == 0
    assert not list((tmp_path / "w").glob("checkpoint-*"))


def test_validation_is_scored_as_often_in_an_epoch_as_asked(bert: Path, tmp_path: Path):
    found = tuned(bert, tmp_path / "w", settings=replace(SETTINGS, epochs=2, scorings=1))
    assert [point.step for point in found.curve] == [10, 20]


def test_same_seed_and_data_give_the_same_weights_and_another_seed_others(bert: Path, tmp_path: Path):
    one, two = (weights(tuned(bert, tmp_path / name).folder) for name in "ab")
    assert equal(one, two)
    assert not equal(one, weights(tuned(bert, tmp_path / "c", seed=4).folder))


def killed_after_its_first_checkpoint(bert: Path, work: Path) -> None:
    def die(stage: str, done: int, total: int) -> None:
        if done == 13:
            os.kill(os.getpid(), signal.SIGKILL)

    fine_tune(resolve(str(bert)), lessons(40), lessons(20), about(work), die)


def test_after_kill_9_it_goes_on_from_its_checkpoint_to_the_same_weights(bert: Path, tmp_path: Path):
    assert ended(killed_after_its_first_checkpoint, bert, tmp_path / "killed") == -signal.SIGKILL
    steps: list[int] = []
    data = (lessons(40), lessons(20))
    again = fine_tune(resolve(str(bert)), *data, about(tmp_path / "killed"), lambda s, done, t: steps.append(done))
    assert min(step for step in steps if step) == 10
    whole = tuned(bert, tmp_path / "whole")
    assert equal(weights(again.folder), weights(whole.folder))
    assert again.curve == whole.curve


def test_a_checkpoint_that_was_cut_off_is_passed_over(bert: Path, tmp_path: Path):
    def stop(stage: str, done: int, total: int) -> None:
        if done == 12:
            raise Cancelled("stopped")

    work = tmp_path / "w"
    with pytest.raises(Cancelled):
        fine_tune(resolve(str(bert)), lessons(40), lessons(20), about(work), stop)
    (work / "checkpoint-10" / "trainer_state.json").write_text('{"glob')
    steps: list[int] = []
    fine_tune(resolve(str(bert)), lessons(40), lessons(20), about(work), lambda s, done, t: steps.append(done))
    assert min(step for step in steps if step) == 5


def test_a_finished_run_is_found_again_without_training(bert: Path, tmp_path: Path):
    first = tuned(bert, tmp_path / "w")

    def never(stage: str, done: int, total: int) -> None:
        raise AssertionError(stage)

    assert fine_tune(resolve(str(bert)), lessons(40), lessons(20), about(tmp_path / "w"), never) == first


def test_texts_of_no_weight_are_not_learned_from(bert: Path, tmp_path: Path):
    turned = lessons(40)
    wrong = Lessons(
        [*turned.texts, *turned.texts],
        torch.cat([turned.targets, turned.targets.flip(1)]),
        torch.cat([torch.ones(40), torch.zeros(40)]),
    )
    found = fine_tune(resolve(str(bert)), wrong, lessons(20), about(tmp_path / "w"), quiet)
    assert equal(weights(found.folder), weights(tuned(bert, tmp_path / "plain").folder))


def test_a_posterior_of_one_half_is_learned_as_one_half(bert: Path, tmp_path: Path):
    doubtful = replace_targets(lessons(40), 0.5)
    long = replace(SETTINGS, epochs=6)
    found = fine_tune(resolve(str(bert)), doubtful, doubtful, about(tmp_path / "w", settings=long), quiet)
    assert found.curve[-1].loss == pytest.approx(torch.tensor(2.0).log().item(), abs=0.05)


def replace_targets(data: Lessons, value: float) -> Lessons:
    return Lessons(data.texts, torch.full_like(data.targets, value), data.weights)


def test_class_weights_let_a_rare_class_be_heard(bert: Path, tmp_path: Path):
    rare = [k for k in range(200) if k % 2 == 0 or k % 20 == 1]
    data = lessons(200)
    unbalanced = Lessons([data.texts[k] for k in rare], data.targets[rare], data.weights[rare])
    once = replace(SETTINGS, epochs=1, learning_rate=5e-4)
    found = [
        fine_tune(resolve(str(bert)), unbalanced, lessons(20), about(tmp_path / name, settings=chosen), quiet)
        for name, chosen in (("plain", once), ("balanced", replace(once, class_weights=True)))
    ]
    assert found[1].curve[-1].loss < found[0].curve[-1].loss - 0.05  # validation has as many of each


def test_training_stops_when_validation_no_longer_gets_better(bert: Path, tmp_path: Path):
    impatient = replace(SETTINGS, epochs=50, patience=2)
    wrong = lessons(20)
    turned = Lessons(wrong.texts, wrong.targets.flip(1), wrong.weights)
    found = fine_tune(resolve(str(bert)), lessons(40), turned, about(tmp_path / "w", settings=impatient), quiet)
    assert found.steps < 250
    best = min(found.curve, key=lambda point: point.loss)
    assert found.best_step == best.step


def test_adapters_are_small_and_merge_into_a_plain_classifier(bert: Path, tmp_path: Path):
    before = weights(bert)
    found = tuned(bert, tmp_path / "w", lora=True)
    size = sum(tensor.numel() for tensor in weights(found.folder, "adapter_model.safetensors").values())
    assert size < sum(tensor.numel() for tensor in before.values()) / 2
    merge(resolve(str(bert)), found.folder, LABELS, tmp_path / "merged")
    assert predictions(tmp_path / "merged", ["good", "bad"]) == ["positive", "negative"]
    merge(resolve(str(bert)), found.folder, LABELS, tmp_path / "again")
    assert equal(weights(tmp_path / "merged"), weights(tmp_path / "again"))
    assert resolve(str(tmp_path / "merged")).labels == LABELS


@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
@pytest.mark.parametrize("kind", ["DistilBertModel", "RobertaModel", "GPT2Model"])
@pytest.mark.parametrize("lora", [False, True])
def test_other_architectures_are_trained_too(kind: str, lora: bool, tmp_path: Path):
    sizes = {
        "DistilBertModel": {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 2},
        "GPT2Model": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    }
    base = save_model(tmp_path / "base", kind, **sizes.get(kind, {}))
    found = tuned(base, tmp_path / "w", lora=lora, settings=replace(SETTINGS, epochs=1))
    folder = found.folder
    if lora:
        merge(resolve(str(base)), found.folder, LABELS, folder := tmp_path / "merged")
    assert len(predictions(folder, ["good", "bad"])) == 2


def test_nothing_to_learn_is_said(bert: Path, tmp_path: Path):
    with pytest.raises(NotReady, match="texts to learn from"):
        fine_tune(resolve(str(bert)), lessons(4, torch.zeros(4)), lessons(4), about(tmp_path / "w"), quiet)


@pytest.mark.parametrize("lora", [False, True])
def test_a_training_whose_batches_do_not_fit_into_memory_goes_on_in_halves(
    bert: Path, tmp_path: Path, lora: bool, monkeypatch: pytest.MonkeyPatch
):
    once = replace(SETTINGS, epochs=1, learning_rate=2e-3)
    expected, sizes = tuned(bert, tmp_path / "whole", settings=once, lora=lora), set[int]()
    run = TrainingRun._logits

    def crowded(self: TrainingRun, values: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> torch.Tensor:
        sizes.add(len(batch["input_ids"]))
        if len(batch["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, values, batch)

    monkeypatch.setattr(TrainingRun, "_logits", crowded)
    found = tuned(bert, tmp_path / "halves", settings=once, lora=lora)
    assert {16, 8, 4, 2} <= sizes  # scoring takes four batches at once
    for one, other in zip(found.curve, expected.curve, strict=True):
        assert one.loss == pytest.approx(other.loss, abs=1e-5)
        assert one.training_loss == pytest.approx(other.training_loss, abs=1e-5)
    name = "adapter_model.safetensors" if lora else "model.safetensors"
    torch.testing.assert_close(weights(found.folder, name), weights(expected.folder, name), rtol=1e-3, atol=1e-4)
