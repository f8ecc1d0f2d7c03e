"""The child that reads one file: `python -m inffeed_core.data`, started by `confined`. Imports only what it needs."""

import os
import sys
import threading
from contextlib import suppress

from inffeed_core.data.confined import Answer, Request, requested, send_answer, too_large
from inffeed_core.data.parsing import parse
from inffeed_core.data.table import refused
from inffeed_core.errors import ImportRefused

_SECONDS_AFTER = 5
"""The parent keeps the deadline; the kernel enforces its own some seconds later, in case the parent does not."""


def main() -> None:
    """Read the request, answer it, and end at once, whatever is still running."""
    request, data = requested(sys.stdin.buffer)
    _confine(request)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer = _answer(request, data)
    try:
        send_answer(sys.stdout.buffer, answer)
    except MemoryError:
        send_answer(sys.stdout.buffer, too_large(request))
    sys.stdout.buffer.flush()
    os._exit(0)


def _answer(request: Request, data: bytes) -> Answer:
    try:
        return parse(request, data)
    except ImportRefused as error:
        return error
    except MemoryError:
        return too_large(request)
    except Exception as error:  # whatever the libraries raise over a file that was made to break them
        kind = request.format.name
        problem = f"The file is damaged, or not a valid {kind} file ({type(error).__name__}: {error!s:.200})."
        return refused(request.name, problem, "Write it again, or export it as CSV.")


def _confine(request: Request) -> None:
    """Let the kernel enforce the limits too."""
    with suppress(ImportError):  # there is no such module on Windows
        import resource

        seconds = int(request.limits.seconds) + _SECONDS_AFTER
        for kind, limit in (
            (resource.RLIMIT_AS, request.limits.memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):  # a lower limit is set already, or the system has none of this kind
                resource.setrlimit(kind, (limit, limit))


def _end_with_parent() -> None:
    os.read(0, 1)  # returns only when the lifeline closes
    os._exit(1)


if __name__ == "__main__":
    main()
