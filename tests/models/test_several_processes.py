"""Two processes share a fine-tuning and come to what one comes to."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from forked import forked
from models.test_fine_tuning import SETTINGS, about, lessons, weights
from quiet import quiet
from tiny_models import save_model

from inffeed_core.cli import main
from inffeed_core.errors import Cancelled, JobError
from inffeed_core.influence.parts import Sharing
from inffeed_core.models import several
from inffeed_core.models.fine_tuning import fine_tune, follow
from inffeed_core.models.sources import resolve

FEW = replace(SETTINGS, epochs=2, learning_rate=2e-3)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("learner"), "BertModel", initializer_range=0.1)


def process(number: int, port: int) -> None:
    """Become one of two that a launcher started."""
    os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "INFFEED_DEVICE": "cpu"}


def lead(base: Path, work: Path, port: int) -> None:
    process(0, port)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 7:
            raise Cancelled("stopped")

    given = (resolve(str(base)), lessons(41), lessons(21))
    fine_tune(*given, about(work / "several", settings=FEW), quiet)
    stopped = about(work / "stopped", settings=FEW)
    with pytest.raises(Cancelled):
        fine_tune(*given, stopped, stop)  # it ends amid the steps, and the other is told


def accompany(port: int) -> None:
    process(1, port)
    with pytest.raises(JobError, match="Another of the processes ended before"):
        follow()


def test_two_processes_come_to_the_weights_of_one(bert: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [forked(lead, bert, tmp_path, port), forked(accompany, port)]
    alone = fine_tune(resolve(str(bert)), lessons(41), lessons(21), about(tmp_path / "alone", settings=FEW), quiet)
    for one in both:
        one.join(timeout=120)
        one.kill()
    assert [one.exitcode for one in both] == [0, 0]
    found = fine_tune(resolve(str(bert)), lessons(41), lessons(21), about(tmp_path / "several", settings=FEW), quiet)
    assert (found.processes, alone.processes) == (2, 1)
    for one, other in zip(found.curve, alone.curve, strict=True):
        assert one.loss == pytest.approx(other.loss, abs=1e-5)
        assert one.training_loss == pytest.approx(other.training_loss, abs=1e-5)
        assert one.macro_f1 == other.macro_f1
    torch.testing.assert_close(weights(found.folder), weights(alone.folder), rtol=1e-3, atol=1e-4)
    assert sorted(path.name for path in (tmp_path / "stopped").iterdir()) == ["checkpoint-5"]


@pytest.mark.parametrize("size", [1, 2, 16, 17])
def test_shares_are_the_whole_batch(size: int) -> None:
    shares = [Sharing(number=n, of=3, added=lambda one: one).rows(size) for n in range(3)]
    assert [row for rows in shares for row in rows] == list(range(size))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_only_training_is_shared_and_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not several.launched()
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    assert several.follows()
    refused = CliRunner().invoke(main, ["status", "reviews"])
    assert refused.exit_code == 2
    assert "accelerate launch is for train and retrain" in refused.stderr
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not several.launched()
