"""What reviewing flagged silver is worth on real data: stored gold plays the annotator.

For one data set: fit on seed gold and silver, rank the silver by each policy, replace the labels of the first few per
cent by gold, refit, and score on test gold, which nothing else looks at. Where the data carry no silver of their own,
the labels that a head fitted on the seed alone predicts are taken.

File format: gzipped JSON lines `<set>.jsonl.gz` with `id`, `text`, `gold`, `split` (seed, validation, test,
extension) and perhaps `silver`.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.errors import NotReady
from inffeed_core.evaluation.metrics import macro_f1, macro_f1_difference
from inffeed_core.flagging import RANKINGS, Signals, order
from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, choose_l2, fit_head, probabilities
from inffeed_core.models.encoding import features as encoded_features
from inffeed_core.records import Interval, Progress
from inffeed_core.settings import L2_GRID, AnalysisSettings, TrainSettings
from inffeed_core.signals import silver_signals


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


@dataclass(frozen=True, slots=True)
class Bounds:
    """What any review lies between, as macro-F1 on test, and how wrong the silver is."""

    name: str
    instances: int
    silver: int
    silver_from: str
    silver_error: float
    seed_only: float
    before: float
    all_gold: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One policy at one budget."""

    name: str
    policy: str
    budget: float
    """Share of the silver that was checked, 0 to 1."""
    checked: int
    precision: float
    """Share of the checked labels that were wrong."""
    after: float
    """Macro-F1 on test after the review."""
    change: Interval
    """`after` minus before, with its paired bootstrap interval over test instances."""


def load(folder: Path, name: str, model: str, cache: Path, progress: Progress) -> RepairSet:
    """Read and encode one set. Raises NotReady where the file is missing, ModelError, Cancelled."""
    path = folder / f"{name}.jsonl.gz"
    if not path.is_file():
        known = ", ".join(sorted(p.name.removesuffix(".jsonl.gz") for p in folder.glob("*.jsonl.gz"))) or "none"
        raise NotReady(f"{path} does not exist; sets in that folder: {known}. Give the folder with --data.")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    labels = tuple(sorted({row["gold"] for row in rows}))
    by_split = {s: [r for r in rows if r["split"] == s] for s in ("seed", "extension", "validation", "test")}
    settings = TrainSettings()
    features = encoded_features(
        model,
        [row["text"] for part in by_split.values() for row in part],
        cache,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
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
        "the data" if given else "a model of the seed",
        validation,
        test,
    )


def bounds(data: RepairSet) -> Bounds:
    """What seed gold alone, unchecked silver and all gold reach; each chooses its l2 on validation."""
    return Bounds(
        data.name,
        len(data.gold),
        len(data.silver),
        data.silver_from,
        float((data.silver != data.gold[data.seed_rows :]).double().mean()),
        _test_f1(data, _chosen(data, data.gold[: data.seed_rows])),
        _test_f1(data, _chosen(data, _with_silver(data))),
        _test_f1(data, _chosen(data, data.gold)),
    )


def trials(
    data: RepairSet, budgets: Sequence[float], policies: Sequence[str], seed: int, progress: Progress
) -> Iterator[Trial]:
    """Every policy at every budget, one shot: rank once, check, refit with the same l2, score."""
    before = _chosen(data, _with_silver(data))
    signals = _signals(data, before, seed)
    for number, policy in enumerate(policies):
        progress(f"{data.name}: reviewing by policy", number, len(policies))
        ranking = order(RANKINGS[policy](signals))
        for budget in budgets:
            yield _trial(data, before, policy, budget, ranking[: max(1, round(budget * len(ranking)))])


def _trial(data: RepairSet, before: HeadFit, policy: str, budget: float, checked: np.ndarray) -> Trial:
    labels = _with_silver(data)
    where = torch.from_numpy(checked) + data.seed_rows
    wrong = labels[where] != data.gold[where]
    labels[where] = data.gold[where]
    after = fit_head(HeadData(data.features, labels, len(data.labels)), before.l2, start=before.theta)
    predictions = [_predicted(data, fit) for fit in (before, after)]
    gold, classes = data.test[1].numpy(), len(data.labels)
    change = macro_f1_difference(predictions[0], predictions[1], gold, classes)
    precision = float(wrong.double().mean())
    return Trial(data.name, policy, budget, len(checked), precision, macro_f1(predictions[1], gold, classes), change)


def _signals(data: RepairSet, fit: HeadFit, seed: int) -> Signals:
    influence = HeadInfluence(HeadData(data.features, _with_silver(data), len(data.labels)), fit)
    rows = range(data.seed_rows, len(data.gold))
    return silver_signals(influence, rows, data.texts, data.validation, AnalysisSettings(), seed)


def _with_silver(data: RepairSet) -> Int[Tensor, " n"]:
    return torch.cat([data.gold[: data.seed_rows], data.silver])


def _chosen(data: RepairSet, labels: Int[Tensor, " some"]) -> HeadFit:
    """A fit on the first rows with these labels, l2 chosen on validation."""
    return choose_l2(HeadData(data.features[: len(labels)], labels, len(data.labels)), *data.validation, L2_GRID)


def _seed_model_labels(
    seed: HeadData, validation: tuple[Tensor, Tensor], features: Float[Tensor, "n d"]
) -> Int[Tensor, " n"]:
    return probabilities(choose_l2(seed, *validation, L2_GRID).theta, features).argmax(1)


def _predicted(data: RepairSet, fit: HeadFit) -> np.ndarray:
    return probabilities(fit.theta, data.test[0]).argmax(1).numpy()


def _test_f1(data: RepairSet, fit: HeadFit) -> float:
    return macro_f1(_predicted(data, fit), data.test[1].numpy(), len(data.labels))


def markdown(found: Bounds, reviewed: Sequence[Trial]) -> str:
    """The result of one set as a Markdown table: a row per policy, error precision and macro-F1 at each budget."""
    budgets = sorted({trial.budget for trial in reviewed})
    head = [f"{b:.1%} checked".replace(".0%", "%") for b in budgets]
    lines = [
        f"**{found.name}**: {found.silver} silver labels from {found.silver_from}, {found.silver_error:.1%} wrong."
        f" Macro-F1 on test: seed gold alone {found.seed_only:.3f}, before review {found.before:.3f},"
        f" all gold {found.all_gold:.3f}.",
        "",
        "| policy | " + " | ".join(f"wrong, {h} | macro-F1, {h}" for h in head) + " |",
        "| --- |" + " --- | --- |" * len(budgets),
    ]
    cells = {(t.policy, t.budget): f"{t.precision:.0%} | {t.after:.3f}" for t in reviewed}
    for policy in dict.fromkeys(t.policy for t in reviewed):
        lines.append(f"| {policy} | " + " | ".join(cells[policy, b] for b in budgets) + " |")
    return "\n".join(lines)
