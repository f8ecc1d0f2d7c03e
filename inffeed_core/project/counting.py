"""What the rows of a file bring, counted."""

from collections.abc import Iterable

from inffeed_core.records import UNNAMED, VOTE, Example, Split


def by_split(examples: Iterable[Example]) -> dict[Split, dict[str, int]]:
    """By split and label; "" counts silver texts about which no source says anything, `VOTE` those left to sources."""
    counts: dict[Split, dict[str, int]] = {split: {} for split in Split}
    for example in examples:
        labels = counts[example.split]
        left_to_sources = example.split is Split.SILVER and any(one.label for one in example.silver)
        label = VOTE if left_to_sources else example.label
        labels[label] = labels.get(label, 0) + 1
    return counts


def by_source(examples: Iterable[Example]) -> dict[str, int]:
    """How many labels each source gives, that of the label column included."""
    counts: dict[str, int] = {}
    for e in examples:
        told = [one.source for one in e.silver]
        if e.split is Split.SILVER and e.label and (own := e.source or UNNAMED) not in told:
            told.append(own)
        for source in told:
            counts[source] = counts.get(source, 0) + 1
    return counts
