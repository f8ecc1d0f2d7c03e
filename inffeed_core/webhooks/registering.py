"""Adding, testing and removing webhooks: by whoever owns the project, on the command line."""

import base64
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import uuid4

from inffeed_core.errors import ProjectError, SettingsError
from inffeed_core.project.folder import Project
from inffeed_core.store import reading, writing
from inffeed_core.store.clock import now
from inffeed_core.store.webhooks import Event, Webhook, add_webhook, remove_webhook, webhooks
from inffeed_core.webhooks.addresses import AddressRefused, checked, names_private
from inffeed_core.webhooks.events import as_body, event_id
from inffeed_core.webhooks.sending import SECRET, send

LONGEST = 2000
TEST = "test"
"""The kind of an event that only tests a webhook."""


def add(project: Project, url: str, on: Sequence[Event], *, private: bool = False) -> Webhook:
    """Add a webhook with a new secret. It hears of what happens from now on.

    Raises SettingsError for what is no URL of a webhook, or leads to an address that is not public although neither
    the URL says so nor `private` does.
    """
    hook = Webhook(
        url=url,
        secret=SECRET + base64.b64encode(secrets.token_bytes(32)).decode(),
        on=tuple(on),
        private=private or names_private(_host(url)),
    )
    if not on:
        raise SettingsError(f"The webhook would hear of nothing; choose from {', '.join(Event)}.")
    parts = urlsplit(url)
    try:
        checked(_host(url), parts.port or 443, hook.private)
    except AddressRefused as error:
        raise SettingsError(str(error)) from error
    with writing(project.db) as db:
        added = add_webhook(db, hook)
    if not added:
        raise SettingsError(f"There is a webhook for {url} already; remove it first to change it.")
    return hook


def _host(url: str) -> str:
    """The host that a URL names. Raises SettingsError if it is no URL of a webhook."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    fine = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST and port != 0
    if not fine or parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.fragment:
        raise SettingsError(
            f"{ascii(url[:200])} is no URL of a webhook; give one such as https://example.org/hook, in ASCII, with "
            "neither a user nor a # part."
        )
    return host


def is_open(url: str) -> bool:
    """Whether events would travel through other networks without encryption."""
    return url.startswith("http:") and not names_private(_host(url))


def remove(project: Project, url: str) -> None:
    """Remove a webhook, with what waits for it. Raises ProjectError if there is none with this URL."""
    with writing(project.db) as db:
        removed = remove_webhook(db, url)
    if not removed:
        raise ProjectError(f"There is no webhook for {url!r}; `inffeed webhooks {project.folder.name}` lists them.")


def test(project: Project) -> list[tuple[Webhook, str]]:
    """Send an event that tells nothing to each webhook now: (webhook, why it did not take it or "")."""
    with reading(project.db) as db:
        known = webhooks(db)
    created, token = now(), uuid4().hex
    body = as_body(TEST, created, project.folder.name, {})
    return [(hook, send(hook, event_id(TEST, token, created), body)) for hook in known]
