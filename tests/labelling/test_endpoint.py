"""Requests to an endpoint that fails in every way it can."""

import time

import pytest
from labelling.endpoint_server import Server, broken, half, hangs, says, sends, serving, status

from inffeed_core.errors import ModelError
from inffeed_core.labelling.endpoint import Endpoint, Pace
from inffeed_core.labelling.settings import LabelSettings

LABELS = ("negative", "positive")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)
    monkeypatch.setattr("inffeed_core.labelling.endpoint.PAUSE_SECONDS", 0.01)
    monkeypatch.delenv("INFFEED_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving() as state:
        yield state


def endpoint(server: Server, **settings: object) -> Endpoint:
    values = {"model": "m", "endpoint": server.url, "retries": 2, "timeout": 2.0} | settings
    return Endpoint(LabelSettings(means="llm", **values), LABELS)


def test_asks_for_constrained_answers_and_probabilities(server: Server) -> None:
    reply = endpoint(server).ask("hello")

    assert reply.content == '{"label": "positive"}'
    asked = server.asked[0]
    assert asked["messages"] == [{"role": "user", "content": "hello"}]
    assert asked["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"] == list(LABELS)
    assert (asked["logprobs"], asked["temperature"]) == (True, 0.0)


@pytest.mark.parametrize("refused", [{"logprobs"}, {"response_format", "logprobs"}, {"temperature"}, {"max_tokens"}])
def test_leaves_out_what_the_endpoint_does_not_know(server: Server, refused: set[str]) -> None:
    server.refuses = refused
    asking = endpoint(server)

    assert asking.ask("a").content == asking.ask("b").content == '{"label": "positive"}'
    assert server.messages == ["a", "b"]
    assert not refused & set(server.asked[1])
    assert ("max_completion_tokens" in server.asked[1]) == ("max_tokens" in refused)


@pytest.mark.parametrize("fault", [status(429), status(500), status(503), status(408), half, broken, hangs(0.6)])
def test_goes_on_after_a_passing_fault(server: Server, fault) -> None:
    asking = endpoint(server, timeout=0.3)
    asking.ask("first")
    server.faults = [fault, fault]

    assert asking.ask("second").content == '{"label": "positive"}'
    assert server.messages == ["first", "second"]


def test_goes_on_where_the_first_request_meets_a_fault(server: Server) -> None:
    server.faults = [status(500), status(429)]

    assert endpoint(server).ask("a").content == '{"label": "positive"}'


def test_waits_as_long_as_it_is_told(server: Server) -> None:
    server.faults = [status(429, headers={"Retry-After": "1"})]

    began = time.monotonic()
    endpoint(server).ask("a")

    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(401), "INFFEED_API_KEY"),
        (status(403), "INFFEED_API_KEY"),
        (status(404, "no such model"), "no such model"),
        (status(400, "what is this"), "what is this"),
        (status(500, "always"), "always"),
        (status(302, headers={"Location": "http://127.0.0.1:9/v1"}), "failed"),
        (half, "broke off"),
        (broken, "not of this protocol"),
        (sends("text/html", b"<html>Sign in first</html>"), "got <html>Sign in first</html>. Nothing was changed"),
        (sends("application/json", b'{"error": {"message": "quota exceeded"}}'), "quota exceeded"),
        (sends("application/json", b"[1, 2]"), "got [1, 2]"),
        (sends("application/json", b'{"id": "x", "choices": []}'), '"choices":[]'),
        (hangs(0.6), "within 0.3 s"),
    ],
)
def test_ends_in_words_where_a_fault_lasts(server: Server, fault, words: str) -> None:
    asking = endpoint(server, timeout=0.3)
    asking.ask("first")
    server.faults = [fault] * 9

    with pytest.raises(ModelError) as error:
        asking.ask("second")
    assert words in str(error.value)
    assert server.url in str(error.value)


def test_a_text_that_a_filter_or_the_length_stops_is_a_refusal_and_not_the_end(server: Server) -> None:
    asking = endpoint(server)
    asking.ask("first")
    server.faults = [status(400, "The response was filtered: content_filter"), status(400, "context_length_exceeded")]

    assert asking.ask("a").refused
    assert asking.ask("b").refused
    assert asking.ask("c").content == '{"label": "positive"}'


def test_refusals_of_the_model_are_told_apart(server: Server) -> None:
    server.answer = lambda message: (
        says(None, refusal="I cannot.") if message == "a" else says("", finish="content_filter")
    )
    asking = endpoint(server)

    assert (asking.ask("a").refused, asking.ask("a").content) == (True, "I cannot.")
    assert asking.ask("b").refused


def test_the_key_comes_from_the_environment_and_stays_out_of_errors(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("INFFEED_API_KEY", "sk-secret")
    asking = endpoint(server)
    asking.ask("a")
    server.faults = [status(401, "Incorrect API key provided: sk-secret")]

    with pytest.raises(ModelError) as error:
        asking.ask("b")
    assert server.keys == ["Bearer sk-secret"]
    assert "sk-secret" not in str(error.value)


def test_the_key_of_another_host_is_not_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")

    endpoint(server).ask("a")

    assert server.keys == ["Bearer none"]


def test_an_endpoint_that_is_not_there_is_told_with_its_address() -> None:
    settings = LabelSettings(means="llm", model="m", endpoint="http://127.0.0.1:9/v1", retries=0)

    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        Endpoint(settings, LABELS).ask("a")


def test_requests_keep_the_pace() -> None:
    import threading

    pace, never = Pace(per_minute=600), threading.Event()
    began = time.monotonic()
    for _ in range(4):
        pace.wait(never)

    assert time.monotonic() - began >= 0.3
