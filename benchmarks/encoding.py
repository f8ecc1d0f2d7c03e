"""Encoding: text to features, beside sentence-transformers and in lower precisions; and what those do to flags.

    python -m benchmarks.encoding --data FOLDER [--texts 800] [--sets irony,reviews_movies] [--flags]

Texts are drawn evenly from all sets of the folder; every line tokenises and encodes all of them, with one thread, in
turn with the others. Nothing is cached. With --flags instead: rank correlation of flag scores on int8 features with
those on float32 features, of the same labels, each with the weight decay that its validation loss chooses; features are
kept in --cache.
"""

import argparse
import copy
import gzip
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.ao.quantization import default_dynamic_qconfig, per_channel_dynamic_qconfig, quantize_dynamic

from benchmarks.timing import medians
from inffeed_core.flags.policies import RANKINGS
from inffeed_core.models.batches import plan_batches
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL, TrainSettings
from inffeed_core.studies.draws import load
from inffeed_core.studies.repair.review import Study

SETTINGS = TrainSettings()
FLAGS = {policy: RANKINGS[policy] for policy in ("expected-gain", "negative-influence")}


def some_texts(folder: Path, count: int) -> list[str]:
    """As many texts of each set, drawn once."""
    sets = sorted(folder.glob("*.jsonl.gz"))
    drawn: list[str] = []
    for path in sets:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        drawn += np.random.default_rng(0).choice(texts, count // len(sets), replace=False).tolist()
    return drawn


@dataclass
class Run:
    """Encodes all texts, and keeps the features of the last time."""

    encode: Callable[[Sequence[str]], Tensor]
    texts: Sequence[str]
    features: Tensor | None = None

    def __call__(self) -> None:
        self.features = self.encode(self.texts)


def all_of(encoder: Encoder) -> Callable[[Sequence[str]], Tensor]:
    """What the product does for a window of texts, without keeping anything."""

    def encode(texts: Sequence[str]) -> Tensor:
        tokens = encoder.tokenise(texts)
        features = torch.empty(len(texts), encoder.dimension)
        for rows in plan_batches(np.array([len(t) for t in tokens]), SETTINGS.batch_tokens):
            features[torch.from_numpy(rows)] = encoder.encode([tokens[i] for i in rows]).float()
        return features

    return encode


def peer() -> Callable[[Sequence[str]], Tensor]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(resolve(DEFAULT_MODEL).folder), device="cpu")
    model.max_seq_length = SETTINGS.max_tokens
    return lambda texts: model.encode(list(texts), convert_to_tensor=True, show_progress_bar=False)


def with_model(change: Callable[[nn.Module], nn.Module]) -> Callable[[Sequence[str]], Tensor]:
    """Our encoding through another form of the same network."""
    encoder = Encoder(resolve(DEFAULT_MODEL), SETTINGS.max_tokens)
    changed = change(copy.deepcopy(encoder.model))
    encoder.model.forward = changed.forward
    return all_of(encoder)


def half(model: nn.Module) -> nn.Module:
    return model.bfloat16()


def dynamic(config: object) -> Callable[[nn.Module], nn.Module]:
    return lambda model: quantize_dynamic(model, {nn.Linear: config})


def speed(texts: Sequence[str]) -> None:
    files = resolve(DEFAULT_MODEL)
    ours = {
        "float32": all_of(Encoder(files, SETTINGS.max_tokens)),
        "sentence-transformers, float32": peer(),
        "int8 (CTranslate2)": all_of(Encoder(files, SETTINGS.max_tokens, "int8")),
        "bfloat16 (PyTorch)": with_model(half),
        "PyTorch dynamic int8, a scale a layer": with_model(dynamic(default_dynamic_qconfig)),
        "PyTorch dynamic int8, a scale a channel": with_model(dynamic(per_channel_dynamic_qconfig)),
    }
    runs = {name: Run(encode, texts) for name, encode in ours.items()}
    seconds = medians(runs, rounds=3)
    base, exact = seconds["float32"], runs["float32"].features
    print(f"\n{len(texts):,} texts, one thread; {torch.backends.cpu.get_cpu_capability()}")
    print("| encoding | seconds | time of float32 / its time | mean cosine | lowest cosine |")
    print("| --- | --: | --: | --: | --: |")
    for name, run in runs.items():
        cosine = nn.functional.cosine_similarity(run.features.float(), exact)
        print(
            f"| {name} | {seconds[name]:.2f} | {base / seconds[name]:.2f} | {cosine.mean():.5f} | {cosine.min():.4f} |"
        )


def flags(folder: Path, sets: Sequence[str], cache: Path) -> None:
    print("| set | silver texts | mean cosine | " + " | ".join(FLAGS) + " |")
    print("| --- | --: | --: |" + " --: |" * len(FLAGS))
    for name in sets:
        exact = load(folder, name, DEFAULT_MODEL, cache, lambda *_: None, layers="last")
        quick = load(folder, name, DEFAULT_MODEL, cache, lambda *_: None, "int8")
        quick = replace(quick, silver=exact.silver)
        expected, found = (Study(data, data.silver).ranked(FLAGS, seed=0) for data in (exact, quick))
        cosine = nn.functional.cosine_similarity(exact.features, quick.features).mean()
        ranks = " | ".join(f"{spearmanr(expected[policy], found[policy]).statistic:.4f}" for policy in FLAGS)
        print(f"| {name} | {len(exact.silver):,} | {cosine:.5f} | {ranks} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoding")
    parser.add_argument("--data", type=Path, required=True, help="folder of <set>.jsonl.gz files")
    parser.add_argument("--texts", type=int, default=800, help="how many are encoded for the speed table")
    parser.add_argument("--sets", default="irony,reviews_movies", help="sets whose flags are compared")
    parser.add_argument("--flags", action="store_true", help="compare flags instead of speed")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "inffeed-bench-features")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.flags:
        flags(chosen.data, chosen.sets.split(","), chosen.cache)
    else:
        speed(some_texts(chosen.data, chosen.texts))


if __name__ == "__main__":
    main()
