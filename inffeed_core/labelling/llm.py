"""A language model behind an endpoint as a source. Each answer is kept as it arrives, by content, model and prompt."""

import hashlib
import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from inffeed_core import store
from inffeed_core.labelling.answering import Reply, reply_from, vote
from inffeed_core.labelling.describing import Described
from inffeed_core.labelling.endpoint import Endpoint
from inffeed_core.labelling.labellers import Answer
from inffeed_core.labelling.prompting import Prompt, temperature
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Progress, Source

KEPT_SECONDS = 1.0
"""Seconds between saves, so a kill loses the answers of one second."""
HEARD_SECONDS = 0.3
"""Seconds between looks for a cancellation, even while no answer arrives."""


class LanguageModel:
    """One model, one prompt."""

    def __init__(self, project: Project, about: Described, settings: LabelSettings) -> None:
        """Nothing is sent yet. Raises MissingExtra without the `openai` package."""
        self._project, self._labels, self._settings = project, about.about.labels, settings
        [self._source], self._prompt = about.sources, cast(Prompt, about.prompt)
        self._endpoint = Endpoint(settings, self._labels)
        self._seconds = 0.0

    @property
    def sources(self) -> Sequence[Source]:
        """The one source, with what it has used so far."""
        usage = self._endpoint.usage
        took = {
            "request": self._endpoint.shape,
            "requests": usage.requests,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "seconds": round(self._seconds, 1),
        }
        return [replace(self._source, details={**self._source.details, **took})]

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """The label of each text. Raises ModelError where the endpoint fails for good; what came before is kept."""
        keys = [[self._key(one, k) for k in range(self._settings.samples)] for one in texts]
        with store.reading(self._project.db) as db:
            kept = store.kept_answers(db, (key for of_text in keys for key in of_text))
        missing = {key: one for of_text, one in zip(keys, texts, strict=True) for key in of_text if key not in kept}
        kept |= self._asked(missing, progress)
        replies = ([reply_from(kept[key]) for key in of_text] for of_text in keys)
        return {self._source.name: [vote(of_text, self._labels) for of_text in replies]}

    def _key(self, one: Instance, sample: int) -> str:
        """The key of an answer, made from everything that determines it."""
        parts = [
            self._settings.endpoint,
            self._settings.model,
            temperature(self._settings),
            self._settings.max_answer_tokens,
            list(self._labels),
            self._prompt.about(one),
            sample,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _asked(self, missing: Mapping[str, Instance], progress: Progress) -> dict[str, str]:
        """Answers to these, kept as they arrive."""
        began = time.monotonic()
        found: dict[str, str] = {}
        unsaved: dict[str, str] = {}
        saved = time.monotonic()
        progress("Asking the language model", 0, len(missing))
        try:
            for arrived in _ask_all(self._endpoint, self._messages(missing), self._settings.workers):
                if arrived is not None:
                    key, reply = arrived
                    unsaved[key] = found[key] = reply.as_json()
                if unsaved and time.monotonic() - saved >= KEPT_SECONDS:
                    self._keep(unsaved)
                    unsaved, saved = {}, time.monotonic()
                progress("Asking the language model", len(found), len(missing))
        finally:
            self._endpoint.close()
            self._keep(unsaved)
            self._seconds = time.monotonic() - began
        return found

    def _messages(self, missing: Mapping[str, Instance]) -> Iterator[tuple[str, str]]:
        return ((key, self._prompt.about(one)) for key, one in missing.items())

    def _keep(self, answers: Mapping[str, str]) -> None:
        """Save answers whatever becomes of the job: they were paid for."""
        if answers:
            with store.taking_back(), store.writing(self._project.db) as db:
                store.keep_answers(db, answers)


def _ask_all(
    endpoint: Endpoint, messages: Iterable[tuple[str, str]], workers: int
) -> Iterator[tuple[str, Reply] | None]:
    """The replies as they arrive, by key; None now and then while none does. Raises the first error of a request.

    The first message is sent alone: it finds out what the endpoint takes.
    """
    waiting = iter(messages)
    tasks: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    arrived: queue.SimpleQueue[tuple[str, Reply | Exception]] = queue.SimpleQueue()
    for _ in range(workers):  # daemons: a request that hangs must not keep the process alive
        threading.Thread(target=_serve, args=(endpoint, tasks, arrived), name="label", daemon=True).start()
    under_way, allowed = 0, 1
    while True:
        while under_way < allowed and (task := next(waiting, None)) is not None:
            tasks.put(task)
            under_way += 1
        if not under_way:
            return
        try:
            key, reply = arrived.get(timeout=HEARD_SECONDS)
        except queue.Empty:
            yield None
            continue
        if isinstance(reply, Exception):
            raise reply
        under_way, allowed = under_way - 1, workers
        yield key, reply


def _serve(
    endpoint: Endpoint,
    tasks: "queue.SimpleQueue[tuple[str, str]]",
    arrived: "queue.SimpleQueue[tuple[str, Reply | Exception]]",
) -> None:
    """Answer tasks until the endpoint is closed."""
    while not endpoint.stopped.is_set():
        try:
            key, message = tasks.get(timeout=HEARD_SECONDS)
        except queue.Empty:
            continue
        try:
            arrived.put((key, endpoint.ask(message)))
        except Exception as error:
            arrived.put((key, error))
