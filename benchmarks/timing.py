"""Several things timed in turn, so that a drifting machine drifts for all of them."""

import statistics
import time
from collections.abc import Callable, Mapping

ROUNDS = 5


def medians(
    work: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each, after one round that is not counted; by the wall, or by another clock."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, call in work.items():
            began = clock()
            call()
            if turn:
                seconds[name].append(clock() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


def table(title: str, seconds: Mapping[str, float]) -> None:
    """Print seconds and the ratio to the last line, which is what the others are measured against."""
    base = list(seconds.values())[-1]
    print(f"\n{title}\n| what | seconds | ratio |\n| --- | --- | --- |")
    for name, each in seconds.items():
        print(f"| {name} | {each:.4f} | {each / base:.2f} |")
