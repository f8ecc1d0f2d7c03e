"""The web API through its ASGI application, without a server: what it stores is what the room stores."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from reviewing import Filling, examples, history, make_reviewable
from small import make_small
from starlette.testclient import TestClient

from inffeed_core.api.guarding import LARGEST_BODY
from inffeed_core.api.keys import holders, new_key, revoke
from inffeed_core.api.serving import make_app, openapi
from inffeed_core.errors import SettingsError
from inffeed_core.flags.policies import POLICIES
from inffeed_core.jobs import control
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.roles import Role, set_roles
from inffeed_core.records import Act, Decision
from inffeed_core.store import add_examples, decisions_about, reading, record_decision, writing


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two projects."""
    made = tmp_path_factory.mktemp("api") / "home"
    make_reviewable(made / "reviews", Filling(silver=8))
    make_reviewable(made / "other", Filling(silver=2))
    return made


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Project:
    return Project(Path(shutil.copytree(home, tmp_path / "home")) / "reviews")


@pytest.fixture
def ada(project: Project) -> TestClient:
    """Ada's program."""
    return client(project.folder.parent, new_key(project, "Ada")[0])


@pytest.fixture(scope="module")
def untouched(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """For requests that change nothing."""
    return Project(Path(shutil.copytree(home, tmp_path_factory.mktemp("untouched") / "home")) / "reviews")


@pytest.fixture(scope="module")
def eve(untouched: Project) -> TestClient:
    """Whoever sends what is refused."""
    return client(untouched.folder.parent, new_key(untouched, "Eve")[0])


def client(folder: Path, key: str | None) -> TestClient:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    app = make_app(folder, "127.0.0.1")
    return TestClient(app, "http://127.0.0.1:8502", raise_server_exceptions=False, headers=headers)


def url(rest: str) -> str:
    return f"/v1/projects/reviews/{rest}"


def decided(**more: Any) -> dict[str, Any]:
    return {"token": "token-0001", "id": "s000", "label": "positive"} | more


def test_flags_come_in_pages_in_their_order(ada: TestClient):
    pages, after = [], 0
    while True:
        page = ada.get(url("flags"), params={"limit": 3, "after": after}).json()
        pages.append([flag["id"] for flag in page["flags"]])
        if page["next"] is None:
            break
        after = page["next"]
    assert pages == [["s000", "s001", "s002"], ["s003", "s004", "s005"], ["s006", "s007"]]
    first = ada.get(url("flags"), params={"limit": 1}).json()
    assert (first["analysis"], first["order"]) == (1, POLICIES[0])
    assert first["flags"][0]["suggested"] == "positive"
    assert "gold texts" in first["flags"][0]["reason"] or "likely" in first["flags"][0]["reason"]


def test_flags_are_filtered(ada: TestClient):
    found = ada.get(url("flags"), params={"label": "positive", "search": "text 3"}).json()["flags"]
    assert [flag["id"] for flag in found] == ["s003"]
    every = ada.get(url("flags")).json()["flags"]
    middle = sorted(flag["suggested_probability"] for flag in every)[4]

    def ids(**wanted: object) -> list[str]:
        return [flag["id"] for flag in ada.get(url("flags"), params=wanted).json()["flags"]]

    assert ids(suggested="positive") == [flag["id"] for flag in every if flag["suggested"] == "positive"]
    assert ids(least=middle) == [flag["id"] for flag in every if flag["suggested_probability"] >= middle]
    assert ids(most=middle) == [flag["id"] for flag in every if flag["suggested_probability"] <= middle]
    assert ada.get(url("flags"), params={"disagreeing": True}).json()["flags"] == []
    assert ada.get(url("flags"), params={"where": "year"}).status_code == 422
    assert ada.get(url("flags"), params={"order": "best"}).json()["problems"][0]["field"] == "query.order"
    for limit in ("0", "101", "99999999999999999999999", "x"):
        assert ada.get(url("flags"), params={"limit": limit}).status_code == 422


def test_a_text_comes_with_its_influencers_and_the_reason(ada: TestClient):
    found = ada.get(url("texts/s001")).json()
    assert (found["id"], found["split"], found["label"], found["confirmed"]) == ("s001", "silver", "positive", False)
    assert len(found["influencers"]["supporters"]) == 5
    assert found["influencers"]["opposers"][0]["influence"] < 0
    assert found["ranks"][POLICIES[0]] == 2
    assert found["reason"]
    gold = ada.get(url("texts/t000")).json()
    assert (gold["influencers"], gold["reason"], gold["ranks"]) == (None, "", {})
    missing = ada.get(url("texts/nope"))
    assert (missing.status_code, missing.json()["error"]) == (404, "unknown-text")


def test_ids_may_hold_slashes_and_any_script(project: Project, ada: TestClient):
    odd = "a/b c?#é漢/../x"
    with writing(project.db) as db:
        add_examples(db, [replace(examples(Filling(silver=1))[-1], id=odd, text="Odd but fine.")])
    assert ada.get(url(f"texts/{quote(odd, safe='')}")).json()["id"] == odd


def test_a_decision_is_stored_as_the_room_stores_it(project: Project, ada: TestClient):
    sent = decided(note="clear", analysis=1, order="expected-gain", suggested="positive")
    answer = ada.post(url("decisions"), json=sent)
    assert answer.status_code == 201
    stored = history(project)[0]
    assert (stored.token, stored.instance_id, stored.annotator) == ("token-0001", "s000", "Ada")
    assert (stored.act, stored.label, stored.note) == (Act.RELABEL, "positive", "clear")
    assert (stored.analysis_id, stored.policy, stored.suggested) == (1, "expected-gain", "positive")
    assert answer.json()["decision"]["act"] == "relabel"
    kept = ada.post(url("decisions"), json=decided(token="token-0002", id="s001")).json()
    assert kept["decision"]["act"] == "keep"


def test_a_token_arrives_once_and_another_body_under_it_is_refused(project: Project, ada: TestClient):
    first = ada.post(url("decisions"), json=decided())
    again = ada.post(url("decisions"), json=decided())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"stored": False}
    for other in ({"label": "negative"}, {"id": "s001"}, {"note": "x"}, {"also": ["s001"]}):
        clash = ada.post(url("decisions"), json=decided(**other))
        assert (clash.status_code, clash.json()["error"]) == (409, "token-used")
    bob = client(project.folder.parent, new_key(project, "Bob")[0])
    assert bob.post(url("decisions"), json=decided()).status_code == 409
    with writing(project.db) as db:  # from the room
        record_decision(db, Decision(token="room-token", instance_id="s005", annotator="Ada", act=Act.SKIP))
    assert ada.post(url("decisions"), json=decided(token="room-token", id="s005")).status_code == 409
    assert len(history(project)) == 2


