"""A batch in parts: halves where memory is full, or the shares of several processes.

Dropout takes from a part what it would take from it in the whole batch, so the parts add up to the whole: every random
mask is drawn for all rows, and the part takes its own. That holds for masks whose first axis is that of the rows, or of
the rows and something within each (heads), as everywhere in transformers but in relative positions.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_FULL = ("can't allocate memory", "not enough memory", "out of memory")
"""Of a RuntimeError, which is what the CPU's allocator raises."""

Result = TypeVar("Result")


def by_halves(compute: Callable[[range], Result], rows: range) -> Iterator[Result]:
    """`compute(rows)`; where memory is full, of each half alone, and so on, in their order.

    Raises what `compute` raises where not even one row fits.
    """
    try:
        found = compute(rows)
    except RuntimeError as error:  # torch.OutOfMemoryError is one, too
        if len(rows) < 2 or not is_full(error):
            raise
    else:
        yield found
        return
    for half in halves(rows):  # outside of the handler, whose traceback keeps the batch alive
        yield from by_halves(compute, half)


def halves(rows: range) -> tuple[range, range]:
    """The first and the second half."""
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]


def is_full(error: RuntimeError) -> bool:
    """Whether it says that memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """One of several processes that take the same steps, each with its share of every batch."""

    number: int
    """Of this process, from 0."""
    of: int
    added: Callable[[Tensor], Tensor]
    """The sum of what every process gives; each must call it as often, with tensors of the same shape."""

    def rows(self, size: int) -> range:
        """Its share of so many rows; empty where there are fewer than processes."""
        return range(size * self.number // self.of, size * (self.number + 1) // self.of)


ALONE = Sharing(number=0, of=1, added=lambda one: one)


def of_rows(batch: Mapping[str, Tensor], rows: range) -> dict[str, Tensor]:
    """These rows of a batch, as wide as before."""
    return {name: one[rows.start : rows.stop] for name, one in batch.items()}


def dropped_as_in(whole: int, rows: range) -> AbstractContextManager[object]:
    """Within it, dropout takes from these rows of a batch of `whole` what it would take from them in all of it."""
    return nullcontext() if len(rows) == whole else _WholeMasks(rows, whole)


class _WholeMasks(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch has no types here
    def __init__(self, rows: range, whole: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rows, self._whole = rows, whole

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        aten = torch.ops.aten
        if func is aten.bernoulli_.float and self._is_of_rows(args[0]):  # dropout on a CPU
            return args[0].copy_(self._own(func(self._laid_as(args[0]), *args[1:], **kwargs)))
        if func is aten.native_dropout.default and self._is_of_rows(args[0]) and args[2] is not False:  # on a GPU
            mask = self._own(func(self._laid_as(args[0]).fill_(1), *args[1:], **kwargs)[1])
            return args[0] * mask * (0.0 if args[1] == 1 else 1 / (1 - args[1])), mask
        return func(*args, **kwargs)

    def _is_of_rows(self, part: Tensor) -> bool:
        return part.ndim > 0 and len(part) > 0 and len(part) % len(self._rows) == 0

    def _laid_as(self, part: Tensor) -> Tensor:
        """An empty tensor for all rows that lies in memory as the part does: masks are drawn in that order.

        One row alone does not tell whether rows lie inside; they are then taken to lie one after another.
        """
        shape = (len(part) // len(self._rows) * self._whole, *part.shape[1:])
        across, *within = part.stride()
        strides = [across, *(one if one < across else one // len(part) * shape[0] for one in within)]
        return part.new_empty_strided(shape, strides) if all(strides) else part.new_empty(shape)

    def _own(self, masks: Tensor) -> Tensor:
        each = len(masks) // self._whole
        return masks[self._rows.start * each : self._rows.stop * each]
