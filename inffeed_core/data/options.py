"""What each column of a file means: the choices an import needs, and a guess to start from."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from inffeed_core.data.export_columns import PAIR, is_export
from inffeed_core.data.table import Table, as_text, refused
from inffeed_core.errors import SettingsError
from inffeed_core.records import Split

SPLIT_NAMES = {s.value: s for s in Split} | {
    "training": Split.TRAIN,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "dev": Split.VALIDATION,
}
"""What a split column may hold, in any case."""

_TEXT = ("text", "review", "sentence", "content", "comment", "tweet", "body", "document", "message", "post")
_FIRST = ("text_a", "text1", "text_1", "sentence1", "sentence_1", "sentence_a", "premise", "question1")
_SECOND = ("text_b", "text2", "text_2", "sentence2", "sentence_2", "sentence_b", "hypothesis", "question2", "target")
_PAIR = (PAIR, *_SECOND, "question", "query", "answer", "claim", "premise")
_LABEL = ("label", "gold", "class", "sentiment", "category", "target", "stance", "y")
_ID = ("id", "instance_id", "example_id", "uid", "guid", "key", "tweet_id", "review_id")
_SPLIT = ("split", "set", "subset", "partition", "fold")
_SOURCE = ("source", "annotated_by", "labelled_by", "labeled_by", "method")
_FEW_LABELS = 50
_LOOKED_AT = 10_000
"""Rows that are read to guess what a column holds."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the columns of a file mean. Exactly one of `split` and `split_column` is set.

    Columns not named here are kept as metadata.
    """

    text: str
    label: str
    split: Split | None = None
    """The split of the whole file."""
    split_column: str | None = None
    id: str | None = None
    """Without one, rows get ids such as train-000001."""
    source: str | None = None
    """The column that says where a label came from."""
    label_names: Mapping[str, str] = field(default_factory=dict)
    """The project's label by the file's name for it; names not listed here must be labels of the project."""
    history: bool = False
    """The file is an export: recreate original labels and the decisions that changed or confirmed them."""
    pair: str | None = None
    """Column of second texts, such as the target of a stance; where its cell is empty a text has none."""

    def __post_init__(self) -> None:
        if (self.split is None) == (self.split_column is None):
            raise SettingsError("Choose either one split for the whole file, or the column that names the split.")
        if self.history and self.id is None:
            raise SettingsError("An export's decisions can be recreated only with its id column; choose it.")
        named = self.roles
        if not all(named):
            raise SettingsError("A column's name is empty; choose a text and a label column.")
        twice = sorted(c for c, n in Counter(named).items() if n > 1)
        if twice:
            raise SettingsError(f"Column {', '.join(twice)} is chosen twice; give each role a column of its own.")

    def as_dict(self) -> dict[str, Any]:
        """For storage as JSON; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `as_dict`. Raises SettingsError for unknown names and values."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise SettingsError(f"Unknown import options {unknown}; use {sorted(f.name for f in fields(cls))}.")
        split = values.get("split")
        if split is not None and split not in tuple(Split):
            raise SettingsError(f"{split!r} is not a split; choose one of {', '.join(Split)}.")
        return cls(**{**values, "split": None if split is None else Split(split)})

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns with a meaning; the others are metadata."""
        named = (self.text, self.pair, self.label, self.id, self.source, self.split_column)
        return tuple(column for column in named if column is not None)


def guess_options(table: Table, labels: Sequence[str]) -> ImportOptions:
    """The likeliest meaning of each column, by the usual names and by what the columns hold.

    The split comes from a column of known split names, otherwise from the file's name, otherwise it is train.
    Raises ImportRefused for a file with a single column.
    """
    if len(table.columns) < 2:
        problem = f"The file has one column ({table.columns[0]}); a text and a label are needed."
        raise refused(table.name, problem, "Choose a file with a text and a label column.")
    if is_export(table.columns):
        pair = PAIR if PAIR in table.columns else None
        return ImportOptions("text", "label", split_column="split", id="id", source="source", history=True, pair=pair)
    some = replace(table, rows=table.rows[:_LOOKED_AT])
    label = _label_column(some, labels)
    text = _named(table, _FIRST + _TEXT, but=(label,)) or _longest(some, but=label)
    split_column = _split_column(table, but=(text, label))
    id, source = (_named(table, names, but=(text, label)) for names in (_ID, _SOURCE))
    return ImportOptions(
        text=text,
        label=label,
        split=None if split_column else split_of_name(table.name) or Split.TRAIN,
        split_column=split_column,
        id=id,
        source=source,
        pair=_pair_column(some, labels, but=[c for c in (text, label, split_column, id, source) if c]),
        label_names=_same_but_for_case(label_counts(table, label), labels)
        or _numbers_of_names(table.class_names.get(label, ()), labels),
    )


def split_of_name(name: str) -> Split | None:
    """The split named in a file's name, such as "silver_2024.csv"; None if it names none or several."""
    words = re.split(r"[^a-z]+", name.lower())
    found = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None


def label_counts(table: Table, column: str) -> dict[str, int]:
    """How often each label, as the file names it, occurs in this column; most frequent first, without empty cells."""
    counts = Counter(as_text(cell).strip() for cell in table.column(column))
    return {label: n for label, n in counts.most_common() if label}


def _named(table: Table, names: Sequence[str], but: Sequence[str] = ()) -> str | None:
    by_name = {column.lower(): column for column in reversed(table.columns) if column not in but}
    return next((by_name[name] for name in names if name in by_name), None)


def _label_column(table: Table, labels: Sequence[str]) -> str:
    """The column whose cells best match the project's labels; ties go to the usual names, then to the fewest values."""
    known = {label.casefold() for label in labels}

    def fit(column: str) -> tuple[float, int, int]:
        counts = label_counts(table, column)
        share = sum(n for label, n in counts.items() if label.casefold() in known) / len(table.rows)
        usual = -_LABEL.index(column.lower()) if column.lower() in _LABEL else -len(_LABEL)
        return share, usual, -len(counts)

    return max(table.columns, key=fit)


def _longest(table: Table, but: str) -> str:
    others = [column for column in table.columns if column != but]
    return max(others, key=lambda column: sum(len(as_text(cell)) for cell in table.column(column)))


def _pair_column(table: Table, labels: Sequence[str], but: Sequence[str]) -> str | None:
    """A column by its usual name whose cells are words, and no labels of the project."""
    column = _named(table, _PAIR, but)
    cells = {as_text(cell).strip() for cell in table.column(column)} - {""} if column else set()
    known = {label.casefold() for label in labels}
    words = all(any(map(str.isalpha, cell)) and cell.casefold() not in known for cell in cells)
    return column if cells and words else None


def _split_column(table: Table, but: Sequence[str]) -> str | None:
    column = _named(table, _SPLIT, but)
    if column is None or any(as_text(cell).strip().lower() not in SPLIT_NAMES for cell in table.column(column)):
        return None
    return column


def _same_but_for_case(counts: Mapping[str, int], labels: Sequence[str]) -> dict[str, str]:
    if len(counts) > _FEW_LABELS:
        return {}
    by_folded = {label.casefold(): label for label in labels}
    return {n: by_folded[n.casefold()] for n in counts if n not in labels and n.casefold() in by_folded}


def _numbers_of_names(names: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """For a project whose labels are the numbers that the file names."""
    numbers = [str(n) for n in range(len(names))]
    return dict(zip(names, numbers, strict=True)) if names and set(numbers) <= set(labels) else {}
