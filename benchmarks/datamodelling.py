"""`inffeed bench fidelity --scope all` with kronfluence beside it: the same models, halves and targets.

    python -m benchmarks.datamodelling --data FOLDER [--sets hate,stance] [--halves 50] [--seeds 3] [--json FILE]

Needs benchmarks/requirements.txt.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.kronfluence_scores import scores
from inffeed_core.cli.console import shown_progress
from inffeed_core.studies.fidelity.datamodelling import experiment, markdown, read_problem
from inffeed_core.studies.fidelity.whole_model_scorers import rivals, tiers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.datamodelling")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="hate")
    parser.add_argument("--halves", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = []
    with shown_progress() as progress:
        for name in wanted.sets.split(","):
            problem = read_problem(wanted.data, name)
            for one in experiment(problem, (tiers, rivals, scores), wanted.halves, wanted.seeds, progress):
                found.append(one)
                print(json.dumps(asdict(one)), flush=True)
    print(markdown(found))
    if wanted.json:
        wanted.json.write_text("\n".join(json.dumps(asdict(one)) for one in found) + "\n")


if __name__ == "__main__":
    main()