def test_an_answer_for_which_no_place_is_left_is_refused_unless_it_says_in_place(project: Project, ada: TestClient):
    bob = client(project.folder.parent, new_key(project, "Bob")[0])
    assert bob.post(url("decisions"), json=decided(token="bobs-token")).status_code == 201
    taken = ada.post(url("decisions"), json=decided())
    assert (taken.status_code, taken.json()["error"]) == (409, "place-taken")
    assert ada.post(url("decisions"), json=decided(in_place=True)).status_code == 201
    assert [d.annotator for d in history(project)] == ["Ada", "Bob"]


def test_a_discussion_is_read_with_its_answers_and_settled_once(project: Project, ada: TestClient):
    change_settings(project, overlap=2)
    bob = client(project.folder.parent, new_key(project, "Bob")[0])
    ada.post(url("decisions"), json=decided(note="It is praise."))
    assert bob.get(url("discussion")).json() == {"topics": [], "more": 0}
    bob.post(url("decisions"), json=decided(token="bobs-token", label="negative", note="Irony!"))
    bob.post(url("decisions"), json=decided(token="bobs-mark", id="s003", act="flag", label=None))
    (topic,) = ada.get(url("discussion")).json()["topics"]  # she has yet to answer s003
    assert (topic["id"], topic["disputed"], topic["suggested"]) == ("s000", True, "positive")
    told = {one["annotator"]: (one["label"], one["note"]) for one in topic["answers"]}
    assert told == {"Ada": ("positive", "It is praise."), "Bob": ("negative", "Irony!")}
    assert bob.get(url("discussion"), params={"limit": 1}).json()["more"] == 1
    settling = decided(token="settled-1", settles=True, note="Agreed.")
    assert ada.post(url("decisions"), json=settling | {"id": "s003", "label": "negative"}).status_code == 409
    for more in ({"label": None, "act": "skip"}, {"also": ["s002"]}):
        assert ada.post(url("decisions"), json=settling | more).json()["error"] == "invalid-decision"
    assert [ada.post(url("decisions"), json=settling).status_code for _ in range(2)] == [201, 200]
    assert [one["id"] for one in bob.get(url("discussion")).json()["topics"]] == ["s003"]
    over = decided(token="settled-2", settles=True)
    assert bob.post(url("decisions"), json=over).json()["error"] == "not-discussed"
    ada.post(url("decisions"), json={"token": "settled-3", "id": "s000", "act": "undo", "undoes": "settled-1"})
    assert [one["id"] for one in ada.get(url("discussion")).json()["topics"]] == ["s000"]
    with reading(project.db) as db:
        assert [d.token for d in decisions_about(db, "s000") if d.settles] == ["settled-1"]


