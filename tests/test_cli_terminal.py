"""What the command line writes to a terminal: texts and names never steer it, and Ctrl-C says what was kept."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from commands import run
from reviewing import Filling, make_reviewable

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.jobs import kinds
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Example, Progress, Split

STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\x9d\x08\x7fred\rgone"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
IMPORT = [sys.executable, "-c", "from inffeed_core.cli import main; main()", "import"]


@pytest.fixture(scope="module")
def steering(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Texts, ids, sources, notes and annotators that a terminal would obey."""
    texts = {f"s{n:03}": f"{STEERING} {n}" for n in range(4)} | {"t000": STEERING, "t001": STEERING, "v000": STEERING}
    project = make_reviewable(tmp_path_factory.mktemp("steering") / "project", Filling(silver=6, train=4, texts=texts))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(STEERING, "An id.", "negative", Split.SILVER, source=STEERING)])
        for n, act in enumerate((Act.FLAG, Act.RELABEL)):
            label = "positive" if act is Act.RELABEL else None
            store.record_decision(db, Decision(f"d{n}", f"s00{n}", f"Eve{STEERING}", act, label, note=STEERING))
        proposed = [("s002", "negative", "positive", 0.5), (STEERING, "negative", None, 0.4)]
        voters = {"s002": [("t001", "positive", -0.02, "negative", 0.02)]}
        store.add_proposals(db, "v1", 2, {"method": "discard"}, proposed, voters)
    return project


COMMANDS = [
    ["status"],
    ["flags"],
    ["influencers", "s002"],
    ["discussion"],
    ["audit"],
    ["versions"],
    ["feedback", "show"],
    ["settings"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_texts_and_names_steer_no_terminal(steering: Project, command: list[str]) -> None:
    name = command[: 2 if command[0] == "feedback" else 1]
    more = command[len(name) :]
    words = run(*name, steering.folder, *more)
    assert not CONTROLS.search(words.output)
    data = run(*name, steering.folder, *more, "--json")
    assert not CONTROLS.search(data.output)
    json.loads(data.stdout)


def test_the_escaped_text_is_told_and_json_keeps_it_whole(steering: Project) -> None:
    assert "\\x1b]0;owned\\x07" in run("flags", steering.folder).stdout
    flags = json.loads(run("flags", steering.folder, "--json").stdout)
    with store.reading(steering.db) as db:
        assert {flag["text"] for flag in flags} == {
            one.text for one in store.find(db, [f["id"] for f in flags]).values()
        }


@pytest.mark.parametrize(
    "arguments",
    [
        ["undo", "--annotator", STEERING],
        ["decide", f"none{STEERING}", "positive", "--annotator", "Eve"],
        ["decide", "s002", f"no label{STEERING}", "--annotator", "Eve"],
        ["import", f"none{STEERING}.csv"],
        ["cancel", STEERING],
    ],
    ids=lambda a: a[0],
)
def test_errors_that_quote_them_steer_none_either(steering: Project, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [arguments[0], str(steering.folder), *arguments[1:]])
    assert result.exit_code in (1, 2)
    assert "red" in result.output
    assert not CONTROLS.search(result.output)


def test_a_file_that_is_shown_steers_none(steering: Project, tmp_path: Path) -> None:
    file = tmp_path / f"a{STEERING}.csv".replace("/", "")
    file.write_text(f'text,label\n"{STEERING}",positive\nfine,{STEERING}\n', newline="")
    shown = CliRunner().invoke(main, ["import", str(steering.folder), str(file), "--split", "train", "--dry-run"])
    assert "owned" in shown.output
    assert not CONTROLS.search(shown.output)


def interrupted(project: Project, settings: Mapping[str, Any], progress: Progress) -> dict[str, object]:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("command", "kind", "said"),
    [
        (["retrain"], "retrain", "Cancelled. Nothing was changed.\n"),
        (["feedback", "apply"], "feedback", "Cancelled. Nothing was changed.\n"),
        (["feedback", "apply", "--rounds", "2"], "feedback", "Cancelled. Rounds that validation had confirmed stay"),
    ],
    ids=["retrain", "one round", "rounds"],
)
def test_ctrl_c_says_in_one_line_what_was_kept(
    steering: Project, monkeypatch: pytest.MonkeyPatch, command: list[str], kind: str, said: str
) -> None:
    monkeypatch.setitem(kinds.KINDS, kind, interrupted)
    name = command[: 2 if command[0] == "feedback" else 1]
    annotator = ["--annotator", "Ana"] if kind == "feedback" else []
    told = run(*name, steering.folder, *command[len(name) :], *annotator, code=130)
    assert said in told.stderr
    assert "Aborted" not in told.output


def test_ctrl_c_in_a_long_import_says_so_and_leaves_no_child(tmp_path: Path) -> None:
    project = make_reviewable(tmp_path / "project", Filling(silver=2))
    file = tmp_path / "long.jsonl"
    file.write_text('{"text": "%s", "label": "positive"}\n' % ("a" * 40) * 600_000)
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        [*IMPORT, str(project.folder), str(file), "--split", "silver"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed,
    )
    deadline = time.monotonic() + 60
    while not psutil.Process(child.pid).children():  # that one reads
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does
    out, errors = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert errors.endswith("Cancelled. Nothing was changed.\n")
    assert "Aborted" not in errors
    assert "Traceback" not in errors
    with store.reading(project.db) as db:
        assert store.count_instances(db) == 22
