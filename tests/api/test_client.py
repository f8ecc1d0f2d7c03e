"""The client of one file, against a real server: its notebook runs from the first cell to the last.

The code cells are executed in order in one namespace, as a kernel does, without Jupyter.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from reviewing import Filling, history, make_reviewable

from inffeed_core.api.keys import new_key
from inffeed_core.api.serving import make_app
from inffeed_core.jobs import kinds
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act
from inffeed_core.webhooks.sending import signature

CLIENT = Path(__file__).parents[2] / "docs" / "client"
NOTEBOOK = CLIENT / "review_from_a_notebook.ipynb"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def client() -> Iterator[ModuleType]:
    """The module, imported as a program beside it would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CLIENT))
        import inffeed_client

        yield inffeed_client
        del sys.modules["inffeed_client"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Project, str]]:
    """A project, and where its API answers."""
    project = make_reviewable(tmp_path / "reviews", Filling(silver=6))
    server = uvicorn.Server(uvicorn.Config(make_app(project.folder), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield project, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_the_notebook_runs(served: tuple[Project, str], client: ModuleType, monkeypatch: pytest.MonkeyPatch):
    project, url = served
    monkeypatch.setenv("INFFEED_URL", url)
    monkeypatch.setenv("INFFEED_API_PROJECT", "reviews")
    monkeypatch.setenv("INFFEED_API_KEY", new_key(project, "Ada")[0])
    monkeypatch.setattr("inffeed_core.jobs.control._spawn", _as_thread)
    monkeypatch.setattr("inffeed_core.jobs.control._reap", lambda *_: None)
    monkeypatch.setitem(kinds.KINDS, "refresh", lambda *_: {"analysis": 1, "version": "v1"})
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    space: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), space)
    assert [(d.instance_id, d.act, d.annotator) for d in history(project)] == [("s000", Act.RELABEL, "Ada")]
    assert history(project)[0].suggested == space["flags"][0]["suggested"]
    assert space["job"]["state"] == "done"


class _as_thread:  # noqa: N801 # stands for a function that starts a process
    """A job's child as a thread of this process."""

    returncode = None

    def __init__(self, project: Project, id: str) -> None:
        import os

        from inffeed_core.jobs.turns import Reporter, take_turn

        self.pid = os.getpid()
        threading.Thread(target=take_turn, args=(project, id, Reporter(project, id)), daemon=True).start()


def test_the_notebook_is_kept_without_results():
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")


def test_flags_are_read_page_by_page_and_errors_tell_what_to_do(served: tuple[Project, str], client: ModuleType):
    project, url = served
    room = client.Client(url, "reviews", new_key(project, "Ada")[0])
    assert [flag["id"] for flag in room.flags()] == [f"s{n:03}" for n in range(6)]
    assert len(list(room.flags(limit=2, label=["positive", "negative"]))) == 2
    with pytest.raises(client.ApiError, match="joy") as refused:
        room.decide("s000", label="joy")
    assert (refused.value.status, refused.value.code) == (422, "invalid-decision")
    with pytest.raises(client.ApiError, match="No valid key") as refused:
        client.Client(url, "reviews", "inffeed_x").status()
    assert refused.value.status == 401


def test_two_people_disagree_and_one_settles(served: tuple[Project, str], client: ModuleType):
    project, url = served
    change_settings(project, overlap=2)
    ada, bob = (client.Client(url, "reviews", new_key(project, name)[0]) for name in ("Ada", "Bob"))
    ada.decide("s002", "positive", note="praise")
    bob.decide("s002", "negative")
    (topic,) = ada.discussion()
    assert [one["note"] for one in topic["answers"]] == ["praise", ""]
    assert ada.settle(topic["id"], "negative", "irony after all")["decision"]["settles"]
    assert ada.discussion() == bob.discussion() == []


def test_a_decision_is_sent_again_where_no_answer_comes(
    served: tuple[Project, str], client: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    project, url = served
    real, lost = client.urlopen, []

    def losing(request: Any, timeout: float) -> Any:
        answer = real(request, timeout=timeout)
        if not lost:
            lost.append(answer.read())
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(client, "urlopen", losing)
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    taken = client.Client(url, "reviews", new_key(project, "Ada")[0]).decide("s001", label="negative")
    assert not taken["stored"]  # it was by the first attempt
    assert len(history(project)) == 1


def test_events_are_verified(client: ModuleType):
    body, now = b'{"type": "test"}', int(time.time())

    def headers(at: int = now, signed: bytes = body) -> dict[str, str]:
        made = signature(SECRET, "evt_1", at, signed)
        return {"Webhook-Id": "evt_1", "Webhook-Timestamp": str(at), "Webhook-Signature": f"v1,eA== {made}"}

    assert client.verified(SECRET, headers(), body) == {"type": "test"}
    with pytest.raises(ValueError, match="signature"):
        client.verified(SECRET, headers(), body + b" ")
    with pytest.raises(ValueError, match="too long ago"):
        client.verified(SECRET, headers(now - 3600), body)
    with pytest.raises(ValueError, match="signature"):
        client.verified(SECRET, {}, body)
