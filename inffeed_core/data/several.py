"""Several files of one kind as one table, whose problems still name the file and its own row."""

from collections.abc import Sequence
from dataclasses import replace

from inffeed_core.data.limits import LIMITS, ReadLimits
from inffeed_core.data.options import SPLIT_NAMES, split_of_name
from inffeed_core.data.table import Cell, Table, refused

_APART = "Import them one after the other."


def together(tables: Sequence[Table], limits: ReadLimits = LIMITS) -> Table:
    """The rows of all files below each other; one file is returned as it is.

    Where no column says the splits and the names of the files say different ones (train.csv, dev.csv), a column
    `split` holds them. Raises ImportRefused for files whose columns differ, or that are too much together.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    _require_alike(tables)
    name = ", ".join(one.name for one in tables)
    if (rows := sum(len(one.rows) for one in tables)) > limits.rows:
        raise refused(name, f"The files have {rows:,} rows together; the limit is {limits.rows:,}.", _APART)
    tables = _with_splits(name, tables)
    placed = len({one.place for one in tables}) == 1 and all(one.places for one in tables)
    return replace(
        first,
        name=name,
        columns=tables[0].columns,
        rows=[row for one in tables for row in _ordered(one, tables[0].columns)],
        places=[place for one in tables for place in one.places] if placed else (),
        notes=_notes(tables),
        sheet=None,
        sheets=(),
        parts=tuple((one.name, len(one.rows)) for one in tables),
    )


def _notes(tables: Sequence[Table]) -> tuple[str, ...]:
    """Each note once, with the files that it is about."""
    about: dict[str, list[str]] = {}
    for one in tables:
        for note in one.notes:
            about.setdefault(note, []).append(one.name)
    return tuple(note if len(names) == len(tables) else f"{', '.join(names)}: {note}" for note, names in about.items())


def _require_alike(tables: Sequence[Table]) -> None:
    first = tables[0]
    for other in tables[1:]:
        lacks = [column for column in first.columns if column not in other.columns]
        more = [column for column in other.columns if column not in first.columns]
        if lacks or more:
            what = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"also has {', '.join(more)}"] * bool(more)
            problem = f"The columns differ from those of {first.name}: {other.name} {' and '.join(what)}."
            raise refused(other.name, problem, f"Give all files the same columns. Otherwise: {_APART.lower()}")
        if other.class_names != first.class_names:
            problem = f"The numbers of labels mean other labels than in {first.name}."
            raise refused(other.name, problem, _APART)


def _with_splits(name: str, tables: Sequence[Table]) -> list[Table]:
    """With a column for the splits that the names of the files say, where these differ."""
    said = [split_of_name(one.name) for one in tables]
    if len(set(said) - {None}) < 2 or any(_says_splits(column, tables) for column in tables[0].columns):
        return list(tables)
    if None in said:
        without = tables[said.index(None)].name
        named = ", ".join(f"{one.name} ({split})" for one, split in zip(tables, said, strict=True) if split)
        problem = f"The names of some files say their splits, {named}; that of {without} says none."
        raise refused(name, problem, _APART)
    return [
        replace(one, columns=(*one.columns, "split"), rows=[[*row, str(split)] for row in one.rows])
        for one, split in zip(tables, said, strict=True)
    ]


def _says_splits(column: str, tables: Sequence[Table]) -> bool:
    if column.lower() == "split":
        return True
    cells = {str(cell).strip().lower() for one in tables for cell in one.column(column)}
    return cells <= set(SPLIT_NAMES)


def _ordered(table: Table, columns: Sequence[str]) -> Sequence[Sequence[Cell]]:
    if table.columns == tuple(columns):
        return table.rows
    at = [table.columns.index(column) for column in columns]
    return [[row[n] for n in at] for row in table.rows]
