"""The command line does the whole job, explains its errors, and keeps answers apart from progress."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from commands import answer, run, write
from forked import forked
from small import examples
from tiny_models import save_model

from inffeed_core.cli import main
from inffeed_core.errors import Cancelled
from inffeed_core.jobs import kinds
from inffeed_core.project.folder import Project, open_project, settings_of
from inffeed_core.records import JobState, Progress, Split
from inffeed_core.store import (
    active_version,
    count_by_split,
    count_instances,
    find,
    jobs,
    reading,
    versions,
)

COMMANDS = sorted(main.commands)
INFFEED = [sys.executable, "-c", "from inffeed_core.cli import main; main()"]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    run("new", tmp_path / "reviews", "--labels", "negative, positive")
    return tmp_path / "reviews"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    shown = run(command, "--help").stdout
    assert "Example" in shown
    assert f"inffeed {command}" in shown


def test_the_commands_are_listed() -> None:
    shown = run("--help").stdout
    assert all(f"\n  {command} " in shown for command in COMMANDS)
    assert "..." not in shown.split("Commands:")[1].split("Example")[0]


def test_new_makes_a_project(tmp_path: Path) -> None:
    run("new", tmp_path / "p", "--labels", "b,a", "--name", "My reviews", "--seed", 3)
    made = settings_of(open_project(tmp_path / "p"))
    assert (made.name, made.labels, made.seed) == ("My reviews", ("b", "a"), 3)
    assert "is already a project" in run("new", tmp_path / "p", "--labels", "a,b", code=1).stderr
    assert "at least two" in run("new", tmp_path / "q", "--labels", "a", code=1).stderr
    assert "--labels" in run("new", tmp_path / "q", code=2).stderr
    assert not (tmp_path / "q").exists()


def test_import_guesses_columns_and_obeys_options(empty: Path, tmp_path: Path) -> None:
    plain = write(tmp_path / "train.csv", ["id,text,label", "a,one text,positive", "b,another text,negative"])
    assert "Imported 2 train" in run("import", empty, plain).stdout
    odd = write(
        tmp_path / "odd.tsv", ["words\tverdict\tkey\tby", "a third text\tgut\tc\tVADER", "a fourth\tschlecht\td\tVADER"]
    )
    mapped = ["--map", "gut=positive", "--map", "schlecht=negative"]
    columns = ["--text", "words", "--label", "verdict", "--id", "key", "--source", "by"]
    result = answer("import", empty, odd, "--split", "silver", *columns, *mapped)
    assert isinstance(result, dict)
    assert result["added"]["silver"] == 2
    with reading(open_project(empty).db) as db:
        found = find(db, ["a", "c"])
    assert (found["a"].split, found["c"].split, found["c"].label, found["c"].source) == (
        Split.TRAIN,
        Split.SILVER,
        "positive",
        "VADER",
    )


def test_import_takes_the_split_from_a_column(empty: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", ["text,label,part", "one,positive,train", "two,negative,dev"])
    run("import", empty, path, "--split-column", "part")
    with reading(open_project(empty).db) as db:
        counts = count_by_split(db)
    assert (counts[Split.TRAIN], counts[Split.VALIDATION]) == ({"positive": 1}, {"negative": 1})


def test_a_bad_file_is_refused_with_row_numbers_and_changes_nothing(empty: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.csv", ["text,label", "fine,positive", "odd,neutral", ",negative"])
    for dry in ([], ["--dry-run"]):
        refused = run("import", empty, path, "--split", "train", *dry, code=1)
        assert "Row 2" in refused.stderr
        assert "Row 3" in refused.stderr
    with reading(open_project(empty).db) as db:
        assert count_instances(db) == 0
    assert "--map" in run("import", empty, path, "--map", "neutral", code=2).stderr
    assert "Error" in run("import", empty, tmp_path / "missing.csv", code=1).stderr


def test_import_warns_of_duplicates_and_leaks_and_leaves_them_out(empty: Path, tmp_path: Path) -> None:
    run("import", empty, write(tmp_path / "test.csv", ["text,label", "held out,positive"]), "--split", "test")
    path = write(tmp_path / "s.csv", ["text,label", "Held  out,negative", "twice,negative", "twice,negative"])
    warned = run("import", empty, path, "--split", "silver", "--dry-run")
    assert "--leave-out-leaks" in warned.stderr
    assert "--leave-out-duplicates" in warned.stderr
    assert "Nothing was changed" in warned.stdout
    clean = run("import", empty, path, "--split", "silver", "--leave-out-leaks", "--leave-out-duplicates")
    assert "Warning" not in clean.stderr
    assert "Imported 1 silver" in clean.stdout
    assert "Left out 1 duplicate and 1 leak" in clean.stdout


def test_export_and_import_again(project: Project, tmp_path: Path) -> None:
    run("decide", project.folder, "silver-3", "positive", "--annotator", "Ana")
    for name in ("all.csv", "all.jsonl.gz", "all.parquet"):
        assert "48 texts" in run("export", project.folder, tmp_path / name).stdout
        again = tmp_path / f"again {name}"
        run("new", again, "--labels", "negative,positive")
        run("import", again, tmp_path / name)
        with reading(open_project(again).db) as db:
            assert count_instances(db) == 48
            assert find(db, ["silver-3"])["silver-3"].label == "positive"
    assert "20 texts" in run("export", project.folder, tmp_path / "s.csv", "--split", "silver").stdout
    assert "Error" in run("export", project.folder, tmp_path / "s.odd", code=1).stderr


def test_status_names_the_next_step(project: Project, empty: Path) -> None:
    assert "Next: Train the first model." in run("status", project.folder).stdout
    told = answer("status", empty)
    assert isinstance(told, dict)
    assert told["status"]["next_step"]["step"] == "import-train"
    assert told["status"]["settings"]["labels"] == ["negative", "positive"]


def test_versions_and_promotion(reviewable_project: Project) -> None:
    assert run("versions", reviewable_project.folder).stdout.startswith("* v1")
    assert "v1 is the active version" in run("promote", reviewable_project.folder, "v1").stdout
    assert "v7" in run("promote", reviewable_project.folder, "v7", code=1).stderr


@pytest.mark.parametrize("command", ["flags", "influencers", "analyse"])
def test_a_step_that_comes_too_early_says_what_to_do_first(project: Project, command: str) -> None:
    extra = ["silver-3"] if command == "influencers" else []
    early = run(command, project.folder, *extra, code=1)
    assert "Error: " in early.stderr
    assert "Traceback" not in early.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("new", "app", "bench", "feedback", "restore")])
def test_a_folder_without_a_project_is_an_error_that_explains(tmp_path: Path, command: str) -> None:
    arguments = {
        "import": ["x.csv"],
        "export": ["x.csv"],
        "backup": ["copy"],
        "export-model": ["v1", "out"],
        "influencers": ["a"],
        "compare": ["1", "2"],
        "explain": ["a"],
        "decide": ["a", "b", "--annotator", "Ana"],
        "undo": ["--annotator", "Ana"],
        "decisions": ["--annotator", "Ana"],
        "merge": ["other"],
        "release": ["--annotator", "Ana"],
        "report": ["--to", "x.html"],
        "promote": ["v1"],
        "cancel": ["1"],
        "label": ["--with", "own"],
        "push-data": ["hf:me/data"],
        "push-model": ["v1", "hf:me/model"],
    }
    refused = run(command, tmp_path / "nowhere", *arguments.get(command, []), code=1)
    assert "There is no folder" in refused.stderr


def stopping(project: Project, settings: object, progress: Progress) -> dict[str, object]:
    progress("Thinking", 1, 2)
    raise Cancelled("Cancelled.")


def full(project: Project, settings: object, progress: Progress) -> dict[str, object]:
    raise OSError(28, "No space left on device")


def test_a_cancelled_command_ends_with_130(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KINDS, "train", stopping)
    stopped = run("train", project.folder, code=130)
    assert "Thinking" in stopped.stderr
    assert "Cancelled" in stopped.stderr
    assert stopped.stdout == ""


def test_a_full_disk_is_told_in_plain_words_and_the_model_is_not_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(kinds.KINDS, "train", full)
    before = settings_of(project)
    assert "The disk is full" in run("train", project.folder, "--model", "some/model", code=1).stderr
    assert settings_of(project) == before
    assert "failed" in run("jobs", project.folder).stdout


def test_settings_that_cannot_work_are_refused_before_a_job_starts(project: Project) -> None:
    assert "silver_weight" in run("train", project.folder, "--silver-weight", 2, code=1).stderr
    assert run("jobs", project.folder).stdout == "No job yet.\n"
    assert "no job" in run("cancel", project.folder, "abc", code=1).stderr


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["flags"], ["jobs"]])
def test_quick_commands_import_neither_torch_nor_pandas(reviewable_project: Project, arguments: list[str]) -> None:
    folder = [] if arguments == ["--help"] else [str(reviewable_project.folder)]
    code = (
        "import sys\nfrom inffeed_core.cli import main\n"
        f"main({[*arguments, *folder]!r}, standalone_mode=False)\n"
        "print([m for m in ('torch', 'transformers', 'pandas', 'pyarrow') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_whole_job_by_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", "p", "--labels", "negative,positive")
    for split in Split:
        rows = [json.dumps({"id": e.id, "text": e.text, "label": e.label}) for e in examples() if e.split is split]
        run("import", "p", write(tmp_path / f"{split}.jsonl", rows), "--split", split)
    first = run("retrain", "p")
    assert "v1 is the active version" in first.stdout
    assert "Encoding texts" in first.stderr
    flags = answer("flags", "p", "--limit", 3)
    assert isinstance(flags, list)
    run("decide", "p", flags[0]["id"], flags[0]["suggested"], "--annotator", "Ana")
    second = answer("retrain", "p")
    assert isinstance(second, dict)
    assert second["version"]["train_counts"] == {"gold": 12, "silver_confirmed": 1, "silver": 19}
    influence = answer("influencers", "p", "test-1")
    assert isinstance(influence, dict)
    assert influence["evidence"]["supporters"]
    assert "48 texts" in run("export", "p", "out.csv").stdout
    with reading(tmp_path / "p" / "project.db") as db:
        assert [v.id for v in versions(db)] == ["v1", "v2"]
        assert active_version(db) is not None
        assert [(j.kind, j.state) for j in jobs(db)] == [
            ("explain", JobState.DONE),
            ("retrain", JobState.DONE),
            ("retrain", JobState.DONE),
        ]


def test_texts_are_encoded_in_the_precision_asked_for(project: Project, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "BertModel")
    made = answer("train", project.folder, "--model", model, "--precision", "int8")
    assert isinstance(made, dict)
    assert made["version"]["settings"]["precision"] == "int8"
    assert 0.99 < made["version"]["report"]["cosine_to_float32"] < 1
    assert (
        "Encoded in int8: mean cosine of its features with float32 0.99"
        in run("train", project.folder, "--precision", "int8").stdout
    )
    run("analyse", project.folder)
    features = [folder.name for folder in project.features.iterdir() if not folder.name.startswith("lengths-")]
    assert [name.endswith("-int8") for name in features] == [True]


def test_tiers_are_computed_listed_and_compared(project: Project, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "BertModel")
    run("retrain", project.folder, "--model", model, "--max-tokens", 16)
    made = answer("analyse", project.folder, "--scope", "last-block", "--refine", "--influencers", 3)
    assert made == {"analysis": 2, "version": "v1"}
    run("retrain", project.folder, "--max-tokens", 16, "--scope", "last-block")
    listed = [line.split()[:3] for line in run("analyses", project.folder).stdout.splitlines()]
    assert listed == [["3", "v2", "last-block"], ["2", "v1", "last-block,"], ["1", "v1", "head"]]
    found = answer("compare", project.folder, 1, "v2")
    assert isinstance(found, dict)
    assert (found["first"]["id"], found["second"]["id"]) == (1, 3)
    assert (found["silver"], found["targets"]) == (20, 40)
    assert -1 <= found["correlation"] <= 1
    assert 0 <= found["overlap"] <= 1
    said = run("compare", project.folder, 2, 2).stdout
    assert "Analyses 2 (v1, last-block, refined)" in said
    assert "rank correlation +1.00" in said
    assert "100% are the same" in said
    assert "inffeed analyses" in run("compare", project.folder, 1, "v9", code=1).stderr
    assert "exact anyway" in run("analyse", project.folder, "--refine", code=1).stderr
    checked = answer("verify", project.folder, "--refits", 3)
    assert isinstance(checked, dict)
    assert (len(checked["relabelling"]), checked["removal"]) == (3, [])  # of a whole model no text can be removed
    assert "with the suggested label: 3 texts, correlation" in run("verify", project.folder, "--refits", 3).stdout


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_the_app_starts_from_any_folder_and_listens_to_this_machine_only(project: Project, tmp_path: Path) -> None:
    port = free_port()
    command = [*INFFEED, "app", str(project.folder), "--headless", "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if k != "INFFEED_HOME"} | {"XDG_DATA_HOME": str(tmp_path)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=tmp_path, env=environment, **quiet)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as health:
                    assert health.status == 200
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"]
        assert listening == ["127.0.0.1"]
        told = psutil.Process(server.pid).environ()
        assert told["INFFEED_PROJECT"] == str(project.folder)
        assert told["INFFEED_HOME"] == str(tmp_path / "inffeed" / "projects")
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_a_host_that_is_none_is_refused_before_the_app_starts() -> None:
    result = CliRunner().invoke(main, ["app", "--headless", "--allow-host", "http://x"])
    assert result.exit_code != 0
    assert "'http://x' is not a host" in result.output


def retrain_for_long(folder: Path, told: Path) -> None:
    """What a child does, as the program does it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    with (told / "out").open("w") as sys.stdout, (told / "errors").open("w") as sys.stderr:
        main(["retrain", str(folder), "--method", "fine-tune", "--epochs", "50"])


