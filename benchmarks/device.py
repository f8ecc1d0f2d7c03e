"""A GPU beside this machine's processor: encoding, fine-tuning, the index and the replay, and how far results differ.

    python -m benchmarks.device --data FOLDER [--set irony] [--devices cpu,cuda] [--threads 16] [--texts 4000]
        [--trained 512] [--steps 32] [--part encoding|index|training|memory]

MiniLM on texts of a set. Everything is computed on each device, and the later ones are compared with the first: the
largest difference by the largest value, and Pearson's correlation. Dropout is off, because each kind of device draws
its own masks. Where memory is short of what a step takes, batches go through in halves: `memory` gives the device less
than it needs. One JSON line for each measurement.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.networks import with_dropout
from inffeed_core.influence import HeadData, choose_l2
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.replay import replay
from inffeed_core.influence.softmax import sum_zero_basis
from inffeed_core.influence.whole_model import WholeModel
from inffeed_core.models.batches import plan_batches
from inffeed_core.models.course import Course, course_of, labelled, tokens_of
from inffeed_core.models.device import VARIABLE, the_device
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.fine_tuning import prepared
from inffeed_core.models.heads import Head
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.network import TextBatches, VersionNetwork
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL, L2_GRID, FineTuneSettings
from inffeed_core.studies.sets import read_set

TOKENS, TARGETS, ASKED = 128, 8, 200
BATCHES = (2048, 8192, 32768, 131072)
"""Padded tokens."""
Result = TypeVar("Result")


def say(**told: object) -> None:
    print(json.dumps(told), flush=True)


def timed(device: torch.device, work: Callable[[], Result]) -> tuple[Result, float]:
    """(what it gives, wall seconds until the device is done)."""
    began = time.perf_counter()
    found = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return found, time.perf_counter() - began


def peak(device: torch.device) -> float | None:
    """MiB of a GPU's memory taken at once since the last call."""
    if device.type != "cuda":
        return None
    most = torch.cuda.max_memory_allocated(device) / 2**20
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    return round(most, 1)


class Rows:
    """Texts of a set with their labels."""

    def __init__(self, folder: Path, name: str) -> None:
        rows = [row for row in read_set(folder, name) if row["split"] != "test"]
        order = np.random.default_rng(0).permutation(len(rows))
        self.names = tuple(sorted({row["gold"] for row in rows}))
        self._texts = [rows[i]["text"] for i in order]
        self._labels = torch.tensor([self.names.index(rows[i]["gold"]) for i in order])

    def some(self, first: int, count: int) -> tuple[list[str], Tensor]:
        """Texts and labels; from the start again where there are too few."""
        which = [i % len(self._texts) for i in range(first, first + count)]
        return [self._texts[i] for i in which], self._labels[which]


def encoding(rows: Rows, wanted: argparse.Namespace) -> Tensor:
    """Texts a second, by precision and by how large a batch is."""
    device, texts = the_device(), rows.some(0, wanted.texts)[0]
    found = None
    for precision in ("float32", "bfloat16"):
        encoder = Encoder(resolve(DEFAULT_MODEL), TOKENS, precision, device)
        tokens = encoder.tokenise(texts)
        lengths = np.array([len(one) for one in tokens])
        for size in BATCHES if device.type == "cuda" else BATCHES[:2]:
            plan = list(plan_batches(lengths, size))

            def read() -> Tensor:
                parts = torch.cat([encoder.encode([tokens[i] for i in part]) for part in plan])  # noqa: B023
                return parts[np.argsort(np.concatenate(plan))]  # noqa: B023

            read()
            features, seconds = timed(device, read)
            found = features if found is None else found
            cosine = nn.functional.cosine_similarity(features, found).min()
            told = {"texts_per_second": round(len(texts) / seconds), "lowest_cosine": round(float(cosine), 6)}
            say(what="encoding", device=device.type, precision=precision, tokens=size, peak=peak(device), **told)
    assert found is not None
    return found


def index(rows: Rows, wanted: argparse.Namespace) -> Tensor:
    """Scores of an index over the texts, for some of the others."""
    device = the_device()
    encoder = Encoder(resolve(DEFAULT_MODEL), TOKENS, device=device)
    learned, asked = rows.some(0, wanted.trained), rows.some(wanted.trained, ASKED)
    with_features = [encoder.encode(encoder.tokenise(texts)) for texts, _ in (learned, asked)]
    data = HeadData(with_features[0], learned[1], len(rows.names))
    fit = choose_l2(data, with_features[1], asked[1], L2_GRID)
    layer = (sum_zero_basis(len(rows.names)) @ fit.theta).float()
    head = Head(weight=layer[:, :-1], bias=layer[:, -1], labels=rows.names, about={})
    network = VersionNetwork(encoder, head)
    train, targets = (TextBatches.of(encoder, *one, batch_tokens=2048) for one in (learned, asked))
    peak(device)
    analysis, fitting = timed(device, lambda: WholeModel(network).fit(train).index(train))
    scores, scoring = timed(device, lambda: analysis.influence(targets))
    told = {"fit_and_index": round(fitting, 2), "scores": round(scoring, 2)}
    say(what="index", device=device.type, texts=wanted.trained, peak=peak(device), **told)
    return targets.in_order(train.in_order(scores.cpu()), 0)


