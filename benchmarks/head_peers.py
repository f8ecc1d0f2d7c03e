"""The head tier side by side with other libraries: the same converged head, rows, targets and threads, in turn.

    python -m benchmarks.head_peers [--rounds 3] [--threads 2] [--only METHOD,METHOD] [--json FILE]

2,000 rows × 200 targets, 768 features, 4 classes, λ = .01. Installs benchmarks/requirements.txt into an environment of
its own under .bench/, and pyDVL, which needs numpy below 2, into a second one. Every method runs in a child process
with the tensors in memory and the library imported when the clock starts. Prints medians of wall and processor
seconds, of the import apart, and of peak memory beyond what was loaded; the mean over targets of the Spearman and the
Pearson correlation with the exact answer, which a dense solve in full weights gives; and the lines a user writes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr

from benchmarks.head import some_data
from benchmarks.head_peers_run import METHODS
from inffeed_core.influence import HeadData, fit_head
from inffeed_core.influence.softmax import sum_zero_basis

ROOT = Path(__file__).parent.parent
ROWS, TARGETS, WIDTH, CLASSES, L2, CORRECTIONS = 2000, 200, 768, 4, 0.01, 20
Arrays = dict[str, np.ndarray]


def problem() -> Arrays:
    whole = some_data(ROWS + TARGETS, WIDTH, CLASSES)
    rows = HeadData(whole.features[:ROWS].clone(), whole.labels[:ROWS].clone(), CLASSES)
    corrected = rows.labels.clone()
    corrected[:CORRECTIONS] = (corrected[:CORRECTIONS] + 1) % CLASSES
    weight = _weights(rows)
    return {
        "features": rows.features.numpy(),
        "labels": rows.labels.numpy(),
        "corrected": corrected.numpy(),
        "target_features": whole.features[ROWS:].clone().numpy(),
        "target_labels": whole.labels[ROWS:].clone().numpy(),
        "weight": weight[:, :-1].astype(np.float32),
        "bias": weight[:, -1].astype(np.float32),
        "l2": np.array(L2),
    }


def _weights(rows: HeadData) -> np.ndarray:
    return (sum_zero_basis(CLASSES) @ fit_head(rows, L2).theta).numpy()


def exact(held: Arrays, labels: np.ndarray) -> np.ndarray:
    """Targets × rows by a dense solve with the Hessian of all weights, float64, at the optimum for these labels."""
    weight = _weights(HeadData(torch.from_numpy(held["features"]), torch.from_numpy(labels), CLASSES))
    rows, targets = (
        np.column_stack([held[name].astype(float), np.ones(len(held[name]))])
        for name in ("features", "target_features")
    )

    def softmax(inputs: np.ndarray) -> np.ndarray:
        return torch.softmax(torch.from_numpy(inputs @ weight.T), 1).numpy()

    def gradients(inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
        pulls = softmax(inputs) - np.eye(CLASSES)[classes]
        return (pulls[:, :, None] * inputs[:, None, :]).reshape(len(inputs), -1)

    p, size = softmax(rows), rows.shape[1]
    hessian = L2 * np.eye(CLASSES * size)
    for a in range(CLASSES):
        for b in range(CLASSES):
            spread = p[:, a] * ((a == b) - p[:, b]) / ROWS
            hessian[a * size : (a + 1) * size, b * size : (b + 1) * size] += (rows * spread[:, None]).T @ rows
    solved = np.linalg.solve(hessian, gradients(targets, held["target_labels"]).T).T
    return solved @ gradients(rows, labels).T / ROWS


def agreement(scores: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Mean over targets of (Spearman, Pearson), without sign: libraries differ in what positive means."""
    if len(scores) == 1:
        wanted = wanted.mean(0, keepdims=True)
    pairs = list(zip(scores, wanted, strict=True))
    ranked = statistics.mean(spearmanr(a, b).statistic for a, b in pairs)
    return abs(ranked), abs(statistics.mean(pearsonr(a, b).statistic for a, b in pairs))


def environment(name: str, *requirements: str) -> Path:
    """The interpreter of an environment under .bench/, made and filled the first time."""
    folder = ROOT / ".bench" / name
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for arguments in requirements:
            subprocess.run([str(folder / "bin/pip"), "install", "-q", *arguments.split()], check=True, cwd=ROOT)
        (folder / "ready").touch()
    return folder / "bin/python"


def interpreter(method: str) -> Path:
    if method.startswith("pyDVL"):
        return environment("pydvl", "-r benchmarks/requirements-pydvl.txt")
    own, peers = "-r requirements.txt", "--no-deps -r benchmarks/requirements.txt"
    return environment("peers", own, peers, "--no-deps -e .")


def run(method: str, folder: Path, threads: int) -> dict[str, Any] | None:
    """Its costs, or None where the library fails."""
    command = [str(interpreter(method)), "-m", "benchmarks.head_peers_run", method, str(folder)]
    variables = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(f"{method} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads((folder / f"{method}.json").read_text())


def summary(runs: list[dict[str, Any]], scores: tuple[float, float]) -> dict[str, float]:
    def median(kind: str, step: str) -> float:
        return statistics.median(each[kind][step] for each in runs)

    return {
        "wall s": median("wall", "scores"),
        "processor s": median("processor", "scores"),
        "import s": median("wall", "import"),
        "peak MiB": statistics.median(each["peak"] for each in runs),
        "Spearman": scores[0],
        "Pearson": scores[1],
        "lines": runs[0]["lines"],
    }


def table(results: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(results.values())))
    print("| method | " + " | ".join(columns) + " |\n| --- " + "| --: " * len(columns) + "|")
    for method, values in results.items():
        numbers = [f"{values[c]:.0f}" if c in ("lines", "peak MiB") else f"{values[c]:.3f}" for c in columns]
        print(f"| {method} | " + " | ".join(numbers) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.head_peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(METHODS), help="methods apart from the others, by name")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    chosen = [method for method in METHODS if method in wanted.only.split(",")]
    held = problem()
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "problem.npz", **held)
        answers = {False: exact(held, held["labels"]), True: exact(held, held["corrected"])}
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(wanted.rounds):
            for method in chosen:
                if (found := run(method, folder, wanted.threads)) is not None:
                    runs.setdefault(method, []).append(found)
        results = {
            method: summary(each, agreement(np.load(folder / f"{method}.npy"), answers["corrections" in method]))
            for method, each in runs.items()
        }
    table(results)
    if wanted.json:
        wanted.json.write_text(json.dumps({"results": results, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
