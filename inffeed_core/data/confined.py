"""Reading in a child process that ends at its deadline, at its memory limit, or when nobody waits for it any more.

The child gets one frame with the request, then the bytes of an upload. Its standard input stays open as a lifeline:
when the waiting process ends, for whatever reason, so does the child. It answers in frames: a length of eight bytes
and a tuple in Python's `marshal` form, which is fast, keeps shared strings shared and, unlike a pickle, runs nothing.
"""

import marshal
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from inffeed_core.data.formats.known import SUFFIXES, Format
from inffeed_core.data.layout import AS_FOUND, Layout
from inffeed_core.data.limits import ReadLimits
from inffeed_core.data.table import Cell, Table, refused
from inffeed_core.errors import EncodingProposal, EncodingUnclear, ImportRefused, LayoutUnclear, RowProblem, Way

CHILD = (sys.executable, "-P", "-m", "inffeed_core.data")
LENGTH = 8
"""Bytes before each frame that hold its length."""
ROWS_IN_A_FRAME = 10_000
_LOOKS_EVERY = 0.1
_PATIENCE = 10
"""How many times the limit of processor seconds may pass, for a disk or a machine with much else to do."""
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Otherwise every core reserves address space for a thread that never runs."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read, and how."""

    name: str
    format: Format
    zipped: bool
    path: str | None
    """None for an upload, whose bytes follow."""
    codec: str | None
    limits: ReadLimits
    layout: Layout = AS_FOUND


Answer = Table | ImportRefused


def read_confined(request: Request, data: bytes | None, waiting: Callable[[], None]) -> Table:
    """The table that the child reads. Raises ImportRefused, EncodingUnclear, and whatever `waiting` raises."""
    child = _started()
    exchange = _Exchange(child, request, data)
    try:
        _wait(exchange, child, request, waiting)
    finally:
        child.kill()
        child.wait()
        if exchange.is_alive():  # not if Ctrl-C came before it was
            exchange.join()
        for pipe in (child.stdin, child.stdout):
            _close(pipe)
    return exchange.answer(child.returncode)


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        CHILD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": _paths()} | _ONE_THREAD,
        start_new_session=True,  # Ctrl-C reaches this process, which then ends the child
    )


def _wait(
    exchange: "_Exchange", child: "subprocess.Popen[bytes]", request: Request, waiting: Callable[[], None]
) -> None:
    """Processor time counts, so that a busy machine refuses no file that a free one reads."""
    exchange.start()
    last = time.monotonic() + _PATIENCE * request.limits.seconds
    while exchange.is_alive():
        exchange.join(_LOOKS_EVERY)
        waiting()
        late = time.monotonic() > last or _worked(child.pid) > request.limits.seconds
        if late and exchange.is_alive():
            raise too_slow(request)


def _worked(pid: int) -> float:
    """The processor seconds that a process has used; 0 if it has ended."""
    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(used.user + used.system)


def too_slow(request: Request) -> ImportRefused:
    """The refusal of a file that was not read in time."""
    problem = f"The file could not be read within the limit of {request.limits.seconds:,.0f} seconds."
    return refused(request.name, problem, "Import it in parts, or as CSV.")


def too_large(request: Request) -> ImportRefused:
    """The refusal of a file that needs too much memory."""
    limit = request.limits.memory / 2**30
    problem = f"The file unpacks to more than fits in the memory limit of {limit:,.1f} GiB."
    return refused(request.name, problem, "Import it in parts.")


class _Exchange(threading.Thread):
    """Sends the request and collects the answer while the caller watches the clock."""

    def __init__(self, child: "subprocess.Popen[bytes]", request: Request, data: bytes | None) -> None:
        super().__init__(name="read a file", daemon=True)
        assert child.stdin is not None
        assert child.stdout is not None
        self._stdin, self._stdout = child.stdin, child.stdout
        self._request, self._data = request, data
        self._answer: Answer | None = None

    def run(self) -> None:
        """Talk to the child until it has answered or ended."""
        try:
            send(self._stdin, _as_tuple(self._request, self._data))
            if self._data is not None:
                self._stdin.write(self._data)
            self._stdin.flush()
            self._answer = received(self._stdout)
        except (OSError, EOFError, ValueError, TypeError):  # the child ended, perhaps in the middle of a frame
            self._answer = None

    def answer(self, code: int) -> Table:
        """The child's table. Raises the child's refusal, and ImportRefused if it ended without an answer."""
        if isinstance(self._answer, Table):
            return self._answer
        if self._answer is not None:
            raise self._answer
        problem = f"The process that read the file ended without an answer (exit code {code})."
        remedy = "The file is damaged, or the machine is short of memory. Save the file again, as CSV, or in parts."
        raise refused(self._request.name, problem, remedy)


