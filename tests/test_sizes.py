"""No file is too long to be read in one go, and no function to be seen at once; tables of phrases aside.

No two files of tests share a name.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from sources import nodes

ROOT = Path(__file__).parents[1]
FOLDERS = ("inffeed_core", "pages", "tests", "benchmarks", "docs", "sample_data")
LINES, BODY = 400, 40
"""At most, of a file and of a function's body without its docstring."""


def sources() -> Iterator[Path]:
    yield ROOT / "app.py"
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of its body."""
    told = ast.get_docstring(function) is not None
    statements = function.body[told:]
    return 1 + (function.end_lineno or 0) - statements[0].lineno if statements else 0


def test_every_file_is_short_enough() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 300
    long = {path: lines for path, lines in lengths.items() if lines > LINES and "languages" not in path.parts}
    assert {str(path.relative_to(ROOT)): lines for path, lines in long.items()} == {}


def test_every_function_is_short_enough() -> None:
    found = {}
    for path in sources():
        for node in nodes(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (lines := body(node)) > BODY:
                found[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert found == {}


def test_every_file_of_tests_has_a_name_of_its_own() -> None:
    """Pytest imports them by it: two of one name cannot be collected in one run."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) > 200
    assert {name for name in names if names.count(name) > 1} == set()
