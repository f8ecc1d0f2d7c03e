"""Factors and encoded training gradients on disk: rows appended as they are made, then mapped into memory.

The only file of `influence` that uses a disk: factors and index are computed once per model version and may take an
hour, so they must survive a kill, and the index may be larger than memory. A folder holds

    factors.safetensors    bases, eigenvalues and traces of every layer
    gradients.bin          rows × dimension numbers, row-major, little-endian float32 or float16
    curvature-<rows>.npy   M, the mean outer product of encoded curvature rows (see `subspace`), times the rows so far
    index.json             the key, the shape, and how many rows are safely written

Work is saved every few thousand rows: rows and curvature reach the disk before `index.json` counts them, and that file
is replaced atomically. A resumed run cuts off uncounted rows, skips the batches already done without
computing them, and ends with the same bytes.

`key` is the caller's hash of everything the content depends on (weights, texts and their order, settings, the seed of
the factors); a folder with another key is refused, not reused.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.influence.ekfac import Factors, LayerFactors
from inffeed_core.influence.half_square import ROWS, Matrix, upper_half, zeros
from inffeed_core.influence.linear_layers import Batch
from inffeed_core.influence.passes import Data, one_pass
from inffeed_core.records import Progress

Precision = Literal["float32", "float16"]


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What `index.json` holds. `rows` are safely on disk; `complete` once all data was seen."""

    key: str
    code: str
    """Digest of the encoding, without which the numbers mean nothing."""
    dimension: int
    precision: Precision
    rows: int = 0
    complete: bool = False

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """How a number is stored."""
        return np.dtype(self.precision).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return self.dimension * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class GradientIndex:
    """A finished index. Rows are read from the mapped file block by block; nothing is held in memory."""

    folder: Path
    header: IndexHeader

    def __len__(self) -> int:
        return self.header.rows

    def curvature(self) -> Float64[Tensor, "d d"]:
        """M: the mean over examples of the outer products of their encoded curvature rows.

        Only the diagonal and the part right of it are valid: M is symmetric, and its factorisation reads no more.
        """
        found = upper_half(_curvature_file(self.folder, self.header))
        for start in range(0, len(found), ROWS):
            found[start : start + ROWS, start:] /= self.header.rows
        return torch.from_numpy(found)

    def blocks(self, rows: int) -> Iterator[tuple[int, Float[Tensor, "b d"]]]:
        """(first row, encoded gradients as float32) for consecutive blocks of `rows` rows."""
        shape = (self.header.rows, self.header.dimension)
        mapped = np.memmap(self.folder / "gradients.bin", self.header.dtype, "r", shape=shape)
        for start in range(0, len(self), rows):
            yield start, torch.from_numpy(np.array(mapped[start : start + rows])).float()


Encode = Callable[[Batch, Tensor], tuple[Tensor, Tensor]]
"""Encoded loss gradients (n × dimension) and curvature rows (m × dimension) of a batch and its labels."""

CHUNK_ROWS = 256
"""At least this many rows are held in memory before they go into the file and into M."""

SAVED_ROWS = 4096
"""At least this many rows are computed between two saves of M (134 MB at 4096 numbers a row); a kill loses them."""


Chunk = tuple[Float[Tensor, "b d"], Callable[[Matrix], None]]
"""Encoded gradients of the next rows, and what adds their curvature to M (its upper triangle, float64)."""


def build_index(
    folder: Path, empty: IndexHeader, data: Data, encode: Encode, progress: Progress | None = None
) -> GradientIndex:
    """Encode all of `data` into `folder`, or the part missing there, and return the index.

    Raises NotReady if the folder holds another index, SettingsError if a resumed run has other batches.
    """

    def chunks(done: int) -> Iterator[Chunk]:
        for gradients, curvature in _chunks(data, done, encode, progress):
            yield gradients, partial(add_outer_products, curvature=curvature)

    return fill_index(folder, empty, chunks)


def rows_done(folder: Path, key: str) -> int:
    """How many rows of this key's index are safely on disk."""
    header = _read_header(folder)
    return header.rows if header is not None and header.key == key else 0


