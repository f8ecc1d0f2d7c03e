"""A local server of the chat protocol that answers by rule, and fails on demand."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_http import answering

Reply = dict[str, Any]


class Server:
    """What it was asked, and how it answers. `faults` are used up first, one a request."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.faults: list[Callable[[Handler], None]] = []
        self.refuses: set[str] = set()
        """Parameters that it answers 400 to."""
        self.answer: Callable[[str], Reply] = lambda message: says('{"label": "positive"}')
        self.most_at_once = 0
        self.slow = 0.0
        self.now = 0
        self.lock = threading.Lock()
        self.url = ""

    @property
    def messages(self) -> list[str]:
        return [one["messages"][0]["content"] for one in self.asked]


def says(content: str | None, **more: Any) -> Reply:
    """One choice. `tokens` are (token, logprob) pairs; `refusal` and `finish` as the protocol has them."""
    message = {"role": "assistant", "content": content, "refusal": more.get("refusal")}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": more.get("finish", "stop")}
    if "tokens" in more:
        listed = [{"token": t, "logprob": p, "bytes": None, "top_logprobs": []} for t, p in more["tokens"]]
        choice["logprobs"] = {"content": listed, "refusal": None}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "test",
        "choices": [choice],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.state
        with state.lock:
            state.now += 1
            state.most_at_once = max(state.most_at_once, state.now)
            fault = state.faults.pop(0) if state.faults else None
            refused = sorted(state.refuses & set(asked))
            if fault is None and not refused:
                state.asked.append(asked)
                state.keys.append(self.headers["Authorization"])
        try:
            if fault is not None:
                fault(self)
            elif refused:
                send(self, 400, {"error": {"message": f"Unsupported parameter: '{refused[0]}'", "code": "unsupported"}})
            else:
                time.sleep(state.slow)
                send(self, 200, state.answer(asked["messages"][0]["content"]))
        finally:
            with state.lock:
                state.now -= 1


def send(handler: Handler, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        **(headers or {}),
    }.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def status(code: int, message: str = "a fault", headers: dict[str, str] | None = None) -> Callable[[Handler], None]:
    """Answers with this status."""
    return lambda handler: send(handler, code, {"error": {"message": message, "code": str(code)}}, headers)


def half(handler: Handler) -> None:
    """Promises more than it sends, and hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "x", "choices": [{"mess')
    handler.wfile.flush()
    handler.close_connection = True


def broken(handler: Handler) -> None:
    """Sends whole what is no whole JSON."""
    data = b'{"id": "x", "choices": [{"mess'
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def sends(kind: str, data: bytes) -> Callable[[Handler], None]:
    """Answers, under a status that says all is well, with this."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def hangs(seconds: float) -> Callable[[Handler], None]:
    """Answers after so long, when nobody waits any more."""

    def fault(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return fault


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    state = Server()
    handler = type("Bound", (Handler,), {"state": state})
    with answering(handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield state
