"""Folders of Hugging Face's `datasets`: what `save_to_disk` writes, for one split or for several.

Written by its documented layout, without the package: `datasets.load_from_disk` opens it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inffeed_core.data.neighbours.records import Row
from inffeed_core.data.table import Cell, Kind, Table, as_text, refused

NAME = "Hugging Face datasets"
STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_TYPES = {Kind.TEXT: "string", Kind.INTEGER: "int64", Kind.NUMBER: "float64", Kind.BOOLEAN: "bool"}


def is_folder(path: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return (path / STATE).is_file() or (path / SPLITS).is_file()


def read(folder: Path, read_file: Callable[[Path], Table]) -> Table:
    """All splits of a folder as one table, with a column `split` where there are several.

    `read_file` reads one Arrow file. Raises ImportRefused for a folder that is not complete.
    """
    if (folder / STATE).is_file():
        return together(folder.name, [("", read_file(path)) for path in _files(folder)])
    names = _json(folder, SPLITS).get("splits")
    if not isinstance(names, list) or not names:
        raise refused(folder.name, f"{SPLITS} names no splits.", "Save the data set again.")
    parts = [(str(name), read_file(path)) for name in names for path in _files(folder / Path(str(name)).name)]
    return together(folder.name, parts)


def together(name: str, parts: Sequence[tuple[str, Table]]) -> Table:
    """Several tables, each of a split, as one. Raises ImportRefused where there is none."""
    if not parts:
        raise refused(name, "There are no files with data.", "Choose a data set that holds some.")
    several = any(split for split, _ in parts)
    columns = tuple(dict.fromkeys(c for _, table in parts for c in table.columns if not (several and c == "split")))
    rows = [row for split, table in parts for row in _rows(split, table, columns, several)]
    first = parts[0][1]
    notes = tuple(dict.fromkeys(note for _, table in parts for note in table.notes))
    return Table(
        name=name,
        columns=(*columns, "split") if several else columns,
        rows=rows,
        notes=notes,
        class_names=first.class_names,
    )


def _rows(split: str, table: Table, columns: Sequence[str], several: bool) -> Iterator[list[Cell]]:
    at = {column: n for n, column in enumerate(table.columns)}
    for row in table.rows:
        cells = [row[at[c]] if c in at else None for c in columns]
        yield [*cells, split] if several else cells


def _files(folder: Path) -> list[Path]:
    """The Arrow files that a split's state names, within its own folder."""
    listed = _json(folder, STATE).get("_data_files")
    names = [Path(str(one.get("filename"))).name for one in listed or () if isinstance(one, Mapping)]
    paths = [folder / name for name in names]
    if not paths or not all(path.is_file() for path in paths):
        raise refused(folder.name, f"{STATE} names files that are not there.", "Save the data set again.")
    return paths


def _json(folder: Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise refused(folder.name, f"{name} cannot be read ({error}).", "Save the data set again.") from error
    if not isinstance(found, Mapping):
        raise refused(folder.name, f"{name} holds no object.", "Save the data set again.")
    return found


def write(folder: Path, columns: Mapping[str, Kind], rows: Iterable[Row], labels: Sequence[str]) -> int:
    """Write rows of an export into a new folder, each split into one of its own; returns how many rows.

    `label` becomes a `ClassLabel` of the project's labels.
    """
    by_split: dict[str, list[Row]] = {}
    for row in rows:
        by_split.setdefault(str(row["split"]), []).append(row)
    folder.mkdir(parents=True)
    (folder / SPLITS).write_text(json.dumps({"splits": list(by_split)}), encoding="utf-8")
    for split, some in by_split.items():
        _write_split(folder / split, split, columns, some, labels)
    return sum(map(len, by_split.values()))


def _write_split(
    folder: Path, split: str, columns: Mapping[str, Kind], rows: Sequence[Row], labels: Sequence[str]
) -> None:
    import pyarrow
    import pyarrow.ipc

    features = {name: _feature(name, kind, labels) for name, kind in columns.items()}
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    number = {label: n for n, label in enumerate(labels)}
    arrays = [
        pyarrow.array([_cell(name, kind, row.get(name), number) for row in rows], features[name]["dtype"])
        for name, kind in columns.items()
    ]
    table = pyarrow.Table.from_arrays(arrays, names=list(columns)).replace_schema_metadata(told)
    folder.mkdir()
    file = "data-00000-of-00001.arrow"
    with pyarrow.OSFile(str(folder / file), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    fingerprint = hashlib.sha256((folder / file).read_bytes()).hexdigest()[:16]
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    state: dict[str, Any] = {
        "_data_files": [{"filename": file}],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    for name, content in ((INFO, info), (STATE, state)):
        (folder / name).write_text(json.dumps(content, indent=2, sort_keys=True), encoding="utf-8")


def _feature(name: str, kind: Kind, labels: Sequence[str]) -> dict[str, Any]:
    if name == "label":
        return {"names": list(labels), "dtype": "int64", "_type": "ClassLabel"}
    return {"dtype": _TYPES[kind], "_type": "Value"}


def _cell(name: str, kind: Kind, cell: Cell, number: Mapping[str, int]) -> Cell:
    if name == "label":
        return -1 if cell is None else number[as_text(cell)]
    return as_text(cell) if kind is Kind.TEXT and cell is not None else cell
