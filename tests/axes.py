"""Types and axes of `inffeed_core.influence` are checked at every call, for a fraction of what jaxtyping takes for it.

Its own check binds the arguments to their names at each call, for its messages, and has beartype judge them a second
time with the result; and it does so for the many functions that name no axes. Here beartype judges arguments and result
once, and where axes are named, within a scope in which each name stands for one size. Trainings of small projects, of
which the tests make hundreds, spent more than half of their time in the former.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, get_args

import beartype
import jaxtyping

_jaxtyped = jaxtyping.jaxtyped
_scope = _jaxtyped("context")
_judged = beartype.beartype(conf=beartype.BeartypeConf(violation_type=jaxtyping.TypeCheckError))  # a TypeError, as ever


def checked(made: Any = None, *, typechecker: Callable[[Any], Any]) -> Any:
    """In place of `jaxtyping.jaxtyped`, with which the hook of `--jaxtyping-packages` decorates what is imported."""
    if made is None:
        return functools.partial(checked, typechecker=typechecker)
    if inspect.isclass(made):
        if dataclasses.is_dataclass(made):
            made.__init__ = checked(made.__init__, typechecker=typechecker)
        return made
    if inspect.isgeneratorfunction(made):  # which beartype judges only when its first value is asked for
        return _jaxtyped(made, typechecker=typechecker)
    judged = _judged(made)
    hints = inspect.get_annotations(made).values()
    return _within_a_scope(judged) if any(map(_names_axes, hints)) else judged


def _names_axes(hint: Any) -> bool:
    """Whether a `Float[Tensor, "rows classes"]` is part of it, or may be: a hint in quotes is not looked into."""
    if isinstance(hint, str) or (inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)):
        return True
    return any(map(_names_axes, get_args(hint)))


def _within_a_scope(judged: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(judged)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        with _scope:
            return judged(*args, **kwargs)

    return scoped


jaxtyping.jaxtyped = checked  # type: ignore[assignment]
