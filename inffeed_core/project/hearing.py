"""What the sources of a project say about its texts, as tensors."""

from collections.abc import Sequence

import torch
from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.records import Instance, Split
from inffeed_core.silver.channel import UNKNOWN
from inffeed_core.silver.said import Said

HEARD = (Split.TRAIN, Split.SILVER, Split.VALIDATION)
"""Test gold only reports: what is said of it teaches nothing."""


def said_of(db: Database, instances: Sequence[Instance], labels: Sequence[str]) -> Said | None:
    """What every source says of each of these texts; nothing of test gold. `labels` are the project's.

    None where the sources say no more than one label of each silver text, without confidence: that label is the text's
    own, and there is nothing to learn a source's worth from but reviews.
    """
    if not store.says_more(db):
        return None
    place = {one.id: row for row, one in enumerate(instances) if one.split in HEARD}
    number = {label: c for c, label in enumerate(labels)}
    columns: dict[str, int] = {}
    cells = [
        (place[id], columns.setdefault(source, len(columns)), number.get(label, UNKNOWN), confidence)
        for id, source, label, confidence in store.said(db, HEARD)
        if id in place
    ]
    if not cells:
        return None
    row, column, label, confidence = zip(*cells, strict=True)
    shape, at = (len(instances), len(columns)), (torch.tensor(row), torch.tensor(column))
    named = torch.full(shape, UNKNOWN).index_put_(at, torch.tensor(label))
    sure = torch.tensor([torch.nan if one is None else one for one in confidence], dtype=torch.float64)
    return Said(labels=named, confidence=torch.full(shape, torch.nan, dtype=torch.float64).index_put_(at, sure))
