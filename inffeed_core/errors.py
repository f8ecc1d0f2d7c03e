"""Every error that InfFeed raises on purpose.

    InfFeedError
    ├── SettingsError       a setting has a value that cannot work
    ├── ProjectError        a folder is not a project, already exists, or was made by a newer release
    │   └── StoreError      its database cannot be read or written; what was saved before is kept
    │       ├── Damaged     its content makes no sense: the only fault that needs a backup
    │       ├── NotADatabase
    │       ├── DiskFull
    │       ├── Locked      another program keeps it locked
    │       ├── ReadOnly    the disk or the file is read-only
    │       ├── AccessDenied
    │       ├── Vanished    it was moved or deleted while it was open
    │       └── DiskFailed  the disk reports an error
    ├── ImportRefused       a file cannot be imported; carries row-numbered problems
    │   ├── EncodingUnclear its encoding must be chosen; carries proposals
    │   └── LayoutUnclear   the layout of its table must be chosen; carries the ways to read it
    ├── ExportFailed        a file cannot be written: unknown format, full disk, no permission
    ├── ModelError          a model cannot be found, read or trusted
    │   └── OnlyLastLayer   it has no middle layer whose vectors could be pooled
    ├── MissingExtra        an optional package is not installed
    ├── NotReady            a step was requested before the one it needs
    ├── NotAllowed          somebody asked for what only a lead of the project may do
    ├── UnknownInstance     no instance has this id
    ├── InvalidSilver       a silver label, or its source, cannot be stored
    ├── InvalidDecision     a decision names an unknown label, act or token
    ├── JobError            a job cannot be started, or has ended while its process continued
    └── Cancelled           the user cancelled running work
        └── Terminated      the system ended it, as it does when it shuts down

A message says what arrived, what was expected, and what to do next. It may be shown to users as it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class InfFeedError(Exception):
    """Base of all errors that a user can cause; the message is meant for them."""


class SettingsError(InfFeedError):
    """A setting has a value that cannot work."""


class ProjectError(InfFeedError):
    """A folder is not a project, already exists, or was made by a newer release."""


class StoreError(ProjectError):
    """A project's database cannot be read or written now; nothing was changed, and what was saved before is kept.

    Unsaved work (a decision, say) must be kept and tried again, never dropped: see `store.faults`.
    """


class Damaged(StoreError):
    """The database's content makes no sense. Only a backup helps."""


class NotADatabase(StoreError):
    """The file is not a SQLite database."""


class DiskFull(StoreError):
    """The disk is full."""


class Locked(StoreError):
    """Another program kept the database locked for too long."""


class ReadOnly(StoreError):
    """The disk, the folder or the file is read-only."""


class AccessDenied(StoreError):
    """The system does not let this user open the file or its folder."""


class Vanished(StoreError):
    """The database was moved, replaced or deleted while it was open."""


class DiskFailed(StoreError):
    """The disk reported an error while it was read or written."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One thing wrong with one row of a file. `row` counts data rows from 1; None = the whole file."""

    row: int | None
    problem: str
    remedy: str
    file: str = ""
    """The file that the row stands in, where several are read at once."""

    def __str__(self) -> str:
        where = f"{self.file}: " * bool(self.file) + (f"Row {self.row}: " if self.row is not None else "")
        return f"{where}{self.problem} {self.remedy}"


class ImportRefused(InfFeedError):
    """A file was refused whole; nothing was written."""

    def __init__(self, name: str, problems: Sequence[RowProblem], total: int | None = None) -> None:
        self.name = name
        self.problems = tuple(problems)
        self.total = len(self.problems) if total is None else total
        shown = "\n".join(f"- {p}" for p in self.problems[:20])
        more = f"\n- … and {self.total - 20} more" if self.total > 20 else ""
        super().__init__(f"{name} was not imported; nothing was changed.\n{shown}{more}")


@dataclass(frozen=True, slots=True)
class EncodingProposal:
    """One way to read a text file: Python's name of the encoding, and a piece of the text read in it."""

    encoding: str
    sample: str


class EncodingUnclear(ImportRefused):
    """The encoding of a file must be chosen by a person; nothing was written."""

    def __init__(self, name: str, problem: str, proposals: Sequence[EncodingProposal]) -> None:
        self.proposals = tuple(proposals)
        read_as = "".join(f"\n    {p.encoding:<12}{p.sample}" for p in proposals)
        ways = f" Likely encodings, each with a piece of the text read in it:{read_as}" if read_as else ""
        remedy = f"Give the encoding (--encoding NAME on the command line), or save the file as UTF-8.{ways}"
        super().__init__(name, [RowProblem(None, problem, remedy)])


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read a file: the value of the choice, and its result in words."""

    value: str
    told: str


class LayoutUnclear(ImportRefused):
    """The layout of a file's table must be chosen by a person; nothing was written."""

    def __init__(self, name: str, problem: str, choice: str, ways: Sequence[Way]) -> None:
        self.choice, self.ways = choice, tuple(ways)
        """A field of `data.layout.Layout`, and the values that it can have."""
        option = f"--{choice.replace('_', '-')}"
        told = "".join(f"\n    {option} {way.value}: {way.told}" for way in self.ways)
        remedy = f"Choose the right one ({option} on the command line):{told}"
        super().__init__(name, [RowProblem(None, problem, remedy)])


class ExportFailed(InfFeedError):
    """A file cannot be written; any file that was there is unchanged."""


class ModelError(InfFeedError):
    """A model cannot be found, read or trusted."""


class OnlyLastLayer(ModelError):
    """A model has no middle layer whose vectors could be pooled beside those of the last."""


class MissingExtra(InfFeedError, ImportError):
    """A package that only an extra installs is missing."""


@contextmanager
def brought_by(extra: str) -> Iterator[None]:
    """Wrap an import of packages from this extra. Raises MissingExtra, which names the command to run."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "A package").partition(".")[0]
        raise MissingExtra(f'{package} is not installed; run `pip install "inffeed[{extra}]"`.') from error


def require(extra: str, *packages: str) -> None:
    """Raise MissingExtra if one of these packages from the extra is not installed; imports none of them."""
    from importlib.metadata import version

    with brought_by(extra):
        for package in packages:
            version(package)


class NotReady(InfFeedError):
    """A step was requested before the one it needs."""


class NotAllowed(InfFeedError):
    """Somebody asked for what only a lead of the project may do; see `project.roles`."""


class UnknownInstance(InfFeedError):
    """No instance of the project has this id."""


class InvalidSilver(InfFeedError):
    """A silver label names an unknown source, label or instance, or a source clashes with an existing one."""


class InvalidDecision(InfFeedError):
    """A decision names an unknown label, act, instance or token."""


class JobError(InfFeedError):
    """A job cannot be started, or no longer belongs to the process that is doing it."""


class Cancelled(InfFeedError):
    """The user cancelled the running work; results so far are kept if possible."""


class Terminated(Cancelled):
    """The system asked the process to end; whatever a later run can resume from is kept."""
