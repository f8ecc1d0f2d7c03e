"""Whether whole-model scores come true: the linear datamodelling score (Park et al., ICML 2023).

Retrain on random halves of the training set. A score says how much each text helps a target, so the sum over a half
predicts how well its model does on the target: the higher the sum, the lower the loss. The score is the Spearman
correlation of the two over halves, for each target: 1 = all halves are ranked correctly, 0 = no better than chance.
Even exact influence stays far below 1, because training is not one Newton step and is noisy.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inffeed_core.models.small_transformer import Pairs, fine_tune, new_small_transformer
from inffeed_core.records import Interval, Progress
from inffeed_core.studies.sets import read_set

BATCH, TOKENS, WORDS, EPOCHS = 50, 48, 6000, 4
RESAMPLES = 1000
_SEED = 20240214


@dataclass(frozen=True, slots=True)
class Problem:
    """Texts as word numbers, in the order of the file: row r of any score matrix is the r-th training text."""

    name: str
    texts: list[list[int]]
    labels: Tensor
    target_texts: list[list[int]]
    target_labels: Tensor
    classes: int

    def train(self, chosen: NDArray[np.bool_] | None = None) -> Pairs:
        """Batches of the training texts, or of the chosen ones in the same order."""
        rows = range(len(self.texts)) if chosen is None else [int(i) for i in np.flatnonzero(chosen)]
        return _batches([self.texts[i] for i in rows], self.labels[list(rows)])

    @property
    def targets(self) -> Pairs:
        """Batches of the targets."""
        return _batches(self.target_texts, self.target_labels)

    def trained(self, seed: int, chosen: NDArray[np.bool_] | None = None) -> nn.Module:
        """The small transformer after training on all texts, or on the chosen ones; the start depends on the seed."""
        return fine_tune(self.untrained(seed), self.train(chosen), EPOCHS, seed)

    def untrained(self, seed: int) -> nn.Module:
        """The start of every training with this seed."""
        return new_small_transformer(WORDS + 3, TOKENS, self.classes, seed)


Scorer = Callable[[nn.Module, Problem], Mapping[str, Tensor]]
"""From a trained model, one or more kinds of influence of every training text on each target: targets × texts,
positive = helpful, by name."""


@dataclass(frozen=True, slots=True)
class Datamodelling:
    """The result of one kind of score on one set and seed."""

    name: str
    seed: int
    method: str
    halves: int
    score: Interval
    """Mean linear datamodelling score over targets, with its bootstrap interval over halves."""


def read_problem(folder: Path, name: str, rows: int = 2000, targets: int = 200) -> Problem:
    """The first texts of the `extension` and `test` splits of `<name>.jsonl.gz`. Raises NotReady without the file."""
    found = read_set(folder, name)
    train = [row for row in found if row["split"] == "extension"][:rows]
    tested = [row for row in found if row["split"] == "test"][:targets]
    labels = sorted({row["gold"] for row in found})
    counts = Counter(word for row in train for word in _words(row["text"]))
    numbers = {word: i + 3 for i, (word, _) in enumerate(counts.most_common(WORDS))}

    def numbered(part: list[dict[str, str]]) -> tuple[list[list[int]], Tensor]:
        texts = [[1, *(numbers.get(word, 2) for word in _words(row["text"]))] for row in part]
        return texts, torch.tensor([labels.index(row["gold"]) for row in part])

    texts, truth = numbered(train)
    target_texts, target_truth = numbered(tested)
    return Problem(
        name=name,
        texts=texts,
        labels=truth,
        target_texts=target_texts,
        target_labels=target_truth,
        classes=len(labels),
    )


def experiment(
    problem: Problem, scorers: Sequence[Scorer], halves: int, seeds: int, progress: Progress
) -> Iterator[Datamodelling]:
    """Run every scorer on every seed: it scores a model of all texts, and models of halves give the actual losses."""
    for seed in range(seeds):
        chosen = random_halves(len(problem.texts), halves, seed)
        scores: dict[str, Tensor] = {}
        for number, scorer in enumerate(scorers):
            progress(f"{problem.name}, seed {seed}: scoring", number, len(scorers))
            scores |= scorer(problem.trained(seed), problem)
        losses = []
        for number, half in enumerate(chosen):
            progress(f"{problem.name}, seed {seed}: training on halves", number, halves)
            losses.append(target_losses(problem.trained(seed, half), problem))
        for method, score in scores.items():
            found = linear_datamodelling_score(score.double().numpy(), chosen, np.stack(losses))
            yield Datamodelling(name=problem.name, seed=seed, method=method, halves=halves, score=found)


def random_halves(rows: int, count: int, seed: int) -> NDArray[np.bool_]:
    """`count` random halves of `rows` rows, count × rows, True = in the half."""
    generator = np.random.default_rng(seed)
    result = np.zeros((count, rows), dtype=bool)
    for half in result:
        half[generator.permutation(rows)[: rows // 2]] = True
    return result


def target_losses(model: nn.Module, problem: Problem) -> NDArray[np.float64]:
    """Loss of every target in nats."""
    with torch.no_grad():
        parts = [
            nn.functional.cross_entropy(model(**batch).logits.double(), labels, reduction="none")
            for batch, labels in problem.targets
        ]
    return np.asarray(torch.cat(parts).numpy())


def linear_datamodelling_score(
    scores: NDArray[np.float64], halves: NDArray[np.bool_], losses: NDArray[np.float64]
) -> Interval:
    """Mean over targets of the Spearman correlation over halves, with its percentile bootstrap interval over halves.

    `scores` are influences, targets × rows, positive = helpful; `halves` subsets × rows; `losses` subsets × targets.
    A target whose prediction or loss is the same for all halves counts as 0.
    """
    value, *drawn = resampled_scores(scores, halves, losses)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def resampled_scores(
    scores: NDArray[np.float64], halves: NDArray[np.bool_], losses: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The linear datamodelling score, followed by that of each bootstrap sample of the halves.

    Samples are the same for any scores of as many halves, so differences between methods are paired.
    """
    predicted, actual = -(halves.astype(np.float64) @ scores.T), losses
    generator = np.random.default_rng(_SEED)
    drawn = [generator.integers(0, len(halves), len(halves)) for _ in range(RESAMPLES)]
    return np.array([_mean_spearman(predicted[rows], actual[rows]) for rows in (np.arange(len(halves)), *drawn)])


