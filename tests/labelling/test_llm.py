"""Labels of a language model behind an endpoint, from the request to the store."""

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from labelling.endpoint_server import Server, says, serving, status
from quiet import quiet

from inffeed_core import store
from inffeed_core.errors import Cancelled, ModelError, SettingsError
from inffeed_core.labelling.labelling import label
from inffeed_core.labelling.planning import plan
from inffeed_core.labelling.settings import PROMPT, LabelSettings
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.project.labels import describe_label
from inffeed_core.records import SilverLabel, Split


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)
    with serving() as state:
        yield state


def settings(server: Server, **values: object) -> LabelSettings:
    return LabelSettings(means="llm", **({"model": "gpt-x", "endpoint": server.url, "retries": 1} | values))


def labels_of(project: Project, source: str) -> dict[str, SilverLabel]:
    with store.reading(project.db) as db:
        return {one.instance_id: one for one in store.silver_labels(db) if one.source == source}


def by_words(message: str) -> dict[str, object]:
    asked = message.rpartition("Text:\n")[2]
    return says(json.dumps({"label": "negative" if "broke" in asked else "positive"}))


def test_labels_silver_and_gold_but_never_test(project: Project, server: Server) -> None:
    server.answer = by_words

    result = label(project, settings(server), quiet)

    found = labels_of(project, "gpt-x")
    with store.reading(project.db) as db:
        texts = {one.id: one for one in store.instances(db, list(Split))}
    assert Counter(texts[id].split for id in found) == {Split.TRAIN: 12, Split.VALIDATION: 8, Split.SILVER: 20}
    assert all(said.label == ("negative" if "broke" in texts[id].text else "positive") for id, said in found.items())
    assert result == {"texts": 40, "labels": {"gpt-x": 40}, "unlabelled": {"gpt-x": 0}}


def test_the_prompt_holds_guidelines_descriptions_and_gold_but_never_the_answer(
    project: Project, server: Server
) -> None:
    change_settings(project, guidelines="Judge the {text} as its writer {meant} it.")
    describe_label(project, "positive", "the writer is content", "Ada")
    about = {"negative": "the writer is unhappy"}

    label(project, settings(server, descriptions=about, examples=2), quiet)

    with store.reading(project.db) as db:
        gold = list(store.instances(db, [Split.TRAIN]))
    assert all("Judge the {text} as its writer {meant} it." in one for one in server.messages)
    assert all("- negative: the writer is unhappy\n- positive: the writer is content" in one for one in server.messages)
    shown = Counter(one.id for one in gold for message in server.messages if f"Text:\n{one.text}\nLabel: " in message)
    assert len(shown) == 4
    for one in gold:
        about_it = [message for message in server.messages if message.rpartition("Text:\n")[2].startswith(one.text)]
        assert about_it
        assert all(f"{one.text}\nLabel: " not in message for message in about_it)


def test_nothing_is_asked_twice(project: Project, server: Server) -> None:
    label(project, settings(server, limit=10), quiet)
    assert len(server.asked) == 10

    label(project, settings(server), quiet)
    assert len(server.asked) == 40
    assert label(project, settings(server), quiet)["texts"] == 0
    label(project, settings(server, again=True), quiet)  # the answers are kept
    assert len(server.asked) == 40
    label(project, settings(server, name="other", prompt=PROMPT + "Think."), quiet)
    assert len(server.asked) == 80


def test_an_endpoint_that_fails_publishes_nothing_and_the_next_run_goes_on(project: Project, server: Server) -> None:
    answered = threading.Event()

    def some(message: str) -> dict[str, object]:
        if len(server.asked) > 15:
            server.faults = [status(500)] * 50
            answered.set()
        return by_words(message)

    server.answer = some
    with pytest.raises(ModelError, match="the next run asks only for the others"):
        label(project, settings(server, workers=2), quiet)
    assert answered.is_set()
    assert labels_of(project, "gpt-x") == {}
    asked_before = len(server.asked)

    server.answer, server.faults = by_words, []
    label(project, settings(server, workers=2), quiet)

    assert len(labels_of(project, "gpt-x")) == 40
    assert len(server.asked) <= 40 + 2  # what was under way when it failed was paid for and lost
    assert len(server.asked) < asked_before + 40


