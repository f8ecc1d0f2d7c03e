"""The documentation is true: its snippets run, its commands exist, and what is generated leaves nothing out."""

import re
import shlex
import tomllib
from dataclasses import fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner
from sample import lay_features

from inffeed_core.cli import main
from inffeed_core.flags.policies import RANKINGS
from inffeed_core.studies.draws import RepairSet

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
WALK = ("index.md", "researchers.md", "leads.md", "policies.md")
"""Whose `sh` blocks are run, in this order and in one directory."""


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def called(block: str) -> list[list[str]]:
    """The words of each line that calls `inffeed`; a `$` before it and a comment after it do not count."""
    lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == "inffeed"]


def generated() -> ModuleType:
    spec = spec_from_file_location("generated", DOCS / "hooks" / "generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_page_holds_what_a_merge_left_in_it():
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.y*ml")]
    assert len(pages) > 25
    marks = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
    assert [str(page.relative_to(ROOT)) for page in pages if marks.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param(code, id=f"{name}-{at}")
        for name, page in PAGES.items()
        for at, code in enumerate(fenced(page, "python"))
    ],
)
def test_a_snippet_runs_and_holds_what_it_asserts(snippet: str):
    assert "assert" in snippet
    exec(snippet, {})


def test_the_commands_of_the_pages_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_features: Path, sample_set: RepairSet
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "home"))
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    for arguments in (words for page in WALK for block in fenced(PAGES[page], "sh") for words in called(block)):
        if arguments[0] == "app":  # replaces the process by a server; tests/test_cli.py starts it
            continue
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"inffeed {shlex.join(arguments)}\n{result.output}"
        if arguments[0] == "new":
            lay_features(sample_features, tmp_path / arguments[1])
    assert (tmp_path / "repaired.csv").is_file()
    assert (tmp_path / "reviews-classifier" / "README.md").is_file()


@pytest.mark.parametrize("name", PAGES)
def test_every_command_and_option_that_a_page_names_exists(name: str):
    for arguments in (words for block in fenced(PAGES[name], r"\w*") for words in called(block)):
        command: click.Command = main
        while isinstance(command, click.Group):
            _, found, arguments = command.resolve_command(click.Context(command), arguments)
            assert found is not None
            command = found
        command.make_parser(click.Context(command)).parse_args(list(arguments))


def test_the_pages_with_commands_are_walked():
    named = {name for name, page in PAGES.items() if fenced(page, "sh")}
    assert named == set(WALK)


def test_every_command_is_generated_with_its_help():
    made = generated()
    page = made.commands()
    for name, command in made.each_command(main, "inffeed"):
        assert f"## {name}\n\n{(command.help or '').splitlines()[0]}" in page
        assert all(
            option in page for parameter in command.params for option in parameter.opts if option.startswith("--")
        )
    assert len(list(made.each_command(main, "inffeed"))) >= 30
    assert re.findall(r"^\| `[^`]*\|[^`]*`", page, re.MULTILINE) == []  # choices would push the meaning off the page


def test_every_setting_and_every_policy_is_told():
    made = generated()
    rows = [line for line in made.records().splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(fields(record)) for record in made.RECORDS)
    assert [row for row in rows if not row.split("|")[3].strip()] == []
    assert re.findall(r"^\| `([\w-]+)` \| \w", made.ranked(), re.MULTILINE) == list(RANKINGS)


def test_every_marker_is_one_that_is_generated():
    asked = {name for page in PAGES.values() for name in re.findall(r"<!-- generated: (\w+) -->", page)}
    assert asked == set(generated().MARKED)


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_page_points_to_is_there(name: str):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", PAGES[name])
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_the_headline_is_the_one_that_the_command_wrote():
    evidence = PAGES["evidence.md"]
    assert evidence[evidence.index("| checked |") :].split("\n\n")[0] in PAGES["worth.md"]


def test_the_picture_of_the_rooms_is_that_of_the_import_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    drawn: dict[int, list[str]] = {}
    for y, name in re.findall(r'<text x="[\d.]+" y="(\d+)" class="name">([^<]+)', picture):
        drawn.setdefault(int(y), []).extend(name.split(" · "))
    _, *rooms, ground = (drawn[y] for y in sorted(drawn))
    told = [layer.split(" | ") for layer in layers]
    assert rooms == told[: len(rooms)]
    assert ground == [name for layer in told[len(rooms) :] for name in layer]
