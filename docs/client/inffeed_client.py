"""A client of InfFeed's web API in one file that needs only Python. Copy it beside your program.

    from inffeed_client import Client

    room = Client("http://127.0.0.1:8502", "reviews", key)
    for flag in room.flags():
        room.decide(flag["id"], label=flag["suggested"], flag=flag)

`inffeed serve-api` runs the API, and `inffeed api-key DIR NAME --new` makes a key. Answers are the API's JSON as
dictionaries and lists; its /openapi.json describes them.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

Json = dict[str, Any]
ENDED = ("done", "failed", "cancelled")


class ApiError(Exception):
    """The API refused a request: `status`, a `code`, and a message that says what to do."""

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        super().__init__(content.get("message") or f"The server answered {status}.")
        self.status, self.code, self.problems = status, content.get("error", ""), content.get("problems", [])


class Client:
    """One person's access to one project."""

    def __init__(self, url: str, project: str, key: str, *, timeout: float = 30.0, attempts: int = 4) -> None:
        self._root = f"{url.rstrip('/')}/v1/projects/{quote(project, safe='')}"
        self._key, self._timeout, self._attempts = key, timeout, attempts

    def status(self) -> Json:
        """Texts, labels, version and jobs of the project, and the next step."""
        return self._ask("GET", "status")

    def flags(self, limit: int | None = None, **wanted: Any) -> Iterator[Json]:
        """Open flags, the one to check first first, page by page.

        `wanted` is more of what the route takes: order, label, source, pair, where, search, suggested, least, most,
        disagreeing.
        """
        after, left = 0, limit
        while left is None or left > 0:
            size = 100 if left is None else min(100, left)
            page = self._ask("GET", "flags", query={"limit": size, "after": after} | wanted)
            for flag in page["flags"]:
                yield flag | {"analysis": page["analysis"], "order": page["order"]}
            after, left = page["next"], None if left is None else left - len(page["flags"])
            if after is None:
                return

    def text(self, id: str) -> Json:
        """One text with its influencers, and why it is flagged."""
        return self._ask("GET", f"texts/{quote(id, safe='')}")

    def decide(self, id: str, label: str | None = None, *, flag: Mapping[str, Any] | None = None, **more: Any) -> Json:
        """Decide about a text; stored once, however often the network makes this send it.

        With `flag`, it is stored how the text was handed out. `more`: act, note, also, in_place, token.
        """
        sent = {"token": str(uuid4()), "id": id, "label": label} | more
        if flag is not None:
            sent = {name: flag[name] for name in ("analysis", "order", "suggested")} | sent
        return self._ask("POST", "decisions", sent)

    def discussion(self, limit: int = 20) -> list[Json]:
        """The latest texts that were marked or disagreed on and that you have answered, with everybody's answers."""
        return list(self._ask("GET", "discussion", query={"limit": limit})["topics"])

    def settle(self, id: str, label: str, note: str = "", **more: Any) -> Json:
        """End the discussion of a text with this label, whatever was answered before."""
        return self.decide(id, label, note=note, settles=True, **more)

    def undo(self, taken: Mapping[str, Any]) -> Json:
        """Take back a decision, as `decide` returned it."""
        made = taken["decision"]
        return self.decide(made["instance_id"], act="undo", undoes=made["token"])

    def start(self, kind: str, **settings: Any) -> Json:
        """Start a job: retrain, refresh, analyse or explain. `settings`: train, analysis, ids."""
        return self._ask("POST", "jobs", {"kind": kind} | settings)

    def job(self, id: str) -> Json:
        """One job."""
        return self._ask("GET", f"jobs/{quote(id, safe='')}")

    def cancel(self, id: str) -> Json:
        """Ask a job to stop."""
        return self._ask("POST", f"jobs/{quote(id, safe='')}/cancel")

    def wait(self, id: str, every: float = 1.0) -> Json:
        """Wait until a job has ended, and return it."""
        while (job := self.job(id))["state"] not in ENDED:
            time.sleep(every)
        return job

    def _ask(self, method: str, path: str, body: object = None, query: Mapping[str, Any] | None = None) -> Any:
        """Send a request, again where no answer comes: a decision has its token, and the same job runs only once."""
        url = f"{self._root}/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        attempt = 0
        while True:
            attempt += 1
            try:
                with urlopen(Request(url, data, headers, method=method), timeout=self._timeout) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if error.code not in (502, 503, 504) or attempt == self._attempts:
                    raise ApiError(error.code, _content(error)) from error
            except (URLError, TimeoutError, ConnectionError):
                if attempt == self._attempts:
                    raise
            time.sleep(0.5 * 2**attempt)


def _content(error: HTTPError) -> Mapping[str, Any]:
    try:
        found = json.load(error)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, seconds: float = 300.0) -> Json:
    """The event that a webhook brought. Raises ValueError if it was not signed with this secret, or long ago."""
    given = {name.lower(): value for name, value in headers.items()}
    id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.new(key, f"{id}.{sent}.".encode() + body, hashlib.sha256).digest()).decode()
    signatures = given.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(f"v1,{made}".encode(), one.encode()) for one in signatures):
        raise ValueError("The signature is not of this secret; was the body changed, or is the secret an old one?")
    if not sent.isdigit() or abs(time.time() - int(sent)) > seconds:
        raise ValueError("The event was signed too long ago; is the clock right?")
    event: Json = json.loads(body)
    return event
