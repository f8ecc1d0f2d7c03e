"""One gold file, divided into train, validation and test by the app.

Each label is divided by the shares; near copies stay in one split, since a model that has seen one of them has seen
the other. What the project already holds draws its own near copies into its split. The same file, project and seed
always give the same splits. With three texts or more a label is in every split, unless near copies tie them together.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.data.converting import Converted
from inffeed_core.data.options import ImportOptions
from inffeed_core.project.near_texts import groups
from inffeed_core.records import Example, Passage, Split
from inffeed_core.store.instances import text_hash

GOLD = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def divided(db: Database, converted: Converted, options: ImportOptions) -> Converted:
    """The same rows, each in its split, where the options say shares; else as they are.

    Rows without an id of their own are numbered by split. The number of rows that near copies keep together is in
    `Converted.together`.
    """
    if options.shares is None or not converted.examples:
        return converted
    present = list(store.instances(db, GOLD))
    shares = dict(zip(GOLD, options.shares, strict=True))
    passages = [_passage(e) for e in converted.examples] + [one.passage for one in present]
    found = groups(passages) if options.near_together else _equal(passages)
    count = len(converted.examples)
    fixed = {n: one.split for n, one in enumerate(present, count)}
    labels = [e.label for e in converted.examples]
    splits = _splits(labels, found, fixed, shares, store.project_settings(db).seed)
    converted.examples = _placed(converted.examples, splits, store.next_numbers(db), renumber=options.id is None)
    converted.together = sum(len(group) for group in found if len(group) > 1 and group[0] < count)
    return converted


def lacking(counts: Mapping[Split, Mapping[str, int]], shares: Sequence[float]) -> dict[Split, list[str]]:
    """The labels that a split with a share has no text of, while another has; splits without such are left out."""
    labels = sorted({label for split in GOLD for label in counts[split]})
    used = [split for split, share in zip(GOLD, shares, strict=True) if share]
    found = {split: [label for label in labels if not counts[split].get(label)] for split in used}
    return {split: labels for split, labels in found.items() if labels}


def _splits(
    labels: Sequence[str],
    found: Sequence[Sequence[int]],
    fixed: Mapping[int, Split],
    shares: Mapping[Split, float],
    seed: int,
) -> list[Split]:
    """The split of each row. `found` are the groups that stay together, `fixed` the splits of what is there."""
    need = {label: _targets(n, shares) for label, n in Counter(labels).items()}
    order = [list(group) for group in found]
    random.Random(seed).shuffle(order)
    order.sort(key=lambda group: (not any(n in fixed for n in group), -len(group)))
    chosen: dict[int, Split] = {}
    for group in order:
        rows = [n for n in group if n not in fixed]
        there = [fixed[n] for n in group if n in fixed]
        split = there[0] if there else _neediest([labels[n] for n in rows], need, shares)
        for n in rows:
            chosen[n] = split
            need[labels[n]][split] -= 1
    return [chosen[n] for n in range(len(labels))]


def _neediest(labels: Sequence[str], need: Mapping[str, Mapping[Split, int]], shares: Mapping[Split, float]) -> Split:
    """The split that lacks most of these labels; the first of equals."""
    used = [split for split in GOLD if shares[split]]
    return max(used, key=lambda split: sum(need[label][split] for label in labels))


def _targets(texts: int, shares: Mapping[Split, float]) -> dict[Split, int]:
    """How many of a label's texts each split gets: one at least, train first, then the largest remainders."""
    used = [split for split in GOLD if shares[split]]
    whole = sum(shares.values())
    exact = {split: texts * shares[split] / whole for split in GOLD}
    targets = {split: int(exact[split]) for split in GOLD}
    least = dict.fromkeys(used[:texts], 1)
    for split in least:
        targets[split] = max(1, targets[split])
    while (left := texts - sum(targets.values())) != 0:
        gap = {split: exact[split] - targets[split] for split in used}
        if left > 0:
            targets[max(used, key=lambda split: gap[split])] += 1
        else:
            spare = (split for split in used if targets[split] > least.get(split, 0))
            targets[min(spare, key=lambda split: gap[split])] -= 1
    return targets


def _placed(
    examples: Sequence[Example], splits: Sequence[Split], first: Mapping[Split, int], *, renumber: bool
) -> list[Example]:
    numbers, placed = dict(first), []
    for example, split in zip(examples, splits, strict=True):
        id = example.id
        if renumber:
            id, numbers[split] = f"{split}-{numbers[split]:06d}", numbers[split] + 1
        silver = tuple(replace(one, instance_id=id) for one in example.silver)
        placed.append(replace(example, id=id, split=split, silver=silver))
    return placed


def _equal(passages: Iterable[Passage]) -> list[list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for n, one in enumerate(passages):
        found[text_hash(one) if isinstance(one, str) else text_hash(*one)].append(n)
    return list(found.values())


def _passage(example: Example) -> Passage:
    return example.text if example.pair is None else (example.text, example.pair)
