"""Processes forked from one that has imported what they need: importing costs each that starts anew a lot.

Otherwise they are as if started anew: small, with a session of their own, in the folder where the process that asked
stands, and in no other relation to it.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

Work = Callable[..., int | None]


class Forked:
    """What is asked of a `Popen`."""

    stdin: IO[bytes]
    stdout: IO[bytes]

    def __init__(self, told: IO[bytes]) -> None:
        self.returncode: int | None = None
        self._told = told
        self.pid = int(told.readline())

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended; minus the signal that killed it."""
        if self.returncode is None:
            with self._told:
                self.returncode = int(self._told.readline())
        return self.returncode

    def poll(self) -> int | None:
        """The exit code if it has ended."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def kill(self) -> None:
        """SIGKILL, unless it has ended: its number may be another process's by now."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Asked:
    """The process that forks, as one that shares a channel to it knows it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self._one_at_a_time = threading.Lock()

    def fork(self, words: Sequence[str], *opened: int) -> Forked:
        """Have its work done on these words and on copies of these open files."""
        reads, writes = os.pipe()
        with self._one_at_a_time:
            socket.send_fds(self.channel, [json.dumps([os.getcwd(), *words]).encode()], [writes, *opened])
        os.close(writes)
        return Forked(os.fdopen(reads, "rb", buffering=0))


class Forker(Asked):
    """Starts that process with the first that is asked for, or when told; it ends with all that share the channel."""

    def __init__(self, command: Sequence[str]) -> None:
        channel, self._theirs = socket.socketpair()
        super().__init__(channel)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to import what is needed, which lasts seconds."""
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=self._theirs, start_new_session=True)
            self._theirs.close()

    def fork(self, words: Sequence[str], *opened: int) -> Forked:
        self.start()
        return super().fork(words, *opened)


def serve(work: Work) -> None:
    """In the process that forks: do it in a child for each message, until the process that asks has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who looks after a child leaves no zombie
    gc.freeze()  # no child looks for garbage in what was imported
    channel = socket.socket(fileno=0)
    while True:
        words, opened, *_ = socket.recv_fds(channel, 65_536, 8)
        if not words:
            return
        if os.fork() == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            folder, *rest = json.loads(words)
            os.chdir(folder)
            _look_after(work, rest, *opened)
        for one in opened:
            os.close(one)


def _look_after(work: Work, words: Sequence[str], told: int, *opened: int) -> None:
    """Tell the child's process id, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        os.setsid()
        code = 1
        try:
            code = work(words, *opened) or 0
        finally:
            os._exit(code)
    for one in opened:
        os.close(one)
    for line in (lambda: pid, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])):
        with suppress(BrokenPipeError):  # who asked has ended
            os.write(told, f"{line()}\n".encode())
    os._exit(0)
