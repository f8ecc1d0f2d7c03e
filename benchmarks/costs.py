"""What a step costs its process: wall seconds, processor seconds, memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.wall[name], self.processor[name] = time.perf_counter() - wall, time.process_time() - processor
        self.peak = _memory("VmHWM") - self._loaded
        return result