def test_ctrl_c_cancels_and_leaves_the_project_as_it_was(project: Project, tmp_path: Path) -> None:
    child = forked(retrain_for_long, project.folder, tmp_path)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with reading(project.db) as db:
            if any(job.stage == "Fine-tuning" for job in jobs(db)):
                break
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGINT)
    child.join(timeout=60)
    errors = (tmp_path / "errors").read_text()
    assert child.exitcode == 130, errors
    assert (tmp_path / "out").read_text() == ""
    assert "Cancelled." in errors
    with reading(project.db) as db:
        assert [job.state for job in jobs(db)] == [JobState.CANCELLED]
        assert versions(db) == []


def test_settings_are_shown_and_changed(empty: Path):
    assert answer("settings", empty)["overlap"] == 1
    assert answer("settings", empty, "--overlap", 2, "--lease-minutes", 30)["lease_minutes"] == 30
    assert settings_of(open_project(empty)).overlap == 2
    assert "expected 1 to 100" in run("settings", empty, "--overlap", 0, code=1).stderr


def test_metadata_is_pinned_under_the_texts_and_taken_away_again(empty: Path, tmp_path: Path):
    file = write(tmp_path / "train.csv", ["text,label,thread,n", "Works well,positive,a 7,1"])
    run("import", empty, file)
    shown = run("settings", empty, "--context", "thread", "--context", "n", "--context", "thread")
    assert "No text has" not in shown.stderr
    assert settings_of(open_project(empty)).context == ("thread", "n")
    unknown = run("settings", empty, "--context", "tread")
    assert "No text has metadata named tread; texts have thread, n." in unknown.stderr
    assert answer("settings", empty, "--context", "")["context"] == []
    assert answer("settings", empty, "--overlap", 2)["context"] == []
