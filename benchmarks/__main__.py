"""`make bench`: measure speed on this machine, and, with --data, what reviewing is worth.

    python -m benchmarks [--data FOLDER]

Machines are noisy: read the ratios, which compare things measured in turn within one run, before the seconds.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import head, importing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--data", type=Path, help="folder of <set>.jsonl.gz files for `inffeed bench repair`")
    data = parser.parse_args().data
    head.main()
    importing.main()
    if data:
        repair = "from inffeed_core.cli import main; main()"
        subprocess.run([sys.executable, "-c", repair, "bench", "repair", "--data", str(data)], check=True)


main()
