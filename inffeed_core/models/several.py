"""Fine-tuning in several processes, as `accelerate launch` starts them: each takes its share of every batch.

The first process does all else alone: it reads the project, writes the version, and hands each fine-tuning to the
others, which know no project and write nothing. In a step each computes the gradient of its share, divided by the size
of the whole batch; the sum over the processes is the gradient of one process, dropout included, so steps, scores and
early stopping are those of one process but for rounding. Torch and Accelerate are imported where several are launched.
"""

import os
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from inffeed_core.errors import JobError, require

if TYPE_CHECKING:
    from inffeed_core.influence.parts import Sharing

PATIENCE = timedelta(days=30)
"""How long a process waits for the others: the first may have hours of other work."""


def launched() -> bool:
    """Whether this is one of several processes that a launcher started to work together."""
    return all(name in os.environ for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR")) and _count() > 1


def follows() -> bool:
    """Whether it is one of those that only take part in fine-tuning."""
    return launched() and int(os.environ["RANK"]) > 0


def sharing() -> "Sharing":
    """This process's part in every step; the whole where it is alone. Raises MissingExtra without Accelerate."""
    from inffeed_core.influence.parts import ALONE, Sharing

    if not launched():
        return ALONE
    from accelerate.utils import reduce

    state = _joined()
    return Sharing(number=state.process_index, of=state.num_processes, added=lambda one: reduce(one, "sum"))


def hand_out(fine_tuning: Any) -> None:
    """From the first process to all others, which take it with `taken`; None = there is no other."""
    if launched():
        _broadcast(fine_tuning)


def taken() -> Any:
    """What the first process handed out, once it does. Raises JobError where it has ended."""
    try:
        return _broadcast(None)
    except RuntimeError as error:  # torch raises nothing more precise
        raise ended() from error


def ended() -> JobError:
    """What a process says where another left it alone."""
    return JobError("Another of the processes ended before the training was done; it says why.")


def _broadcast(given: Any) -> Any:
    _joined()
    from accelerate.utils import broadcast_object_list

    held = [given]
    broadcast_object_list(held)
    return held[0]


@lru_cache(maxsize=1)
def _joined() -> Any:
    """This process among the others, on the device that is meant for it."""
    require("finetune", "accelerate")
    from accelerate import PartialState

    from inffeed_core.models.device import the_device

    return PartialState(cpu=the_device().type == "cpu", timeout=PATIENCE)


def _count() -> int:
    return int(os.environ["WORLD_SIZE"])
