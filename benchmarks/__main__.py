"""`make bench`: measure speed on this machine, and, with --data, what reviewing is worth.

    python -m benchmarks [--data FOLDER] [--scale]

Machines are noisy: read the ratios, which compare things measured in turn within one run, before the seconds.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import head, importing, scale


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--data", type=Path, help="folder of <set>.jsonl.gz files for `inffeed bench repair`")
    parser.add_argument("--scale", action="store_true", help="only the cost against n up to a million rows, as a plot")
    chosen = parser.parse_args()
    data = chosen.data
    if chosen.scale:
        scale.main()
        return
    head.main()
    importing.main()
    if data:
        repair = "from inffeed_core.cli import main; main()"
        subprocess.run([sys.executable, "-c", repair, "bench", "repair", "--data", str(data)], check=True)


main()
