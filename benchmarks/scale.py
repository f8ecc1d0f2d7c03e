"""Cost against the number of rows: influence on the validation loss with the top 100 at both ends, 384 memory-mapped
features, 3 classes, without leverage.

    python -m benchmarks --scale

Features are synthetic. Each size is scored in turn with the bare matrix product of its shapes, in the layout in which
that product is fastest. Memory is the highest anonymous memory seen beyond that at the start, so mapped files do not
count. Writes the figures to `docs/scale.jsonl` and their plot to `docs/scale.svg`.
"""

import json
import math
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import medians
from inffeed_core.influence import HeadData, HeadInfluence, fit_head

SIZES = (1_000, 10_000, 100_000, 1_000_000)
WIDTH, CLASSES, KEPT = 384, 3, 100
DOCS = Path(__file__).parent.parent / "docs"
LINES = {"first": "first answer: curvature and scores", "score": "next answer", "product": "bare matrix product"}
Figures = dict[str, float]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.f32"
        write_features(path, SIZES[-1])
        found = [measure(path, rows) for rows in SIZES]
    print("\n| rows | first answer s | next answer s | bare product s | ratio | memory MiB |\n|" + " --: |" * 6)
    for one in found:
        cells = [f"{one[name]:.4f}" for name in LINES]
        print(f"| {one['rows']:,} | {' | '.join(cells)} | {one['score'] / one['product']:.2f} | {one['mib']:.0f} |")
    (DOCS / "scale.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    (DOCS / "scale.svg").write_text(drawn(found))


def write_features(path: Path, rows: int) -> None:
    """Random directions, float32, a block at a time."""
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, 50_000):
            block = generator.standard_normal((min(50_000, rows - start), WIDTH), dtype=np.float32)
            file.write((block / np.linalg.norm(block, axis=1, keepdims=True)).tobytes())


def measure(path: Path, rows: int) -> Figures:
    """Seconds of the first answer (once a model version), of the next and of the bare product; peak memory in MiB."""
    features = torch.from_numpy(np.memmap(path, dtype="<f4", mode="c", shape=(rows, WIDTH)))
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(CLASSES, WIDTH, generator=generator)
    data = HeadData(features, (features @ weight.T).argmax(1), CLASSES)
    few = HeadData(features[:5000].clone(), data.labels[:5000], CLASSES)
    influence = HeadInfluence(data, fit_head(few, 1e-3), leverage=False)
    gradient = influence.validation_gradient(features[:500].clone(), data.labels[:500])

    def answer() -> object:
        return influence.top_influencers(gradient, KEPT)

    peak = Peak()
    began = time.perf_counter()
    mib = peak.during(answer)
    first = time.perf_counter() - began
    seconds = medians({"score": answer, "product": lambda: features @ weight.T})
    return {"rows": rows, "first": first, **seconds, "mib": mib}


class Peak:
    """The highest anonymous memory of this process while something runs, looked at every 5 ms."""

    def during(self, work: Callable[[], object]) -> float:
        """MiB beyond what was held before."""
        before = self._held()
        self._highest, self._over = before, threading.Event()
        watch = threading.Thread(target=self._watch)
        watch.start()
        work()
        self._over.set()
        watch.join()
        return (self._highest - before) / 1024

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self._highest = max(self._highest, self._held())

    @staticmethod
    def _held() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0])


def drawn(found: Sequence[Figures]) -> str:
    """Seconds against rows, both logarithmic, as SVG."""
    colours = dict(zip(LINES, ("#b5542b", "#1f6f8b", "#6b6b6b"), strict=True))
    seconds = [one[name] for one in found for name in LINES]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def x(rows: float) -> float:
        return 70 + 420 * (math.log10(rows) - 3) / 3

    def y(value: float) -> float:
        return 290 - 250 * (math.log10(value) - low) / (high - low)

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 340" font-family="sans-serif" font-size="11">']
    parts += ['<rect width="520" height="340" fill="white"/>']
    for power in range(low, high + 1):
        at = y(10**power)
        parts.append(f'<path d="M70 {at:.1f}H490" stroke="#ddd"/>')
        parts.append(f'<text x="62" y="{at + 4:.1f}" text-anchor="end">{10**power:g} s</text>')
    for one in found:
        parts.append(f'<text x="{x(one["rows"]):.1f}" y="308" text-anchor="middle">{int(one["rows"]):,}</text>')
    for place, (name, title) in enumerate(LINES.items()):
        points = " ".join(f"{x(one['rows']):.1f},{y(one[name]):.1f}" for one in found)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        parts.append(f'<text x="80" y="{30 + 14 * place}" fill="{colours[name]}">{title}</text>')
    parts.append('<text x="280" y="328" text-anchor="middle">rows (384 features, 3 classes)</text></svg>')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
