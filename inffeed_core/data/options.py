"""What each column of a file means: the choices an import needs, and a guess to start from."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self

from inffeed_core.characters import as_label, is_blank, known_label, label_key
from inffeed_core.data.export_columns import PAIR, is_export
from inffeed_core.data.layout import by_number
from inffeed_core.data.silver_columns import (
    SOURCES,
    SilverColumn,
    confidence_of,
    object_labels,
    require_one_each,
    silver_columns,
    silver_object,
)
from inffeed_core.data.table import Cell, Table, as_text, refused
from inffeed_core.errors import SettingsError
from inffeed_core.records import Split

SPLIT_NAMES = {s.value: s for s in Split} | {
    "training": Split.TRAIN,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "eval": Split.VALIDATION,
    "evaluation": Split.VALIDATION,
    "testing": Split.TEST,
}
"""What a split column, or the name of a file, calls a split, in lower case."""

_TEXT = ("text", "review", "sentence", "content", "comment", "tweet", "body", "document", "message", "post")
_FIRST = ("text_a", "text1", "text_1", "sentence1", "sentence_1", "sentence_a", "premise", "question1")
_SECOND = ("text_b", "text2", "text_2", "sentence2", "sentence_2", "sentence_b", "hypothesis", "question2", "target")
_PAIR = (PAIR, *_SECOND, "question", "query", "answer", "claim", "premise")
_LABEL = ("label", "gold", "class", "sentiment", "category", "target", "stance", "y")
_ID = ("id", "instance_id", "example_id", "uid", "guid", "key", "tweet_id", "review_id")
_SPLIT = ("split", "set", "subset", "partition", "fold")
_SOURCE = ("source", "annotated_by", "labelled_by", "labeled_by", "method")
_SILVER = ("silver", "silver_label", "silver_labels", "prediction", "predicted", "predicted_label", "pred")
"""What a column of labels is called that nobody has confirmed, in lower case."""
TEXT_NAMES = frozenset(_TEXT + _FIRST)
"""What the column of the texts is usually called, in lower case."""
LABEL_NAMES = frozenset(_LABEL)
"""What the column of the labels is usually called, in lower case."""
_SINGLE = ("text", "pair", "label", "id", "source", "split_column", "confidence")
"""The roles of one column."""
_FEW_LABELS = 50
_CONFIDENCE = ("confidence", "label_confidence")
_LOOKED_AT = 10_000
"""Rows that are read to guess what a column holds."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the columns of a file mean. Exactly one of `split` and `split_column` is set, unless the rows are labels for
    texts that the project has (`join`).

    Columns not named here are kept as metadata.
    """

    text: str | None
    """None only where rows find their texts by id."""
    label: str | None
    """None where no column holds labels; then every text must be silver."""
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
    source_name: str = ""
    """The source of all labels in `label`, where no column tells it."""
    confidence: str | None = None
    """Column with the confidence of the labels in `label`, from 0 to 1; of silver texts alone."""
    silver: tuple[SilverColumn, ...] = ()
    """Columns with the labels of further sources, one or more for each source."""
    silver_object: str | None = None
    """Column of JSON objects with the labels of sources."""
    join: Literal["id", "text"] | None = None
    """How rows find texts that the project has. The file then adds silver labels to these, and no texts."""
    replace: bool = False
    """Whether labels take the place of those that the same source gave the same text before."""
    shares: tuple[float, float, float] | None = None
    """Shares of train, validation and test into which the app divides the rows, which are gold; they need not add up
    to 1. None where the file says its splits."""
    near_together: bool = True
    """Whether near copies stay in one split then; equal texts always do."""
    new_labels: tuple[str, ...] = ()
    """Labels of the file that the project lacks and that the import adds to it."""

    def __post_init__(self) -> None:
        ways = sum(way is not None for way in (self.split, self.split_column, self.shares))
        if self.join is None and ways != 1:
            raise SettingsError(
                "Choose either one split for the whole file, or the column that names the split, or shares."
            )
        if self.shares is not None:
            _require_shares(self.shares)
            if self.history or self.join:
                raise SettingsError("Only new gold texts can be divided: no export, and no labels for texts in use.")
        if self.history and self.id is None:
            raise SettingsError("An export's decisions can be recreated only with its id column; choose it.")
        if self.text is None and self.join != "id":
            raise SettingsError("Choose the column with the texts.")
        if self.join == "id" and self.id is None:
            raise SettingsError("Rows can find their texts by id only with an id column; choose it.")
        if self.source and self.source_name:
            raise SettingsError("Name either one source for all labels, or the column that names the source.")
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
        silver = tuple(
            one if isinstance(one, SilverColumn) else SilverColumn(**one) for one in values.get("silver", ())
        )
        listed = {name: tuple(values[name]) for name in ("shares", "new_labels") if values.get(name) is not None}
        return cls(**{**values, **listed, "split": None if split is None else Split(split), "silver": silver})

    def by_number(self, columns: Sequence[str]) -> Self:
        """The same with "2" as the second of these columns, if they have no names."""
        names = by_number(columns)
        roles = {role: getattr(self, role) for role in _SINGLE}
        return replace(self, **{role: names.get(column, column) for role, column in roles.items() if column})

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns with a meaning; the others are metadata."""
        named = (self.text, self.pair, self.label, self.id, self.source, self.split_column, self.confidence)
        sources = [column for one in self.silver for column in one.columns]
        return tuple(column for column in (*named, self.silver_object, *sources) if column is not None)

    @property
    def brings_silver(self) -> bool:
        """Whether columns hold labels of sources besides the label column."""
        return bool(self.silver) or self.silver_object is not None


