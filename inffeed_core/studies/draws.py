"""Data sets with known gold, on which the worth of reviewing silver can be measured.

If the data bring no silver, it is the labels that a head fitted on the seed alone predicts. Where the gold texts carry
silver labels too, or there are several sources, the product learns from them what a source is worth; so do the studies.
And as the product does, each draw pools the layers that its own validation texts prefer, unless layers are named.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.errors import NotReady, OnlyLastLayer
from inffeed_core.influence import HeadData, choose_l2, probabilities
from inffeed_core.learning.layers import choose_layers
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.records import Progress
from inffeed_core.settings import L2_GRID, Layers, Pooled, Precision, TrainSettings
from inffeed_core.silver.channel import UNKNOWN
from inffeed_core.silver.said import Said
from inffeed_core.studies.sets import read_set

Sources = Literal["one", "all"]
"""The source whose labels are the silver alone, or every source of the set."""
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
    said: Said | None = None
    """What the sources say of every row of `features`; None where they say no more than `silver`."""
    steering: Said | None = None
    """What they say of the validation texts; None as for `said`."""
    layers: Pooled = "last"
    """The layers that `features` are pooled from."""
    both: tuple[Float[Tensor, "n e"], Float[Tensor, "m e"], Float[Tensor, "t e"]] | None = None
    """Features of middle and last layer of the rows, validation and test, while the layers are still to be chosen."""


def read(folder: Path, name: str, sources: Sources = "one") -> RepairSet:
    """One set before it is encoded: its features have width 0, from which a model can predict only the commonest class.

    Raises NotReady if the file is missing, or `all` sources are asked of a set that names no more than one.
    """
    rows = read_set(folder, name)
    labels = tuple(sorted({row["gold"] for row in rows}))
    by_split = {s: [r for r in rows if r["split"] == s] for s in ("seed", "extension", "validation", "test")}
    texts = {split: [row["text"] for row in part] for split, part in by_split.items()}
    gold = {s: torch.tensor([labels.index(r["gold"]) for r in part]) for s, part in by_split.items()}
    own = [row.get("silver") for row in by_split["extension"]]
    given = all(label is not None for label in own)
    learned = torch.cat([gold["seed"], gold["extension"]])
    names = sources_of(rows, name, sources)
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
            said=said_by([*by_split["seed"], *by_split["extension"]], names, labels),
            steering=said_by(by_split["validation"], names, labels),
        )
    )


def sources_of(rows: Sequence[Mapping[str, Any]], name: str, sources: Sources) -> list[str]:
    """The sources that are heard, the silver's own first; none where gold carries no silver label."""
    others = list(rows[0].get("silvers") or ())
    if sources == "all" and len(others) < 2:
        raise NotReady(f"{name} names {len(others)} sources of silver labels; --sources all needs two or more.")
    own = [row for row in rows if row["split"] != "test"]
    if any(row.get("silver") is None for row in own):
        return []
    main = rows[0].get("source", "")
    return [main, *(one for one in others if one != main and sources == "all")]


def said_by(rows: Sequence[Mapping[str, Any]], names: Sequence[str], labels: Sequence[str]) -> Said | None:
    """What these sources say of the rows of a set, that of its silver first; None for no source."""
    if not names:
        return None
    number = {label: c for c, label in enumerate(labels)}
    given = [[row["silver"], *((row.get("silvers") or {}).get(other) for other in names[1:])] for row in rows]
    sure = torch.full((len(rows), len(names)), torch.nan, dtype=torch.float64)
    sure[:, 0] = torch.tensor([row.get("confidence") or torch.nan for row in rows], dtype=torch.float64)
    return Said(labels=torch.tensor([[number.get(one, UNKNOWN) for one in row] for row in given]), confidence=sure)


def load(
    folder: Path,
    name: str,
    model: str,
    cache: Path,
    progress: Progress,
    precision: Precision = "float32",
    sources: Sources = "one",
    layers: Layers = "auto",
) -> RepairSet:
    """Read and encode one set. Raises NotReady if the file is missing, ModelError, Cancelled."""
    return encoded(read(folder, name, sources), model, cache, progress, precision, layers)


def encoded(
    data: RepairSet,
    model: str,
    cache: Path,
    progress: Progress,
    precision: Precision = "float32",
    layers: Layers = "auto",
) -> RepairSet:
    """The same texts with features of this model, and what follows from them. With the layers `auto` they are those of
    the last layer, and `drawn` chooses for each draw. Raises ModelError, Cancelled.
    """
    parts, settings = (data.texts, data.validation_texts, data.test_texts), TrainSettings(precision=precision)

    def read(layers: Pooled) -> Sequence[Tensor]:
        found = encoded_features(
            model,
            [text for part in parts for text in part],
            cache,
            max_tokens=settings.max_tokens,
            batch_tokens=settings.batch_tokens,
            precision=settings.precision,
            progress=progress,
            layers=layers,
        )
        return torch.split(found, [len(part) for part in parts])

    if layers == "middle+last":
        return labelled_anew(_with_features(data, layers, read(layers)))
    both = None
    if layers == "auto" and precision == "float32":
        with suppress(OnlyLastLayer):  # such as a sequence classifier
            both = read("middle+last")
    last = labelled_anew(_with_features(data, "last", read("last")))
    return last if both is None else replace(last, both=(both[0], both[1], both[2]))


def _with_features(data: RepairSet, layers: Pooled, parts: Sequence[Tensor]) -> RepairSet:
    """The set with these features of rows, validation and test; its silver stays."""
    learned, validation, test = parts
    return replace(
        data,
        features=learned,
        validation=(validation, data.validation[1]),
        test=(test, data.test[1]),
        layers=layers,
        both=None,
    )


def with_chosen_layers(draw: RepairSet) -> RepairSet:
    """The draw with the layers that validation prefers, as the product chooses: taught seed gold, and silver as is."""
    if draw.both is None:
        return draw
    labels, classes = torch.cat([draw.gold[: draw.seed_rows], draw.silver]), len(draw.labels)
    learned, validation, test = draw.both
    choice = choose_layers(
        {
            "last": (HeadData(draw.features, labels, classes), draw.validation),
            "middle+last": (HeadData(learned, labels, classes), (validation, draw.validation[1])),
        }
    )
    if choice.layers == "last":
        return replace(draw, both=None)
    return _with_features(draw, "middle+last", (learned, validation, test))


def drawn(data: RepairSet, seed: int) -> RepairSet:
    """The data of one repetition: a random `SHARE` of the seed gold and of the extension, in random order.

    Silver from a model of the seed is made again, by a model of the drawn seed gold. Validation and test stay. Layers
    that are still to be chosen are chosen.
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
        said=None if data.said is None else data.said.where(rows),
        both=None if data.both is None else (data.both[0][rows], *data.both[1:]),
    )
    return with_chosen_layers(labelled_anew(draw))


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
