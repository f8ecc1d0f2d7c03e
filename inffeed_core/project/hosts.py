"""Which hosts the app's server answers to.

Any site can point its own name to 127.0.0.1 and then talk to whatever listens there as if to itself: the
browser sees one origin, and `Origin` equals `Host` (DNS rebinding). Only the name gives it away. So a request is
served only if its `Host` is exactly one that the server was started for, and a page may talk to the server
only if it came from that same host. Headers that a proxy adds, such as `X-Forwarded-Host`, are ignored.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from inffeed_core.errors import SettingsError

ALLOWED = "INFFEED_ALLOWED_HOSTS"
"""The environment variable that names more hosts, as `inffeed app --allow-host` does."""

HEADERS = {
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""What every response demands of browsers: load nothing from elsewhere, show in no frame, guess no types."""

NO_REQUEST = "This is not a request for a page of this server."
TWO_USERS = "A header that names the user arrived more than once; the proxy must replace what clients send."
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORTS = {"http": 80, "https": 443}
_ENTRY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\s]+)")


def allowed_hosts(words: str | Iterable[str]) -> tuple[str, ...]:
    """Names, or names with a port, to answer to besides this machine's own; separated by commas or spaces.

    Raises SettingsError for anything that is not a host.
    """
    entries = words.replace(",", " ").split() if isinstance(words, str) else words
    return tuple(_checked(entry.lower()) for entry in entries)


def _checked(entry: str) -> str:
    found = _ENTRY.fullmatch(entry)
    if found is None or not 0 < int(found["port"] or 1) < 65536:
        raise SettingsError(
            f"{entry!r} is not a host that the server could answer to; give a name as shown in the address bar, "
            "such as annotate.example.org or 192.168.1.7:8501, without http:// and without *."
        )
    return entry


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of one server, as `Host` names them."""

    own: frozenset[str]
    """This machine's names and the address that the server listens on, with the server's own port."""
    more: frozenset[str]
    """The additional hosts that it was started for."""
    scheme: str
    """`https` if the server itself has a certificate."""

    @classmethod
    def at(cls, port: int, address: str = "", more: Iterable[str] = (), scheme: str = "http") -> Self:
        """A server at `port` of `address`, with `more` names; a name without a port means that port, 80 and 443."""
        names = {*LOOPBACK, f"[{address}]" if ":" in address else address} - {"", "0.0.0.0", "[::]"}
        own = {f"{name}:{port}" for name in names} | (names if _PORTS[scheme] == port else set())
        return cls(frozenset(own), frozenset(host for entry in more for host in _spelt(entry, port)), scheme)

    def knows(self, host: str) -> bool:
        """Whether the server answers to this `Host`."""
        return host.lower() in self.own | self.more

    def is_own(self, host: str) -> bool:
        """Whether this `Host` names the machine that the server runs on, not a proxy in front of it."""
        return host.lower() in self.own

    def is_from(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` is one that this server served under `host`."""
        found = _ORIGIN.fullmatch(origin.lower())
        if found is None or (self.is_own(host) and found["scheme"] != self.scheme):
            return False
        return _with_port(found["host"], found["scheme"]) == _with_port(host.lower(), found["scheme"])

    def refusal(
        self, hosts: Sequence[str], origins: Sequence[str], *, needs_origin: bool, command: str = "app"
    ) -> str | None:
        """Why a request with these values of `Host` and `Origin` is refused; None if it is served.

        `command` is what starts the server.
        """
        if len(hosts) != 1 or not self.knows(hosts[0]):
            return (
                f"This server does not answer to the host {' '.join(hosts)[:200]!r}. Open it under the address that "
                "it printed when it started. If this name belongs to it too, start it with "
                f"`inffeed {command} --allow-host NAME`, or with {ALLOWED}=NAME in the environment."
            )
        if len(origins) > 1 or not all(self.is_from(origin, hosts[0]) for origin in origins):
            return "Pages of other origins may not talk to this server."
        if needs_origin and not origins:
            return "Only pages of this server may open a session, and this request names no origin."
        return None


def _spelt(entry: str, port: int) -> set[str]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        return set()
    ports = {port, *_PORTS.values()} if found["port"] is None else {int(found["port"])}
    bare = {found["name"]} if ports & set(_PORTS.values()) else set()
    return {f"{found['name']}:{one}" for one in ports} | bare


def _with_port(host: str, scheme: str) -> str:
    return host if re.search(r":[0-9]+$", host) else f"{host}:{_PORTS[scheme]}"
