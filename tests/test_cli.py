"""The command line does the whole job, explains its errors, and keeps answers apart from progress."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result
from small import examples
from tiny_models import save_model

from inffeed_core import review
from inffeed_core.analysis import exploring
from inffeed_core.cli import main
from inffeed_core.errors import Cancelled
from inffeed_core.jobs import kinds
from inffeed_core.project.folder import Project, open_project, settings_of
from inffeed_core.records import JobState, Progress, Split
from inffeed_core.review.progress import Sitting
from inffeed_core.store import (
    active_version,
    count_by_split,
    count_instances,
    find,
    history,
    jobs,
    reading,
    versions,
)

COMMANDS = sorted(main.commands)
INFFEED = [sys.executable, "-c", "from inffeed_core.cli import main; main()"]


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def answer(*arguments: object) -> object:
    return json.loads(run(*arguments, "--json").stdout)


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


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
    assert "is a project already" in run("new", tmp_path / "p", "--labels", "a,b", code=1).stderr
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


def test_decide_one_and_undo(project: Project) -> None:
    assert "relabel saved" in run("decide", project.folder, "silver-3", "positive", "--annotator", "Ana").stdout
    [decision] = answer("decide", project.folder, "silver-5", "--act", "skip", "--annotator", "Ana")  # type: ignore[misc]
    assert decision["act"] == "skip"
    assert "skip of silver-5" in run("undo", project.folder, "--annotator", "Ana").stdout
    assert "relabel of silver-3" in run("undo", project.folder, "--annotator", "Ana").stdout
    assert "no decision left" in run("undo", project.folder, "--annotator", "Ana", code=1).stderr
    assert "nobody" in run("decide", project.folder, "nobody", "positive", "--annotator", "Ana", code=1).stderr
    assert "either an ID" in run("decide", project.folder, "--annotator", "Ana", code=2).stderr
    assert "--annotator" in run("decide", project.folder, "silver-3", "positive", code=2).stderr


def test_decide_from_a_file(project: Project, tmp_path: Path) -> None:
    good = write(tmp_path / "d.csv", ["id,label", "silver-3,positive", "silver-10,negative"])
    bad = write(tmp_path / "bad.csv", ["id,label", "silver-4,positive", "nobody,negative"])
    assert "Row 2" in run("decide", project.folder, "--file", bad, "--annotator", "Ana", code=1).stderr
    assert "2 decisions saved" in run("decide", project.folder, "--file", good, "--annotator", "Ana").stdout
    with reading(project.db) as db:
        assert {d.instance_id for d in history(db)} == {"silver-3", "silver-10"}


def test_status_names_the_next_step(project: Project, empty: Path) -> None:
    assert "Next: Train the first model." in run("status", project.folder).stdout
    told = answer("status", empty)
    assert isinstance(told, dict)
    assert told["status"]["next_step"]["step"] == "import-train"
    assert told["status"]["settings"]["labels"] == ["negative", "positive"]


def test_flags_and_influencers_of_an_analysis(reviewable_project: Project) -> None:
    folder = reviewable_project.folder
    flags = answer("flags", folder, "--limit", 2)
    assert isinstance(flags, list)
    assert [f["id"] for f in flags] == ["s000", "s001"]
    assert all(f["reason"] for f in flags)
    assert "s000" in run("flags", folder, "--policy", "knn").stdout
    assert "no-such" in run("flags", folder, "--policy", "no-such", code=2).stderr
    evidence = answer("influencers", folder, "s000")
    assert isinstance(evidence, dict)
    stored = exploring.portrait(reviewable_project, "s000").evidence
    assert stored is not None
    assert [i["id"] for i in evidence["evidence"]["supporters"]] == [i.id for i in stored.supporters]
    assert stored.supporters[0].id in run("influencers", folder, "s000", "--limit", 1).stdout


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


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("new", "app", "bench", "feedback")])
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
        "release": ["--annotator", "Ana"],
        "promote": ["v1"],
        "cancel": ["1"],
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
    assert [folder.name.endswith("-int8") for folder in project.features.iterdir()] == [True]
    run("analyse", project.folder)
    assert len(list(project.features.iterdir())) == 1


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
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
        assert told["INFFEED_HOME"] == str(tmp_path / "projects")
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_a_host_that_is_none_is_refused_before_the_app_starts() -> None:
    result = CliRunner().invoke(main, ["app", "--headless", "--allow-host", "http://x"])
    assert result.exit_code != 0
    assert "'http://x' is no host" in result.output


def test_ctrl_c_cancels_and_leaves_the_project_as_it_was(project: Project) -> None:
    command = [*INFFEED, "retrain", str(project.folder), "--method", "fine-tune", "--epochs", "50"]  # lasts
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts in the background ignores it
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen(command, **pipes, text=True, env=environment, preexec_fn=heed)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with reading(project.db) as db:
            if any(job.stage == "Fine-tuning" for job in jobs(db)):
                break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert out == ""
    assert "Cancelled." in errors
    with reading(project.db) as db:
        assert [job.state for job in jobs(db)] == [JobState.CANCELLED]
        assert versions(db) == []


def test_settings_are_shown_and_changed(empty: Path):
    assert answer("settings", empty)["overlap"] == 1
    assert answer("settings", empty, "--overlap", 2, "--lease-minutes", 30)["lease_minutes"] == 30
    assert settings_of(open_project(empty)).overlap == 2
    assert "expected 1 to 100" in run("settings", empty, "--overlap", 0, code=1).stderr


def test_flags_are_given_back(reviewable_project: Project):
    review.take(reviewable_project, Sitting("Ada"), 4)
    told = run("release", reviewable_project.folder, "--annotator", "Ada").stdout
    assert told == "4 flags are free for others again.\n"


def test_flags_can_be_filtered(reviewable_project: Project):
    found = answer("flags", reviewable_project.folder, "--label", "positive", "--search", "text 1", "--limit", 2)
    assert [flag["id"] for flag in found] == ["s001", "s011"]
    assert "KEY=VALUE" in run("flags", reviewable_project.folder, "--where", "year", code=2).stderr


def test_the_audit_tells_what_it_has_seen(reviewable_project: Project):
    told = answer("audit", reviewable_project.folder)
    assert told["counts"]["silver"] == 40
    assert told["estimate"] is None
    assert "so far 0 are audited" in run("audit", reviewable_project.folder).stdout


def test_a_discussion_is_listed_and_settled(reviewable_project: Project):
    folder = reviewable_project.folder
    run("decide", folder, "s000", "--act", "flag", "--note", "sarcasm?", "--annotator", "Ada")
    assert "Ada: flag (sarcasm?)" in run("discussion", folder).stdout
    assert answer("discussion", folder)[0]["instance"]["id"] == "s000"
    run("decide", folder, "s000", "positive", "--settle", "--annotator", "Bob")
    assert "Nothing is to be discussed" in run("discussion", folder).stdout


@pytest.fixture
def analysed(project: Project, tmp_path: Path) -> Path:
    """A project with one version on a tiny encoder."""
    base = save_model(tmp_path / "base", "BertModel", initializer_range=0.1)
    run("train", project.folder, "--model", base, "--max-tokens", 32)
    return project.folder


@pytest.mark.parametrize("command", sorted(main.commands["feedback"].commands))  # type: ignore[attr-defined]
def test_every_feedback_command_has_help_with_an_example(command: str) -> None:
    shown = run("feedback", command, "--help").stdout
    assert f"inffeed feedback {command}" in shown


def test_feedback_is_proposed_shown_applied_and_undone(analysed: Path) -> None:
    with reading(open_project(analysed).db) as db:
        before = count_by_split(db)
    proposed = answer("feedback", "propose", analysed, "--method", "confident-learning", "--cap", 0.3)
    assert isinstance(proposed, dict)
    ids = [one["id"] for one in proposed["proposals"]]
    assert proposed["set"]["id"] == 1
    assert ids
    shown = run("feedback", "show", analysed, "--id", ids[0]).stdout
    assert f"1. {ids[0]}" in shown
    assert "(train, " in shown or "(silver, " in shown
    tried = run("feedback", "apply", analysed, "--annotator", "Ana").stdout
    assert "95 % interval" in tried
    if "did not confirm" in tried:
        run("feedback", "apply", analysed, "--annotator", "Ana", "--unchecked")
    (act,) = answer("feedback", "acts", analysed)
    assert act["relabelled"] == len(ids)
    assert (
        "only they can undo it" in run("feedback", "undo", analysed, act["token"], "--annotator", "Ben", code=1).stderr
    )
    assert f"{len(ids)} relabelled" in run("feedback", "undo", analysed, "--annotator", "Ana").stdout
    with reading(open_project(analysed).db) as db:
        assert count_by_split(db) == before
    assert "applied no feedback that stands" in run("feedback", "undo", analysed, "--annotator", "Ana", code=1).stderr


def test_proposals_can_be_sent_to_review(analysed: Path) -> None:
    run("analyse", analysed, "--influencers", 3)
    proposed = answer("feedback", "propose", analysed, "--method", "confident-learning", "--cap", 0.3)
    assert isinstance(proposed, dict)
    first = proposed["proposals"][0]["id"]
    assert "1 text was sent" in run("feedback", "send", analysed, "--id", first, "--annotator", "Ana").stdout
    assert [flag["id"] for flag in answer("flags", analysed, "--policy", "feedback")] == [first]


def test_feedback_comes_after_a_model(project: Project) -> None:
    assert "train one first" in run("feedback", "propose", project.folder, code=1).stderr
    assert "no proposals yet" in run("feedback", "show", project.folder, code=1).stderr
    assert "cap is 2.0" in run("feedback", "propose", project.folder, "--cap", 2, code=1).stderr


def test_status_tells_what_is_undecided_and_flags_lists_it(reviewable_project):
    folder = str(reviewable_project.folder)
    for id, said in (
        ("s000", ["positive"]),
        ("s001", ["--act", "keep"]),
        ("s002", ["--act", "skip", "--note", "long"]),
    ):
        run("decide", folder, id, *said, "--annotator", "Ada")
    told = run("status", folder).output
    assert "37 open flags, 1 skipped" in told
    assert "since then 1 corrected, 1 confirmed" in told
    assert "s002" in run("flags", folder, "--undecided", "skip").output
    assert "s002" not in run("flags", folder, "--undecided", "unsure").output
