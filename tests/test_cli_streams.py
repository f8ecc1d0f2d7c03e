"""Commands answer in whatever encoding their output has, and tell every error in words."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import Timeout
from reviewing import Filling, make_reviewable

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.project import folder
from inffeed_core.project.folder import Project
from inffeed_core.records import Interval, Metrics

ODD = "a text → “with” everything… 退款 👍 é"
NARROW = ["latin-1", "cp1252", "ascii", "cp437", "shift_jis"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_reviewable(tmp_path_factory.mktemp("odd") / "p", Filling(silver=6, texts={"s000": ODD, "s001": ODD}))


@pytest.mark.parametrize("charset", NARROW)
@pytest.mark.parametrize("command", ["flags", "status", "versions", "jobs", "settings", "discussion", "influencers"])
def test_no_answer_stops_at_a_sign_that_the_encoding_lacks(odd: Project, charset: str, command: str) -> None:
    more = ["s000"] if command == "influencers" else []
    for json_too in ([], ["--json"]):
        result = CliRunner(charset=charset).invoke(main, [command, str(odd.folder), *more, *json_too])
        assert result.exit_code == 0, (result.output, result.exception)
        if json_too:
            json.loads(result.stdout_bytes.decode(charset))


@pytest.mark.parametrize("charset", NARROW)
def test_json_says_the_same_in_every_encoding(odd: Project, charset: str) -> None:
    narrow = CliRunner(charset=charset).invoke(main, ["flags", str(odd.folder), "--json"])
    assert ODD in [flag["text"] for flag in json.loads(narrow.stdout_bytes.decode(charset))]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252:strict", "ascii"])
def test_a_pipe_in_another_encoding_holds_the_answer(odd: Project, encoding: str) -> None:
    command = [sys.executable, "-c", "from inffeed_core.cli import main; main()", "flags", str(odd.folder)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=True)
    shown = done.stdout.decode(encoding.partition(":")[0])
    assert "a text -> " in shown
    assert "\\u9000\\u6b3e" in shown


def test_utf_8_shows_texts_as_they_are(odd: Project) -> None:
    assert ODD in CliRunner().invoke(main, ["flags", str(odd.folder)]).stdout


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help_is_shown_in_every_encoding(command: str) -> None:
    for charset in NARROW:
        assert CliRunner(charset=charset).invoke(main, [command, "--help"]).exit_code == 0


def test_versions_name_the_labels_that_have_no_gold(odd: Project) -> None:
    interval = Interval(1, 1, 1)
    with store.writing(odd.db) as db:
        made = replace(
            store.versions(db)[0], id="v9", validation=Metrics(3, interval, {"a": interval}, 0.1, 1, ("mixed",))
        )
        store.add_version(db, made)
    said = CliRunner().invoke(main, ["versions", str(odd.folder)]).stdout
    assert "1.000 (95 % interval 1.000 to 1.000; no gold of mixed)" in said
    told = json.loads(CliRunner().invoke(main, ["versions", str(odd.folder), "--json"]).stdout)
    assert told["versions"][0]["validation"]["without_gold"] == ["mixed"]


ERRORS: list[tuple[Exception, str]] = [
    (FileNotFoundError(errno.ENOENT, "No such file", "/a/file"), "/a/file is not there"),
    (PermissionError(errno.EACCES, "denied", "/a/file"), "denied access to /a/file"),
    (OSError(errno.EROFS, "Read-only file system", "/a/file"), "/a/file takes no changes"),
    (IsADirectoryError(errno.EISDIR, "Is a directory", "/a"), "The system reports about /a: Is a directory"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "Connection reset by peer"),
    (Timeout("/a/lock"), "Another program keeps /a/lock locked"),
    (UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "invalid"), "not in UTF-8: byte 1 is 0xff"),
    (json.JSONDecodeError("Expecting value", "x", 0), "line 1: Expecting value"),
    (ModuleNotFoundError("No module", name="scipy"), "The package scipy is not installed"),
    (MemoryError(), "ran out of memory"),
]


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(folder, "open_project", fail)


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_an_expected_error_is_told_in_words(monkeypatch, tmp_path: Path, error: Exception, words: str) -> None:
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "home"))
    failing(monkeypatch, error)
    result = CliRunner().invoke(main, ["versions", "somewhere"])
    assert result.exit_code == 1
    assert words in result.stderr
    assert not any(one in result.stderr for one in ("Traceback", "job's log", "unexpected"))
    assert not (tmp_path / "home").exists()


def test_a_locked_database_is_told_as_one(monkeypatch) -> None:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    failing(monkeypatch, error)
    told = CliRunner().invoke(main, ["versions", "somewhere"]).stderr
    assert "locked" in told
    assert "log" not in told


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("a\nb\x1b[2J"), RecursionError(), AssertionError()])
def test_an_unexpected_error_is_one_sentence_and_a_log(monkeypatch, tmp_path: Path, error: Exception) -> None:
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "home"))
    failing(monkeypatch, error)
    result = CliRunner().invoke(main, ["versions", "somewhere"])
    assert result.exit_code == 1
    [log] = (tmp_path / "home" / "error-logs").iterdir()
    assert str(log) in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr
    assert "Traceback" in log.read_text("utf-8")
    assert log.stat().st_mode & 0o077 == 0


def test_where_no_log_can_be_written_the_words_say_so(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INFFEED_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    failing(monkeypatch, KeyError("x"))
    assert "No log could be written" in CliRunner().invoke(main, ["versions", "somewhere"]).stderr
