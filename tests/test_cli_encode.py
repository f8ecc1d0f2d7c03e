"""`inffeed encode`: what is missing is encoded ahead, here or on Ray, and a dry run only says so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_models import save_model

from inffeed_core.cli import main
from inffeed_core.project.folder import Project

LEFT_ALONE = "Nothing was encoded, and nothing was changed."


def run(project: Project, *options: str) -> Result:
    return CliRunner().invoke(main, ["encode", str(project.folder), *options])


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return str(save_model(tmp_path / "tiny", "BertModel"))


def test_every_text_is_encoded_once_and_a_dry_run_encodes_none(project: Project, tiny: str) -> None:
    first = run(project, "--model", tiny, "--dry-run")
    assert "48 of 48 texts are still to be encoded" in first.stdout
    assert "middle+last layers, 256 tokens). They would be encoded in this process." in first.stdout
    assert LEFT_ALONE in first.stdout
    assert not list(project.features.glob("*/cache.json"))
    done = json.loads(run(project, "--model", tiny, "--json").stdout)
    assert (done["texts"], done["encoded"]) == (48, 48)
    assert json.loads(run(project, "--model", tiny, "--json").stdout)["encoded"] == 0
    assert "0 of 48 texts" in run(project, "--model", tiny, "--dry-run", "--layers", "last").stdout
    assert "48 of 48 texts" in run(project, "--model", tiny, "--dry-run", "--max-tokens", "16").stdout


def test_a_dry_run_on_ray_says_where_and_starts_nothing(
    project: Project, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inffeed_core.models.ray_cluster.require_ray", lambda: None)
    told = run(project, "--model", tiny, "--dry-run", "--ray", "local", "--workers", "3")
    assert "On Ray, started on this machine: 3 workers of 1 processor and 0 GPUs each" in told.stdout
    assert "blocks of 4 texts at most, by way of " in told.stdout
    assert LEFT_ALONE in told.stdout
    facts = json.loads(run(project, "--model", tiny, "--dry-run", "--ray", "local", "--json").stdout)
    assert facts["shards"].startswith(str((project.features / "shards").resolve()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "2"], "--workers is for Ray; name a cluster too, such as --ray local."),
        (["--shards", "s3://bucket"], "--shards is for Ray"),
        (["--ray", "ray://host:10001"], "every worker of the cluster can read and write: --shards URI."),
        (["--ray", ""], "The address of Ray is empty"),
        (["--precision", "int8", "--layers", "middle+last"], "Choose the precision float32, or the layers last."),
    ],
)
def test_options_that_cannot_work_are_refused(
    project: Project, options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inffeed_core.models.ray_cluster.require_ray", lambda: None)
    done = run(project, *options)
    assert done.exit_code != 0
    assert said in " ".join(done.stderr.split())


def test_without_ray_it_says_what_to_install_and_encodes_here_all_the_same(
    project: Project, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))
    done = run(project, "--ray", "local")
    assert done.exit_code == 1
    assert 'ray is not installed; run `pip install "inffeed[ray]"`.' in done.stderr
    assert run(project, "--model", tiny).exit_code == 0


def test_an_analysis_on_ray_encodes_there_first(project: Project, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered: list[tuple[Path, object]] = []
    monkeypatch.setattr("inffeed_core.models.ray_cluster.require_ray", lambda: None)
    monkeypatch.setattr("inffeed_core.cli.learning.encode_first", lambda p, c: ordered.append((p.folder, c.workers)))
    done = CliRunner().invoke(main, ["analyse", str(project.folder), "--ray", "local", "--workers", "2"])
    assert ordered == [(project.folder, 2)]
    assert "no model version" in done.stderr
