"""What a message costs: a transaction for each decision, and one for everything else."""

import pytest

from inffeed_core import review, store
from inffeed_core.project.folder import change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.review import messages
from inffeed_core.review.messages import Message, Receipt, Sent
from inffeed_core.review.progress import Sitting

ADA = Sitting("Ada")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each connection that is opened."""
    opened: list[str] = []
    connect = store.connection._connect

    def counted(path, *pragmas, **more):
        opened.append(path.name)
        return connect(path, *pragmas, **more)

    monkeypatch.setattr(store.connection, "_connect", counted)
    return opened


def told(project, message: Message):
    receipt = messages.receive(project, ADA, message.decisions)
    return receipt, messages.news(project, ADA, message, receipt, lambda db: None)


def relabel(token: str, id: str) -> Sent:
    return Sent(token=token, id=id, act="relabel", label="positive", analysis_id=1)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_message_opens_one_connection_for_each_decision_and_one_more(reviewable_project, connections, count):
    change_settings(reviewable_project, overlap=2)
    review.decide(reviewable_project, Decision("b", "s000", "Bob", Act.KEEP, "negative"))
    connections.clear()
    decisions = [relabel(f"d{n}", f"s00{n}") for n in range(count)]
    message = Message(decisions=decisions, want=5, have=["s005"], look=["s007", "t000"], analysis_id=1)
    receipt, news = told(reviewable_project, message)
    assert len(receipt.acknowledged) == count
    assert len(connections) == count + 1
    assert len(news.handed.items) == 5
    assert [i.flag.id for i in news.looked] == ["s007"]
    assert news.missing == ["t000"]
    assert news.labels == {f"s00{n}": "positive" for n in range(count)} | ({"s000": "negative"} if count else {})
    assert set(news.answers) == ({"s000"} if count else set())


def test_an_undo_and_a_stale_analysis_open_no_more(reviewable_project, connections):
    review.decide(reviewable_project, Decision("a", "s000", "Ada", Act.RELABEL, "positive"))
    connections.clear()
    undo = Sent(token="u", id="", act="undo")
    receipt, news = told(reviewable_project, Message(decisions=[undo], want=2, have=["s001"], analysis_id=0))
    assert {token: d.token for token, d in receipt.undone.items()} == {"u": "a"}
    assert news.labels == {"s000": "negative"}
    assert len(news.handed.items) == 20
    assert len(connections) == 2


def test_a_card_opens_by_one_connection(reviewable_project, connections):
    assert len(messages.welcome(reviewable_project, ADA).handed.items) == 20
    assert len(connections) == 1


def test_a_refresh_is_asked_for_only_where_something_was_decided(reviewable_project):
    def due(db) -> int:
        return store.last_decision_row(db)

    news = messages.news(reviewable_project, ADA, Message(), Receipt(), due)
    assert news.refresh_at is None
    receipt = messages.receive(reviewable_project, ADA, [relabel("a", "s000")])
    assert messages.news(reviewable_project, ADA, Message(), receipt, due).refresh_at == 1


def test_the_numbers_are_of_the_moment_of_the_items(reviewable_project):
    _, news = told(reviewable_project, Message(decisions=[relabel("a", "s000")], want=3, analysis_id=1))
    progress = news.numbers.progress
    assert (progress.done, progress.open, progress.changes.corrected) == (1, 39, 1)
    assert news.numbers.exposure.texts == 1
    assert [i.flag.id for i in news.handed.items] == ["s001", "s002", "s003"]
