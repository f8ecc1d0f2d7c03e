"""Several things timed in turn, so that a drifting machine drifts for all of them."""

import statistics
import time
from collections.abc import Callable, Mapping

ROUNDS = 5


def medians(work: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median wall seconds of each, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, call in work.items():
            began = time.perf_counter()
            call()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


def table(title: str, seconds: Mapping[str, float]) -> None:
    """Print seconds and the ratio to the last line, which is what the others are measured against."""
    base = list(seconds.values())[-1]
    print(f"\n{title}\n| what | seconds | ratio |\n| --- | --- | --- |")
    for name, each in seconds.items():
        print(f"| {name} | {each:.4f} | {each / base:.2f} |")
