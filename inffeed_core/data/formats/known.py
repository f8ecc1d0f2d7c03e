"""The kinds of files, told by their names."""

from enum import StrEnum


class Format(StrEnum):
    """A kind of file; its value is the usual suffix."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"


READABLE = "CSV, TSV (also .tab), JSON lines (.jsonl, .ndjson), each also as .gz, Parquet or Excel (.xlsx)"
WRITABLE = "CSV (.csv), TSV (.tsv), JSON lines (.jsonl), each also as .gz, or Parquet (.parquet)"

SUFFIXES = {f.value: f for f in Format} | {"tab": Format.TSV, "ndjson": Format.JSONL}
"""Every suffix that is read, and what it says."""
PACKED = (Format.PARQUET, Format.XLSX)
"""Packed in themselves, and so not read from .gz; they also say how their text is encoded."""


def upload_types() -> list[str]:
    """The suffixes that an uploader offers: all that can be read."""
    return [*SUFFIXES, "gz"]


def format_of(name: str) -> tuple[Format | None, bool]:
    """(format, is gzipped) by a file's name, whatever its case; the format is None where it is none of ours."""
    lowered = name.lower()
    zipped = lowered.endswith(".gz")
    _, dot, suffix = lowered.removesuffix(".gz").rpartition(".")
    return (SUFFIXES.get(suffix) if dot else None), zipped