def fill_index(folder: Path, empty: IndexHeader, chunks: Callable[[int], Iterator[Chunk]]) -> GradientIndex:
    """The index of all rows, of which `chunks(done)` gives those after the first `done`, in their order.

    A row that was taken may be asked for again after a kill. Raises NotReady if the folder holds another index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = _read_header(folder) or empty
    if replace(header, rows=0, complete=False) != empty:
        raise NotReady(f"{folder} holds the index of another model, data set or setting; choose another folder.")
    if header.complete:
        return GradientIndex(folder, header)
    _remove_uncounted(folder, header)
    with (folder / "gradients.bin").open("r+b" if header.rows else "wb") as file:
        file.truncate(header.rows * header.row_bytes)
        file.seek(0, os.SEEK_END)
        known = _curvature_file(folder, header)
        total = upper_half(known) if header.rows else zeros(header.dimension)
        for gradients, add in chunks(header.rows):
            file.write(gradients.cpu().numpy().astype(header.dtype).tobytes())
            add(total)
            rows = file.tell() // header.row_bytes
            if rows - header.rows >= SAVED_ROWS:
                header = _save(folder, header, file, rows, total)
        header = _save(folder, header, file, file.tell() // header.row_bytes, total)
    header = replace(header, complete=True)
    _write_header(folder, header)
    return GradientIndex(folder, header)


def _chunks(
    data: Data, done: int, encode: Encode, progress: Progress | None
) -> Iterator[tuple[Float[Tensor, "b d"], Float[Tensor, "m d"]]]:
    """Encoded chunks of the data after the first `done` rows, which end where a chunk ended."""
    waiting: list[tuple[Tensor, Tensor]] = []
    seen = 0
    for batch, labels in one_pass(data, "Encoding gradients", progress):
        if seen < done < seen + len(labels):
            raise SettingsError(f"Batches changed since the index was started: row {done} was the end of one.")
        seen += len(labels)
        if seen > done:
            waiting.append(encode(batch, labels))
        if sum(len(gradients) for gradients, _ in waiting) >= CHUNK_ROWS:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Float[Tensor, "b d"], Float[Tensor, "m d"]]:
    gradients, curvature = zip(*parts, strict=True)
    return torch.cat(gradients), torch.cat(curvature)


def add_outer_products(total: Matrix, curvature: Float[Tensor, "m d"]) -> None:
    """`total += ZᵀZ` on and right of the diagonal, some rows at a time, in float64.

    Rounding to float32 would leave M indefinite where examples are fewer than components and damping is weak.
    """
    z = curvature.double()
    for start in range(0, len(total), ROWS):
        total[start : start + ROWS, start:] += (z[:, start : start + ROWS].T @ z[:, start:]).cpu().numpy()


def _save(folder: Path, header: IndexHeader, file: BinaryIO, rows: int, total: Matrix) -> IndexHeader:
    """Count `rows` rows as saved: they and M are on disk before the header says so."""
    file.flush()
    os.fsync(file.fileno())
    following = replace(header, rows=rows)
    with _curvature_file(folder, following).open("wb") as matrix:
        np.save(matrix, total)
        matrix.flush()
        os.fsync(matrix.fileno())
    _write_header(folder, following)
    _remove_uncounted(folder, following)
    return following


def _remove_uncounted(folder: Path, header: IndexHeader) -> None:
    for file in folder.glob("curvature-*.npy"):
        if file != _curvature_file(folder, header):
            file.unlink()


def _curvature_file(folder: Path, header: IndexHeader) -> Path:
    return folder / f"curvature-{header.rows}.npy"


def save_factors(folder: Path, key: str, factors: Factors) -> None:
    """Write factors, in their order, replacing what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{name}/{part}": getattr(block, part).cpu() for name, block in factors.items() for part in _FACTOR_PARTS
    }
    traces = {name: block.trace for name, block in factors.items()}
    fresh = folder / "factors.safetensors.new"
    save_file(tensors, fresh, {"key": key, "traces": json.dumps(traces)})
    fresh.replace(folder / "factors.safetensors")


def load_factors(folder: Path, key: str) -> Factors | None:
    """The factors saved under `key`, on the CPU, or None. Raises NotReady if the folder holds another key's."""
    path = folder / "factors.safetensors"
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        if file.metadata()["key"] != key:
            raise NotReady(f"The factors in {folder} belong to another model or data set; fit new ones elsewhere.")
        traces: dict[str, float] = json.loads(file.metadata()["traces"])
        return {
            name: LayerFactors(**{part: file.get_tensor(f"{name}/{part}") for part in _FACTOR_PARTS}, trace=trace)
            for name, trace in traces.items()
        }


_FACTOR_PARTS = ("input_basis", "gradient_basis", "eigenvalues")


def _read_header(folder: Path) -> IndexHeader | None:
    try:
        return IndexHeader(**json.loads((folder / "index.json").read_text()))
    except FileNotFoundError:
        return None


def _write_header(folder: Path, header: IndexHeader) -> None:
    fresh = folder / "index.json.new"
    with fresh.open("w") as file:
        json.dump(asdict(header), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "index.json")
