"""Texts and features as Parquet files in one folder, local or behind a URI, that several machines can reach.

    texts-<run>-00012.parquet   hash, text, pair      what a worker reads; a block of texts
    done-<run>-00012.parquet    hash, features        what it leaves, all layers of a text beside each other

Rows are known by the hash of their text, so neither order nor the number of workers matters, and a block that was
encoded twice does no harm. A file is written under another name and moved, so every `done-` file is whole; one that
cannot be read all the same is dropped, and its texts are encoded again. Texts are stored as bytes, for UTF-8 cannot
hold half of a surrogate pair.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from inffeed_core.errors import ModelError
from inffeed_core.models.cache import HASH_BYTES, Hashes, text_hashes
from inffeed_core.records import Passage

TEXTS, DONE = "texts-", "done-"
END, UNFINISHED = ".parquet", ".part"


@dataclass(frozen=True, slots=True)
class Shards:
    """A folder of shards. Workers open it by `uri`, so it must be the same place for all of them."""

    uri: str
    """A URI that pyarrow knows (file, s3, gs, hdfs), or an absolute path."""

    def begin(self) -> None:
        """Make the folder. Raises ModelError where that cannot be done."""
        try:
            files, path = _opened(self.uri)
            files.create_dir(path, recursive=True)
        except (OSError, pa.ArrowException) as error:
            raise ModelError(
                f"The folder for shards {self.uri!r} cannot be used ({error}); expected a folder or a URI, such as "
                "s3://bucket/folder, that this machine and every worker can read and write."
            ) from error

    def write_texts(self, name: str, passages: Sequence[Passage]) -> None:
        """Write a block of texts under this name."""
        both = [(one, None) if isinstance(one, str) else one for one in passages]
        columns = {
            "hash": pa.array(text_hashes(passages).tobytes()[i : i + HASH_BYTES] for i in _starts(len(both))),
            "text": pa.array([_bytes(text) for text, _ in both], pa.binary()),
            "pair": pa.array([None if pair is None else _bytes(pair) for _, pair in both], pa.binary()),
        }
        self._write(f"{TEXTS}{name}", pa.table(columns))

    def texts(self, name: str) -> tuple[pa.Array, list[Passage]]:
        """Hashes and texts of a block."""
        files, path = _opened(self.uri)
        table = pq.read_table(f"{path}/{TEXTS}{name}{END}", filesystem=files)
        rows = zip(table["text"].to_pylist(), table["pair"].to_pylist(), strict=True)
        passages: list[Passage] = [_text(one) if pair is None else (_text(one), _text(pair)) for one, pair in rows]
        return table["hash"].combine_chunks(), passages

    def write_table(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        """Write columns of one length under this name."""
        self._write(name, pa.table(dict(columns)))

    def table(self, name: str) -> pa.Table:
        """What `write_table` wrote."""
        files, path = _opened(self.uri)
        return pq.read_table(f"{path}/{name}{END}", filesystem=files)

    def put(self, name: str, source: Path) -> None:
        """Copy a file of this machine to the folder."""
        files, path = _opened(self.uri)
        with source.open("rb") as given, files.open_output_stream(f"{path}/{name}") as there:
            shutil.copyfileobj(given, there)

    def fetch(self, name: str, to: Path) -> None:
        """Copy a file of the folder to this machine."""
        files, path = _opened(self.uri)
        with files.open_input_stream(f"{path}/{name}") as there, to.open("wb") as own:
            shutil.copyfileobj(there, own)

    def drop(self, *names: str) -> None:
        """Delete these blocks, as far as they are there."""
        files, path = _opened(self.uri)
        for one in files.get_file_info([f"{path}/{name}{END}" for name in names]):
            if one.type is pyarrow.fs.FileType.File:
                files.delete_file(one.path)

    def write_done(self, name: str, hashes: pa.Array, features: NDArray[np.float32]) -> None:
        """Write the features [text, layer, feature] of a block."""
        count, layers, size = features.shape
        flat = pa.array(np.ascontiguousarray(features, dtype=np.float32).reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, layers * size)
        table = pa.table({"hash": hashes, "features": column})
        self._write(f"{DONE}{name}", table.replace_schema_metadata({"layers": str(layers), "texts": str(count)}))

    def done(self, name: str) -> tuple[Hashes, NDArray[np.float32]]:
        """Hashes and features [text, layer, feature] of a finished block."""
        files, path = _opened(self.uri)
        table = pq.read_table(f"{path}/{DONE}{name}{END}", filesystem=files)
        hashes = np.array(table["hash"].to_pylist(), dtype=f"S{HASH_BYTES}")
        layers = int(table.schema.metadata[b"layers"])
        flat = table["features"].combine_chunks().flatten().to_numpy()
        return hashes, flat.reshape(len(hashes), layers, -1).astype(np.float32, copy=False)

    def finished(self) -> Iterator[tuple[Hashes, NDArray[np.float32]]]:
        """Every finished block that can be read; the others are deleted."""
        for name in self.names(DONE):
            try:
                yield self.done(name)
            except (OSError, KeyError, ValueError, pa.ArrowException):
                self._delete(f"{DONE}{name}{END}")

    def clear(self, *kinds: str) -> None:
        """Delete files of these kinds, and unfinished ones."""
        files, path = _opened(self.uri)
        for one in files.get_file_info(pyarrow.fs.FileSelector(path)):
            if one.base_name.startswith(kinds) or one.base_name.endswith(UNFINISHED):
                files.delete_file(one.path)

    def remove(self) -> None:
        """Delete the folder."""
        files, path = _opened(self.uri)
        files.delete_dir(path)

    def names(self, kind: str) -> list[str]:
        """Of the blocks of this kind that are there."""
        files, path = _opened(self.uri)
        found = [one.base_name for one in files.get_file_info(pyarrow.fs.FileSelector(path))]
        return sorted(
            one.removeprefix(kind).removesuffix(END) for one in found if one.startswith(kind) and one.endswith(END)
        )

    def _write(self, name: str, table: pa.Table) -> None:
        files, path = _opened(self.uri)
        unfinished = f"{path}/{name}{UNFINISHED}"
        pq.write_table(table, unfinished, filesystem=files)
        files.move(unfinished, f"{path}/{name}{END}")

    def _delete(self, name: str) -> None:
        files, path = _opened(self.uri)
        files.delete_file(f"{path}/{name}")


def _opened(uri: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system and the path in it."""
    found: tuple[pyarrow.fs.FileSystem, str] = pyarrow.fs.FileSystem.from_uri(uri)
    return found[0], found[1].rstrip("/")


def _starts(count: int) -> range:
    return range(0, count * HASH_BYTES, HASH_BYTES)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")
