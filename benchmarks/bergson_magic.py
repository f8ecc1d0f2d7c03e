"""Influence through the training beside bergson's MAGIC: the same network, batches, optimiser and target.

    python -m benchmarks.bergson_magic --data FOLDER --work FOLDER [--set hate] [--texts 1000] [--rounds 3]

Both differentiate the mean loss of 200 targets after four epochs by the weight of every text. bergson's `Trainer` gets
a module that returns a classifier's weighted loss, and a stream of the same batches; its command line knows causal
language models only. Its optimiser is torchopt's AdamW with ε inside the root, as ours. Decay is 0 in both, because
the two decay other parameters. Rounds alternate in one process, on one thread; the kept states are on disk in both.

Needs benchmarks/requirements.txt.
"""

import argparse
import json
import resource
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchopt
from bergson.magic.trainer import BackwardState, Trainer
from scipy.stats import pearsonr
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torchopt.pytree import tree_iter

from benchmarks.networks import with_dropout
from inffeed_core.influence.adamw import AdamW
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.replay import replay
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of
from inffeed_core.studies.fidelity.datamodelling import EPOCHS, Problem, read_problem

RATE, BETAS, EPSILON = 5e-4, (0.9, 0.999), 1e-8


class Weighted(nn.Module):
    """A classifier that returns the weighted mean loss of a batch, as bergson's trainer wants it."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, example_weight: Tensor, classes: Tensor, **batch: Tensor) -> Tensor:
        losses = nn.functional.cross_entropy(self.classifier(**batch).logits, classes, reduction="none")
        return (example_weight * losses).sum() / len(losses)


class Stream:
    """The batches of all epochs in order, each with its texts' part of the weights."""

    def __init__(self, problem: Problem) -> None:
        self.device = torch.device("cpu")
        self.weights = nn.Parameter(torch.ones(len(problem.texts)))
        self.requires_grad = True
        self._batches = problem.train() * EPOCHS
        self._texts = len(problem.texts)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        batch, classes = self._batches[number]
        first = sum(len(labels) for _, labels in self._batches[:number]) % self._texts
        return {**batch, "classes": classes, "example_weight": self.weights[first : first + len(classes)]}


def untrained(problem: Problem, seed: int) -> nn.Module:
    """Without dropout, whose random numbers the two draw differently."""
    return with_dropout(problem.untrained(seed), 0)


def by_bergson(problem: Problem, seed: int, work: Path) -> Tensor:
    """∂L/∂w of every text."""
    optimiser = torchopt.adamw(RATE, betas=BETAS, eps=0.0, eps_root=EPSILON, weight_decay=0.0)
    model = Weighted(untrained(problem, seed))
    trainer, state = Trainer.initialize(model, optimiser)
    stream = Stream(problem)
    state = trainer.train(state, stream, save_dir=str(work))
    with state.activate(model) as parameters:
        losses = [
            nn.functional.cross_entropy(model.classifier(**b).logits, y, reduction="sum") for b, y in problem.targets
        ]
        mean = torch.stack(losses).sum() / len(problem.target_texts)
        found = torch.autograd.grad(mean, list(parameters.values()), allow_unused=True, materialize_grads=True)
    nothing = [
        torch.zeros_like(one) for one in tree_iter(state.opt_state) if torch.is_tensor(one) and one.is_floating_point()
    ]
    start = BackwardState(dict(zip(parameters, found, strict=True)), nothing, torch.zeros_like(stream.weights))
    return trainer.backward(str(work), stream, start, state).weight_grads.detach()


def by_replay(problem: Problem, seed: int, work: Path) -> Tensor:
    """∂L/∂w of every text; the derivatives by every class of every text come with it."""
    network, first, batches = untrained(problem, seed), 0, []
    for batch, labels in problem.train():
        batches.append((batch, torch.arange(first, first := first + len(labels))))
    plan = batches * EPOCHS
    optimiser = AdamW(decay=decay_of(network, 0.0), betas=BETAS, epsilon=EPSILON, clip=None)
    run = TrainingRun(network=network, batches=plan, rates=[RATE] * len(plan), optimiser=optimiser, seed=seed)
    taught = nn.functional.one_hot(problem.labels, problem.classes).float()
    found = replay(run, start_of(network), taught, [problem.targets], kept=KeptStates(work))
    return found.by_weight(taught)[0]


def timed(way: Callable[[Problem, int, Path], Tensor], problem: Problem, work: Path) -> tuple[Tensor, float, float]:
    """(what it found, wall seconds, processor seconds), with an empty folder to work in."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    began, before = time.monotonic(), time.process_time()
    with sdpa_kernel(SDPBackend.MATH):
        found = way(problem, 0, work)
    return found, time.monotonic() - began, time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bergson_magic")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--set", default="hate")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    problem = read_problem(wanted.data, wanted.set, rows=wanted.texts)
    ways = {"InfFeed": by_replay, "bergson": by_bergson}
    found: dict[str, Tensor] = {}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(wanted.rounds):
        for name, way in ways.items():
            found[name], wall, processor = timed(way, problem, wanted.work / name)
            seconds[name].append((wall, processor))
            print(json.dumps({"way": name, "wall s": round(wall, 1), "processor s": round(processor, 1)}), flush=True)
    ours, theirs = (found[name].double().numpy() for name in ways)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    medians = {name: statistics.median(processor for _, processor in rounds) for name, rounds in seconds.items()}
    agreement = {"pearson": pearsonr(ours, theirs).statistic, "largest difference": abs(ours - theirs).max()}
    print(json.dumps({"median processor s": medians, "peak GB of both": peak, "scale": abs(ours).max()} | agreement))


if __name__ == "__main__":
    main()