def test_twins_are_decided_together_and_undone_together(project: Project, ada: TestClient):
    taken = ada.post(url("decisions"), json=decided(also=["s002", "s004"])).json()
    assert taken["also"] == ["s002", "s004"]
    undo = {"token": "token-0002", "id": "s000", "act": "undo", "undoes": "token-0001"}
    assert ada.post(url("decisions"), json=undo).status_code == 201
    assert ada.post(url("decisions"), json=undo).status_code == 200
    assert history(project) == []
    with reading(project.db) as db:
        assert len(decisions_about(db, "s002")) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "joy"}, "not a label of this project"),
        ({"id": "nope"}, "nope"),
        ({"act": "dance"}, "body.act"),
        ({"act": "skip"}, "carries no label"),
        ({"act": "undo", "label": None}, "needs `undoes`"),
        ({"undoes": "token-0009"}, "no other act takes it"),
        ({"act": "undo", "undoes": "token-0009", "label": None}, "No decision about"),
        ({"order": "best"}, "not an order"),
        ({"suggested": "joy"}, "cannot have been suggested"),
        ({"analysis": 99}, "not in the project"),
        ({"analysis": 2**70}, "body.analysis"),
        ({"analysis": True}, "body.analysis"),
        ({"label": None}, "nothing to store"),
        ({"label": 5}, "body.label"),
        ({"token": "short"}, "body.token"),
        ({"token": "x" * 201}, "body.token"),
        ({"note": "x" * 10_001}, "body.note"),
        ({"also": ["s001"] * 101}, "body.also"),
        ({"also": ["nope"]}, "nope"),
        ({"annotator": "Eve"}, "body.annotator"),
        ({"note": "\ud800"}, "body.note"),
        ({"token": "\ud800" * 9}, "body.token"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_with_what_to_do(
    untouched: Project, eve: TestClient, change: dict[str, Any], said: str
):
    body = json.dumps(decided(**change))
    refused = eve.post(url("decisions"), content=body, headers={"content-type": "application/json"})
    assert refused.status_code in (404, 422), refused.text
    assert said in refused.json()["message"]
    assert history(untouched) == []


@pytest.mark.parametrize(
    "body",
    ["", "{", "null", "[]", '"x"', "NaN", "[" * 100_000, '{"a":' * 9_000, "\x00", b"\xff\xfe", '{"a":1}' * 2],
)
def test_hostile_bodies_are_refused(untouched: Project, eve: TestClient, body: str | bytes):
    refused = eve.post(url("decisions"), content=body, headers={"content-type": "application/json"})
    assert refused.status_code in (400, 422), refused.text
    assert refused.json()["message"]
    assert history(untouched) == []


def test_a_body_that_is_too_large_is_refused(ada: TestClient):
    refused = ada.post(url("decisions"), content=b" " * (LARGEST_BODY + 1))
    assert (refused.status_code, refused.json()["error"]) == (413, "too-large")


def test_text_of_any_script_is_stored_as_it_came(project: Project, ada: TestClient):
    note = "漢字 🙂 \x00 ‮ <script> ' OR 1=1 --"
    assert ada.post(url("decisions"), json=decided(note=note)).status_code == 201
    assert history(project)[0].note == note


def test_a_key_is_asked_for_kept_as_a_hash_and_revoked(project: Project, ada: TestClient):
    key, replaced = new_key(project, "Bob")
    assert not replaced
    assert key not in project.db.read_bytes().decode("latin-1")
    assert client(project.folder, key).get(url("status")).json()["you"] == "Bob"
    assert client(project.folder, key).get("/v1/projects").json() == {"projects": ["reviews"]}
    newer, replaced = new_key(project, " Bob ")
    assert replaced
    assert client(project.folder, key).get(url("status")).status_code == 401
    revoke(project, "Bob")
    for wrong in (newer, None, "", "x", f"{newer} "):
        refused = client(project.folder, wrong).get(url("status"))
        assert (refused.status_code, refused.json()["error"]) == (401, "no-key"), wrong
    assert [one.person for one in holders(project)] == ["Ada"]
    for name in ("", " \t", "​", "x" * 201, "two\nlines"):
        with pytest.raises(SettingsError, match="name"):
            new_key(project, name)


def test_a_key_opens_its_own_project_only(ada: TestClient):
    for name in ("other", "nothing", "..", ".", "%2e%2e", "reviews%2F..%2Fother"):
        assert ada.get(f"/v1/projects/{name}/status").status_code in (401, 404)
    assert ada.get("/v1/projects").json() == {"projects": ["reviews"]}


def test_only_known_hosts_are_answered(project: Project):
    key = new_key(project, "Ada")[0]
    app = make_app(project.folder, "127.0.0.1", ("annotate.example.org",))
    asking = TestClient(app, "http://127.0.0.1:8502", headers={"authorization": f"Bearer {key}"})
    assert asking.get(url("status"), headers={"host": "annotate.example.org"}).status_code == 200
    for headers in (
        {"host": "evil.example"},
        {"host": "evil.example:8502", "origin": "http://evil.example:8502"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ):
        refused = asking.get(url("status"), headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "host-refused")
    assert "serve-api --allow-host" in asking.get("/", headers={"host": "evil.example"}).json()["message"]
    assert asking.get(url("status")).headers["x-content-type-options"] == "nosniff"


def test_status_tells_the_next_step(ada: TestClient):
    told = ada.get(url("status")).json()
    assert (told["labels"], told["open_flags"], told["version"]) == (["negative", "positive"], 8, "v1")
    assert told["texts"]["silver"] == {"negative": 4, "positive": 4}
    assert told["next_step"]


def test_jobs_are_started_found_and_cancelled(project: Project, ada: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(control, "_spawn", lambda *_: (_ for _ in ()).throw(OSError("no process here")))
    refused = ada.post(url("jobs"), json={"kind": "retrain"})
    assert (refused.status_code, refused.json()["error"]) == (409, "job-refused")
    (failed,) = ada.get(url("jobs")).json()
    assert (failed["kind"], failed["state"]) == ("retrain", "failed")
    assert ada.get(url(f"jobs/{failed['id']}")).json() == failed
    assert ada.post(url(f"jobs/{failed['id']}/cancel")).json()["state"] == "failed"
    assert ada.get(url("jobs/none")).status_code == 404
    assert ada.post(url("jobs/none/cancel")).status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "bake"}, "body.kind"),
        ({"kind": "refresh", "ids": ["s000"]}, "takes no ids"),
        ({"kind": "explain"}, "needs `ids`"),
        ({"kind": "explain", "ids": ["nope"]}, "nope"),
        ({"kind": "retrain", "train": {"l2": "much"}}, "l2"),
        ({"kind": "retrain", "train": {"l2": [1]}}, "l2"),
        ({"kind": "retrain", "train": {"fine_tune": 5}}, "TrainSettings"),
        ({"kind": "retrain", "train": {"odd": 5}}, "odd"),
        ({"kind": "analyse", "analysis": {"folds": 1.5}}, "folds"),
        ({"kind": "analyse", "train": {"l2": 1.0}}, "takes no train"),
        ({"kind": "retrain", "train": []}, "body.train"),
    ],
)
def test_a_job_that_cannot_run_is_refused_before_it_starts(eve: TestClient, body: dict[str, Any], said: str):
    refused = eve.post(url("jobs"), json=body)
    assert refused.status_code in (404, 422), refused.text
    assert said in refused.json()["message"]
    assert eve.get(url("jobs")).json() == []