def a_course(rows: Rows, wanted: argparse.Namespace, folder: str) -> tuple[Course, Callable[[int], list[Any]]]:
    """A fine-tuning without dropout, and its targets: the validation loss, then single texts."""
    texts, labels = rows.some(0, wanted.trained)
    settings = FineTuneSettings(epochs=max(1, wanted.steps * 16 // wanted.trained))
    about = FineTuning(rows.names, settings, lora=False, max_tokens=TOKENS, seed=1, work=Path(folder))
    model, tokenizer = prepared(resolve(DEFAULT_MODEL), about, lambda *_: None)
    course = course_of(with_dropout(model, 0), tokenizer, Lessons.of_labels(texts, labels, len(rows.names)), about)
    others, truth = rows.some(wanted.trained, ASKED)
    tokens = tokens_of(model, tokenizer, Lessons.of_labels(others, truth, len(rows.names)))

    def targets(count: int) -> list[Any]:
        whole = [labelled(course, tokens, truth, 32)]
        return whole + [labelled(course, tokens[i : i + 1], truth[i : i + 1], 1) for i in range(count - 1)]

    return course, targets


def training(rows: Rows, wanted: argparse.Namespace) -> Tensor:
    """Seconds of a training and of its replay, and whether both repeat to the bit."""
    device = the_device()
    with TemporaryDirectory() as folder:
        course, targets = a_course(rows, wanted, folder)
        course.run.advance(course.start, 0, course.taught)

        def train() -> Tensor:
            state = course.start
            for number in range(len(course.run)):
                state, _ = course.run.advance(state, number, course.taught)
            return state

        peak(device)
        (end, seconds), taken = timed(device, train), peak(device)
        repeated = torch.equal(end, train())
        for count in (1, TARGETS):
            asked = targets(count)
            kept = KeptStates(Path(folder) / f"kept-{count}")
            found, back = timed(device, lambda: replay(course.run, course.start, course.taught, asked, kept=kept))  # noqa: B023
            told = {"training": round(seconds, 2), "replay": round(back, 2), "ratio": round(back / seconds, 2)}
            told |= {"training_peak": taken, "replay_peak": peak(device), "repeated": repeated}
            say(what="training", device=device.type, steps=len(course.run), targets=count, **told)
        again = replay(course.run, course.start, course.taught, targets(TARGETS))
        say(what="replay again", device=device.type, equal=torch.equal(again.by_taught, found.by_taught))
    return found.by_taught.cpu()


def memory(rows: Rows, wanted: argparse.Namespace) -> Tensor:
    """The gradient of a step with enough memory, and with a share of what it takes."""
    device = the_device()
    with TemporaryDirectory() as folder:
        course, _ = a_course(rows, wanted, folder)
    expected, _ = course.run.advance(course.start, 0, course.taught)
    if device.type != "cuda":
        return expected[1]
    held, whole = torch.cuda.memory_allocated(device), torch.cuda.get_device_properties(device).total_memory
    sizes: list[int] = []
    course.run.network.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    peak(device)
    course.run.advance(course.start, 0, course.taught)
    taken = torch.cuda.max_memory_allocated(device) - held
    for share in (0.6, 0.3):
        torch.cuda.empty_cache()
        sizes.clear()
        torch.cuda.set_per_process_memory_fraction((held + share * taken) / whole)
        state, _ = course.run.advance(course.start, 0, course.taught)
        torch.cuda.set_per_process_memory_fraction(1.0)
        difference = float((state[1] - expected[1]).abs().max() / expected[1].abs().max())
        say(what="memory", share=share, taken=round(taken / 2**20), batches=list(sizes), difference=difference)
    return expected[1].cpu()


PARTS = {"encoding": encoding, "index": index, "training": training, "memory": memory}


def compared(name: str, results: Sequence[Tensor], devices: Sequence[str]) -> Iterator[dict[str, object]]:
    """How far each result is from the first."""
    first = results[0].double().flatten()
    for device, one in zip(devices[1:], results[1:], strict=True):
        other = one.double().flatten()
        yield {
            "what": f"{name}, compared",
            "devices": f"{devices[0]}, {device}",
            "largest_difference": float((other - first).abs().max() / first.abs().max()),
            "pearson": float(torch.corrcoef(torch.stack([first, other]))[0, 1]),
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="irony")
    parser.add_argument("--devices", default="cpu,cuda")
    parser.add_argument("--part", choices=PARTS)
    for name, size in {"threads": 16, "texts": 4000, "trained": 512, "steps": 32}.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    rows, devices = Rows(wanted.data, wanted.set), wanted.devices.split(",")
    for name in [wanted.part] if wanted.part else PARTS:
        results = []
        for device in devices:
            os.environ[VARIABLE] = device
            results.append(PARTS[name](rows, wanted))
        for told in compared(name, results, devices):
            say(**told)


if __name__ == "__main__":
    main()
