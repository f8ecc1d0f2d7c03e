"""Children that read files, forked from one that has imported what reading needs: tests read hundreds of files."""

import os
import sys
from collections.abc import Sequence

from forker import Forked, Forker, serve

from inffeed_core.data import __main__, confined

started_anew = confined._started
_forker = Forker([sys.executable, __file__])


def started() -> Forked:
    """In place of `confined._started`."""
    (asked, asks), (answers, answered) = os.pipe(), os.pipe()
    child = _forker.fork([], asked, answered)
    os.close(asked)
    os.close(answered)
    child.stdin, child.stdout = os.fdopen(asks, "wb"), os.fdopen(answers, "rb")
    return child


def do(words: Sequence[str], asked: int, answered: int) -> None:
    """Read one file, as its own process does it."""
    os.dup2(asked, 0)
    os.dup2(answered, 1)
    __main__.main()


if __name__ == "__main__":
    serve(do)
