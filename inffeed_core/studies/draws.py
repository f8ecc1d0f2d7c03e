"""Data sets with known gold, on which the worth of reviewing silver can be measured.

If the data bring no silver, it is the labels that a head fitted on the seed alone predicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, choose_l2, probabilities
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, Precision, TrainSettings
from inffeed_core.studies.sets import read_set

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
    validation_texts: Sequence[str]
    test_texts: Sequence[str]


def read(folder: Path, name: str) -> RepairSet:
    """One set before it is encoded: its features have width 0, from which a model can predict only the commonest class.

    Raises NotReady if the file is missing.
    """
    rows = read_set(folder, name)
    labels = tuple(sorted({row["gold"] for row in rows}))
    by_split = {s: [r for r in rows if r["split"] == s] for s in ("seed", "extension", "validation", "test")}
    texts = {split: [row["text"] for row in part] for split, part in by_split.items()}
    gold = {s: torch.tensor([labels.index(r["gold"]) for r in part]) for s, part in by_split.items()}
    own = [row.get("silver") for row in by_split["extension"]]
    given = all(label is not None for label in own)
    learned = torch.cat([gold["seed"], gold["extension"]])
    return labelled_anew(
        RepairSet(
            name=name,
            labels=labels,
            texts=texts["seed"] + texts["extension"],
            features=torch.empty(len(learned), 0),
            gold=learned,
            seed_rows=len(gold["seed"]),
            silver=torch.tensor([labels.index(label) for label in own])
            if given
            else torch.zeros_like(gold["extension"]),
            silver_from=OWN if given else "a model of the seed",
            validation=(torch.empty(len(gold["validation"]), 0), gold["validation"]),
            test=(torch.empty(len(gold["test"]), 0), gold["test"]),
            validation_texts=texts["validation"],
            test_texts=texts["test"],
        )
    )


def load(
    folder: Path, name: str, model: str, cache: Path, progress: Progress, precision: Precision = "float32"
) -> RepairSet:
    """Read and encode one set. Raises NotReady if the file is missing, ModelError, Cancelled."""
    return encoded(read(folder, name), model, cache, progress, precision)


def encoded(
    data: RepairSet, model: str, cache: Path, progress: Progress, precision: Precision = "float32"
) -> RepairSet:
    """The same texts with features of this model, and what follows from them. Raises ModelError, Cancelled."""
    parts, settings = (data.texts, data.validation_texts, data.test_texts), TrainSettings(precision=precision)
    features = encoded_features(
        model,
        [text for part in parts for text in part],
        cache,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        precision=settings.precision,
        progress=progress,
    )
    learned, validation, test = torch.split(features, [len(part) for part in parts])
    return labelled_anew(
        replace(data, features=learned, validation=(validation, data.validation[1]), test=(test, data.test[1]))
    )


def drawn(data: RepairSet, seed: int) -> RepairSet:
    """The data of one repetition: a random `SHARE` of the seed gold and of the extension, in random order.

    Silver from a model of the seed is made again, by a model of the drawn seed gold. Validation and test stay.
    """
    generator = torch.Generator().manual_seed(seed)
    rest = len(data.gold) - data.seed_rows
    kept = torch.randperm(data.seed_rows, generator=generator)[: round(SHARE * data.seed_rows)]
    silver = torch.randperm(rest, generator=generator)[: round(SHARE * rest)]
    rows = torch.cat([kept, silver + data.seed_rows])
    draw = replace(
        data,
        texts=[data.texts[i] for i in rows.tolist()],
        features=data.features[rows],
        gold=data.gold[rows],
        seed_rows=len(kept),
        silver=data.silver[silver],
    )
    return labelled_anew(draw)


def told_apart(some: Float[Tensor, "n d"], others: Float[Tensor, "m d"]) -> float:
    """How well a classifier tells the features of some texts from those of others: area under the ROC curve, on texts
    that it has not seen. .5 is chance; clearly more means that they come from different distributions (the classifier
    two-sample test of Lopez-Paz and Oquab, ICLR 2017).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    features = torch.cat([some, others]).double().numpy()
    which = [0] * len(some) + [1] * len(others)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
    believed = cross_val_predict(model, features, which, cv=folds, method="predict_proba")
    return float(roc_auc_score(which, believed[:, 1]))


def labelled_anew(data: RepairSet) -> RepairSet:
    """The set with its silver, if it comes from a model of the seed gold, made again from the current features."""
    if data.silver_from == OWN or not len(data.silver):
        return data
    count = data.seed_rows
    seed = HeadData(data.features[:count], data.gold[:count], len(data.labels))
    return replace(data, silver=_seed_model_labels(seed, data.validation, data.features[count:]))


def _seed_model_labels(
    seed: HeadData, validation: tuple[Tensor, Tensor], features: Float[Tensor, "n d"]
) -> Int[Tensor, " n"]:
    return probabilities(choose_l2(seed, *validation, L2_GRID).theta, features).argmax(1)
