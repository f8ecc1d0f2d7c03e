"""Equal texts in places where they do harm: duplicates within a split, and leaks between learning and held-out data.

Texts are equal where they and their second texts differ only in case, white space, Unicode form or what cannot be
seen (`store.instances.text_hash`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inffeed_core.records import Example, Split
from inffeed_core.store.instances import text_hash

LEARNED = (Split.TRAIN, Split.SILVER)
HELD_OUT = (Split.VALIDATION, Split.TEST)


@dataclass(frozen=True, slots=True)
class SameText:
    """Two instances with equal texts."""

    id: str
    """The one to leave out."""
    other: str
    """The one to keep."""
    text: str
    in_project: bool
    """Whether `id` is already in the project; otherwise it is in the file."""
    pair: str | None = None
    """Its second text."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Equal texts that a file would bring into a project."""

    duplicates: tuple[SameText, ...]
    """Rows whose text an earlier row or instance of the same split has. The first one is kept."""
    leaks: tuple[SameText, ...]
    """Train or silver instances whose text a validation or test instance has. The held-out one is kept."""


def hashes_of(examples: Sequence[Example]) -> list[str]:
    """The text hash of each example."""
    return [text_hash(e.text, e.pair) for e in examples]


def find_overlaps(
    examples: Sequence[Example], hashes: Sequence[str], present: Iterable[tuple[str, Split, str]]
) -> Overlaps:
    """Overlaps within a file and with the project.

    `present` holds (id, split, hash) of the project's instances that share a hash with the file; others cannot overlap.
    """
    first: dict[tuple[Split, str], str] = {}
    held_out: dict[str, str] = {}
    learned_there: list[tuple[str, str]] = []
    held_out_there: set[str] = set()
    for id, split, hash in present:
        first.setdefault((split, hash), id)
        if split in HELD_OUT:
            held_out.setdefault(hash, id)
            held_out_there.add(hash)
        else:
            learned_there.append((id, hash))
    duplicates = []
    texts_of = {}
    for example, hash in zip(examples, hashes, strict=True):
        texts_of[hash] = (example.text, example.pair)
        kept = first.setdefault((example.split, hash), example.id)
        if kept != example.id:
            duplicates.append(SameText(example.id, kept, example.text, in_project=False, pair=example.pair))
        if example.split in HELD_OUT:
            held_out.setdefault(hash, example.id)
    leaks = [
        SameText(e.id, held_out[hash], e.text, in_project=False, pair=e.pair)
        for e, hash in zip(examples, hashes, strict=True)
        if e.split in LEARNED and hash in held_out
    ]
    leaks += [  # except leaks that existed before this file
        SameText(id, held_out[hash], texts_of[hash][0], in_project=True, pair=texts_of[hash][1])
        for id, hash in learned_there
        if hash in held_out and hash not in held_out_there
    ]
    return Overlaps(tuple(duplicates), tuple(leaks))
