"""The page of evidence on silver labels of language models, from rows that are kept beside it.

    python -m benchmarks.language_models [--results runs.jsonl]

Writes `docs/evidence_language_models.md`. With `--results`, which may be given more than once, the rows of these runs
of `inffeed bench repair` are first kept in `docs/evidence/language_models.jsonl.gz`, in the place of those of the same
settings; the page names the commands that make them. Without it nothing is run and no data is needed.
"""

import argparse
from pathlib import Path

from inffeed_core.studies.evidence import kept, language_models
from inffeed_core.studies.repair import runs

DOCS = Path(__file__).parents[1] / "docs"
ROWS = DOCS / "evidence" / "language_models.jsonl.gz"
PAGE = DOCS / "evidence_language_models.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language_models")
    parser.add_argument("--results", type=Path, action="append", default=[], help="rows of runs to keep")
    chosen = parser.parse_args()
    made = {s.fingerprint(): [row for r in chosen.results for row in runs.kept(r, s)] for s in language_models.RUNS}
    if any(made.values()):
        old = kept.read(ROWS) if ROWS.is_file() else []
        kept.write([*(row for row in old if not made.get(row["settings"])), *sum(made.values(), [])], ROWS)
    PAGE.write_text(language_models.page(kept.read(ROWS)), encoding="utf-8")


if __name__ == "__main__":
    main()
