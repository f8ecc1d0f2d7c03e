"""What all commands share: errors to exit codes, arguments, progress, and answers as JSON."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from inffeed_core.cli.streams import forgive, holds_all, writable
from inffeed_core.errors import Cancelled, InfFeedError

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from inffeed_core.project.folder import Project

CANCELLED = 130
KEPT = "inffeed.kept"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys: all control characters but tab and line feed."""
LINE_SECONDS = 5.0
"""Without a terminal to show a bar, a line of progress is written at most this often."""

PAIRED = " | "
"""Between a text and its second text on one line."""

F = TypeVar("F", bound=Callable[..., Any])

project_argument = click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def one_line(text: str, pair: str | None, most: int) -> str:
    """The beginning of a text, and of its second text, each of at most so many characters, on one line."""
    return PAIRED.join(" ".join(part.split())[:most] for part in (text, pair) if part is not None)


class Commands(click.Group):
    """A group whose commands report errors that a user can act on by a message and an exit code, not a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run from the program's arguments, or from those given."""
        forgive()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            from inffeed_core.store import light  # noqa: F401 before all that imports sqlite-utils

            return super().invoke(ctx)
        except (Cancelled, KeyboardInterrupt, click.Abort):
            tell(f"Cancelled. {ctx.meta.get(KEPT, 'Nothing was changed.')}", err=True)
            ctx.exit(CANCELLED)
        except click.ClickException as error:
            error.message = harmless(error.message)  # type: ignore[misc] # final by type alone
            raise
        except InfFeedError as error:
            raise click.ClickException(harmless(str(error))) from error
        except (click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            raise click.ClickException(harmless(_told(error))) from error


def _told(error: Exception) -> str:
    from inffeed_core.jobs.plain_words import in_plain_words, unexpected
    from inffeed_core.project.crash_logs import log_of

    return in_plain_words(error) or unexpected(error, log_of(error))


def cancelled_keeps(words: str) -> None:
    """Say what stays where the running command is cancelled; without it nothing does."""
    click.get_current_context().meta[KEPT] = words


def opened(folder: Path) -> "Project":
    """The project in this folder, or the one of this name in the home folder. Raises ProjectError."""
    from inffeed_core.project.folder import open_project
    from inffeed_core.project.places import by_name

    return open_project(by_name(folder))


def harmless(words: str) -> str:
    """The words with every control character written out, as in "\\x1b": texts and names never steer a terminal."""
    return CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", words)


def tell(words: str, *, err: bool = False) -> None:
    """Print words, which may hold texts and names of anybody."""
    click.echo(writable(harmless(words), err=err), err=err)


def answer(data: object, as_json: bool, words: Callable[[], str]) -> None:
    """Print `data` as JSON, or the words."""
    if not as_json:
        tell(words())
        return
    written = json.dumps(data, ensure_ascii=not holds_all(), indent=2, default=_plain)
    click.echo(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", written))  # JSON itself leaves some as they are


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def in_words(seconds: float) -> str:
    """A duration in words, such as "27 s" or "5 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def warn(words: str) -> None:
    """Print a warning to standard error."""
    click.secho(f"Warning: {writable(harmless(words), err=True)}", fg="yellow", err=True)


@contextmanager
def shown_progress() -> Iterator["ConsoleProgress"]:
    """Show the progress of the block: bars with the time left on a terminal, plain lines elsewhere."""
    progress = ConsoleProgress(bars=sys.stderr.isatty())
    try:
        yield progress
    finally:
        progress.finish()


class ConsoleProgress:
    """The `progress` of a command, on standard error."""

    def __init__(self, *, bars: bool) -> None:
        self._bars = bars
        self._stage = ""
        self._bar: ProgressBar[int] | None = None
        self._said = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` units of the stage are done; a total of 0 means unknown."""
        new = stage != self._stage
        if new:
            self.finish()
            self._stage = stage
        if self._bars and total:
            self._draw(done, total)
        elif new or (total and time.monotonic() - self._said >= LINE_SECONDS):
            self._said = time.monotonic()
            tell(f"{stage}: {done:,} of {total:,}" if total and not new else stage, err=True)

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=self._stage, show_pos=True, file=sys.stderr)
            self._bar.render_progress()
        self._bar.length = total
        self._bar.update(done - self._bar.pos)

    def finish(self) -> None:
        """End the line of the running bar."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
