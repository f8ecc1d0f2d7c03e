"""The columns of an export, by which a returning file is recognised as one."""

from collections.abc import Collection

from inffeed_core.data.silver_columns import SOURCES, is_of_source

EXPORT_COLUMNS = (
    "id",
    "text",
    "label",
    "original_label",
    "split",
    "source",
    "confirmed",
    "disputed",
    "act",
    "annotator",
    "decided_at",
    "note",
    "model_version",
    "answers",
)
"""`label` is the current label. `act`, `annotator`, `decided_at` and `note` describe the decision that gave it, or, if
none did, the last decision, such as unsure; they are empty for a disputed label, on which the votes tie. `answers`
holds every answer about the text; see `answers`."""

_OPTIONAL = {"disputed", "answers", "split"}
"""Columns that exports of earlier releases lack, and the split, which files of other tools do not name."""

PAIR = "second_text"
"""The column of second texts, which an export has where its project has any."""

CARRIED_VERSION = "inffeed:model_version"
"""The metadata key that keeps an imported export's model version. The new project has no such version, but its exports
name it until the project has an active version of its own."""

_PREFIX = "metadata."


def is_export(columns: Collection[str]) -> bool:
    """Whether a file with these columns is one that InfFeed exported."""
    return set(EXPORT_COLUMNS) - _OPTIONAL <= set(columns)


def role_columns(columns: Collection[str]) -> tuple[str, ...]:
    """Those of these columns that have a meaning in an export; an older one has fewer."""
    return tuple(c for c in EXPORT_COLUMNS if c in columns or c not in _OPTIONAL)


def column_of(metadata_key: str) -> str:
    """The export's column for a metadata key: the key, prefixed if it could be mistaken for another column."""
    clashes = metadata_key in (*EXPORT_COLUMNS, PAIR, SOURCES) or metadata_key.startswith(_PREFIX)
    clashes = clashes or is_of_source(metadata_key)
    return _PREFIX + metadata_key if clashes else metadata_key


def metadata_key(column: str) -> str:
    """Inverse of `column_of`."""
    return column.removeprefix(_PREFIX)
