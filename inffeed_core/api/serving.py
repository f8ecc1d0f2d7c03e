"""The application, and the server that runs it."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from inffeed_core import __version__
from inffeed_core.api.callers import Place
from inffeed_core.api.guarding import Guard
from inffeed_core.api.routes import router
from inffeed_core.api.telling import tell_errors
from inffeed_core.errors import SettingsError
from inffeed_core.webhooks.delivering import Deliverer

AT_ONCE = 64
"""Requests; more are told to come back."""
ABOUT = """What the review room of InfFeed does, for other programs.

Send `Authorization: Bearer KEY` with a key that `inffeed api-key DIR NAME --new` made. Every error is
`{"error", "message", "problems"?}`: what arrived, what was expected, what to do."""


def make_app(folder: Path, address: str = "127.0.0.1", more_hosts: tuple[str, ...] = ()) -> ASGIApp:
    """The API of one project, or of all projects in a folder. Raises ProjectError."""
    return Guard(_application(Place(folder)), address, more_hosts)


def _application(place: Place) -> FastAPI:
    @asynccontextmanager
    async def serving(app: FastAPI) -> AsyncIterator[None]:
        with Deliverer(place.lying_here):
            yield

    app = FastAPI(
        title="InfFeed",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # its pages load their scripts from elsewhere
        redoc_url=None,
        lifespan=serving,
        telemetry={"auto_configure": False, "exclude": lambda scope: True},
    )
    app.state.place = place
    app.include_router(router)
    tell_errors(app)
    return app


def openapi(folder: Path) -> dict[str, object]:
    """The description of the API that `/openapi.json` gives."""
    return _application(Place(folder)).openapi()


def serve(folder: Path, host: str, port: int, more_hosts: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Answer until the process is told to end; `ready` is called once it listens.

    Raises ProjectError, and SettingsError where nothing can listen.
    """
    app = make_app(folder, host, more_hosts)
    with _listening(host, port) as listener:
        ready()
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=AT_ONCE,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(settings).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"Nothing can listen on {host}, port {port} ({error}); choose another --port, or end what uses it."
        ) from error
