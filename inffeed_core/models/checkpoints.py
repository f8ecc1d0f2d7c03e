"""Checkpoints of a fine-tuning on disk: the room they take, and the one to go on from."""

import json
import shutil
from pathlib import Path

from torch import nn

from inffeed_core.errors import NotReady

KEPT = 2
"""Checkpoints that stay: the best and the latest."""
OPTIMISER = 2
"""Numbers that AdamW keeps for each one that it learns."""
SPARE = 64 * 2**20
"""Bytes beside the weights: tokenizer, schedule, the database, and what others write meanwhile."""


def room_needed(model: nn.Module, *, lora: bool) -> int:
    """Bytes that fine-tuning this model takes at its peak, on the disk of its checkpoints.

    A new checkpoint is written before the oldest goes; each holds the weights and the optimiser's state, in float32.
    With `lora` both are of the adapters alone, and at the end they are merged into a copy of the whole model.
    """
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    whole, learned = 4 * sum(n for n, _ in sizes), 4 * sum(n for n, learns in sizes if learns)
    checkpoints = (KEPT + 1) * (1 + OPTIMISER) * learned
    return checkpoints + SPARE + (whole if lora else 0)


def require_room(work: Path, needed: int) -> None:
    """Raise NotReady, with the numbers, where the disk has less free than what is needed beyond what `work` holds."""
    held = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    free = shutil.disk_usage(next(p for p in (work, *work.parents) if p.is_dir())).free
    if free + held < needed:
        raise NotReady(
            f"This fine-tuning needs about {_size(needed - held)} on the disk of {work.parent} for its checkpoints and "
            f"the new version; {_size(free)} are free. Free some space, or take the method lora or instant, which need "
            "less."
        )


def _size(bytes: int) -> str:
    return f"{bytes / 1e9:.1f} GB" if bytes >= 1e9 else f"{max(1, round(bytes / 1e6))} MB"


def last_checkpoint(work: Path) -> str | None:
    """The latest checkpoint that is whole; its state file is written last."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for folder in reversed(found):
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder)  # cut off by a kill
        else:
            return str(folder)
    return None
