"""Features on disk, looked up by the content of their text.

A folder holds, for one model and one truncation:

- `cache.json`    dimension, and what made the features
- `hashes.bin`    16 bytes per text: a slot for each, in the order in which texts were first requested
- `features.f32`  the features, float32, row by row; sparse until they are written
- `filled.u8`     1 where the row is complete

A slot is reserved before its text is encoded, so a data set is stored in its own order however its texts were batched,
and reading it again is a memory map instead of a copy. Rows are written once, and flushed to disk before they are
marked. Files only ever grow, so a map stays valid. After kill -9, a full disk or a power cut, marked rows are
complete and all others are encoded again.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedRandom
from pathlib import Path

import numpy as np
import torch
from filelock import BaseFileLock, FileLock, Timeout
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.records import Passage

FORMAT = 1
HASH_BYTES = 16
Hashes = NDArray[np.bytes_]
Slots = NDArray[np.int64]


def text_hashes(passages: Sequence[Passage]) -> Hashes:
    """BLAKE2b of each text's UTF-8, 16 bytes; of a pair another kind, so that no text alone has its hash."""
    return np.frombuffer(b"".join(map(_digest, passages)), dtype=f"S{HASH_BYTES}")


def _digest(passage: Passage) -> bytes:
    if isinstance(passage, str):
        return blake2b(passage.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()
    text, pair = (part.encode("utf-8", "surrogatepass") for part in passage)
    both = len(text).to_bytes(8) + text + pair
    return blake2b(both, digest_size=HASH_BYTES, person=b"pair").digest()


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn OSError (disk full, no permission) into a ModelError."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"Features could not be saved in {folder} ({error.strerror or error}). Free space or make it writable, "
            "and start again: what has been encoded is kept. The folder is a cache and may be deleted."
        ) from error


@contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only writer; while another is, `waiting` is called twice a second and may raise. A kill frees the lock."""
    lock = FileLock(folder / "writer.lock")
    while not _acquired(folder, lock):
        waiting()
    try:
        yield
    finally:
        lock.release()


def _acquired(folder: Path, lock: BaseFileLock) -> bool:
    with disk_errors_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            return False
    return True


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """One folder of features of `dimension` float32 numbers. Reading needs no lock; writing needs `locked`."""

    folder: Path
    dimension: int

    @classmethod
    def open(cls, folder: Path) -> "FeatureCache | None":
        """The cache in this folder, or None if there is none or its description is damaged."""
        try:
            told = json.loads((folder / "cache.json").read_text(encoding="utf-8"))
            return cls(folder, int(told["dimension"])) if told["format"] == FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def create(cls, folder: Path, dimension: int, about: Mapping[str, object]) -> "FeatureCache":
        """Start an empty cache, deleting what was there."""
        for name in ("hashes.bin", "features.f32", "filled.u8"):
            (folder / name).unlink(missing_ok=True)
        told = {"format": FORMAT, "dimension": dimension, **about}
        unfinished = folder / "cache.json.new"
        unfinished.write_text(json.dumps(told, indent=1), encoding="utf-8")
        unfinished.replace(folder / "cache.json")
        return cls(folder, dimension)

    def find(self, hashes: Hashes) -> Slots:
        """The slot of each hash, or -1 if its features are missing. Fastest if `hashes` is sorted."""
        slots = self._find(hashes, self._stored_hashes())
        filled = np.append(self._filled(), np.uint8(0))  # the last entry stands for -1 and for slots not yet marked
        return np.where(filled[np.minimum(slots, len(filled) - 1)] == 1, slots, -1)

    def reserve(self, hashes: Hashes) -> Slots:
        """A slot for each hash (no hash given twice), new ones in the order given."""
        stored = self._stored_hashes()
        slots = self._find(hashes, stored)
        new = slots < 0
        slots[new] = len(stored) + np.arange(new.sum())
        self._grow(len(stored), len(stored) + int(new.sum()))
        with self._writable("hashes.bin") as file:
            file.truncate(len(stored) * HASH_BYTES)  # drops the partial hash that a kill left
            file.seek(0, os.SEEK_END)
            file.write(hashes[new].tobytes())
            file.flush()
            os.fsync(file.fileno())
        return slots

    def put(self, slots: Slots, rows: NDArray[np.float32]) -> None:
        """Write rows into reserved slots and mark them."""
        with self._writable("features.f32") as file:
            for slot, row in zip(slots.tolist(), np.ascontiguousarray(rows, dtype="<f4"), strict=True):
                file.seek(slot * self._row_bytes)
                file.write(row.data)
            file.flush()
            os.fsync(file.fileno())
        with self._writable("filled.u8") as file:
            for slot in slots.tolist():
                file.seek(slot)
                file.write(b"\1")

    def table(self, slots: Slots) -> Float[Tensor, "slot feature"]:
        """All features up to the last of these filled slots, mapped from the file."""
        if len(slots) == 0:
            return torch.empty(0, self.dimension)
        count = int(slots.max()) + 1
        # copy-on-write: torch cannot hold a read-only array, and the file must not change under a careless caller
        table = np.memmap(self.folder / "features.f32", dtype="<f4", mode="c", shape=(count, self.dimension))
        return torch.from_numpy(table)

    @property
    def _row_bytes(self) -> int:
        return 4 * self.dimension

    def _find(self, hashes: Hashes, stored: Hashes) -> Slots:
        if len(stored) == 0:
            return np.full(len(hashes), -1, dtype=np.int64)
        order = np.argsort(stored, kind="stable")
        places = order[np.minimum(np.searchsorted(stored, hashes, sorter=order), len(stored) - 1)]
        return np.where(stored[places] == hashes, places, -1)

    def _stored_hashes(self) -> Hashes:
        data = self._read("hashes.bin")
        return np.frombuffer(data[: len(data) // HASH_BYTES * HASH_BYTES], dtype=f"S{HASH_BYTES}")

    def _filled(self) -> NDArray[np.uint8]:
        """Marks of the rows that `features.f32` is long enough to hold."""
        path = self.folder / "features.f32"
        whole = path.stat().st_size // self._row_bytes if path.exists() else 0
        return np.frombuffer(self._read("filled.u8"), dtype=np.uint8)[:whole]

    def _grow(self, reserved: int, slots: int) -> None:
        """Make room for rows before their hashes appear; marks beyond what is reserved or present are cleared."""
        marks = np.zeros(slots, dtype=np.uint8)
        known = self._filled()[:reserved]
        marks[: len(known)] = known
        with self._writable("features.f32") as file:
            file.truncate(max(slots * self._row_bytes, os.fstat(file.fileno()).st_size))
        with self._writable("filled.u8") as file:
            file.write(marks.tobytes())

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def _writable(self, name: str) -> BufferedRandom:
        path = self.folder / name
        path.touch()
        return path.open("r+b")
