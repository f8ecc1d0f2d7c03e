"""How much a file may unpack to. Limits count what is read, not packed bytes; a million ordinary texts fit."""

from dataclasses import dataclass, fields

from inffeed_core.data.table import refused
from inffeed_core.errors import SettingsError

_IN_PARTS = "Import it in parts."


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a reader may use for one file; more is refused."""

    bytes: int = 512 * 2**20
    """Of the file, before and after it is unpacked."""
    rows: int = 2_000_000
    columns: int = 1_000
    cells: int = 20_000_000
    characters: int = 512 * 2**20
    """Of all cells together."""
    text: int = 10_000_000
    """Characters of one cell."""
    seconds: float = 120.0
    """Of processor time; ten times as long may pass."""
    memory: int = 4 * 2**30
    """Bytes of address space of the reading process."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if not getattr(self, each.name) > 0:
                raise SettingsError(f"The limit {each.name} is {getattr(self, each.name)}; it must be more than 0.")


LIMITS = ReadLimits()


@dataclass(slots=True)
class Tally:
    """Counts what has been read of one file so far, and refuses the file once a limit is passed."""

    name: str
    limits: ReadLimits
    rows: int = 0
    cells: int = 0
    characters: int = 0

    def add(self, rows: int = 0, cells: int = 0, characters: int = 0) -> None:
        """Add to the counts. Raises ImportRefused beyond a limit."""
        self.rows += rows
        self.cells += cells
        self.characters += characters
        for what in ("rows", "cells", "characters"):
            limit = getattr(self.limits, what)
            if getattr(self, what) > limit:
                raise refused(self.name, f"The file unpacks to more than {limit:,} {what}, the limit.", _IN_PARTS)

    def require_width(self, columns: int, where: str = "") -> None:
        """Raise ImportRefused for too many columns."""
        if columns > self.limits.columns:
            problem = f"The file has {columns:,} columns{where}; the limit is {self.limits.columns:,}."
            raise refused(self.name, problem, "Keep only the columns that are needed and import it again.")

    def require_length(self, characters: int, where: str) -> None:
        """Raise ImportRefused for a single text that is too long."""
        if characters > self.limits.text:
            problem = f"{where} holds a text of {characters:,} characters; the limit is {self.limits.text:,}."
            raise refused(self.name, problem, "Shorten that text, and check that every quote is closed.")
