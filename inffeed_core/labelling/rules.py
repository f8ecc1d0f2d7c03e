"""Labelling functions in a Python file, one source each (Ratner et al., Snorkel, VLDB 2017).

The file is the user's own program and runs with the user's rights. Every function at its top level takes a text, and
perhaps the second text of a pair, and returns a label or None where it has nothing to say.
"""

import inspect
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from inffeed_core.errors import SettingsError
from inffeed_core.labelling.describing import Described
from inffeed_core.labelling.labellers import Answer
from inffeed_core.records import Instance, Progress, Source

REPORTED = 1000
"""Progress is reported every so many texts."""


class Rules:
    """The functions of one file."""

    def __init__(self, path: Path, about: Described) -> None:
        """Load the file. Raises SettingsError where it cannot be run, or a function takes other things than texts."""
        self._path, self._labels, self._sources = path, frozenset(about.about.labels), about.sources
        module = _loaded(path)
        self._functions = {one.name: _function(path, module, one.name) for one in about.sources}

    @property
    def sources(self) -> Sequence[Source]:
        """One source a function, named like it."""
        return self._sources

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """What each function says about each text. Raises SettingsError where one fails or names an unknown label."""
        found: dict[str, list[Answer | None]] = {name: [] for name in self._functions}
        for i, one in enumerate(texts):
            if i % REPORTED == 0:
                progress("Applying the rules", i, len(texts))
            for name, function in self._functions.items():
                found[name].append(self._asked(name, function, one))
        return found

    def _asked(self, name: str, function: Callable[..., object], one: Instance) -> Answer | None:
        try:
            said = function(*(one.text, one.pair)[: len(_positional(function))])
        except Exception as error:
            raise SettingsError(
                f"The rule {name} in {self._path} failed on the text {one.id}: {type(error).__name__}: {error}. "
                "Mend it, or let it return None; nothing was changed."
            ) from error
        if said is None:
            return None
        label = unicodedata.normalize("NFC", said) if isinstance(said, str) else said
        if label not in self._labels:
            raise SettingsError(
                f"The rule {name} in {self._path} returned {said!r} for the text {one.id}; expected None or one of "
                f"{', '.join(sorted(self._labels))}. Nothing was changed."
            )
        return Answer(label=str(label))


def _function(path: Path, module: ModuleType, name: str) -> Callable[..., object]:
    function: Callable[..., object] = getattr(module, name, _nothing)
    if not 1 <= len(_positional(function)) <= 2:
        raise SettingsError(
            f"The rule {name} in {path} takes {len(_positional(function))} arguments; expected the text, or the text "
            "and the second text of a pair. Give helpers a name that begins with an underscore."
        )
    return function


def _nothing(text: str) -> None:
    """Stands for a rule that its own file has deleted."""


def _loaded(path: Path) -> ModuleType:
    spec = spec_from_file_location("inffeed_rules", path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{path} is no Python file; its name must end in .py.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{path} cannot be run: {type(error).__name__}: {error}.") from error
    return module


def _positional(function: Callable[..., object]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]
