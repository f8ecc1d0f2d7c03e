"""Commands of `inffeed` as the tests give them, in this process."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from inffeed_core.cli import main


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def answer(*arguments: object) -> object:
    return json.loads(run(*arguments, "--json").stdout)


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
