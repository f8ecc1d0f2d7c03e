"""Records of more than three fields are made by keyword: guidelines that were passed by position ended as labels."""

import ast
from pathlib import Path

from sources import tree

ROOT = Path(__file__).parents[1]
SOURCES = [path for part in ("inffeed_core", "pages", "benchmarks") for path in (ROOT / part).rglob("*.py")]
BY_POSITION = 3
"""So many fields may be told without their names; what comes after them says what it is."""


def _trees() -> dict[Path, ast.Module]:
    return {path: tree(path) for path in SOURCES}


def _records(trees: dict[Path, ast.Module]) -> dict[str, int]:
    """Names of the dataclasses, with how many fields each has."""
    return {
        node.name: sum(isinstance(one, ast.AnnAssign) for one in node.body)
        for program in trees.values()
        for node in ast.walk(program)
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    }


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_records_of_more_than_three_fields_are_made_by_keyword() -> None:
    trees = _trees()
    large = {name for name, fields in _records(trees).items() if fields > BY_POSITION}
    assert "ProjectSettings" in large
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno} {_name(call)}"
        for path, program in trees.items()
        for call in ast.walk(program)
        if isinstance(call, ast.Call)
        and _name(call) in large
        and (len(call.args) > BY_POSITION or any(isinstance(one, ast.Starred) for one in call.args))
    ]
    assert not found, "by position: " + ", ".join(found)
