"""Requests to an OpenAI-compatible endpoint, by the `openai` package: pauses and repetitions are its own.

The key comes from the environment (`INFFEED_API_KEY`; at OpenAI's own host `OPENAI_API_KEY` too) and goes nowhere but
into the request.
Redirects are not followed: texts go to the host that was named, and to no other.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inffeed_core.errors import ModelError, brought_by
from inffeed_core.labelling.answering import Reply
from inffeed_core.labelling.prompting import schema, temperature
from inffeed_core.labelling.settings import LabelSettings

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

KEY = "INFFEED_API_KEY"
OWNERS = {"api.openai.com": "OPENAI_API_KEY"}
"""Keys that belong to one host and are sent to no other."""
TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "too many tokens",
    "prompt is too long",
)
PAUSE_SECONDS = 0.5
"""Before a broken answer is asked for again; doubled each time."""
BROKEN = (ValueError, TypeError, AttributeError, KeyError, IndexError)
"""What is raised by reading an answer that was cut off or does not follow the protocol."""
FILTERED = ("content_filter", "content management policy", "responsible_ai_policy", "content_policy_violation")
"""How endpoints word a status 400 that is about one text."""


@dataclass
class Usage:
    """What the requests of a run used, as the endpoint counts it."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, completion: "ChatCompletion") -> None:
        """Count one answer."""
        with self._lock:
            self.requests += 1
            if completion.usage is not None:
                self.tokens_in += completion.usage.prompt_tokens or 0
                self.tokens_out += completion.usage.completion_tokens or 0


