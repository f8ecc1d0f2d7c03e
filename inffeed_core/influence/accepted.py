"""Which numbers are accepted: every public function of this package converts its tensors here.

Integers, booleans and half precision become floating-point numbers that hold them exactly, so that no weight is
ever rounded to the type of somebody's features. Gradients do not flow through the inputs. The head tier
computes on the CPU and moves its inputs there; whole models stay on their device. Anything that is not numbers is
refused with a ValueError that says what arrived.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
_EXACT = {
    torch.bool: torch.float32,
    torch.uint8: torch.float32,
    torch.int8: torch.float32,
    torch.int16: torch.float32,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.int32: torch.float64,
    torch.int64: torch.float64,
    torch.float32: torch.float32,
    torch.float64: torch.float64,
}
"""The floating-point type that holds every number of a type; of int64 those up to 2⁵³."""


def floats(values: Any, name: str) -> Tensor:
    """These numbers in float32 or float64, without gradient; the same tensor if it is already so."""
    found = _tensor(values, name)
    if found.dtype not in _EXACT:
        raise ValueError(f"{name} is of type {found.dtype}; expected real numbers, such as torch.float32.")
    return found.to(_EXACT[found.dtype])


def doubles(values: Any, name: str) -> Tensor:
    """These numbers in float64, on the CPU."""
    return on_cpu(floats(values, name), name).double()


def classes(values: Any, name: str) -> Tensor:
    """Class numbers as int64. Raises ValueError for numbers that are not whole."""
    found = _tensor(values, name)
    if found.is_complex() or (found.is_floating_point() and bool((found != found.round()).any())):
        raise ValueError(f"{name} holds {found.dtype} numbers that are not whole; expected class numbers.")
    return found.long()


def taught(values: Any, name: str) -> Tensor:
    """A class number for each row, or a distribution over classes for each."""
    found = _tensor(values, name)
    return classes(found, name) if found.ndim < 2 else floats(found, name)


def on_cpu(values: Tensor, name: str) -> Tensor:
    """The same numbers in the CPU's memory."""
    if values.is_meta:
        raise ValueError(f"{name} is on the device meta, which holds no numbers; give a tensor on the CPU.")
    return values.cpu()


def _tensor(values: Any, name: str) -> Tensor:
    if not isinstance(values, Tensor):
        raise ValueError(f"{name} is a {type(values).__name__}; expected a torch tensor.")
    return values.detach()


def _rows(values: Any, name: str) -> Tensor:
    return on_cpu(floats(values, name), name)


def _numbers(values: Any, name: str) -> Tensor:
    return on_cpu(classes(values, name), name)


def _taught(values: Any, name: str) -> Tensor:
    return on_cpu(taught(values, name), name)


def accepted(values: Any, name: str, kind: str) -> Tensor:
    """These values converted as this kind; see `accepting`. Raises ValueError, which names them."""
    return _WAYS[kind](values, name)


def accepting(**kinds: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: each named argument is converted as its kind; None stays None.

    Kinds: `rows` and `float64` (numbers of the head tier, in their own precision or in float64), `classes` and `taught`
    (of the head tier), and `floats`, `doubles` and `labels`, which stay on their device.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        names = list(inspect.signature(function).parameters)
        places = [(names.index(name), name, kind) for name, kind in kinds.items()]

        @functools.wraps(function)
        def converting(*args: P.args, **kwargs: P.kwargs) -> R:
            given: Any = [*args]  # binding them to their names would take longer than many of these functions
            for at, name, kind in places:
                if at < len(given) and given[at] is not None:
                    given[at] = accepted(given[at], name, kind)
                elif kwargs.get(name) is not None:
                    kwargs[name] = accepted(kwargs[name], name, kind)
            return function(*given, **kwargs)

        return converting

    return decorate


_WAYS: dict[str, Callable[[Any, str], Tensor]] = {
    "rows": _rows,
    "float64": doubles,
    "classes": _numbers,
    "taught": _taught,
    "floats": floats,
    "doubles": lambda values, name: floats(values, name).double(),
    "labels": classes,
}
