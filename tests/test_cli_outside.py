"""Commands for other programs: keys are shown once, and the server starts for a project or for a folder of them."""

import socket
import sys
from pathlib import Path

import pytest
from commands import answer, run

from inffeed_core.api import serving
from inffeed_core.project.folder import Project


def test_keys_are_made_listed_replaced_and_revoked(project: Project):
    made = answer("api-key", project.folder, " Ada ", "--new")
    assert isinstance(made, dict)
    assert made["key"].startswith("inffeed_")
    assert (made["person"], made["replaced"]) == ("Ada", False)
    assert "replaces the last one" in run("api-key", project.folder, "Ada", "--new").stdout
    listed = run("api-key", project.folder).stdout
    assert listed.startswith("Ada  since 20")
    assert "inffeed_" not in listed
    assert "no longer valid" in run("api-key", project.folder, "Ada", "--revoke").stdout
    assert "has no key" in run("api-key", project.folder, "Ada", "--revoke", code=1).stderr
    assert run("api-key", project.folder).stdout == "Nobody has a key.\n"
    for wrong in (["Ada"], ["--new"], ["Ada", "--new", "--revoke"]):
        run("api-key", project.folder, *wrong, code=2)
    assert "is no name" in run("api-key", project.folder, " ", "--new", code=1).stderr


def test_the_api_is_served_for_a_project_or_a_folder_of_them(project: Project, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, int]] = []

    def listening(host: str, port: int) -> socket.socket:
        asked.append((host, port))
        return socket.create_server(("127.0.0.1", 0))

    monkeypatch.setattr(serving, "_listening", listening)
    monkeypatch.setattr(serving.uvicorn.Server, "run", lambda *_, **__: None)
    shown = run("serve-api", project.folder, "--port", 8600)
    assert "http://127.0.0.1:8600/v1/projects" in shown.stdout
    assert "Warning" not in shown.stderr
    assert "other machines" in run("serve-api", project.folder.parent, "--host", "0.0.0.0").stderr
    monkeypatch.setenv("INFFEED_HOME", str(project.folder.parent))
    run("serve-api", project.folder.name)
    run("serve-api")
    assert asked == [("127.0.0.1", 8600), ("0.0.0.0", 8502), ("127.0.0.1", 8502), ("127.0.0.1", 8502)]
    assert "is not a host" in run("serve-api", project.folder, "--allow-host", "http://x", code=1).stderr


def test_a_port_in_use_is_told(project: Project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = run("serve-api", project.folder, "--port", other.getsockname()[1], code=1)
    assert "choose another --port" in refused.stderr
    assert refused.stdout == ""


def test_a_missing_extra_is_told_with_the_command(project: Project, monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> str:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert 'pip install "inffeed[api]"' in run("serve-api", project.folder, code=1).stderr


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    assert "There is no folder" in run("serve-api", tmp_path / "nowhere", code=1).stderr
