"""What label a language model's answer gives, and with what confidence.

Nothing is guessed: an answer that is no JSON object with a label, and no label by itself, is unreadable and kept as it
came.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inffeed_core.labelling.labellers import Answer

_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
"""What reasoning models write before their answer."""
_FENCE = re.compile(r"^```\w*\s*|\s*```$")
_AROUND = " \t\r\n\"'`*.“”‘’"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of an endpoint, as it is kept."""

    content: str
    """What the model wrote; its refusal where it refused."""
    refused: bool = False
    """Whether the model, or a filter before it, would not answer."""
    tokens: tuple[tuple[str, float], ...] = ()
    """(token, logarithm of its probability) of `content`, where the endpoint gives them."""

    def as_json(self) -> str:
        """For storage."""
        return json.dumps(asdict(self), ensure_ascii=False)


def reply_from(kept: str) -> Reply:
    """Inverse of `Reply.as_json`."""
    values: dict[str, Any] = json.loads(kept)
    tokens = tuple((str(token), float(p)) for token, p in values.pop("tokens"))
    return Reply(**values, tokens=tokens)


def read_reply(reply: Reply, labels: Sequence[str]) -> Answer:
    """The label of one reply, with its probability where the tokens' are known."""
    label = None if reply.refused else _label_in(reply.content, labels)
    if label is None:
        return Answer(label=None, raw=reply.content)
    return Answer(label=label, confidence=_probability(reply, label))


def vote(replies: Sequence[Reply], labels: Sequence[str]) -> Answer:
    """The label that most replies give; confidence is its share of all replies (Wang et al., self-consistency, 2023).

    Ties go to the label that comes first in `labels`. One reply speaks for itself.
    """
    read = [read_reply(reply, labels) for reply in replies]
    if len(read) == 1:
        return read[0]
    votes = Counter(one.label for one in read if one.label is not None)
    if not votes:
        return read[0]
    best = max(labels, key=lambda label: votes[label])
    return Answer(label=best, confidence=votes[best] / len(read))


def _label_in(content: str, labels: Sequence[str]) -> str | None:
    """The label that an answer gives; None where it gives none, or none that is known."""
    bare = _FENCE.sub("", _THOUGHT.sub("", content).strip()).strip()
    try:
        said = json.loads(bare)
    except (ValueError, RecursionError):
        said = re.sub(r"^label\s*:\s*", "", bare, flags=re.IGNORECASE)
    if isinstance(said, dict):
        said = said.get("label")
    return _known(said, labels) if isinstance(said, str) else None


def _known(said: str, labels: Sequence[str]) -> str | None:
    for form in (_plain, lambda label: _plain(label).strip(_AROUND).casefold()):
        found = [label for label in labels if form(label) == form(said)]
        if len(found) == 1:
            return found[0]
    return None


def _plain(label: str) -> str:
    return unicodedata.normalize("NFC", label).strip()


def _probability(reply: Reply, label: str) -> float | None:
    """The product of the probabilities of the tokens that make up the label; None where they cannot be found."""
    text, ends = "", []
    for token, _ in reply.tokens:
        text += token
        ends.append(len(text))
    starts = [
        text.rfind(form) for form in (json.dumps(label, ensure_ascii=False)[1:-1], json.dumps(label)[1:-1], label)
    ]
    start = next((s for s in starts if s >= 0), -1)
    if start < 0:
        return None
    stop = start + len(label)
    begins = [0, *ends[:-1]]
    parts = [p for (_, p), a, b in zip(reply.tokens, begins, ends, strict=True) if a < stop and b > start]
    total = sum(parts)
    return None if math.isnan(total) else math.exp(min(0.0, total))
