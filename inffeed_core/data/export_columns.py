"""The columns of an export, by which a file is recognised as one when it comes back."""

from collections.abc import Collection

EXPORT_COLUMNS = (
    "id",
    "text",
    "label",
    "original_label",
    "split",
    "source",
    "confirmed",
    "act",
    "annotator",
    "decided_at",
    "note",
    "model_version",
)
"""`label` is the current label; `act`, `annotator`, `decided_at` and `note` tell of the decision that gave it."""

CARRIED_VERSION = "inffeed:model_version"
"""Metadata key under which an imported export's model version is kept: the new project has no such version, but its
exports name it until the project has an active version of its own."""

_PREFIX = "metadata."


def is_export(columns: Collection[str]) -> bool:
    """Whether a file with these columns is one that InfFeed exported."""
    return set(EXPORT_COLUMNS) <= set(columns)


def column_of(metadata_key: str) -> str:
    """The export's column for a metadata key: the key, prefixed where it would be mistaken for another column."""
    clashes = metadata_key in EXPORT_COLUMNS or metadata_key.startswith(_PREFIX)
    return _PREFIX + metadata_key if clashes else metadata_key


def metadata_key(column: str) -> str:
    """Inverse of `column_of`."""
    return column.removeprefix(_PREFIX)
