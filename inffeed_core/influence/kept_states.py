"""Tensors kept by step, in memory or in a folder, where each is written whole or not at all: a kill loses none."""

import os
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

_SUFFIX = ".safetensors"


class KeptStates:
    """A few states of a training, by the number of steps before them."""

    def __init__(self, folder: Path | None = None) -> None:
        """In memory, or in this folder, where states of an earlier process are found again."""
        self._folder = folder
        self._held: dict[int, dict[str, Tensor]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def part(self, name: str) -> "KeptStates":
        """Others, beside these."""
        return KeptStates(None if self._folder is None else self._folder / name)

    def steps(self) -> list[int]:
        """Which there are, in order."""
        if self._folder is None:
            return sorted(self._held)
        return sorted(int(path.stem) for path in self._folder.glob(f"*{_SUFFIX}"))

    def put(self, step: int, **tensors: Tensor) -> None:
        """Keep these; in memory they are not copied."""
        if self._folder is None:
            self._held[step] = tensors
            return
        unfinished = self._folder / f"{step}.unfinished"
        save_file({name: one.contiguous() for name, one in tensors.items()}, unfinished)
        os.replace(unfinished, self._path(step))

    def get(self, step: int) -> dict[str, Tensor]:
        """What was kept."""
        return self._held[step] if self._folder is None else load_file(self._path(step))

    def drop(self, *steps: int) -> None:
        """Delete these."""
        for step in steps:
            self._held.pop(step, None)
            if self._folder is not None:
                self._path(step).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all, and the folder if nothing else is in it."""
        self.drop(*self.steps())
        if self._folder is not None:
            for path in self._folder.glob("*.unfinished"):
                path.unlink()
            if not any(self._folder.iterdir()):
                self._folder.rmdir()

    def _path(self, step: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{step}{_SUFFIX}"