def _mean_spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Mean over columns of Spearman's correlation over rows."""
    from scipy.stats import rankdata

    ranks = [rankdata(x, axis=0) - (len(x) + 1) / 2 for x in (a, b)]
    size = np.sqrt((ranks[0] ** 2).sum(0) * (ranks[1] ** 2).sum(0))
    together = (ranks[0] * ranks[1]).sum(0)
    return float(np.divide(together, size, out=np.zeros_like(size), where=size > 0).mean())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())[: TOKENS - 1]


def _batches(texts: list[list[int]], labels: Tensor) -> Pairs:
    """0 = padding, 1 = start, 2 = unknown word."""
    pairs = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        longest = max(map(len, part))
        ids = torch.tensor([text + [0] * (longest - len(text)) for text in part])
        pairs.append(({"input_ids": ids, "attention_mask": (ids > 0).long()}, labels[start : start + BATCH]))
    return pairs


def markdown(found: list[Datamodelling]) -> str:
    """A Markdown table, a row for each method: its score on every set and seed, and their mean."""
    columns = list(dict.fromkeys((one.name, one.seed) for one in found))
    cells = {(one.method, one.name, one.seed): one.score for one in found}
    lines = [
        "| score | " + " | ".join(f"{name}, seed {seed}" for name, seed in columns) + " | mean |",
        "| --- | " + "--: | " * (len(columns) + 1),
    ]
    for method in dict.fromkeys(one.method for one in found):
        row = [cells[method, *column] for column in columns]
        told = [f"{s.value:.3f} ({s.low:.3f} to {s.high:.3f})" for s in row]
        lines.append(f"| {method} | " + " | ".join(told) + f" | {np.mean([s.value for s in row]):.3f} |")
    return "\n".join(lines)
