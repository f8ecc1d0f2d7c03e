"""The project's own Python files as trees, for tests that read the code."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """Of this file, read once a process.

    `ast.parse` counts its depth in one place for all threads of an interpreter (CPython up to 3.12), and a thread that
    prints a traceback parses too: where the two meet, the innocent one ends with a SystemError. It is then asked again.
    """
    source = path.read_text(encoding="utf-8")
    for _ in range(5):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of this file, as `ast.walk` gives them: several tests look at all files."""
    return tuple(ast.walk(tree(path)))
