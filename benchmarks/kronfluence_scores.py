"""EK-FAC influence by kronfluence, as its documentation has one write it, on the small transformer."""

from collections.abc import Callable
from tempfile import TemporaryDirectory

import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch import Tensor, nn

from inffeed_core.models.small_transformer import Pairs
from inffeed_core.studies.fidelity.datamodelling import BATCH, Problem

Step = Callable[[str, Callable[[], object]], object]


class Classify(Task):
    def compute_train_loss(self, batch, model, sample=False):
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        drawn = torch.multinomial(logits.detach().softmax(1), 1).squeeze(1) if sample else batch["labels"]
        return nn.functional.cross_entropy(logits, drawn, reduction="sum")

    def compute_measurement(self, batch, model):
        return self.compute_train_loss(batch, model)

    def get_attention_mask(self, batch):
        return batch["attention_mask"]


def scores(model: nn.Module, problem: Problem, step: Step = lambda name, work: work()) -> dict[str, Tensor]:
    """Targets × texts under kronfluence's default damping (1e-8), and under a tenth of each layer's mean eigenvalue."""
    torch.manual_seed(0)
    task = Classify()
    with TemporaryDirectory() as folder:
        analyzer = Analyzer("peer", prepare_model(model, task), task, cpu=True, output_dir=folder, disable_tqdm=True)
        analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=collate))
        train, targets = rows(problem.train()), rows(problem.targets)
        factors, again = FactorArguments(strategy="ekfac"), ScoreArguments(damping_factor=None)
        step("fit", lambda: analyzer.fit_all_factors("f", train, BATCH, factor_args=factors))
        step("score", lambda: analyzer.compute_pairwise_scores("s", "f", targets, train, BATCH, BATCH))
        analyzer.compute_pairwise_scores("t", "f", targets, train, BATCH, BATCH, score_args=again)
        found = {"kronfluence": "s", "kronfluence, damping .1 of the mean": "t"}
        return {method: analyzer.load_pairwise_scores(name)["all_modules"] for method, name in found.items()}


def rows(pairs: Pairs) -> list[tuple[Tensor, Tensor]]:
    return [
        (ids[ids > 0], label) for batch, labels in pairs for ids, label in zip(batch["input_ids"], labels, strict=True)
    ]


def collate(part: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    ids = nn.utils.rnn.pad_sequence([text for text, _ in part], batch_first=True)
    labels = torch.stack([label for _, label in part])
    return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}
