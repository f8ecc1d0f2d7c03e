"""One pass over the caller's data, counted and interruptible.

The caller makes the batches: this package knows no tokenizer. Data must give the same batches each time it is iterated
(a list, or an object with `__iter__`), because factors, index and solvers each go over it.
"""

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TypeAlias

from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.linear_layers import Batch
from inffeed_core.records import Progress

Data: TypeAlias = Iterable[tuple[Batch, Tensor]]
"""(batch, labels) pairs; labels are class numbers, one for each example of the batch."""


def one_pass(data: Data, stage: str, progress: Progress | None = None) -> Iterator[tuple[Batch, Tensor]]:
    """The batches of `data`; `progress(stage, batches done, batches in all or 0)` after each.

    Raises SettingsError if data gives nothing, as an exhausted generator does on its second pass.
    """
    total = len(data) if isinstance(data, Sized) else 0
    done = 0
    for batch, labels in data:
        yield batch, labels
        done += 1
        if progress is not None:
            progress(stage, done, total)
    if not done:
        raise SettingsError(f"The data for {stage!r} gave no batch; give a list, or an object that can iterate again.")


def spaced(data: Data, examples: int | None) -> Data:
    """Evenly spaced batches of `data` with about `examples` examples; all of it if it is a stream or smaller."""
    if examples is None or not isinstance(data, Sequence):
        return data
    step = sum(len(labels) for _, labels in data) // examples
    return data[:: max(1, step)]
