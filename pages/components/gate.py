"""The gate before everything that the server answers: pages, files, uploads, media and the socket of a session.

Streamlit itself accepts any `Host`, compares `Origin` only with it, and admits a socket without `Origin`. So the
check comes before it, as a layer of the ASGI application that `app.py` makes (`project.hosts` has the rules).
`streamlit run` finds that application by reading app.py. If a later Streamlit no longer did so, sessions would
bypass the gate. So each socket that passes is marked with a secret of this process, and `require_gate`
shows nothing to a session without the mark.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import cli_util
from streamlit.runtime import get_instance
from streamlit.web.server import server_util

from inffeed_core.project.hosts import ALLOWED, HEADERS, NO_REQUEST, TWO_USERS, Hosts, allowed_hosts
from inffeed_core.project.opened import all_allowed
from inffeed_core.webhooks.delivering import Deliverer
from pages.language import say

MARK = "x-inffeed-gate"
_SECRETS = {near: secrets.token_hex() for near in (True, False)}
PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""Headers of proxies."""
_EVERYWHERE = {"0.0.0.0", "::", ""}


class Gate:
    """An ASGI application in front of another one, which sees only admitted requests."""

    def __init__(self, app: ASGIApp, more: tuple[str, ...]) -> None:
        self._app, self._more = app, more
        self._address = str(st.get_option("server.address") or "").lower()
        self._scheme = "https" if st.get_option("server.sslCertFile") else "http"
        self._identity = [name.lower() for name in st.get_option("server.trustedUserHeaders") or {}]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the request, or refuse it with the reason."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(_marked(scope, self._is_near(scope)), receive, _careful(send))
        elif scope["type"] == "http":
            await _refuse(refusal, _careful(send))
        else:
            await send({"type": "websocket.close", "code": 1008})  # before accepting it: 403

    def _hosts(self, scope: Scope) -> Hosts:
        return Hosts.at(scope["server"][1], self._address, self._more, self._scheme)

    def _is_near(self, scope: Scope) -> bool:
        """Whether the request comes from a browser on this machine, without a proxy in between."""
        client = (scope.get("client") or ("",))[0]
        passed_on = any(_values(scope, name) for name in PASSED_ON)
        return client in ("127.0.0.1", "::1") and not passed_on and self._hosts(scope).is_own(_values(scope, "host")[0])

    def _refusal(self, scope: Scope) -> str | None:
        if scope["type"] not in ("http", "websocket") or not scope.get("server") or not scope["path"].startswith("/"):
            return NO_REQUEST
        if any(len(_values(scope, name)) > 1 for name in self._identity):
            return TWO_USERS
        hosts, origins = _values(scope, "host"), _values(scope, "origin")
        return self._hosts(scope).refusal(hosts, origins, needs_origin=scope["type"] == "websocket")


def _values(scope: Scope, name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()]


def _marked(scope: Scope, near: bool) -> Scope:
    """The scope with the gate's mark, which says who is near, and a host that Streamlit finds equal to the origin."""
    kept = [(key, value) for key, value in scope["headers"] if key != MARK.encode()]
    if scope["type"] == "websocket":
        origin = next(value for key, value in kept if key == b"origin")
        kept = [(key, origin.partition(b"//")[2] if key == b"host" else value) for key, value in kept]
    return {**scope, "headers": [*kept, (MARK.encode(), _SECRETS[near].encode())]}


def _careful(send: Send) -> Send:
    """Sends the security headers with every response."""
    ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            theirs = [(key, value) for key, value in message.get("headers", ()) if key.decode().lower() not in HEADERS]
            message = {**message, "headers": [*theirs, *ours]}
        await send(message)

    return sending


async def _refuse(why: str, send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})


@asynccontextmanager
async def while_served(app: object) -> AsyncIterator[None]:
    """Delivers to webhooks, and opens the app's page, as Streamlit does for scripts without their own application."""
    if not st.get_option("server.headless"):
        address = st.get_option("server.address") or ""
        url = server_util.get_url("localhost" if address in _EVERYWHERE else address)
        asyncio.get_running_loop().call_soon(cli_util.open_browser, url)
    with Deliverer(all_allowed):
        yield


GATE = [Middleware(Gate, more=allowed_hosts(os.environ.get(ALLOWED, "")))]  # an invalid host stops the server here


def require_gate() -> None:
    """Ends the page if this session did not come through the gate."""
    if not _is_tested() and st.context.headers.get(MARK) not in _SECRETS.values():
        st.text(say("app.not_through_gate"))
        st.stop()


def at_the_machine() -> bool:
    """Whether this session's browser runs on the server's own machine, as far as one can tell."""
    return _is_tested() or st.context.headers.get(MARK) == _SECRETS[True]


def _is_tested() -> bool:
    return type(get_instance()).__module__ == "unittest.mock"  # AppTest runs pages without a server
