"""The README runs: its library example and its command line, on the sample data it names."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from sample import lay_features, messages

from inffeed_core.cli import main
from inffeed_core.studies.draws import RepairSet

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_it_is_read_in_five_minutes():
    assert len(README.splitlines()) < 130


def test_its_library_example_gives_what_it_says():
    (example,) = fenced("python")
    assert sum(bool(line) and not line.startswith(("import", "from")) for line in example.splitlines()) <= 5
    names: dict[str, object] = {}
    exec(example, names)
    assert tuple(names["scores"].shape) == (5, 200)  # type: ignore[attr-defined]


def test_the_command_line_walk_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_features: Path, sample_set: RepairSet
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (walk,) = [block for block in fenced("sh") if block.startswith("inffeed new reviews")]
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    for line in walk.strip().splitlines():
        program, *arguments = shlex.split(line)
        assert program == "inffeed"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        if arguments[0] == "new":
            lay_features(sample_features, tmp_path / arguments[1])
    assert (tmp_path / "repaired.csv").is_file()


def test_the_first_sitting_gives_the_figures_that_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message_features: Path
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "home"))
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    (walk,) = [block for block in fenced("sh") if block.startswith("inffeed new --sample")]
    told = []
    for line in walk.strip().splitlines():
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        told.append(result.stdout)
        if "new" in line:
            lay_features(message_features, tmp_path / "home" / "sample")
    flagged = re.findall(r"^ +\d+\. (message-\d+)  (\w+)", told[2], re.MULTILINE)
    meant = {one["id"]: one["gold"] for one in messages()}
    wrong = sum(meant[id] != label for id, label in flagged)
    change = r"from ([\d.]+) to ([\d.]+) \(([+\d.]+), (?:95 % )?interval ([+\d.]+) to\s([+\d.]+)"
    assert (len(flagged), told[3]) == (15, "15 decisions saved.\n")
    assert f"\n{wrong} of these 15 labels are wrong" in README
    found, said = (re.search(change, text) for text in (told[4], README))
    assert found is not None
    assert said is not None
    assert [float(one) for one in found.groups()] == pytest.approx([float(one) for one in said.groups()], abs=0.0015)
    before, after, gain, low, high = (float(one) for one in found.groups())
    assert (wrong >= 12, gain - (high - low) / 2 >= 0.03, low > 0) == (True, True, True)


def test_every_make_target_that_it_names_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE))
    assert named
    assert named <= targets


def test_every_file_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    links += re.findall(r'src(?:set)?="([^"]+)"', README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_page_of_the_documentation_that_users_read_is_named():
    read_on_the_site = {"commands.md", "settings.md", "releasing.md"}
    read_on_the_site |= {"evidence_fine_tuned.md", "evidence_fine_tuned_again.md", "evidence_language_models.md"}
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - read_on_the_site
    assert pages <= set(re.findall(r"\]\(docs/([a-z_]+\.md)", README))
