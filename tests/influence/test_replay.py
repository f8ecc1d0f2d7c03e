"""Derivatives through a training against whole trainings: exact, with or without kept states, and after a kill."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import ended
from small_networks import token_classifier, token_data
from torch import Tensor

from inffeed_core.errors import Cancelled, SettingsError
from inffeed_core.influence.adamw import AdamW
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.replay import Derivatives, kept_at_once, replay
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of

TEXTS, CLASSES, EPOCHS = 12, 3, 3


def a_run(dropout: float = 0.3, frozen: bool = True) -> TrainingRun:
    """Three epochs over a dozen short texts, every option on: dropout, clipping, decay, warm-up, frozen embeddings."""
    network = token_classifier(CLASSES)
    network.dropout.p = dropout
    network.embedding.weight.requires_grad_(not frozen)
    batches = token_data(TEXTS, 4, CLASSES, seed=2)
    rows = torch.arange(TEXTS).split(4)
    plan = [(batch, which) for (batch, _), which in zip(batches, rows, strict=True)] * EPOCHS
    rates = [0.05 * min((n + 1) / 3, (len(plan) - n) / len(plan)) for n in range(len(plan))]
    return TrainingRun(network, plan, rates, AdamW(decay=decay_of(network, 0.1), epsilon=1e-4, clip=0.15), seed=5)


def lessons() -> tuple[Tensor, Tensor]:
    """(weights, soft targets)."""
    generator = torch.Generator().manual_seed(8)
    weights = 0.5 + torch.rand(TEXTS, generator=generator, dtype=torch.float64)
    return weights, torch.rand(TEXTS, CLASSES, generator=generator, dtype=torch.float64).softmax(1)


TARGETS = [token_data(6, 3, CLASSES, seed=9), token_data(1, 1, CLASSES, seed=10)]


def trained(run: TrainingRun, taught: Tensor, until: int | None = None) -> list[float]:
    """The targets' losses after a whole training."""
    state = start_of(run.network)
    for number in range(len(run) if until is None else until):
        state, _ = run.advance(state, number, taught)
    return [run.mean_loss(state[0], data)[0] for data in TARGETS]


def replayed(run: TrainingRun, **changes: object) -> Derivatives:
    weights, targets = lessons()
    return replay(run, start_of(run.network), weights[:, None] * targets, TARGETS, **changes)


@pytest.mark.parametrize("until", [None, 5])
@pytest.mark.parametrize("frozen", [True, False])
def test_derivatives_are_the_central_differences_of_whole_trainings(until: int | None, frozen: bool):
    run, (weights, targets) = a_run(frozen=frozen), lessons()
    found = replayed(run, until=until)
    assert found.losses.tolist() == pytest.approx(trained(run, weights[:, None] * targets, until), abs=1e-12)
    by_weight = found.by_weight(targets)
    by_target = found.by_taught * weights[:, None]
    for text in (0, 5, 11):
        other = weights.clone()
        other[text] += 1e-5
        up = trained(run, other[:, None] * targets, until)
        other[text] -= 2e-5
        down = trained(run, other[:, None] * targets, until)
        assert by_weight[:, text].tolist() == pytest.approx(slopes(up, down), rel=1e-4, abs=1e-9)
        changed = targets.clone()
        changed[text, text % CLASSES] += 1e-5
        up = trained(run, weights[:, None] * changed, until)
        changed[text, text % CLASSES] -= 2e-5
        down = trained(run, weights[:, None] * changed, until)
        assert by_target[:, text, text % CLASSES].tolist() == pytest.approx(slopes(up, down), rel=1e-4, abs=1e-9)
    assert float(by_weight.abs().max()) > 1e-3


def slopes(up: list[float], down: list[float]) -> list[float]:
    return [(a - b) / 2e-5 for a, b in zip(up, down, strict=True)]


def test_clipping_takes_place_in_some_steps_and_not_in_others():
    run, (weights, targets) = a_run(), lessons()
    state, long = start_of(run.network), []
    for number in range(len(run)):
        long.append(float(run._slope(state, number, weights[:, None] * targets)[0].norm()) > 0.15)
        state, _ = run.advance(state, number, weights[:, None] * targets)
    assert any(long)
    assert not all(long)


