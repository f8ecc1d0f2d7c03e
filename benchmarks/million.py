"""The whole product at 10,000, 100,000 and 1,000,000 silver texts: seconds and peak memory of each step.

    python -m benchmarks.million --work FOLDER [--sizes 10000,100000]

A random encoder of 32 numbers, written here, stands in for a real one, so that a run takes minutes. Every step runs in
a process of its own. Memory is the highest anonymous memory of that process: mapped files do not count, because the
system takes their pages back. One text in a hundred repeats another. A run that was stopped goes on at the step where
it was: FOLDER holds the projects and the figures. Writes `docs/million.jsonl` and the plot `docs/million.svg`.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scale import Peak

SIZES = (10_000, 100_000, 1_000_000)
GOLD = {"train": 1_000, "validation": 500, "test": 500}
LABELS = ("no", "yes")
DECISIONS = 200
DOCS = Path(__file__).parent.parent / "docs"
Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million")
    parser.add_argument("--work", type=Path, required=True, help="folder of the projects and figures")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of silver texts")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    found = [one for size in map(int, chosen.sizes.split(",")) for one in run(chosen.work, size)]
    (DOCS / "million.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    (DOCS / "million.svg").write_text(drawn(found))
    print(table(found))


def run(work: Path, size: int) -> list[Figures]:
    """The figures of every step at this size; those that are there are not measured again."""
    folder, kept = work / f"{size}", work / f"{size}.jsonl"
    known = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    for step in list(STEPS)[len(known) :]:
        code = f"from benchmarks.million import measure; measure({str(folder)!r}, {size}, {step!r})"
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        known.append(json.loads(done.stdout.splitlines()[-1]))
        with kept.open("a") as file:
            file.write(json.dumps(known[-1]) + "\n")
        print(known[-1], flush=True)
    return known


def measure(folder: str, size: int, step: str) -> None:
    """Run one step and print its figures."""
    place, peak = Path(folder), Peak()
    place.mkdir(parents=True, exist_ok=True)
    prepare, work = STEPS[step]
    prepare(place, size)
    wall, processor = time.perf_counter(), time.process_time()
    before = Peak._held() / 1024
    beyond = peak.during(lambda: work(place))
    told = {"silver": size, "step": step, "seconds": time.perf_counter() - wall}
    print(json.dumps(told | {"processor": time.process_time() - processor, "mib": before + beyond}))


def _quiet(stage: str, done: int, total: int) -> None:
    pass


def _project(place: Path) -> Any:
    from inffeed_core.project.folder import open_project

    return open_project(place / "project")


def write_rows(place: Path, size: int) -> None:
    """A file of gold and silver, and a project with the encoder; a tenth of the silver labels is wrong."""
    from inffeed_core.project.folder import create_project
    from inffeed_core.settings import ProjectSettings

    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefghijklmnopqrstuvwxyz", k=generator.randint(2, 5))) for _ in range(2_000)]
    given = [(split, count) for split, count in {**GOLD, "silver": size}.items()]
    with (place / "rows.csv").open("w", encoding="utf-8") as file:
        file.write("id,text,label,split\n")
        for split, count in given:
            for n in range(count):
                truth = generator.random() < 0.5
                text = " ".join([*generator.choices(words, k=4), "good" if truth else "bad"])
                text = "a text that is often there bad" if n % 100 == 7 and split == "silver" else f"{text} {split} {n}"
                label = LABELS[truth != (split == "silver" and generator.random() < 0.1)]
                file.write(f"{split}-{n},{text},{label},{split}\n")
    if not (place / "encoder").is_dir():
        _encoder(place / "encoder")
    if not (place / "project").is_dir():
        about = ProjectSettings("Million", LABELS, model=str((place / "encoder").resolve()))
        create_project(place / "project", about)


def _encoder(folder: Path) -> None:
    """A random transformer of one layer and 32 numbers that reads letters."""
    import string

    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    signs = string.ascii_lowercase + string.digits
    vocabulary = {p: n for n, p in enumerate([*special, *signs, *(f"##{sign}" for sign in signs), "good", "bad"])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(**sizes, vocab_size=len(vocabulary), max_position_embeddings=64)
    transformers.BertModel(config).save_pretrained(folder)


def _import(place: Path) -> None:
    from inffeed_core.data.reading import read
    from inffeed_core.project.importing import commit, preview

    project = _project(place)
    file = read(place / "rows.csv")
    commit(project, file, preview(project, file).options)


def _encode(place: Path) -> None:
    from inffeed_core.project.encoded import encode
    from inffeed_core.settings import TrainSettings

    encode(_project(place), str((place / "encoder").resolve()), TrainSettings(max_tokens=32), 0, _quiet)


def _train(place: Path) -> None:
    from inffeed_core.learning.training import train
    from inffeed_core.settings import TrainSettings

    train(_project(place), TrainSettings(max_tokens=32), _quiet)


def _analyse(place: Path) -> None:
    from inffeed_core.analysis.analysing import analyse
    from inffeed_core.settings import AnalysisSettings

    analyse(_project(place), AnalysisSettings(), _quiet)


def _home(place: Path) -> None:
    from inffeed_core.project.status import status

    status(_project(place))


def _home_again(place: Path) -> None:
    _home(place)


def _data(place: Path) -> None:
    from inffeed_core.project.browsing import doubled

    doubled(_project(place))


def _card(place: Path) -> None:
    from inffeed_core import store
    from inffeed_core.review.handing_out import Asked, hand_out
    from inffeed_core.review.progress import Sitting

    with store.writing(_project(place).db) as db:
        assert hand_out(db, Sitting("Ana"), Asked(limit=8)).items


def _decide(place: Path) -> None:
    from inffeed_core import store
    from inffeed_core.records import Act, Decision

    project = _project(place)
    for n in range(DECISIONS):
        made = Decision(token=f"t{n}", instance_id=f"silver-{n}", annotator="Ana", act=Act.RELABEL, label=LABELS[n % 2])
        with store.writing(project.db) as db:
            store.record_decision(db, made)


def _refresh(place: Path) -> None:
    from inffeed_core.analysis.analysing import refresh

    refresh(_project(place), _quiet)


def _retrain(place: Path) -> None:
    from inffeed_core.learning.training import retrain
    from inffeed_core.settings import AnalysisSettings, TrainSettings

    retrain(_project(place), TrainSettings(max_tokens=32), AnalysisSettings(), _quiet)


def _feedback(place: Path) -> None:
    from inffeed_core.feedback.proposing import propose
    from inffeed_core.settings import FeedbackSettings

    propose(_project(place), FeedbackSettings(), _quiet)


def _export(place: Path) -> None:
    from inffeed_core.project.exporting import export

    (place / "repaired.csv").unlink(missing_ok=True)
    export(_project(place), place / "repaired.csv")


def _nothing(place: Path, size: int) -> None:
    pass


def _open_home(place: Path, size: int) -> None:
    _home(place)


STEPS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], None]]] = {
    "import": (write_rows, _import),
    "encode": (_nothing, _encode),
    "train": (_nothing, _train),
    "analyse": (_nothing, _analyse),
    "home": (_nothing, _home),
    "home again": (_open_home, _home_again),
    "equal texts": (_nothing, _data),
    "first card": (_nothing, _card),
    f"{DECISIONS} decisions": (_nothing, _decide),
    "refresh": (_nothing, _refresh),
    "retrain": (_nothing, _retrain),
    "feedback": (_nothing, _feedback),
    "export": (_nothing, _export),
}


def table(found: Sequence[Figures]) -> str:
    """The steps with seconds, processor seconds and MiB at each size."""
    sizes = sorted({one["silver"] for one in found})
    at = {(one["step"], one["silver"]): one for one in found}
    lines = ["| step | " + " | ".join(f"{size:,}: s | processor s | MiB" for size in sizes) + " |"]
    lines.append("| --- |" + " --: |" * 3 * len(sizes))
    for step in STEPS:
        told = " | ".join(_cells(at.get((step, size))) for size in sizes)
        lines.append(f"| {step} | {told} |")
    return "\n".join(lines)


def _cells(one: Figures | None) -> str:
    return "– | – | –" if one is None else f"{one['seconds']:.2f} | {one['processor']:.2f} | {one['mib']:.0f}"


def drawn(found: Sequence[Figures]) -> str:
    """Processor seconds (left) and MiB (right) against silver texts, all logarithmic, as SVG."""
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 420" font-family="sans-serif" font-size="11">']
    parts.append('<rect width="960" height="420" fill="white"/>')
    for left, name, unit in ((60, "processor", "s"), (520, "mib", "MiB")):
        parts += _panel(found, left, name, unit)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(found: Sequence[Figures], left: int, name: str, unit: str) -> list[str]:
    values = [math.log10(max(1e-3, one[name])) for one in found]
    low, high = math.floor(min(values)), math.ceil(max(values))

    def y(value: float) -> float:
        return 380 - 340 * (math.log10(max(1e-3, value)) - low) / max(1, high - low)

    def x(size: float) -> float:
        return left + 150 * (math.log10(size) - 4)

    parts: list[str] = []
    ends: list[tuple[float, float, str, str]] = []
    for power in range(low, high + 1):
        parts.append(f'<path d="M{left} {y(10**power):.1f}h300" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 4}" y="{y(10**power) + 4:.1f}" text-anchor="end">{10**power:g} {unit}</text>')
    for number, step in enumerate(STEPS):
        own, hue = [one for one in found if one["step"] == step], 360 * number / len(STEPS)
        points = " ".join(f"{x(one['silver']):.1f},{y(one[name]):.1f}" for one in own)
        parts.append(f'<polyline points="{points}" fill="none" stroke="hsl({hue:.0f},60%,40%)" stroke-width="2"/>')
        ends += [(y(one[name]) + 4, x(one["silver"]) + 4, f"hsl({hue:.0f},60%,40%)", step) for one in own[-1:]]
    free = -math.inf
    for height, across, colour, step in sorted(ends):  # names that would overlap move down
        free = max(height, free)
        parts.append(f'<text x="{across:.1f}" y="{free:.1f}" fill="{colour}">{step}</text>')
        free += 11
    for size in sorted({one["silver"] for one in found}):
        parts.append(f'<text x="{x(size):.1f}" y="398" text-anchor="middle">{size:,}</text>')
    return parts


if __name__ == "__main__":
    main()
