"""One signed request, in the form of Standard Webhooks (standardwebhooks.com), for which many languages have a library.

The signature is HMAC-SHA256 over "id.timestamp.body", so that a receiver can tell who sent it, and refuse an old one.
"""

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from inffeed_core import __version__
from inffeed_core.store.webhooks import Webhook
from inffeed_core.webhooks.addresses import AddressRefused, checked

STEP_SECONDS = 10.0
"""How long one step may take: to connect, to send, to answer."""
WHOLE_SECONDS = 20.0
"""How long all of it may take, however slowly the answer trickles in."""
SECRET = "whsec_"
"""Begins every secret; base64 follows."""
_REASON = 80


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(SECRET))
    made = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def send(hook: Webhook, id: str, body: bytes) -> str:
    """Send a body to a webhook; returns why it was not taken, "" if it was: by an answer from 200 to 299."""
    parts, timestamp = urlsplit(hook.url), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"InfFeed/{__version__}",
        "Connection": "close",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(hook.secret, id, timestamp, body),
    }
    try:
        status, reason = _post(parts, checked(str(parts.hostname), _port(parts), hook.private), headers, body)
    except AddressRefused as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:  # closing a socket meanwhile raises these, too
        return f"{parts.hostname} did not take it: {error or type(error).__name__}."
    if 200 <= status < 300:
        return ""
    more = "; redirects are not followed" if 300 <= status < 400 else ""
    return f"{parts.hostname} answered {status} {reason}{more}."


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _post(parts: SplitResult, addresses: Sequence[str], headers: dict[str, str], body: bytes) -> tuple[int, str]:
    connection = _Pinned(parts, addresses)
    watch = threading.Timer(WHOLE_SECONDS, connection.end)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", parts._replace(scheme="", netloc="").geturl() or "/", body, headers)
        response = connection.getresponse()
        return response.status, ascii(response.reason)[1:-1][:_REASON]
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that were checked, whatever the name leads to by then."""

    def __init__(self, parts: SplitResult, addresses: Sequence[str]) -> None:
        super().__init__(str(parts.hostname), _port(parts), timeout=STEP_SECONDS)
        self.default_port = 443 if parts.scheme == "https" else 80  # so that Host names only another one
        self._addresses, self._encrypted = addresses, parts.scheme == "https"

    def connect(self) -> None:
        """Connect to the first address that answers."""
        for n, address in enumerate(self._addresses, start=1):
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError:
                if n == len(self._addresses):
                    raise
        if self._encrypted:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def end(self) -> None:
        """Break off, from another thread."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
