"""The whole-model tier side by side with kronfluence: the same model, data, batches and threads, in turn.

    python -m benchmarks.whole_model --data FOLDER [--set hate] [--rounds 3] [--threads 2] [--json FILE]

FOLDER holds <set>.jsonl.gz (id, text, gold, split). Needs benchmarks/requirements.txt. Prints a table: medians of wall
and processor seconds, peak memory beyond the loaded model, and the mean Spearman correlation per target with the exact
full Gauss-Newton answer. Targets are scored twice with ours: the second time the index is there already.
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

import torch
from scipy.stats import spearmanr

from benchmarks.small_transformer import fine_tune, read_problem

COMPARED = ("subspace", "ekfac", "kronfluence")
Runs = dict[str, list[dict[str, Any]]]


def run(method: str, data: Path, folder: Path, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.whole_model_run", method, str(data), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return json.loads((folder / f"{method}.json").read_text())


def agreement(folder: Path, method: str) -> float:
    """Mean over targets of the Spearman correlation over training examples with the exact answer."""
    scores, exact = (torch.load(folder / f"{name}.pt").numpy() for name in (method, "dual"))
    return statistics.mean(spearmanr(a, b).statistic for a, b in zip(scores, exact, strict=True))


def summary(runs: list[dict[str, Any]], spearman: float) -> dict[str, float]:
    def median(kind: str, *steps: str) -> float:
        return statistics.median(sum(each[kind].get(step, 0.0) for step in steps) for each in runs)

    again = "second batch" if "second batch" in runs[0]["wall"] else "score"
    return {
        "wall, all": median("wall", "fit", "index", "score"),
        "processor, all": median("processor", "fit", "index", "score"),
        "wall, 200 more targets": median("wall", again),
        "processor, 200 more targets": median("processor", again),
        "peak MiB": statistics.median(each["peak"] for each in runs),
        "Spearman with exact": spearman,
    }


def table(results: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(results.values())))
    print("| method | " + " | ".join(columns) + " |\n" + "| --- " * (len(columns) + 1) + "|")
    for method, values in results.items():
        print(f"| {method} | " + " | ".join(f"{values[column]:.2f}" for column in columns) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="hate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    data = wanted.data / f"{wanted.set}.jsonl.gz"
    torch.set_num_threads(wanted.threads)
    with TemporaryDirectory() as name:
        folder = Path(name)
        fine_tune(read_problem(data), folder / "model.safetensors")
        runs: Runs = {"dual": [run("dual", data, folder, wanted.threads)]}
        for _ in range(wanted.rounds):
            for method in COMPARED:
                runs.setdefault(method, []).append(run(method, data, folder, wanted.threads))
        results = {method: summary(each, agreement(folder, method)) for method, each in runs.items()}
    table(results)
    if wanted.json:
        wanted.json.write_text(json.dumps({"results": results, "runs": runs}, indent=1))


main()
