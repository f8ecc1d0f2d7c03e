"""One pass over the caller's data, counted and interruptible.

The caller makes the batches: this package knows no tokenizer. Data must give the same batches each time it is iterated
(a list, or an object with `__iter__`), because factors, index and solvers each go over it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TypeAlias, TypeVar, overload

from torch import Tensor

from inffeed_core.errors import SettingsError
from inffeed_core.influence.linear_layers import Batch
from inffeed_core.influence.parts import halves, is_full, of_rows
from inffeed_core.records import Progress

Result = TypeVar("Result")
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


def fitting(compute: Callable[[Data], Result], data: Data) -> Result:
    """`compute(data)`; where memory is full, again from its beginning with every batch halved, and so on.

    Raises what `compute` raises where not even single examples fit, and for data that is no sequence.
    """
    while True:
        try:
            return compute(data)
        except RuntimeError as error:
            if not isinstance(data, Sequence) or not is_full(error):
                raise
            largest = max(len(labels) for _, labels in data)
            if largest < 2:
                raise
        data = _Halved(data)


class _Halved(Sequence[tuple[Batch, Tensor]]):
    """The batches of other data, each of more than one example as two."""

    def __init__(self, data: Sequence[tuple[Batch, Tensor]]) -> None:
        self._data = data
        self._parts = [(n, half) for n, (_, labels) in enumerate(data) for half in halves(range(len(labels))) if half]

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, place: int) -> tuple[Batch, Tensor]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[Batch, Tensor]]: ...
    def __getitem__(self, place: int | slice) -> tuple[Batch, Tensor] | list[tuple[Batch, Tensor]]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        number, rows = self._parts[place]
        batch, labels = self._data[number]
        return of_rows(batch, rows), labels[rows.start : rows.stop]


def spaced(data: Data, examples: int | None) -> Data:
    """Evenly spaced batches of `data` with about `examples` examples; all of it if it is a stream or smaller."""
    if examples is None or not isinstance(data, Sequence):
        return data
    step = sum(len(labels) for _, labels in data) // examples
    return data[:: max(1, step)]