def _as_tuple(request: Request, data: bytes | None) -> tuple[Any, ...]:
    r, limits = request, request.limits
    allowed = tuple((name, getattr(limits, name)) for name in limits.__slots__)
    said = tuple((name, getattr(r.layout, name)) for name in r.layout.__slots__)
    path = None if r.path is None else os.fsencode(r.path)
    name, suffix = r.name.encode("utf-8", "surrogateescape"), r.format.suffixes[0]
    return name, suffix, r.zipped, path, r.codec, allowed, said, len(data or b"")


def requested(file: IO[bytes]) -> tuple[Request, bytes]:
    """The request read from a stream, and the bytes of the upload that follow it."""
    frame = take(file)
    assert frame is not None
    name, suffix, zipped, path, codec, limits, said, size = frame
    request = Request(
        name=name.decode("utf-8", "surrogateescape"),
        format=SUFFIXES[suffix],
        zipped=zipped,
        path=None if path is None else os.fsdecode(path),
        codec=codec,
        limits=ReadLimits(**dict(limits)),
        layout=Layout(**dict(said)),
    )
    return request, _exactly(file, size)


def send(file: IO[bytes], frame: Any) -> None:
    """Write one frame."""
    packed = marshal.dumps(frame)
    file.write(len(packed).to_bytes(LENGTH, "big"))
    file.write(packed)


def take(file: IO[bytes]) -> Any:
    """Read one frame. Raises EOFError if it is cut off."""
    return marshal.loads(_exactly(file, int.from_bytes(_exactly(file, LENGTH), "big")))


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def send_answer(file: IO[bytes], answer: Answer) -> None:
    """Write a table, its rows split over several frames, or a refusal."""
    if isinstance(answer, ImportRefused):
        problems = tuple((p.row, p.problem, p.remedy) for p in answer.problems)
        send(file, ("refused", answer.name, problems, answer.total, *_asked(answer)))
        return
    t = answer
    numbers = tuple((column, tuple(names)) for column, names in t.class_names.items())
    told = (tuple(t.places), t.place, t.notes, t.encoding, t.header_assumed, t.sheet, t.sheets)
    send(file, ("table", t.name, t.columns, *told, numbers))
    for start in range(0, len(t.rows), ROWS_IN_A_FRAME):
        send(file, tuple(t.rows[start : start + ROWS_IN_A_FRAME]))
    send(file, None)


def received(file: IO[bytes]) -> Answer:
    """What `send_answer` wrote."""
    kind, *told = take(file)
    if kind == "refused":
        return _refusal(*told)
    name, columns, places, place, notes, encoding, header_assumed, sheet, sheets, numbers = told
    rows: list[Sequence[Cell]] = []
    for frame in _frames(file):
        rows.extend(frame)
    return Table(
        name=name,
        columns=columns,
        rows=rows,
        places=places,
        place=place,
        notes=notes,
        encoding=encoding,
        header_assumed=header_assumed,
        sheet=sheet,
        sheets=sheets,
        class_names=dict(numbers),
    )


def _frames(file: IO[bytes]) -> Iterator[Sequence[Sequence[Cell]]]:
    while (frame := take(file)) is not None:
        yield frame


def _asked(refusal: ImportRefused) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """(what a person has to say, the answers that there are)."""
    if isinstance(refusal, EncodingUnclear):
        return "encoding", tuple((p.encoding, p.sample) for p in refusal.proposals)
    if isinstance(refusal, LayoutUnclear):
        return refusal.choice, tuple((way.value, way.told) for way in refusal.ways)
    return None, ()


def _refusal(
    name: str,
    problems: Sequence[tuple[int | None, str, str]],
    total: int,
    choice: str | None,
    answers: Sequence[tuple[str, str]],
) -> ImportRefused:
    rows = [RowProblem(row, problem, remedy) for row, problem, remedy in problems]
    if choice == "encoding":
        return EncodingUnclear(name, rows[0].problem, [EncodingProposal(*each) for each in answers])
    if choice is not None:
        return LayoutUnclear(name, rows[0].problem, choice, [Way(*each) for each in answers])
    return ImportRefused(name, rows, total)


def _paths() -> str:
    package = str(Path(__file__).parents[2])
    return os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH")) if p)


def _close(pipe: Any) -> None:
    with suppress(OSError):  # nobody reads the bytes still to be written
        pipe.close()
