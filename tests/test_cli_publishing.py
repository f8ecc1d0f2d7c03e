"""What the command line promises of training and backups: whole or not at all, and nothing of others is lost."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from forked import ended
from small import make_small
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.cli import console, main
from inffeed_core.jobs import refresh
from inffeed_core.project.folder import Project, open_project, settings_of
from inffeed_core.project.status import status
from inffeed_core.records import Act, Decision


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


@pytest.fixture(scope="module")
def trained_by_command(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Project:
    project = make_small(tmp_path_factory.mktemp("by-command") / "project")
    run("train", project.folder, "--model", base, "--max-tokens", 32)
    return project


@pytest.fixture
def trained(trained_by_command: Project, tmp_path: Path) -> Project:
    return Project(shutil.copytree(trained_by_command.folder, tmp_path / "project"))


def in_use(project: Project) -> tuple[str, str, int]:
    """The active version, that of the analysis in use, and the open flags."""
    with store.reading(project.db) as db:
        version, analysis = store.active_version(db), store.analysis_in_use(db)
    assert version is not None
    assert analysis is not None
    return version.id, analysis.version, status(project).open_flags


def test_training_alone_brings_its_flags(trained: Project) -> None:
    assert in_use(trained) == ("v1", "v1", 20)
    run("analyse", trained.folder, "--influencers", 4)
    run("train", trained.folder, "--max-tokens", 32)
    assert in_use(trained) == ("v2", "v2", 20)
    with store.reading(trained.db) as db:
        assert store.analysis_in_use(db).settings["influencers"] == 4


def killed_at(stage: str, arguments: list[str]) -> None:
    """Run this command, and die when it says that it is so far."""
    show = console.ConsoleProgress.__call__

    def killed(self: console.ConsoleProgress, now: str, done: int, total: int) -> None:
        show(self, now, done, total)
        if now == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    console.ConsoleProgress.__call__ = killed
    main(arguments)


@pytest.mark.parametrize("stage", ["Encoding texts", "Fitting the model", "Finding influencers", "Saving the version"])
@pytest.mark.parametrize("command", ["train", "retrain"])
def test_a_killed_training_leaves_version_flags_files_and_the_model_of_the_project(
    trained: Project, tmp_path: Path, command: str, stage: str
) -> None:
    other = save_model(tmp_path / "other", "BertModel", initializer_range=0.2)
    before, about = in_use(trained), settings_of(trained)
    files = sorted(trained.models.rglob("*"))
    arguments = [command, str(trained.folder), "--model", str(other), "--max-tokens", "32"]
    assert ended(killed_at, stage, arguments) == -signal.SIGKILL
    refresh(trained)
    assert in_use(trained) == before
    assert settings_of(trained) == about
    assert sorted(trained.models.rglob("*")) == files
    run(*arguments)
    assert settings_of(trained).model == str(other)
    assert in_use(trained)[0] == in_use(trained)[1]


def test_a_backup_is_made_checked_and_opened(trained: Project, base: Path, tmp_path: Path) -> None:
    with store.writing(trained.db) as db:
        store.record_decision(db, Decision("t", "silver-3", "Ada", Act.RELABEL, "positive"))
    told = json.loads(run("backup", trained.folder, tmp_path / "copy", "--json").stdout)
    assert (told["folder"], told["versions"]) == (str(tmp_path / "copy"), 1)
    assert "is not empty" in run("backup", trained.folder, base, code=1).stderr
    copy = open_project(tmp_path / "copy")
    assert in_use(copy) == in_use(trained)
    assert run("export", copy.folder, tmp_path / "a.csv").stdout.split(" ")[0] == "48"
    run("train", copy.folder, "--max-tokens", 32)
    assert in_use(copy)[0] == "v2"
    assert in_use(trained)[0] == "v1"


def test_status_says_what_the_check_found(trained: Project) -> None:
    assert "database:   checked, whole" in run("status", trained.folder).stdout
    assert json.loads(run("status", trained.folder, "--json").stdout)["database_checked"] is True
    with store.reading(trained.db) as db:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'decision_annotator'"
        page = next(iter(db.query(sql)))["rootpage"]
    with trained.db.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    for command in ("status", "flags", "jobs", "versions"):
        refused = run(command, trained.folder, code=1)
        assert "is damaged" in refused.stderr
        assert "open a backup" in refused.stderr
