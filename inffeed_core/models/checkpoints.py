"""Checkpoints of a fine-tuning on disk: what they hold, the space they take, and the one to resume from."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from torch import nn

from inffeed_core.errors import NotReady
from inffeed_core.influence.adamw import State
from inffeed_core.records import CurvePoint

KEPT = 2
"""Checkpoints that are kept: the latest, and the best or the one before."""
OPTIMISER = 2
"""Numbers that AdamW stores per trained parameter."""
SPARE = 64 * 2**20
"""Bytes besides the weights: tokenizer, the database, and what others write meanwhile."""
_STATE, _PASSED = "state.safetensors", "trainer_state.json"


@dataclass(frozen=True, slots=True)
class Passed:
    """How far a training has come, beside its state."""

    step: int = 0
    curve: tuple[CurvePoint, ...] = ()
    best: CurvePoint | None = None
    """The scoring whose state is the best so far; None before the first, or if none gave a number."""
    since_best: int = 0
    """Scorings since then."""
    losses: tuple[float, ...] = ()
    """Of the batches since the last scoring."""

    def stepped(self, loss: float) -> "Passed":
        """One step later."""
        return replace(self, step=self.step + 1, losses=(*self.losses, loss))

    def scored(
        self, scores: Mapping[str, Any], epoch: float, better: Callable[[CurvePoint, CurvePoint | None], bool]
    ) -> "Passed":
        """With one more point of the curve, which has these scores."""
        taught = float(np.mean(self.losses))
        point = CurvePoint(step=self.step, epoch=round(epoch, 3), training_loss=taught, **scores)
        improved = better(point, self.best)
        return Passed(
            step=self.step,
            curve=(*self.curve, point),
            best=point if improved else self.best,
            since_best=0 if improved else self.since_best + 1,
        )


def save_checkpoint(work: Path, state: State, passed: Passed) -> None:
    """Write a checkpoint, its JSON last, then delete others: the best stays, or if this is the best, the one before."""
    folder = work / f"checkpoint-{passed.step}"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"state": state.cpu()}, folder / _STATE)
    (folder / _PASSED).write_text(json.dumps(asdict(passed)), encoding="utf-8")
    others = [one for one in _in_order(work) if one != folder]
    best = work / f"checkpoint-{passed.best.step}" if passed.best else folder
    wanted = {best} if best != folder else set(others[-1:])
    for other in others:
        if other not in wanted:
            shutil.rmtree(other)


def _in_order(work: Path) -> list[Path]:
    return sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def load_state(folder: Path) -> State:
    """The state in a checkpoint, on the CPU."""
    state: State = load_file(folder / _STATE)["state"]
    return state


def load_passed(folder: Path) -> Passed:
    """How far the training of a checkpoint had come."""
    told = json.loads((folder / _PASSED).read_text(encoding="utf-8"))
    curve = tuple(CurvePoint(**point) for point in told["curve"])
    best = None if told["best"] is None else CurvePoint(**told["best"])
    return Passed(**told | {"curve": curve, "best": best, "losses": tuple(told["losses"])})


def room_needed(model: nn.Module, *, lora: bool) -> int:
    """Peak bytes that fine-tuning this model takes on the disk of its checkpoints.

    A new checkpoint is written before the oldest is deleted; each holds the weights and the optimiser's state in
    float32. With `lora` both cover only the adapters, which in the end are merged into a copy of the whole model.
    """
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    whole, learned = 4 * sum(n for n, _ in sizes), 4 * sum(n for n, learns in sizes if learns)
    checkpoints = (KEPT + 1) * (1 + OPTIMISER) * learned
    return checkpoints + SPARE + (whole if lora else 0)


def require_room(work: Path, needed: int) -> None:
    """Raise NotReady, with the numbers, if the disk has less free than `needed` minus what `work` already holds."""
    held = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    free = shutil.disk_usage(next(p for p in (work, *work.parents) if p.is_dir())).free
    if free + held < needed:
        raise NotReady(
            f"This fine-tuning needs about {_size(needed - held)} on the disk of {work.parent} for its checkpoints and "
            f"the new version; {_size(free)} are free. Free some space, or use the method lora or instant, which need "
            "less."
        )


def _size(bytes: int) -> str:
    return f"{bytes / 1e9:.1f} GB" if bytes >= 1e9 else f"{max(1, round(bytes / 1e6))} MB"


def last_checkpoint(work: Path) -> Path | None:
    """The latest complete checkpoint; the JSON is written last."""
    for folder in reversed(_in_order(work)):
        try:
            json.loads((folder / _PASSED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder)  # cut off by a kill
        else:
            return folder
    return None
