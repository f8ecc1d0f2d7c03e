"""Errors as JSON: what arrived, what was expected, and what to do.

Every answer but success is `{"error": code, "message": sentences, "problems": [{"field", "arrived", "expected"}]}`;
`problems` is there where single fields are wrong.
"""

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inffeed_core.errors import (
    InfFeedError,
    InvalidDecision,
    JobError,
    NotAllowed,
    NotReady,
    ProjectError,
    SettingsError,
    StoreError,
    UnknownInstance,
)

SHOWN = 120
"""Characters of what arrived that an error repeats."""
_STATUS: Mapping[type[InfFeedError], tuple[int, str]] = {
    UnknownInstance: (404, "unknown-text"),
    InvalidDecision: (422, "invalid-decision"),
    SettingsError: (422, "invalid-settings"),
    NotAllowed: (403, "not-allowed"),
    NotReady: (409, "not-ready"),
    JobError: (409, "job-refused"),
    StoreError: (503, "unavailable"),
    ProjectError: (503, "unavailable"),
}
_ROUTES = "The routes are in /openapi.json."
log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(message)
        self.status, self.headers, self.content = status, headers, {"error": code, "message": message, **more}


def as_json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    """A response in ASCII, which holds whatever arrived, half a surrogate pair included."""
    body = json.dumps(content, ensure_ascii=True, default=str)
    return Response(body, status, dict(headers or {}), media_type="application/json")


def tell_errors(app: FastAPI) -> None:
    """Answer every error of this application as JSON."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(InfFeedError, _known)
    app.add_exception_handler(sqlite3.IntegrityError, _broken)
    app.add_exception_handler(Exception, _unexpected)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return as_json(error.status, error.content, error.headers)


def _known(request: Request, error: Exception) -> Response:
    kind = next((k for k in type(error).__mro__ if k in _STATUS), None)
    status, code = _STATUS[kind] if kind is not None else (400, "refused")
    return as_json(status, {"error": code, "message": str(error)})


def _broken(request: Request, error: Exception) -> Response:
    said = "Something that it names is not in the project, such as its analysis; nothing was stored. Read it anew."
    return as_json(422, {"error": "invalid-decision", "message": said})


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {
        404: f"There is no {request.method} {request.url.path[:SHOWN]}. {_ROUTES}",
        405: f"{request.url.path[:SHOWN]} takes no {request.method}. {_ROUTES}",
        400: "The body cannot be read as JSON; send one JSON object in UTF-8.",
    }
    message = said.get(error.status_code, str(error.detail))
    return as_json(error.status_code, {"error": f"http-{error.status_code}", "message": message}, error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found: Sequence[Any] = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _http(request, HTTPException(400))
    problems = [
        {"field": _place(one["loc"]), "arrived": _cut(one.get("input")), "expected": one["msg"]} for one in found
    ]
    first = problems[0]
    message = (
        f"{first['field']}: {first['arrived']} arrived. {first['expected']}. Nothing was changed; correct the fields "
        "under `problems` and send it again."
    )
    return as_json(422, {"error": "invalid-request", "message": message, "problems": problems[:20]})


def _place(loc: Sequence[object]) -> str:
    return ".".join(str(part)[:SHOWN] for part in loc) or "the request"


def _cut(value: object) -> str:
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    said = ascii(value)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}…"


def _unexpected(request: Request, error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    said = "The server met a fault of its own; its log tells more. What was stored before is kept. Try again."
    return as_json(500, {"error": "fault", "message": said})