def _require_shares(shares: tuple[float, float, float]) -> None:
    told = "/".join(f"{one:g}" for one in shares)
    if len(shares) != 3 or not all(0 <= one < math.inf for one in shares) or not shares[0] or sum(shares) == shares[0]:
        raise SettingsError(
            f"The shares are {told}; give three numbers of 0 or more for train, validation and test, such as 70/15/15, "
            "of which train and one other are more than 0."
        )


def labels_with(labels: Sequence[str], new: Iterable[str]) -> tuple[str, ...]:
    """The labels with those of the new ones that they lack, each as it is stored."""
    found = list(labels)
    for label in new:
        if known_label(label, found) is None:
            found.append(as_label(label))
    return tuple(found)


def guess_options(table: Table, labels: Sequence[str]) -> ImportOptions:
    """The likeliest meaning of each column, by the usual names and by what the columns hold.

    The split comes from a column of split names, otherwise from the file's name. Otherwise it is train, or silver where
    no column holds labels. Labels that their column calls silver or predicted are never taken for gold. Raises
    ImportRefused for a file with a single column that is not named as texts are.
    """
    if len(table.columns) < 2 and table.columns[0].strip().lower() not in _TEXT:
        problem = f"The file has one column ({table.columns[0]}); a text and a label are needed."
        remedy = "Choose a file with a text and a label column; for texts without labels, name the column text."
        raise refused(table.name, problem, remedy)
    require_one_each(table.name, table.columns)
    if is_export(table.columns):
        return _export_options(table, labels)
    some = replace(table, rows=table.rows[:_LOOKED_AT])
    silver, objects = silver_columns(table.columns), silver_object(table.columns, some.column)
    told = [c for one in silver for c in one.columns] + ([objects] if objects else [])
    label = _label_column(some, labels, but=told)
    text = _text_column(some, but=[*told, *filter(None, [label])])
    rest = [*told, *filter(None, [label, text])]
    split_column = _split_column(table, but=rest)
    id, source = (_named(table, names, but=rest) for names in (_ID, _SOURCE))
    known = [*rest, *filter(None, [split_column, id, source])]
    is_silver = label is not None and label.strip().lower() in _SILVER
    split = split_of_name(table.name) or (Split.TRAIN if label else Split.SILVER)
    return ImportOptions(
        text=text,
        label=label,
        split=None if split_column or not text else Split.SILVER if is_silver else split,
        split_column=split_column if text else None,
        id=id,
        source=source if label else None,
        confidence=_confidence_column(some, known) if label else None,
        pair=_pair_column(some, labels, but=known),
        silver=silver,
        silver_object=objects,
        label_names=_guessed_names(table, label, silver, labels),
        join=None if text else "id",
    )


def _export_options(table: Table, labels: Sequence[str]) -> ImportOptions:
    """Of an export, or of another tool's file, which names no split and may write labels in its own way."""
    named, foreign = silver_columns(table.columns), "split" not in table.columns
    silver = named if foreign or SOURCES in table.columns else ()
    usual = Split.TRAIN if all(table.column("label")) else Split.SILVER
    return ImportOptions(
        text="text",
        label="label",
        split=(split_of_name(table.name) or usual) if foreign else None,
        split_column=None if foreign else "split",
        id="id",
        source="source",
        history=True,
        pair=PAIR if PAIR in table.columns else None,
        silver=silver,
        label_names=_guessed_names(table, "label", silver, labels) if foreign else {},
    )


def _guessed_names(
    table: Table, label: str | None, silver: Sequence[SilverColumn], labels: Sequence[str]
) -> dict[str, str]:
    columns = [c for c in (label, *(one.label for one in silver)) if c is not None]
    found = {n: known for c in columns for n, known in _same_but_for_case(label_counts(table, c), labels).items()}
    return found or _numbers_of_names(table.class_names.get(label or "", ()), labels)


