"""Whether influence through the training chooses better what to check, when the transformer is fine-tuned again.

    python -m benchmarks.fine_tuned_again --data FOLDER --work FOLDER --results docs/evidence_fine_tuned_again.jsonl
        [--sets A,B] [--draws 2] [--gold 100] [--silver 300] [--validation 300] [--test 600] [--epochs 2]
        [--method lora] [--only-report] [--report docs]

Every order of `inffeed_core.studies.repair.again` at 1, 5 and 10 % of the silver, first for one draw of every set.
Each training is appended to `--results` when it is done, and a killed run goes on from there. The page is written from
whatever cells are complete; no figure of it is typed by hand.
"""

import argparse
from pathlib import Path

import torch

from inffeed_core.cli.console import shown_progress
from inffeed_core.studies.evidence import again_report
from inffeed_core.studies.json_lines import lines
from inffeed_core.studies.repair.again import AgainSettings
from inffeed_core.studies.repair.again_runs import Task, complete
from inffeed_core.studies.repair.runs import Places

SETS = "irony,hatexplain_llm,moral_reddit_llm,media_bias_llm"
BUDGETS = (0.05, 0.1, 0.01)
"""A round through the sets each: 1 % of a few hundred texts is so little that it comes last."""
SIZES = {"gold": 100, "silver": 300, "validation": 300, "test": 600, "epochs": 2}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_tuned_again")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--report", type=Path, help="Folder for the page.")
    parser.add_argument("--only-report", action="store_true", help="Train nothing; write the page from --results.")
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--method", choices=("fine-tune", "lora"), default="lora")
    for name, size in (SIZES | {"draws": 2, "threads": 1}).items():
        parser.add_argument(f"--{name}", type=int, default=size)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    settings = AgainSettings(method=wanted.method, **{name: getattr(wanted, name) for name in SIZES})
    if not wanted.only_report:
        places = Places(wanted.data, wanted.work, wanted.results)
        with shown_progress() as progress:
            for draw in range(wanted.draws):
                for budget in BUDGETS:
                    for name in wanted.sets.split(","):
                        complete(places, Task(name, draw, [budget]), settings, progress)
    if wanted.report:
        again_report.write(lines(wanted.results), settings, wanted.report)


if __name__ == "__main__":
    main()
