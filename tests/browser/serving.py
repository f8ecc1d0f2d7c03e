"""A real server, where the browser is, and a watch over the pages.

The server is that of `make app`, forked from a process that has imported what it needs, and so are its jobs.
"""

import json
import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from forker import Forked, Forker
from playwright.sync_api import ConsoleMessage, Error, Page, Request

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The system's browser, or None for the one that `playwright install` fetched."""
SHELL = shutil.which("chromium-headless-shell") or CHROMIUM
"""The same without the windows that nobody sees, where there is one: a seventh of what a test costs."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # the next tab takes over what the last one has compiled: half of what opening a page costs
]
SHORT_LIVED = "--js-flags=--no-opt --single-threaded"
"""For pages that are shut before it pays to optimise their scripts, which was a sixth of what they cost."""
_servers = Forker([sys.executable, str(Path(__file__).parent / "forked_server.py")])
_jobs = Forker([sys.executable, str(Path(__file__).parents[1] / "prepared.py")])
START_SECONDS = 60.0
LOCAL = tuple(f"{scheme}://{host}:" for scheme in ("http", "ws") for host in ("127.0.0.1", "localhost"))
LOCAL += ("data:", "blob:", "about:", "chrome-extension:")
SERVER_GONE = (
    "ERR_CONNECTION",
    "ERR_INTERNET_DISCONNECTED",
    "ERR_CONTENT_LENGTH_MISMATCH",
    "dynamically imported module",
    "WebSocket",
    "disconnected from server",
    "in reaching server",
    "not responding",
)
PARTING = "Cannot send rerun backMessage when disconnected from server"
"""What Streamlit says in a tab that `opening.left` took from its session with something still to send. A page that
fails to send what a test did fails the test by what it shows and stores."""


@dataclass
class Server:
    """`streamlit run app.py`. It can be killed and started again on the same port."""

    folder: Path
    port: int
    script: str = "app.py"
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    process: Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        arguments = ["run", self.script, "--server.headless=true", f"--server.port={self.port}", *self.flags]
        environment = os.environ | {"INFFEED_HOME": str(self.folder), "HF_HUB_OFFLINE": "1", **self.environment}
        with (self.folder / "server.log").open("ab") as log:
            _jobs.start()
            self.process = _servers.fork([json.dumps(environment), *arguments], log.fileno(), _jobs.channel.fileno())
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the server did not answer in time"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """SIGKILL, as a crash would. If the server has ended by itself, its log says how."""
        if self.process is None or self.process.returncode is not None:
            return
        if (code := self.process.poll()) is not None:
            with (self.folder / "server.log").open("a") as log:
                log.write(f"The server had ended before it was killed: exit code {code}.\n")
            return
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """One that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(folder: Path, environment: Mapping[str, str] | None = None, **how: Any) -> Iterator[Server]:
    """A server whose projects lie under `folder`; `how` are further fields of `Server`."""
    started = Server(folder, **{"port": free_port(), "environment": environment or {}, **how})
    try:
        started.start()
        yield started
    finally:
        started.kill()


@dataclass
class Watch:
    """What went wrong in the browser: errors on the console, and requests that would leave this machine."""

    problems: list[str] = field(default_factory=list)
    server_may_be_gone: bool = False

    def follow(self, page: Page) -> None:
        for event, note in self._notes.items():
            page.on(event, note)

    def leave(self, page: Page) -> None:
        for event, note in self._notes.items():
            page.remove_listener(event, note)

    @cached_property
    def _notes(self) -> dict[str, Callable[[Any], None]]:
        return {"console": self._console, "pageerror": self._error, "request": self._request}

    def _error(self, error: Error) -> None:
        self.problems.append(f"page error: {error}")

    def _console(self, message: ConsoleMessage) -> None:
        # Opened at /review, Streamlit asks for its health below /review first and then at the root.
        probing = "404" in message.text and "/_stcore/" in str(message.location.get("url", ""))
        gone = self.server_may_be_gone and any(sign in message.text for sign in SERVER_GONE)
        if message.type == "error" and PARTING not in message.text and not probing and not gone:
            self.problems.append(f"console: {message.text} ({message.location})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(LOCAL):
            self.problems.append(f"request: {request.url}")
