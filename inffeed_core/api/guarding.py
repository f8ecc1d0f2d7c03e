"""Before anything else sees a request: which hosts are answered, how large a body may be, and what headers go back.

The rules of hosts are the app's (`project.hosts`): a page of another site that points its own name here (DNS rebinding)
is refused by that name.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inffeed_core.api.telling import as_json
from inffeed_core.project.hosts import HEADERS, NO_REQUEST, Hosts

LARGEST_BODY = 2**18
"""Bytes; a decision takes some hundred."""
BODY_SECONDS = 20.0
"""How long a body may take to arrive."""
_OURS = [(name.encode(), value.encode()) for name, value in ({**HEADERS, "cache-control": "no-store"}).items()]


class Guard:
    """An ASGI application in front of another one."""

    def __init__(self, app: ASGIApp, address: str, more: tuple[str, ...]) -> None:
        self._app, self._address, self._more = app, address, more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the request, or refuse it with the reason."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, _careful(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (refusal := self._refusal(scope)) is not None:
            await as_json(403, {"error": "host-refused", "message": refusal})(scope, receive, send)
            return
        body = await _whole(scope, receive)
        if body is None:
            said = f"The body is larger than {LARGEST_BODY:,} bytes, or took too long to arrive; send less at once."
            await as_json(413, {"error": "too-large", "message": said}, {"connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)

    def _refusal(self, scope: Scope) -> str | None:
        if not scope.get("server") or not scope["path"].startswith("/"):
            return NO_REQUEST
        hosts = Hosts.at(scope["server"][1], self._address, self._more)
        found = [
            [value.decode("latin-1") for key, value in scope["headers"] if key == name] for name in (b"host", b"origin")
        ]
        return hosts.refusal(*found, needs_origin=False, command="serve-api")


async def _whole(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None if it is too large, or does not come."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    return None
            return body
    except TimeoutError:
        return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and then what comes after it."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _careful(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_OURS]}
        await send(message)

    return sending
