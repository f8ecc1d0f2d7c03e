"""One method of the whole-model comparison in a process of its own: scores and costs as files in FOLDER.

python -m benchmarks.whole_model_run METHOD DATA_FILE FOLDER
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from benchmarks.small_transformer import BATCH, Pairs, Problem, fine_tuned, read_problem
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings


def _memory(kind: str) -> float:
    """Resident memory now (VmRSS) or at its highest (VmHWM), MiB. `getrusage` would count a parent's peak as ours."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


@dataclass
class Costs:
    """Wall and processor seconds of each step, and the peak of resident memory above what loading took (MiB)."""

    wall: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    peak: float = 0.0
    _loaded: float = field(default_factory=lambda: _memory("VmRSS"))

    def step(self, name: str, work: Callable[[], Tensor | None]) -> Tensor | None:
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.wall[name], self.processor[name] = time.perf_counter() - wall, time.process_time() - processor
        self.peak = _memory("VmHWM") - self._loaded
        return result


def ours(model: nn.Module, problem: Problem, costs: Costs, inverse: str) -> Tensor:
    analysis = WholeModel(model)
    costs.step("fit", lambda: analysis.fit(problem.train) and None)
    costs.step("index", lambda: analysis.index(problem.train) and None)
    scores = costs.step("score", lambda: analysis.influence(problem.targets, inverse=inverse))
    costs.step("second batch", lambda: analysis.influence(problem.targets, inverse=inverse))
    return scores


def subspace(model: nn.Module, problem: Problem, costs: Costs) -> Tensor:
    return ours(model, problem, costs, "subspace")


def ekfac(model: nn.Module, problem: Problem, costs: Costs) -> Tensor:
    return ours(model, problem, costs, "ekfac")


def dual(model: nn.Module, problem: Problem, costs: Costs) -> Tensor:
    """The reference: the exact full Gauss-Newton matrix, damped as everywhere by a tenth of each layer's mean."""
    analysis = WholeModel(model, WholeModelSettings(factor_examples=None))
    costs.step("fit", lambda: analysis.fit(problem.train) and None)
    return costs.step("score", lambda: analysis.dual(problem.train).influence(analysis.gradients(problem.targets)))


def kronfluence(model: nn.Module, problem: Problem, costs: Costs) -> Tensor:
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments
    from kronfluence.task import Task
    from kronfluence.utils.dataset import DataLoaderKwargs

    class Classify(Task):
        def compute_train_loss(self, batch, model, sample=False):
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            drawn = torch.multinomial(logits.detach().softmax(1), 1).squeeze(1) if sample else batch["labels"]
            return nn.functional.cross_entropy(logits, drawn, reduction="sum")

        def compute_measurement(self, batch, model):
            return self.compute_train_loss(batch, model)

        def get_attention_mask(self, batch):
            return batch["attention_mask"]

    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        task = Classify()
        analyzer = Analyzer("peer", prepare_model(model, task), task, cpu=True, output_dir=folder, disable_tqdm=True)
        analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=collate))
        train, targets = rows(problem.train), rows(problem.targets)
        arguments = FactorArguments(strategy="ekfac")
        costs.step("fit", lambda: analyzer.fit_all_factors("f", train, BATCH, factor_args=arguments))
        costs.step("score", lambda: analyzer.compute_pairwise_scores("s", "f", targets, train, BATCH, BATCH) and None)
        return analyzer.load_pairwise_scores("s")["all_modules"]


def rows(pairs: Pairs) -> list[tuple[Tensor, Tensor]]:
    return [
        (ids[ids > 0], label) for batch, labels in pairs for ids, label in zip(batch["input_ids"], labels, strict=True)
    ]


def collate(part: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    ids = nn.utils.rnn.pad_sequence([text for text, _ in part], batch_first=True)
    labels = torch.stack([label for _, label in part])
    return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}


METHODS = {method.__name__: method for method in (subspace, ekfac, dual, kronfluence)}


def main() -> None:
    method, data, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    problem = read_problem(data)
    model = fine_tuned(problem, folder / "model.safetensors")
    costs = Costs()
    scores = METHODS[method](model, problem, costs)
    torch.save(scores.double(), folder / f"{method}.pt")
    found = {"wall": costs.wall, "processor": costs.processor, "peak": costs.peak}
    (folder / f"{method}.json").write_text(json.dumps(found))


main()
