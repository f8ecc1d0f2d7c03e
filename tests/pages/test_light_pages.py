"""No page imports torch, which costs seconds and hundreds of megabytes in the server, or shows its own comments."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sources import tree

from pages.components.navigation import PAGES

ROOT = Path(__file__).parents[2]

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
        cwd=ROOT,
        env=os.environ | {"INFFEED_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("page", [page for page, *_ in PAGES])
def test_no_page_shows_what_documents_its_code(open_page, reviewable_project, page):
    code = tree(ROOT / page)
    told = [one.value.value for one in code.body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)]
    app = open_page(Path(page).stem, reviewable_project)
    assert set(told) & {one.value for one in app.markdown} == set()
