"""Silver labels by command."""

from pathlib import Path

import pytest
from commands import answer, run, write
from labelling.endpoint_server import Server, serving
from tiny_models import save_model

from inffeed_core.models.encoding import Encodings, Work, here
from inffeed_core.models.ray_cluster import Cluster
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.store import reading, silver_labels, sources


@pytest.fixture
def server():
    with serving() as state:
        yield state


def made(project: Project) -> list[str]:
    with reading(project.db) as db:
        return [one.name for one in sources(db)]


def test_rules_make_sources(project: Project, tmp_path: Path) -> None:
    rules = write(tmp_path / "r.py", ["def broken(text):", "    return 'negative' if 'broke' in text else None"])

    said = run("label", project.folder, "--with", "rules", "--rules", rules, "--splits", "silver, train").stdout

    assert "32 texts were labelled.\nbroken: 16 labels." in said
    assert made(project) == ["made", "broken"]
    with reading(project.db) as db:
        assert {one.label for one in silver_labels(db) if one.source == "broken"} == {"negative"}


def test_texts_are_sent_only_with_consent(project: Project, server: Server) -> None:
    asked = ("label", project.folder, "--with", "llm", "--endpoint", server.url, "--model", "m", "--limit", 3)

    dry = run(*asked, "--dry-run", "--price-in", 1, "--price-out", 1).stdout
    assert f"sent to {server.url}: at most 3 requests" in dry
    assert "would cost about 0.00" in dry
    assert "Answer with JSON and nothing else" in dry
    run(*asked, code=130)  # nobody answers the question
    assert server.asked == []
    assert made(project) == ["made"]

    assert answer(*asked, "--yes") == {"texts": 3, "labels": {"m": 3}, "unlabelled": {"m": 0}}
    assert len(server.asked) == 3
    assert "No text was left to label" not in run(*asked, "--yes").stdout  # the next three
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--with", "llm", "--model", "m"), "expected a URL"),
        (("--with", "llm", "--endpoint", "http://x/v1"), "needs model"),
        (("--with", "zero-shot"), "needs model"),
        (("--with", "rules"), "needs rules"),
        (("--with", "own", "--splits", "test"), "Test gold is only for reports"),
        (("--with", "own", "--name", "vote"), "vote"),
        (("--with", "llm", "--model", "m", "--endpoint", "http://x/v1", "--samples", "0"), "samples is 0"),
    ],
)
def test_what_cannot_work_is_told(project: Project, options: tuple[str, ...], words: str) -> None:
    assert words in run("label", project.folder, *options, code=1).stderr


def test_files_that_cannot_be_read_are_told(project: Project, tmp_path: Path) -> None:
    llm = ("label", project.folder, "--with", "llm", "--model", "m", "--endpoint", "http://x/v1")
    latin = tmp_path / "prompt.txt"
    latin.write_bytes("Größe {text}".encode("latin-1"))

    assert "not in UTF-8" in run(*llm, "--prompt", latin, code=1).stderr
    assert "no {text}" in run(*llm, "--prompt", write(tmp_path / "p.txt", ["Label it."]), code=1).stderr
    assert "is no JSON" in run(*llm, "--descriptions", write(tmp_path / "d.json", ["{"]), code=1).stderr
    assert "expected MODEL=PROJECT" in run(*llm, "--map", "x", code=2).stderr


def test_texts_are_encoded_on_ray_before_they_are_labelled(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(tmp_path / "model", "BertForSequenceClassification", id2label={0: "negative", 1: "positive"})
    monkeypatch.setattr("inffeed_core.models.ray_cluster.require_ray", lambda: None)
    asked: list[tuple[int | None, int]] = []

    def encoded(cluster: Cluster, work: Work) -> Encodings:
        asked.append((cluster.workers, len(work.missing)))
        return here(work)

    monkeypatch.setattr("inffeed_core.models.on_ray._encoded", encoded)
    label = ("label", project.folder, "--with", "classifier", "--model", model, "--ray", "local", "--workers", 2)
    told = run(*label, "--dry-run").stdout
    assert "40 texts are still to be encoded for it with " in told
    assert "On Ray, started on this machine: 2 workers of 1 processor" in told
    assert asked == []
    assert list(answer(*label)["labels"].values()) == [40]
    assert asked == [(2, 40)]  # and nothing was left to encode here
    own = ("label", project.folder, "--with", "own", "--ray", "local", "--again", "--splits", "silver")
    change_settings(project, model=str(model))
    assert answer(*own)["texts"] == 20
    assert asked[1:] == []  # the gold and the silver texts were encoded before


@pytest.mark.parametrize(
    ("means", "words"),
    [
        (("llm", "--model", "m", "--endpoint", "http://x/v1"), "other machines make it no faster. Leave out --ray"),
        (("rules", "--rules", __file__), "run in this process, in seconds. Leave out --ray."),
    ],
)
def test_ray_is_refused_for_what_is_not_computed_there(
    project: Project, means: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inffeed_core.models.ray_cluster.require_ray", lambda: None)
    assert words in run("label", project.folder, "--with", *means, "--ray", "local", code=1).stderr
    assert "name a cluster too" in run("label", project.folder, "--with", "own", "--shards", "x", code=2).stderr