def file_labels(table: Table, options: ImportOptions) -> dict[str, int]:
    """How often each label occurs in the columns of labels as the file names it, most frequent first."""
    columns = [options.label, *(one.label for one in options.silver)]
    counts: Counter[str] = Counter()
    for column in columns:
        if column in table.columns:
            counts.update(label_counts(table, column or ""))
    if options.silver_object in table.columns:
        counts.update(object_labels(table.column(options.silver_object or "")))
    return dict(counts.most_common())


def split_of_name(name: str) -> Split | None:
    """The split named in a file's name, such as "silver_2024.csv"; None if it names none or several."""
    words = re.split(r"[^a-z]+", name.lower())
    found = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None


def label_counts(table: Table, column: str) -> dict[str, int]:
    """How often each label, as the file names it, occurs in this column; most frequent first, without empty cells."""
    counts = Counter(as_text(cell).strip() for cell in table.column(column))
    return {label: n for label, n in counts.most_common() if not is_blank(label)}


def _named(table: Table, names: Sequence[str], but: Sequence[str] = ()) -> str | None:
    by_name = {column.lower(): column for column in reversed(table.columns) if column not in but}
    return next((by_name[name] for name in names if name in by_name), None)


def _label_column(table: Table, labels: Sequence[str], but: Sequence[str] = ()) -> str | None:
    """The column whose cells best match the project's labels; ties go to the usual names, then to the fewest values.

    None where nothing is left for it but texts, ids, splits and sources.
    """
    known = {_loosely(label) for label in labels}

    def fit(column: str) -> tuple[float, int, int]:
        counts = label_counts(table, column)
        share = sum(n for label, n in counts.items() if _loosely(label) in known) / len(table.rows)
        usual = -_LABEL.index(column.lower()) if column.lower() in _LABEL else -len(_LABEL)
        return share, usual, -len(counts)

    free = [column for column in table.columns if column not in but]
    best = max(free, key=fit, default=None)
    if best is None or fit(best)[0] or best.lower() in _LABEL:
        return best
    others = (*_FIRST, *_TEXT, *_SECOND, *_ID, *_SPLIT, *_SOURCE)
    unnamed = [column for column in free if column.lower() not in others]
    return None if but else max(unnamed, key=fit, default=None)


def _confidence_column(table: Table, but: Sequence[str]) -> str | None:
    """A column by its usual name whose cells are numbers from 0 to 1."""
    column = _named(table, _CONFIDENCE, but)
    return column if column and all(map(_may_be_confidence, table.column(column))) else None


def _may_be_confidence(cell: Cell) -> bool:
    wrong: list[str] = []
    confidence_of(cell, "", lambda problem, _: wrong.append(problem))
    return not wrong


def _text_column(table: Table, but: Sequence[str]) -> str | None:
    """The column by its usual name, else the one with the longest cells; None where an id is all that is left."""
    if named := _named(table, _FIRST + _TEXT, but):
        return named
    others = [column for column in table.columns if column not in but]
    if others and all(column.lower() in (*_ID, *_SOURCE, *_CONFIDENCE) for column in others) and _named(table, _ID):
        return None
    others = others or list(table.columns)
    return max(others, key=lambda column: sum(len(as_text(cell)) for cell in table.column(column)))


def _pair_column(table: Table, labels: Sequence[str], but: Sequence[str]) -> str | None:
    """A column by its usual name whose cells are words, and no labels of the project."""
    column = _named(table, _PAIR, but)
    cells = {as_text(cell).strip() for cell in table.column(column)} - {""} if column else set()
    known = {label.casefold() for label in labels}
    words = all(any(map(str.isalpha, cell)) and cell.casefold() not in known for cell in cells)
    return column if cells and words else None


def _split_column(table: Table, but: Sequence[str]) -> str | None:
    """A column by its usual name, most of whose cells name splits; any other cell is then an error of its row."""
    column = _named(table, _SPLIT, but)
    cells = [] if column is None else [as_text(cell).strip().lower() for cell in table.column(column)]
    return column if 2 * sum(cell in SPLIT_NAMES for cell in cells) > sum(map(bool, cells)) else None


def _same_but_for_case(counts: Mapping[str, int], labels: Sequence[str]) -> dict[str, str]:
    if len(counts) > _FEW_LABELS:
        return {}
    by_folded = {_loosely(label): label for label in labels}
    foreign = [name for name in counts if known_label(name, labels) is None]
    return {name: by_folded[_loosely(name)] for name in foreign if _loosely(name) in by_folded}


def _loosely(label: str) -> str:
    return label_key(label).casefold()


def _numbers_of_names(names: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """For a project whose labels are the numbers that the file names."""
    numbers = [str(n) for n in range(len(names))]
    return dict(zip(names, numbers, strict=True)) if names and set(numbers) <= set(labels) else {}
