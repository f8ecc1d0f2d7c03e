"""No page imports torch: it costs seconds and hundreds of megabytes in the server."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from streamlit.testing.v1 import AppTest

from pages.components.navigation import PAGES

for page, *_ in PAGES:
    app = AppTest.from_file("app.py", default_timeout=60)
    app.query_params["project"] = sys.argv[1]
    app.switch_page(page).run()
    assert not app.exception, (page, app.exception)
    assert app.title, page
heavy = sorted(name for name in ("torch", "transformers", "sklearn") if name in sys.modules)
assert not heavy, heavy
"""


def test_running_every_page_leaves_torch_and_transformers_out(reviewable_project, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(reviewable_project.folder)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"INFFEED_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