def test_annotators_may_decide_but_not_train(project: Project, ada: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(control, "_spawn", lambda *_: (_ for _ in ()).throw(OSError("no process here")))
    set_roles(project, {"Lea": Role.LEAD, "Ada": Role.ANNOTATOR}, "Lea")
    for body in ({"kind": "retrain"}, {"kind": "analyse"}):
        refused = ada.post(url("jobs"), json=body)
        assert (refused.status_code, refused.json()["error"]) == (403, "not-allowed")
        assert "Lea" in refused.json()["message"]
    assert ada.get(url("jobs")).json() == []
    assert ada.post(url("decisions"), json=decided()).status_code == 201
    lea = client(project.folder.parent, new_key(project, "Lea")[0])
    assert lea.post(url("jobs"), json={"kind": "retrain"}).json()["error"] == "job-refused"
    id = lea.get(url("jobs")).json()[0]["id"]
    assert ada.post(url(f"jobs/{id}/cancel")).status_code == 403


def test_what_comes_too_early_is_not_ready(tmp_path: Path):
    small = make_small(tmp_path / "reviews")
    asking = client(small.folder, new_key(small, "Ada")[0])
    for body in ({"kind": "refresh"}, {"kind": "analyse"}, {"kind": "explain", "ids": ["silver-3"]}):
        early = asking.post(url("jobs"), json=body)
        assert (early.status_code, early.json()["error"]) == (409, "not-ready")
    assert asking.get(url("flags")).status_code == 409
    assert asking.get(url("texts/silver-3")).json()["analysis"] is None


def test_unknown_routes_and_a_vanished_project_are_told_as_json(project: Project, ada: TestClient):
    assert ada.get("/v1/nothing").json()["error"] == "http-404"
    assert ada.delete(url("status")).json()["error"] == "http-405"
    project.folder.rename(project.folder.with_name("moved"))
    assert ada.get(url("status")).status_code == 401


def test_overlap_leaves_places_for_others(project: Project, ada: TestClient):
    change_settings(project, overlap=2)
    bob = client(project.folder.parent, new_key(project, "Bob")[0])
    assert bob.post(url("decisions"), json=decided(token="bobs-token")).status_code == 201
    assert ada.post(url("decisions"), json=decided()).status_code == 201


def test_openapi_describes_every_route(project: Project, ada: TestClient):
    told = ada.get("/openapi.json").json()
    assert told == json.loads(json.dumps(openapi(project.folder)))
    assert sorted(told["paths"]) == [
        "/v1/projects",
        "/v1/projects/{project}/decisions",
        "/v1/projects/{project}/discussion",
        "/v1/projects/{project}/flags",
        "/v1/projects/{project}/jobs",
        "/v1/projects/{project}/jobs/{id}",
        "/v1/projects/{project}/jobs/{id}/cancel",
        "/v1/projects/{project}/status",
        "/v1/projects/{project}/texts/{id}",
    ]
    assert "HTTPValidationError" not in told["components"]["schemas"]
    assert "HTTPBearer" in told["components"]["securitySchemes"]
    assert "token" in told["components"]["schemas"]["NewDecision"]["properties"]
