"""Checkpoints of a fine-tuning on disk: the space they take, and the one to resume from."""

import json
import shutil
from pathlib import Path

from torch import nn

from inffeed_core.errors import NotReady

KEPT = 2
"""Checkpoints that are kept: the best and the latest."""
OPTIMISER = 2
"""Numbers that AdamW stores per trained parameter."""
SPARE = 64 * 2**20
"""Bytes besides the weights: tokenizer, schedule, the database, and what others write meanwhile."""


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


def last_checkpoint(work: Path) -> str | None:
    """The latest complete checkpoint; the state file is written last."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for folder in reversed(found):
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder)  # cut off by a kill
        else:
            return str(folder)
    return None
