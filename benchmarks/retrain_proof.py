"""Retraining held to its word on real data: killed, gone on with, exported, and loaded where InfFeed is unknown.

    python -m benchmarks.retrain_proof --data FOLDER [--set irony] [--method fine-tune] [--epochs 2] [--texts N]
        [--work FOLDER] [--json FILE]

All of it goes through the command line. One project is retrained, its process killed with SIGKILL after the first
checkpoint, and retrained again; a second project of the same texts is trained without a pause. Then the version is
exported, and a new virtual environment that holds torch and transformers alone, as requirements.txt pins them, predicts
the test split by a plain `pipeline`. What the set calls seed becomes gold, its extension silver with the gold label, so
that nothing depends on another model's labels. --texts takes the first of both. What is in WORK already is not done
again, so that a run that was cut off goes on.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Job, ModelVersion, Split
from inffeed_core.studies.sets import read_set

ROOT = Path(__file__).parents[1]
INFFEED = (sys.executable, "-c", "from inffeed_core.cli import main; main()")
SPLITS = {"seed": Split.TRAIN, "extension": Split.SILVER, "validation": Split.VALIDATION, "test": Split.TEST}
PINNED = ("torch", "transformers")
LOOKS = 0.05
"""Seconds between two looks at the job's row."""
PLAIN = """
import importlib.util, json, sys
from transformers import pipeline
assert importlib.util.find_spec("inffeed_core") is None
classify = pipeline("text-classification", model=sys.argv[1], device="cpu")
json.dump(classify(json.load(sys.stdin), truncation=True, top_k=None), sys.stdout)
"""


@dataclass
class Watched:
    """What a retraining showed while it ran; seconds since its command was started."""

    progress_after: float | None = None
    """When the job's row first told of progress."""
    step_after: float | None = None
    """When it first told of a step done, or gone on from."""
    step: int = 0
    """How many steps were done by then."""
    killed_at: int = 0
    """How many were done when it was killed; 0 where it was not."""
    checkpoint: int = 0
    """The latest checkpoint that was whole by then."""

    def look(self, job: Job, seconds: float) -> None:
        if self.progress_after is None and job.stage:
            self.progress_after = seconds
        if job.stage == "Fine-tuning" and job.done and not self.step:
            self.step_after, self.step = seconds, job.done


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrain_proof")
    parser.add_argument("--data", type=Path, required=True, help="folder of <set>.jsonl.gz files")
    parser.add_argument("--set", default="irony")
    parser.add_argument("--method", choices=("fine-tune", "lora"), default="fine-tune")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--texts", type=int, help="learn from the first so many only; all unless given")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "inffeed-retrain-proof")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    told = proof(wanted, read_set(wanted.data, wanted.set))
    print("| what | measured |\n| --- | --- |")
    print("\n".join(f"| {what} | {value} |" for what, value in told.items()))
    if wanted.json:
        wanted.json.write_text(json.dumps(told, indent=1))