def test_cancelling_is_heard_while_no_answer_comes_and_keeps_what_came(project: Project, server: Server) -> None:
    label(project, settings(server, limit=3), quiet)
    server.slow = 5.0
    began = time.monotonic()

    def cancelling(stage: str, done: int, total: int) -> None:
        if time.monotonic() - began > 0.5:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        label(project, settings(server), cancelling)

    assert time.monotonic() - began < 4
    assert len(labels_of(project, "gpt-x")) == 3


def test_refusals_and_unreadable_answers_are_kept_as_they_came(project: Project, server: Server) -> None:
    said = iter([says(None, refusal="I would rather not."), says("neither"), *[says("positive")] * 100])
    server.answer = lambda message: next(said)

    result = label(project, settings(server, splits=("silver",), workers=1), quiet)

    found = labels_of(project, "gpt-x")
    without = {id: one.answer for id, one in found.items() if one.label is None}
    assert sorted(without.values()) == ["I would rather not.", "neither"]
    assert result["unlabelled"] == {"gpt-x": 2}


def test_samples_vote(project: Project, server: Server) -> None:
    said = iter([says("positive"), says("negative"), says("positive"), *[says("negative")] * 100])
    server.answer = lambda message: next(said)

    label(project, settings(server, splits=("silver",), limit=1, samples=3, workers=1), quiet)

    assert [(one.label, round(one.confidence or 0, 3)) for one in labels_of(project, "gpt-x").values()] == [
        ("positive", 0.667)
    ]
    assert server.asked[0]["temperature"] == 0.7


def test_requests_run_beside_each_other_but_the_first(project: Project, server: Server) -> None:
    server.slow = 0.05

    label(project, settings(server, workers=4), quiet)

    assert 2 <= server.most_at_once <= 4


def test_the_source_tells_how_it_was_made_and_holds_no_key(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFFEED_API_KEY", "sk-very-secret")

    label(project, settings(server), quiet)

    with store.reading(project.db) as db:
        source = next(one for one in store.sources(db) if one.name == "gpt-x")
    assert source.details["prompt"] == PROMPT
    assert (source.details["model"], source.details["requests"], source.details["tokens_in"]) == ("gpt-x", 40, 4000)
    for file in project.folder.rglob("*"):
        assert not file.is_file() or b"sk-very-secret" not in file.read_bytes()


def test_another_prompt_is_another_source(project: Project, server: Server) -> None:
    label(project, settings(server, limit=5), quiet)
    other = settings(server, prompt=PROMPT + "Think twice.")

    with pytest.raises(SettingsError, match="prompt differs"):
        label(project, other, quiet)
    assert len(server.asked) == 5

    label(project, settings(server, prompt=PROMPT + "Think twice.", again=True), quiet)
    with store.reading(project.db) as db:
        assert next(one for one in store.sources(db) if one.name == "gpt-x").details["prompt"].endswith("Think twice.")


def test_a_plan_says_what_would_go_where_and_sends_nothing(project: Project, server: Server) -> None:
    planned = plan(project, settings(server, samples=2, per_minute=40, price_in=1.0, price_out=2.0))

    assert (planned.total, planned.requests, planned.endpoint, planned.minutes) == (40, 80, server.url, 2.0)
    assert planned.cost == pytest.approx((planned.tokens_in + 2 * planned.tokens_out) / 1e6)
    assert server.asked == []


def test_a_kill_keeps_what_was_saved(project: Project, server: Server) -> None:
    label(project, settings(server, limit=4), quiet)

    with sqlite3.connect(project.db) as db:
        assert db.execute("SELECT count(*) FROM kept_answer").fetchone() == (4,)
