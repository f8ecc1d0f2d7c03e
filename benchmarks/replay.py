"""Whether influence through the training comes true, and what it costs: the small transformer of `datamodelling`.

    python -m benchmarks.replay --data FOLDER --work FOLDER [--set hate] [--texts 2000] [--dropout 0.1] [--seed 0]
        [--removals 12] [--singles 20] [--peers]

Random texts (1, 5, 10 and 50 %) get the weight 0, batches unchanged, and the whole training is repeated. The score is
the linear datamodelling score: Spearman's correlation over these trainings of predicted and actual loss, for the mean
of 200 targets and for single ones, with the index and EK-FAC beside it (and kronfluence with `--peers`). Every training
is written to `--work` when it is done, and a killed run goes on from there. Runs on a GPU if torch finds one.
"""

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from torch import Tensor, nn

from benchmarks.networks import with_dropout
from inffeed_core.cli.console import shown_progress
from inffeed_core.influence.adamw import AdamW
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.replay import Derivatives, replay
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of
from inffeed_core.records import Progress
from inffeed_core.studies.fidelity.datamodelling import EPOCHS, Problem, read_problem
from inffeed_core.studies.fidelity.whole_model_scorers import tiers

SHARES = (0.01, 0.05, 0.1, 0.5)
RATE = 5e-4
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One network, its training and what is asked of it."""

    problem: Problem
    run: TrainingRun
    taught: Tensor
    singles: int
    work: Path

    def targets(self) -> list[list[tuple[dict[str, Tensor], Tensor]]]:
        """The mean of all targets first, then the single ones."""
        pairs = [({k: v.to(DEVICE) for k, v in b.items()}, y.to(DEVICE)) for b, y in self.problem.targets]
        rows = [({k: v[i : i + 1] for k, v in b.items()}, y[i : i + 1]) for b, y in pairs for i in range(len(y))]
        return [pairs, *([row] for row in rows[: self.singles])]

    def losses(self, taught: Tensor, progress: Progress) -> list[float]:
        """Losses of all targets after a training."""
        state = start_of(self.run.network)
        for number in range(len(self.run)):
            progress("Training", number, len(self.run))
            state, _ = self.run.advance(state, number, taught)
        return [self.run.mean_loss(state[0], data)[0] for data in self.targets()]


def a_trial(wanted: argparse.Namespace) -> Trial:
    problem = read_problem(wanted.data, wanted.set, rows=wanted.texts)
    network = with_dropout(problem.untrained(wanted.seed).to(DEVICE), wanted.dropout)
    first, batches = 0, []
    for batch, labels in problem.train():
        rows = torch.arange(first, first := first + len(labels), device=DEVICE)
        batches.append(({k: v.to(DEVICE) for k, v in batch.items()}, rows))
    plan = batches * EPOCHS
    optimiser = AdamW(decay=decay_of(network, 0.01), clip=None)
    run = TrainingRun(network=network, batches=plan, rates=[RATE] * len(plan), optimiser=optimiser, seed=wanted.seed)
    taught = nn.functional.one_hot(problem.labels, problem.classes).float().to(DEVICE)
    return Trial(problem=problem, run=run, taught=taught, singles=wanted.singles, work=wanted.work)


def found(trial: Trial, progress: Progress) -> tuple[Derivatives, dict[str, float]]:
    """Derivatives for all targets, and seconds: of one training, and of replays for 1, 8 and all targets."""
    path, costs = trial.work / "derivatives.pt", trial.work / "costs.json"
    if path.exists():
        told = torch.load(path, weights_only=True)
        return Derivatives(**told), json.loads(costs.read_text())
    seconds, start, targets = {}, start_of(trial.run.network), trial.targets()
    began = time.monotonic()
    base = trial.losses(trial.taught, progress)
    seconds["training"] = time.monotonic() - began
    for count in sorted({1, 8, len(targets)}):
        began = time.monotonic()
        kept = KeptStates(trial.work / f"kept-{count}")
        derivatives = replay(trial.run, start, trial.taught, targets[:count], kept=kept, progress=progress)
        seconds[f"replay, targets {count}"] = time.monotonic() - began
    assert np.allclose(base, derivatives.losses.numpy())
    seconds["peak GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    torch.save({"losses": derivatives.losses, "by_taught": derivatives.by_taught.cpu()}, path)
    costs.write_text(json.dumps(seconds))
    return derivatives, seconds


def removals(trial: Trial, share: float, count: int, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(removed, count × texts; losses afterwards, count × targets)."""
    path, texts = trial.work / f"removals-{share:g}.jsonl", len(trial.problem.texts)
    generator = np.random.default_rng(int(1000 * share))
    drawn = np.zeros((count, texts), dtype=bool)
    for row in drawn:
        row[generator.permutation(texts)[: max(1, round(share * texts))]] = True
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for row in drawn[len(done) :]:
        taught = trial.taught.clone()
        taught[torch.from_numpy(row).to(DEVICE)] = 0
        done.append(trial.losses(taught, progress))
        with path.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
    return drawn, np.array(done[:count])


