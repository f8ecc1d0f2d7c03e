"""How the table of a file is laid out, as far as the user chose it; everything else is detected.

Each format in `formats.known` names the choices that apply to it; any other is refused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from inffeed_core.data.table import refused
from inffeed_core.errors import SettingsError

SEPARATORS = {"tab": "\t", "pipe": "|", "semicolon": ";", "comma": ","}
"""By name, those that are rarest in prose first."""
QUOTES = ("double", "none")
"""As RFC 4180 has them, or as ordinary characters."""

_WORDS = {
    "delimiter": "separator",
    "quotes": "quoting",
    "header": "header row",
    "header_row": "header row",
    "sheet": "sheets",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the user chose; None for what is detected."""

    delimiter: str | None = None
    """A name in `SEPARATORS`, or the character itself."""
    quotes: str | None = None
    """One of `QUOTES`."""
    header: bool | None = None
    """Whether the first row names the columns; otherwise they are called column 1, column 2, …."""
    header_row: int | None = None
    """Line or sheet row of the column names, from 1; everything above it is left out."""
    sheet: str | None = None
    """Name of the sheet."""

    def __post_init__(self) -> None:
        if self.quotes not in (None, *QUOTES):
            raise SettingsError(f"{self.quotes!r} is no kind of quotes; choose one of {', '.join(QUOTES)}.")
        given = self.delimiter
        if given is not None and given not in SEPARATORS and (len(given) != 1 or given in '"\r\n\0'):
            raise SettingsError(f"{given!r} is no separator; choose one of {', '.join(SEPARATORS)}, or one character.")
        if self.header_row is not None and self.header_row < 1:
            raise SettingsError(f"The header row is {self.header_row}; rows are counted from 1.")
        if self.header is False and self.header_row is not None:
            raise SettingsError("A file without a header has no header row; choose one of the two.")

    @property
    def separator(self) -> str | None:
        """The character that separates cells."""
        return None if self.delimiter is None else SEPARATORS.get(self.delimiter, self.delimiter)

    @property
    def is_header_said(self) -> bool:
        """Whether the user chose where the column names are."""
        return self.header is not None or self.header_row is not None

    def require(self, name: str, format: str, had: Collection[str]) -> None:
        """Raise ImportRefused if a choice does not apply to the format."""
        for each in fields(self):
            if getattr(self, each.name) is not None and each.name not in had:
                problem = f"{format} has no {_WORDS[each.name]} to choose."
                raise refused(name, problem, f"Leave --{each.name.replace('_', '-')} out.")


AS_FOUND = Layout()
_UNNAMED = "column "


def numbered(count: int) -> list[str]:
    """Names for columns that have none."""
    return [unnamed(n) for n in range(1, count + 1)]


def unnamed(number: int) -> str:
    """Name of a column that has none, by its position from 1."""
    return f"{_UNNAMED}{number}"


def by_number(columns: Sequence[str]) -> dict[str, str]:
    """{"2": "column 2"} and so on for columns without names; empty if any of them has a name."""
    numbers = [column.removeprefix(_UNNAMED) for column in columns if column.startswith(_UNNAMED)]
    whole = len(numbers) == len(columns) and all(map(str.isdecimal, numbers))
    return dict(zip(numbers, columns, strict=True)) if whole else {}
