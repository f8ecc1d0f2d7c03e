"""Servers forked from a process that has imported what Streamlit and the pages need: each start anew costs seconds.

    python forked_server.py

Words of a message: the environment as JSON and the arguments of Streamlit.
"""

import faulthandler
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED = (
    "inffeed_core.charts.versions",
    "inffeed_core.feedback.acts",
    "inffeed_core.jobs",
    "inffeed_core.labelling.planning",
    "inffeed_core.learning.comparing",
    "inffeed_core.project.downloads",
    "inffeed_core.project.importing",
    "inffeed_core.review.messages",
    "pandas",
    "plotly.graph_objects",
    "streamlit.starlette",
    "streamlit.web.bootstrap",
    "streamlit.web.cli",
)


def do(words: Sequence[str], log: int, jobs: int) -> None:
    """Be the server, whose jobs are done by the process at the end of this channel."""
    environment, *arguments = words
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(json.loads(environment))
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    sys.argv = ["streamlit", *arguments]
    try:
        prepared = importlib.import_module("prepared")
        prepared.wait_as_told()
        prepared.start_jobs_quickly(jobs)
        importlib.import_module("streamlit.web.cli").main(prog_name="streamlit")
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(1, str(ROOT / "tests"))
    sys.path.insert(2, str(ROOT))
    for module in NEEDED:
        importlib.import_module(module)
    importlib.import_module("forker").serve(do)