def report(name: str, scores: np.ndarray, base: np.ndarray, drawn: np.ndarray, losses: np.ndarray) -> dict[str, object]:
    """Predicted (the sum of influences, targets × texts) against actual changes of the loss."""
    predicted, actual = drawn.astype(float) @ scores.T, losses - base
    ranks = [float(spearmanr(predicted[:, t], actual[:, t]).statistic) for t in range(len(base))]
    return {
        "score": name,
        "mean loss": round(ranks[0], 3),
        "single targets": round(float(np.mean(ranks[1:])), 3) if len(ranks) > 1 else None,
        "lowest single": round(min(ranks[1:]), 3) if len(ranks) > 1 else None,
        "pearson": round(float(pearsonr(predicted[:, 0], actual[:, 0]).statistic), 4),
        "slope": round(float(np.polyfit(predicted[:, 0], actual[:, 0], 1)[0]), 3),
    }


def rivals(trial: Trial, peers: bool, progress: Progress) -> dict[str, np.ndarray]:
    """Scores of the same trained network by the whole-model tier, and perhaps kronfluence."""
    path = trial.work / f"rivals{'-peers' if peers else ''}.npz"
    if path.exists():
        return dict(np.load(path))
    state = start_of(trial.run.network)
    for number in range(len(trial.run)):
        progress("Training", number, len(trial.run))
        state, _ = trial.run.advance(state, number, trial.taught)
    network = trial.problem.untrained(trial.run.seed)
    with torch.no_grad():
        sizes = [one.numel() for one in network.parameters()]
        for one, values in zip(network.parameters(), state[0].cpu().split(sizes), strict=True):
            one.copy_(values.view(one.shape))
    scorers = [tiers]
    if peers:
        from benchmarks.kronfluence_scores import scores

        scorers.append(scores)
    rows = {name: s.double().numpy() for scorer in scorers for name, s in scorer(network, trial.problem).items()}
    wanted = {name: np.vstack([s.mean(0), s[: trial.singles]]) for name, s in rows.items() if "damping" not in name}
    np.savez(path, **wanted)
    return wanted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--set", default="hate")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--removals", type=int, default=12)
    parser.add_argument("--singles", type=int, default=20)
    parser.add_argument("--peers", action="store_true")
    wanted = parser.parse_args()
    wanted.work.mkdir(parents=True, exist_ok=True)
    with shown_progress() as progress:
        trial = a_trial(wanted)
        derivatives, seconds = found(trial, progress)
        print(json.dumps({name: round(value, 2) for name, value in seconds.items()}), flush=True)
        ours = {"training": derivatives.influence(trial.taught.cpu()).double().numpy()}
        for share in SHARES:
            drawn, losses = removals(trial, share, wanted.removals, progress)
            told = report("training", ours["training"], derivatives.losses.numpy(), drawn, losses)
            print(json.dumps({"removed": share} | told), flush=True)
        for name, scores in rivals(trial, wanted.peers, progress).items():
            for share in SHARES:
                drawn, losses = removals(trial, share, wanted.removals, progress)
                told = report(name, scores, derivatives.losses.numpy(), drawn, losses)
                print(json.dumps({"removed": share} | told), flush=True)


if __name__ == "__main__":
    main()
