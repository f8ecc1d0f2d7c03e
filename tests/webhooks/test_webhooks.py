"""Webhooks: announced in the transaction of what happened, delivered at least once, signed, and never in the way."""

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from commands import answer, run
from filelock import FileLock
from local_http import answering
from reviewing import Filling, history, make_reviewable, version

from inffeed_core import jobs
from inffeed_core.cli.outside import EVENTS
from inffeed_core.errors import SettingsError
from inffeed_core.jobs import kinds
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.store import add_version, find, reading, record_decision, writing
from inffeed_core.store.webhooks import Event, due_deliveries, next_due, outbox, webhooks
from inffeed_core.webhooks import addresses, delivering, sending
from inffeed_core.webhooks.delivering import AGAIN, Deliverer, deliver
from inffeed_core.webhooks.registering import add
from pages.components import gate


@dataclass
class Receiver:
    """A server that takes webhooks, and answers as it is told."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    about = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            about.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(about.status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()
            about.arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as server:
        about.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
        yield about


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "reviews", Filling(silver=4))


def decide(project: Project, token: str, id: str = "s000") -> None:
    with writing(project.db) as db:
        record_decision(db, Decision(token=token, instance_id=id, annotator="Ada", act=Act.RELABEL, label="positive"))


def state(project: Project, url: str) -> tuple[int, int, int]:
    with reading(project.db) as db:
        found = outbox(db, url)
    return found.delivered, found.waiting, found.given_up


def make_due(project: Project) -> None:
    """As where the time until the next attempt has passed."""
    with writing(project.db) as db:
        db.conn.execute("UPDATE delivery SET due = '' WHERE delivered IS NULL")
        db.conn.execute("UPDATE webhook SET wait_until = ''")


def test_the_command_names_the_same_events():
    assert tuple(Event) == EVENTS


def test_a_decision_is_told_signed_and_without_its_text(project: Project, receiver: Receiver):
    decide(project, "before")
    hook = add(project, receiver.url, [Event.DECISION])
    decide(project, "d1", "s001")
    assert receiver.got == []  # deciding itself sends nothing
    assert deliver(project) == 1
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["type"], told["project"]) == ("decision", "reviews")
    assert told["data"] | {"at": ""} == {
        "text": "s001",
        "token": "d1",
        "annotator": "Ada",
        "act": "relabel",
        "label": "positive",
        "note": "",
        "undoes": None,
        "at": "",
        "settles": False,
        "part_of": None,
        "policy": None,
        "suggested": None,
    }
    with reading(project.db) as db:
        assert find(db, ["s001"])["s001"].text.encode() not in body
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["host"] == receiver.url.split("/")[2]
    assert state(project, receiver.url) == (1, 0, 0)
    assert deliver(project) == 0


def test_the_signature_is_that_of_standard_webhooks():
    # the example of github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
    made = sending.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_versions_and_ended_jobs_are_told_by_the_job_itself(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    add(project, receiver.url, [Event.VERSION, Event.JOB])

    def train(project: Project, *_: object) -> dict[str, object]:
        with writing(project.db) as db:
            add_version(db, version("v2"))
        return {"version": "v2"}

    monkeypatch.setitem(kinds.KINDS, "train", train)
    job = jobs.run_here(project, "train", {}, lambda *_: None)
    told = [(one["type"], one["data"]["id"]) for one in receiver.told()]
    assert told == [("version", "v2"), ("job", job.id)]
    assert receiver.told()[1]["data"]["state"] == "done"
    assert receiver.told()[0]["data"]["active"] is False

    def fail(*_: object) -> dict[str, object]:
        raise SettingsError("No.")

    monkeypatch.setitem(kinds.KINDS, "train", fail)
    with pytest.raises(SettingsError):
        jobs.run_here(project, "train", {}, lambda *_: None)
    assert receiver.told()[2]["data"]["state"] == "failed"


def test_what_was_rolled_back_is_not_told(project: Project, receiver: Receiver):
    add(project, receiver.url, list(Event))

    def broken() -> None:
        with writing(project.db) as db:
            record_decision(db, Decision(token="d1", instance_id="s000", annotator="Ada", act=Act.SKIP))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert deliver(project) == 0
    assert state(project, receiver.url) == (0, 0, 0)


def test_a_failure_is_repeated_later_with_the_same_id_and_the_hook_rests(project: Project, receiver: Receiver):
    add(project, receiver.url, [Event.DECISION])
    decide(project, "d1")
    decide(project, "d2", "s001")
    receiver.status = 503
    assert deliver(project) == 0
    assert len(receiver.got) == 1  # the second is not tried while the first fails
    with reading(project.db) as db:
        (hook,) = webhooks(db)
        assert "answered 503" in hook.problem
        assert due_deliveries(db, hook.url, 9) == []
        assert (next_due(db) or "") > hook.created
    receiver.status = 200
    make_due(project)
    assert deliver(project) == 2
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids[0] == ids[1] != ids[2]
    assert state(project, receiver.url) == (2, 0, 0)


def test_an_event_is_given_up_in_the_end_and_sent_on_demand(project: Project, receiver: Receiver):
    add(project, receiver.url, [Event.DECISION])
    decide(project, "d1")
    receiver.status = 500
    for _ in range(len(AGAIN) + 1):
        make_due(project)
        deliver(project)
    assert state(project, receiver.url) == (0, 0, 1)
    assert deliver(project) == 0
    assert len(receiver.got) == len(AGAIN) + 1
    assert "1 given up" in run("webhooks", project.folder).stdout
    receiver.status = 200
    assert answer("webhooks", project.folder, "--deliver")[0]["delivered"] == 1  # type: ignore[index]


@pytest.mark.parametrize(("status", "said"), [(302, "redirects are not followed"), (404, "404")])
def test_only_an_answer_of_success_counts(project: Project, receiver: Receiver, status: int, said: str):
    add(project, receiver.url, [Event.DECISION])
    decide(project, "d1")
    receiver.status = status
    assert deliver(project) == 0
    assert len(receiver.got) == 1
    assert said in answer("webhooks", project.folder)[0]["problem"]  # type: ignore[index]


def test_one_delivers_at_a_time_and_a_kill_after_sending_sends_again(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    add(project, receiver.url, [Event.DECISION])
    decide(project, "d1")
    with FileLock(project.jobs / "webhooks.lock"):
        assert deliver(project) == 0
    assert receiver.got == []

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "mark_delivered", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver(project)
    assert deliver(project) == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_a_server_delivers_in_a_thread_without_opening_an_untouched_database(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivering, "LOOK_SECONDS", 0.02)
    add(project, receiver.url, [Event.DECISION])
    missing = Project(project.folder / "gone")
    with Deliverer(lambda: [missing, project]):
        decide(project, "d1")
        assert receiver.arrived.wait(20)
        receiver.arrived.clear()
        decide(project, "d2", "s001")
        assert receiver.arrived.wait(20)
    assert [one["data"]["token"] for one in receiver.told()] == ["d1", "d2"]


def test_the_apps_server_delivers(project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivering, "LOOK_SECONDS", 0.02)
    monkeypatch.setenv("INFFEED_HOME", str(project.folder.parent))
    monkeypatch.setattr(gate.st, "get_option", lambda name: name == "server.headless")
    add(project, receiver.url, [Event.DECISION])

    async def serve() -> bool:
        async with gate.while_served(None):
            decide(project, "d1")
            return await asyncio.to_thread(receiver.arrived.wait, 20)

    with ThreadPoolExecutor(1) as pool:  # a browser's driver may keep a loop in this thread
        assert pool.submit(lambda: asyncio.run(serve())).result()
    assert receiver.told()[0]["data"]["token"] == "d1"


def test_a_receiver_that_is_down_never_disturbs_a_decision_or_a_job(project: Project, monkeypatch: pytest.MonkeyPatch):
    add(project, "http://127.0.0.1:9/", list(Event))
    decide(project, "d1")
    monkeypatch.setitem(kinds.KINDS, "train", lambda *_: {})
    assert jobs.run_here(project, "train", {}, lambda *_: None).state == "done"
    monkeypatch.setattr("inffeed_core.jobs.turns.deliver", lambda *_: 1 / 0)
    assert jobs.run_here(project, "train", {}, lambda *_: None).state == "done"
    assert history(project)[0].token == "d1"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "example.org/hook",
        "https://",
        "https://user:word@example.org/",
        "https://example.org/#part",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://exämple.org/",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "http://[::1",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused(project: Project, url: str):
    with pytest.raises(SettingsError, match="is no URL of a webhook"):
        add(project, url, [Event.JOB])


def leading_to(address: str) -> Any:
    return lambda host, port, **_: [(2, 1, 6, "", (address, port))]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "fe80::1%eth0"]
    + ["0.0.0.0", "::ffff:10.0.0.8", "2002:7f00:1::", "224.0.0.1", "::"],
)
def test_a_name_may_not_lead_inside_unless_that_was_said(
    project: Project, monkeypatch: pytest.MonkeyPatch, address: str
):
    monkeypatch.setattr(addresses.socket, "getaddrinfo", leading_to(address))
    with pytest.raises(SettingsError, match="--private"):
        add(project, "https://hook.example.org/", [Event.JOB])
    assert add(project, "https://hook.example.org/", [Event.JOB], private=True).private


def test_a_name_that_leads_inside_later_is_not_followed(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    url = receiver.url.replace("127.0.0.1", "hook.example.org")
    monkeypatch.setattr(addresses.socket, "getaddrinfo", leading_to("93.184.216.34"))
    add(project, url, [Event.DECISION])
    decide(project, "d1")
    monkeypatch.setattr(addresses.socket, "getaddrinfo", leading_to("127.0.0.1"))
    assert deliver(project) == 0
    assert receiver.got == []
    with reading(project.db) as db:
        assert "not a public address" in webhooks(db)[0].problem


def test_webhooks_are_added_listed_tested_and_removed(project: Project, receiver: Receiver):
    made = answer("webhooks", project.folder, "--add", receiver.url, "--on", "decision, job")
    assert made["on"] == ["decision", "job"]  # type: ignore[index, call-overload]
    secret = made["secret"]  # type: ignore[index, call-overload]
    shown = run("webhooks", project.folder).stdout
    assert "on decision, job" in shown
    assert secret not in shown
    assert "already" in run("webhooks", project.folder, "--add", receiver.url, code=1).stderr
    assert "taken" in run("webhooks", project.folder, "--test").stdout
    assert receiver.told()[0]["type"] == "test"
    receiver.status = 500
    assert "answered 500" in run("webhooks", project.folder, "--test", code=1).stdout
    decide(project, "d1")
    run("webhooks", project.folder, "--remove", receiver.url)
    assert "No webhook yet" in run("webhooks", project.folder).stdout
    assert "no webhook for" in run("webhooks", project.folder, "--remove", receiver.url, code=1).stderr
    with reading(project.db) as db:
        assert list(db.query("SELECT * FROM delivery")) == []
    assert "choose from" in run("webhooks", project.folder, "--add", receiver.url, "--on", "birthday", code=2).stderr
    assert "would hear of nothing" in run("webhooks", project.folder, "--add", receiver.url, "--on", ",", code=1).stderr
    assert "only one of" in run("webhooks", project.folder, "--test", "--deliver", code=2).stderr
    assert "is for --add" in run("webhooks", project.folder, "--private", code=2).stderr


def test_deliveries_are_forgotten_after_some_days(project: Project, receiver: Receiver):
    add(project, receiver.url, [Event.DECISION])
    decide(project, "d1")
    deliver(project)
    with writing(project.db) as db:
        db.conn.execute("UPDATE delivery SET delivered = '2020-01-01T00:00:00.000Z'")
    decide(project, "d2", "s001")
    deliver(project)
    assert state(project, receiver.url) == (1, 0, 0)


def test_a_database_of_an_earlier_release_is_left_alone(tmp_path: Path):
    old = Project(tmp_path / "old")
    old.folder.mkdir()
    sqlite3.connect(old.db).close()
    looker = Deliverer(lambda: [old])
    looker._look(old)
    assert looker._seen[old.db][1] is None