def proof(wanted: argparse.Namespace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    learned = [row for row in rows if row["split"] in ("seed", "extension")][: wanted.texts]
    rows = learned + [row for row in rows if row["split"] in ("validation", "test")]
    work = wanted.work / f"{wanted.set}-{wanted.method}-{len(learned)}-{wanted.epochs}"
    how = ("--method", wanted.method, "--epochs", wanted.epochs, "--recipe", "plain")
    killed, whole = Project(work / "killed"), project_of(work / "whole", rows)
    seen = retrained_twice(killed, rows, how, work / "watched.json")
    if not versions(whole):
        inffeed("train", whole.folder, *how)
    ours, theirs = versions(killed)[0], versions(whole)[0]
    exported = work / "exported"
    if not exported.exists():
        inffeed("export-model", killed.folder, ours.id, exported)
    return {
        "texts learned from, steps": f"{len(learned):,}, {tuning(ours)['steps']}",
        **told_of(*seen),
        "weights equal to those of a run without a pause": ours.weights_hash == theirs.weights_hash,
        **scores(theirs),
        "MB of the version on disk": round(size(whole.models / theirs.id) / 1e6, 1),
        **agreement(killed, exported, wanted.work / "plain"),
    }


def project_of(folder: Path, rows: Sequence[dict[str, Any]]) -> Project:
    """The project of these rows, made and filled by the command line unless it is there."""
    project = Project(folder)
    if not project.db.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        table = folder.with_suffix(".jsonl")
        kept = [{"id": r["id"], "text": r["text"], "label": r["gold"], "split": SPLITS[r["split"]]} for r in rows]
        table.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        inffeed("new", folder, "--labels", ",".join(sorted({row["gold"] for row in rows})))
        inffeed("import", folder, table, "--split-column", "split")
    return project


def inffeed(*arguments: object) -> None:
    subprocess.run([*INFFEED, *map(str, arguments)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def retrained_twice(
    project: Project, rows: Sequence[dict[str, Any]], how: Sequence[object], record: Path
) -> tuple[Watched, Watched]:
    """Retrain, kill it after its first checkpoint, and retrain; (what the first showed, what the second did)."""
    if not record.exists():
        shutil.rmtree(project.folder, ignore_errors=True)
        project_of(project.folder, rows)
        both = retrained(project, how, kill=True), retrained(project, how, kill=False)
        record.write_text(json.dumps([asdict(each) for each in both]))
    first, second = json.loads(record.read_text())
    return Watched(**first), Watched(**second)


def retrained(project: Project, how: Sequence[object], *, kill: bool) -> Watched:
    """Retrain by the command line, looking at the job's row; with `kill`, SIGKILL it once there is a checkpoint."""
    with store.reading(project.db) as db:
        earlier = {job.id for job in store.jobs(db)}  # a killed one's row may still say that it runs
    seen, began = Watched(), time.monotonic()
    process = subprocess.Popen(
        [*INFFEED, "retrain", str(project.folder), *map(str, how)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        with store.reading(project.db) as db:
            jobs = [job for job in store.open_jobs(db) if job.id not in earlier]
        for job in jobs:
            seen.look(job, time.monotonic() - began)
            if kill and (checkpoint := latest_checkpoint(project)):
                process.kill()
                seen.killed_at, seen.checkpoint = job.done, checkpoint
        time.sleep(LOOKS)
    if process.returncode != (-signal.SIGKILL if kill else 0):
        raise SystemExit(f"`inffeed retrain` ended with {process.returncode}.")
    if kill and versions(project):
        raise SystemExit("The killed retraining left a version.")
    return seen


def latest_checkpoint(project: Project) -> int:
    """Step of the latest whole one, whose state file is written last; 0 before the first."""
    found = (project.features / "fine-tuning").glob("*/checkpoint-*/trainer_state.json")
    return max((int(path.parent.name.rpartition("-")[2]) for path in found), default=0)


def versions(project: Project) -> list[ModelVersion]:
    with store.reading(project.db) as db:
        return store.versions(db)


def told_of(first: Watched, second: Watched) -> dict[str, Any]:
    return {
        "s from the command to the first progress; to the first step": f"{first.progress_after:.1f}; "
        f"{first.step_after:.1f}",
        "killed at step; its latest checkpoint": f"{first.killed_at}; {first.checkpoint}",
        "the next run began at step": second.step,
        "s from its command to that step": round(second.step_after or 0, 1),
    }


def tuning(version: ModelVersion) -> dict[str, Any]:
    told = version.report["fine_tuning"]
    assert isinstance(told, dict)
    return told


def scores(version: ModelVersion) -> dict[str, Any]:
    """Of the run without a pause, whose time is whole."""
    told = tuning(version)
    kept = next(point for point in told["curve"] if point["step"] == told["best_step"])
    return {
        "s of fine-tuning without a pause": round(told["seconds"]),
        "best step by validation loss": told["best_step"],
        "macro-F1 on validation, own head": round(kept["macro_f1"], 3),
        "macro-F1 on validation, refitted head": round(version.validation.macro_f1.value, 3),
        "macro-F1 on test, refitted head": round(version.test.macro_f1.value, 3),
    }


def size(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def agreement(project: Project, exported: Path, environment: Path) -> dict[str, Any]:
    """The project's own predictions on test beside those of a plain pipeline in an environment without InfFeed."""
    with store.reading(project.db) as db:
        texts = {one.id: one.text for one in store.instances(db, [Split.TEST])}
        ours = store.scored(db, store.latest_analysis(db, versions(project)[0].id).id)
    ours = [row for row in ours if row.instance in texts]
    found = plain_predictions(exported, [texts[row.instance] for row in ours], plain_python(environment))
    theirs = [{each["label"]: each["score"] for each in one} for one in found]
    same = sum(max(one, key=one.__getitem__) == row.predicted for row, one in zip(ours, theirs, strict=True))
    gap = max(abs(one[row.predicted] - row.probability) for row, one in zip(ours, theirs, strict=True))
    return {
        "test texts with the same label in a plain pipeline": f"{same:,} of {len(ours):,}",
        "largest difference of a probability": f"{gap:.1e}",
    }


def plain_python(environment: Path) -> Path:
    """The Python of a virtual environment with torch and transformers alone, made unless it is there."""
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        pins = re.findall(rf"^(?:{'|'.join(PINNED)})==\S+", (ROOT / "requirements.txt").read_text(), re.M)
        subprocess.run([python, "-m", "pip", "install", "-q", *pins], check=True)
    return python


def plain_predictions(folder: Path, texts: Sequence[str], python: Path) -> list[list[dict[str, Any]]]:
    """Of each text, every label with its probability. Isolated from this folder and the user's own packages."""
    run = subprocess.run(
        [python, "-I", "-c", PLAIN, str(folder)], input=json.dumps(texts), text=True, check=True, stdout=subprocess.PIPE
    )
    return list(json.loads(run.stdout))


if __name__ == "__main__":
    main()
