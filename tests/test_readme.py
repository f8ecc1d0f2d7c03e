"""The README runs: its library example and its command line, on the sample data it names."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from inffeed_core.cli import main
from inffeed_core.flags.policies import POLICIES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("place", "shape"), [(0, (5, 200)), (1, (16, 64))], ids=["head", "whole model"])
def test_a_library_example_gives_what_it_says(place: int, shape: tuple[int, int]):
    example = fenced("python")[place]
    assert sum(bool(line) and not line.startswith(("import", "from")) for line in example.splitlines()) <= 5
    names: dict[str, object] = {}
    exec(example, names)
    assert tuple(names["scores"].shape) == shape  # type: ignore[attr-defined]


def test_the_command_line_walk_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (walk,) = [block for block in fenced("sh") if block.startswith("inffeed new")]
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    for line in walk.strip().splitlines():
        program, *arguments = shlex.split(line)
        assert program == "inffeed"
        if arguments[0] == "app":  # replaces the process by a server; tests/test_cli.py starts it
            continue
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert (tmp_path / "repaired.csv").is_file()


def test_every_policy_is_in_the_table():
    table = README[README.index("## Flag policies") : README.index("**Sign and unit.**")]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) >= set(POLICIES)


def test_every_file_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    links += re.findall(r'src(?:set)?="([^"]+)"', README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_headline_is_the_one_that_the_command_wrote():
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    table = page[page.index("| checked |") :].split("\n\n")[0]
    assert table in README
