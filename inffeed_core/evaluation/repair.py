"""Data sets with known gold, on which what reviewing silver is worth can be measured.

Where the data carry no silver of their own, the labels that a head fitted on the seed alone predicts are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.evaluation.sets import read_set
from inffeed_core.influence import HeadData, choose_l2, probabilities
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, Precision, TrainSettings

OWN = "the data"
SHARE = 0.8


@dataclass(frozen=True, slots=True)
class RepairSet:
    """One data set as tensors; extension rows follow seed rows in `features` and `gold`."""

    name: str
    labels: tuple[str, ...]
    texts: Sequence[str]
    features: Float[Tensor, "n d"]
    gold: Int[Tensor, " n"]
    seed_rows: int
    silver: Int[Tensor, " extension"]
    silver_from: str
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]
    test: tuple[Float[Tensor, "t d"], Int[Tensor, " t"]]


def load(
    folder: Path, name: str, model: str, cache: Path, progress: Progress, precision: Precision = "float32"
) -> RepairSet:
    """Read and encode one set. Raises NotReady where the file is missing, ModelError, Cancelled."""
    rows = read_set(folder, name)
    labels = tuple(sorted({row["gold"] for row in rows}))
    by_split = {s: [r for r in rows if r["split"] == s] for s in ("seed", "extension", "validation", "test")}
    settings = TrainSettings(precision=precision)
    features = encoded_features(
        model,
        [row["text"] for part in by_split.values() for row in part],
        cache,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        precision=settings.precision,
        progress=progress,
    )
    gold = torch.tensor([labels.index(row["gold"]) for part in by_split.values() for row in part])
    sizes = [len(part) for part in by_split.values()]
    (seed_x, seed_y), (extension_x, extension_y), validation, test = zip(
        torch.split(features, sizes), torch.split(gold, sizes), strict=True
    )
    own = [row.get("silver") for row in by_split["extension"]]
    given = all(label is not None for label in own)
    return RepairSet(
        name,
        labels,
        [row["text"] for row in by_split["seed"] + by_split["extension"]],
        torch.cat([seed_x, extension_x]),
        torch.cat([seed_y, extension_y]),
        len(seed_y),
        torch.tensor([labels.index(label) for label in own])
        if given
        else _seed_model_labels(HeadData(seed_x, seed_y, len(labels)), validation, extension_x),
        OWN if given else "a model of the seed",
        validation,
        test,
    )


def drawn(data: RepairSet, seed: int) -> RepairSet:
    """What one repetition sees: a random `SHARE` of the seed gold and of the extension, in random order.

    Silver that a model of the seed gave is made anew, by a model of the seed gold drawn. Validation and test stay.
    """
    generator = torch.Generator().manual_seed(seed)
    rest = len(data.gold) - data.seed_rows
    kept = torch.randperm(data.seed_rows, generator=generator)[: round(SHARE * data.seed_rows)]
    silver = torch.randperm(rest, generator=generator)[: round(SHARE * rest)]
    rows = torch.cat([kept, silver + data.seed_rows])
    features, gold, own = data.features[rows], data.gold[rows], data.silver_from == OWN
    seed_gold = HeadData(features[: len(kept)], gold[: len(kept)], len(data.labels))
    return replace(
        data,
        texts=[data.texts[i] for i in rows.tolist()],
        features=features,
        gold=gold,
        seed_rows=len(kept),
        silver=data.silver[silver] if own else _seed_model_labels(seed_gold, data.validation, features[len(kept) :]),
    )


def _seed_model_labels(
    seed: HeadData, validation: tuple[Tensor, Tensor], features: Float[Tensor, "n d"]
) -> Int[Tensor, " n"]:
    return probabilities(choose_l2(seed, *validation, L2_GRID).theta, features).argmax(1)