class Pace:
    """Lets at most so many requests a minute begin, evenly spread; safe for threads."""

    def __init__(self, per_minute: int) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._next, self._lock = 0.0, threading.Lock()

    def wait(self, stopped: threading.Event) -> None:
        """Wait for this request's turn, or until `stopped`."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._gap
        stopped.wait(max(0.0, at - time.monotonic()))


class Endpoint:
    """One model behind one URL. `ask` may be called from several threads."""

    def __init__(self, settings: LabelSettings, labels: Sequence[str]) -> None:
        """Nothing is sent yet. Raises MissingExtra without the `openai` package."""
        with brought_by("label"):
            import openai
        self._errors, self._settings, self._labels = openai, settings, labels
        self._key = _key(settings.endpoint)
        http = openai.DefaultHttpxClient(follow_redirects=False, timeout=settings.timeout)
        self._client: OpenAI = openai.OpenAI(
            base_url=settings.endpoint,
            api_key=self._key,
            max_retries=settings.retries,
            timeout=settings.timeout,
            http_client=http,
        )
        self._pace = Pace(settings.per_minute)
        self._shape: dict[str, Any] | None = None
        self.usage = Usage()
        self.stopped = threading.Event()

    @property
    def shape(self) -> dict[str, Any]:
        """The parameters that the endpoint accepts besides the messages; empty before the first answer."""
        return dict(self._shape or {})

    def ask(self, message: str) -> Reply:
        """Send one message; returns the answer. Raises ModelError where going on makes no sense."""
        if self._shape is None:
            return self._first(message)
        return self._reply(message, self._shape)

    def close(self) -> None:
        """Close the connections, including those of requests under way."""
        self.stopped.set()
        self._client.close()

    def _first(self, message: str) -> Reply:
        """Begin with all parameters, leave out what the endpoint refuses, and remember what it accepted."""
        shape = _richest(self._settings, self._labels)
        while True:
            try:
                reply = self._sent(message, shape)
            except (self._errors.BadRequestError, self._errors.UnprocessableEntityError) as error:
                poorer = None if _about_text(error) else _poorer(shape, str(error))
                if poorer is None:
                    return self._reply(message, shape)
                shape = poorer
                continue
            except (self._errors.OpenAIError, *BROKEN):
                return self._reply(message, shape)
            self._shape = shape
            return reply

    def _reply(self, message: str, shape: dict[str, Any]) -> Reply:
        """As `_sent`, with errors in words."""
        errors = self._errors
        try:
            return self._sent(message, shape)
        except errors.BadRequestError as error:
            if (about_text := _about_text(error)) is not None:
                return about_text
            raise ModelError(self._said("refused the request", error)) from error
        except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
            raise ModelError(self._said(f"refused the key; set {KEY} in the environment", error)) from error
        except errors.APITimeoutError as error:
            raise ModelError(self._said(f"gave no answer within {self._settings.timeout:g} s", error)) from error
        except errors.APIConnectionError as error:
            raise ModelError(self._said("cannot be reached, or broke off its answers", error)) from error
        except errors.OpenAIError as error:
            raise ModelError(self._said("failed", error)) from error
        except BROKEN as error:
            raise ModelError(self._said("gave answers that are not of this protocol", error)) from error

    def _sent(self, message: str, shape: dict[str, Any]) -> Reply:
        """One answer. The package repeats what failed on the way; a broken answer is asked for again here."""
        tries = self._settings.retries + 1
        for left in reversed(range(tries)):
            self._pace.wait(self.stopped)
            try:
                completion = self._client.chat.completions.create(
                    model=self._settings.model, messages=[{"role": "user", "content": message}], **shape
                )
                reply = _read(completion)
            except BROKEN:
                if not left or self.stopped.wait(min(8.0, PAUSE_SECONDS * 2 ** (tries - left - 1))):
                    raise
                continue
            self.usage.add(completion)
            return reply
        raise AssertionError("unreachable")

    def _said(self, what: str, error: Exception) -> str:
        tries = self._settings.retries + 1
        found = str(error).strip()
        found = (found if self._key == "none" else found.replace(self._key, "…"))[:300]
        return (
            f"{self._settings.endpoint} {what} ({tries} {'try' if tries == 1 else 'tries'} at most): "
            f"{found.rstrip('.')}. Nothing was changed; "
            "the answers that came are kept, and the next run asks only for the others."
        )


def _key(endpoint: str) -> str:
    """The key for this endpoint from the environment; "none" where there is none, as local servers take it."""
    names = (KEY, OWNERS.get(urlsplit(endpoint).hostname or "", ""))
    return next((os.environ[name] for name in names if os.environ.get(name)), "none")


def _richest(settings: LabelSettings, labels: Sequence[str]) -> dict[str, Any]:
    """Everything that an endpoint may accept besides model and message."""
    strict = {"name": "label", "strict": True, "schema": schema(labels)}
    return {
        "response_format": {"type": "json_schema", "json_schema": strict},
        "logprobs": True,
        "temperature": temperature(settings),
        "max_tokens": settings.max_answer_tokens,
    }


def _poorer(shape: dict[str, Any], said: str) -> dict[str, Any] | None:
    """The request without what the endpoint's refusal names, or else without the next thing that few endpoints know.

    None where nothing is left that can be spared.
    """
    named = [name for name in shape if name in said]
    if "schema" in said and "response_format" in shape:
        named.insert(0, "response_format")
    spared = next(iter(named), next((name for name in ("logprobs", "response_format") if name in shape), None))
    if spared is None:
        return None
    rest = {name: value for name, value in shape.items() if name != spared}
    if spared == "response_format" and shape[spared]["type"] == "json_schema":
        return rest | {"response_format": {"type": "json_object"}}
    if spared == "max_tokens":
        return rest | {"max_completion_tokens": shape[spared]}
    return rest


def _about_text(error: Exception) -> Reply | None:
    """The reply that a status 400 stands for if it is about this text and not about the request; otherwise None."""
    said = str(error)
    if any(words in said.lower() for words in FILTERED):
        return Reply(content=said[:2000], refused=True)
    if any(words in said.lower() for words in TOO_LONG):
        return Reply(content=said[:2000], refused=True)
    return None


def _read(completion: "ChatCompletion") -> Reply:
    if not getattr(completion, "choices", None):  # a web page, say, or an error under a status that says all is well
        told = completion.model_dump_json(exclude_none=True) if hasattr(completion, "model_dump_json") else completion
        raise ValueError(f"expected an object with choices, and got {told}")
    choice = completion.choices[0]
    refusal = getattr(choice.message, "refusal", None)
    if refusal or choice.finish_reason == "content_filter":
        return Reply(content=refusal or choice.message.content or "content_filter", refused=True)
    tokens = choice.logprobs.content if choice.logprobs is not None and choice.logprobs.content else ()
    return Reply(content=choice.message.content or "", tokens=tuple((one.token, float(one.logprob)) for one in tokens))
