"""The whole-model tier side by side with kronfluence: the same model, data, batches and threads, in turn.

    python -m benchmarks.whole_model --data FOLDER [--set hate] [--rounds 3] [--threads 2] [--json FILE]

FOLDER holds <set>.jsonl.gz (id, text, gold, split). Needs benchmarks/requirements.txt. Prints a table: medians of wall
and processor seconds, peak memory beyond the loaded model, and the mean Spearman correlation per target with the exact
full Gauss-Newton answer. Targets are scored twice with ours: the second time the index is there already. A second
table gives the agreement of every kind of score that the methods gave beside.
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
from safetensors.torch import save_model
from scipy.stats import spearmanr

from inffeed_core.studies.fidelity.datamodelling import read_problem

COMPARED = ("ours", "kronfluence")
ONCE = ("dual", "refined")
Runs = dict[str, list[dict[str, Any]]]


def run(method: str, wanted: argparse.Namespace, work: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.whole_model_run", method, str(wanted.data), wanted.set, str(work)]
    environment = os.environ | {"OMP_NUM_THREADS": str(wanted.threads), "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return json.loads((work / f"{method}.json").read_text())


def agreements(work: Path) -> dict[str, float]:
    """Mean over targets of the Spearman correlation over training examples with the exact answer, by kind of score."""
    scores = {kind: each.numpy() for file in work.glob("*.pt") for kind, each in torch.load(file).items()}
    exact = scores.pop("exact")
    return {
        kind: statistics.mean(spearmanr(a, b).statistic for a, b in zip(each, exact, strict=True))
        for kind, each in scores.items()
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    def median(kind: str, *steps: str) -> float:
        return statistics.median(sum(each[kind].get(step, 0.0) for step in steps) for each in runs)

    again = "second batch" if "second batch" in runs[0]["wall"] else "score"
    return {
        "wall, all": median("wall", "fit", "index", "score"),
        "processor, all": median("processor", "fit", "index", "score"),
        "wall, 200 more targets": median("wall", again),
        "processor, 200 more targets": median("processor", again),
        "peak MiB": statistics.median(each["peak"] for each in runs),
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
    torch.set_num_threads(wanted.threads)
    with TemporaryDirectory() as name:
        work = Path(name)
        save_model(read_problem(wanted.data, wanted.set).trained(0), str(work / "model.safetensors"))
        runs: Runs = {method: [run(method, wanted, work)] for method in ONCE}
        for _ in range(wanted.rounds):
            for method in COMPARED:
                runs.setdefault(method, []).append(run(method, wanted, work))
        results, spearman = {method: summary(each) for method, each in runs.items()}, agreements(work)
    table(results)
    print("\n| scores | Spearman with exact |\n| --- | --: |")
    print("\n".join(f"| {kind} | {value:.3f} |" for kind, value in sorted(spearman.items())))
    if wanted.json:
        wanted.json.write_text(json.dumps({"results": results, "spearman": spearman, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