def test_signs_positive_is_helpful_and_positive_is_worth_doing():
    run, (weights, targets) = a_run(), lessons()
    taught, found = weights[:, None] * targets, replayed(run)
    small = 1e-4
    for text in (0, 7):
        without = taught.clone()
        without[text] *= 1 - small
        loss, less = trained(run, taught)[0], trained(run, without)[0]
        assert found.influence(taught)[0, text] == pytest.approx((less - loss) / small, rel=0.05)
        turned = targets.clone()
        turned[text] = (1 - small) * targets[text] + small * torch.eye(CLASSES, dtype=torch.float64)[1]
        gain = found.relabel_gains(weights[:, None].expand_as(targets), targets)[0, text, 1]
        assert gain == pytest.approx((loss - trained(run, weights[:, None] * turned)[0]) / small, rel=0.05)


def test_targets_asked_together_get_the_answers_that_each_gets_alone():
    run, (weights, targets) = a_run(), lessons()
    taught = weights[:, None] * targets
    alone = [replay(run, start_of(run.network), taught, [data]).by_taught[0] for data in TARGETS]
    torch.testing.assert_close(replayed(run).by_taught, torch.stack(alone), rtol=1e-10, atol=1e-14)


def test_kept_states_on_disk_change_no_bit_and_are_gone_at_the_end(tmp_path: Path):
    run = a_run()
    held, stored = replayed(run), replayed(run, kept=KeptStates(tmp_path / "kept"))
    assert torch.equal(held.by_taught, stored.by_taught)
    assert not list((tmp_path / "kept").iterdir())
    every_one = KeptStates()
    every_one_kept = replayed(run, kept=every_one, every=1)
    assert torch.equal(held.by_taught, every_one_kept.by_taught)


def test_few_states_are_kept_at_a_time():
    assert kept_at_once(1) == 2
    assert kept_at_once(100) <= 21
    assert kept_at_once(10_000) <= 202
    assert kept_at_once(100, every=1) == 101


@pytest.mark.parametrize(("stage", "place"), [("Repeating the training", 7), ("Undoing the training", 6)])
def test_it_goes_on_after_an_interruption_to_the_same_bits(tmp_path: Path, stage: str, place: int):
    run, kept = a_run(), KeptStates(tmp_path / "kept")

    def stop(said: str, done: int, total: int) -> None:
        if (said, done) == (stage, place):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        replayed(run, kept=kept, progress=stop)
    seen: list[tuple[str, int]] = []
    again = replayed(
        a_run(), kept=KeptStates(tmp_path / "kept"), progress=lambda said, done, _: seen.append((said, done))
    )
    assert seen[0][1] > 0
    assert torch.equal(again.by_taught, replayed(a_run()).by_taught)


def killed_on_the_way(kept: Path) -> None:
    """What a child does."""

    def die(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("Undoing the training", 6):
            os.kill(os.getpid(), signal.SIGKILL)

    replayed(a_run(), kept=KeptStates(kept), progress=die)


def test_after_kill_9_it_goes_on_to_the_same_bits(tmp_path: Path):
    assert ended(killed_on_the_way, tmp_path) == -signal.SIGKILL
    again = replayed(a_run(), kept=KeptStates(tmp_path))
    assert torch.equal(again.by_taught, replayed(a_run()).by_taught)


def test_dropout_differs_between_steps_and_seeds_and_leaves_the_callers_numbers_alone():
    run, (weights, targets) = a_run(), lessons()
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    trained(run, weights[:, None] * targets)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not run.network.training or run.network.training == token_classifier().training
    other = TrainingRun(run.network, run.batches, run.rates, run.optimiser, seed=6)
    assert trained(run, weights[:, None] * targets) != trained(other, weights[:, None] * targets)


def test_what_does_not_fit_is_refused():
    run = a_run()
    with pytest.raises(SettingsError, match="9 steps"):
        replayed(run, until=10)
    with pytest.raises(SettingsError, match="rates"):
        TrainingRun(run.network, run.batches, run.rates[:-1], run.optimiser, seed=0)
    with pytest.raises(SettingsError, match="decay"):
        TrainingRun(run.network, run.batches, run.rates, AdamW(decay=torch.zeros(3)), seed=0)
    with pytest.raises(SettingsError, match="target"):
        replay(run, start_of(run.network), lessons()[1], [])
    assert np.isfinite(replayed(run, until=1).losses.numpy()).all()
