"""What is marked or disagreed on is listed with what was said, until somebody settles it."""

from reviewing import texts

from inffeed_core import review
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.review.discussing import settle, topics


def say(project: Project, annotator: str, act: Act, label: str | None = None, note: str = "", id: str = "s000") -> None:
    review.decide(project, Decision(f"{annotator}-{id}-{act}", id, annotator, act, label, note))


def listed(project: Project, annotator: str | None = None) -> list[str]:
    return [topic.instance.id for topic in topics(project, annotator)]


def test_what_is_marked_is_listed_with_its_notes_until_it_is_settled(reviewable_project):
    say(reviewable_project, "Ada", Act.FLAG, note="sarcasm?")
    say(reviewable_project, "Ada", Act.FLAG, id="s003")
    assert listed(reviewable_project, "Bob") == ["s003", "s000"]
    assert [(d.annotator, d.note) for d in topics(reviewable_project)[1].said] == [("Ada", "sarcasm?")]
    settled = settle(reviewable_project, "s000", "positive", "Bob", "it is")
    assert (settled.act, settled.settles) == (Act.RELABEL, True)
    assert listed(reviewable_project) == ["s003"]
    review.undo(reviewable_project, "Bob", "u")
    assert listed(reviewable_project) == ["s003", "s000"]


def test_a_label_by_somebody_else_settles_nothing(reviewable_project):
    say(reviewable_project, "Ada", Act.FLAG)
    say(reviewable_project, "Bob", Act.RELABEL, "positive")
    assert listed(reviewable_project) == ["s000"]


def test_what_is_marked_again_is_open_again(reviewable_project):
    say(reviewable_project, "Ada", Act.FLAG)
    settle(reviewable_project, "s000", "positive", "Bob")
    say(reviewable_project, "Cem", Act.FLAG)
    assert listed(reviewable_project) == ["s000"]


def test_disagreement_is_listed_until_it_is_settled(reviewable_project):
    say(reviewable_project, "Ada", Act.KEEP, "negative")
    assert listed(reviewable_project) == []
    say(reviewable_project, "Bob", Act.RELABEL, "positive")
    assert listed(reviewable_project) == ["s000"]
    settle(reviewable_project, "s000", "negative", "Cem")
    assert listed(reviewable_project) == []
    assert texts(reviewable_project, ["s000"])["s000"].label == "negative"


def test_nobody_sees_what_others_said_before_their_own_answer(reviewable_project):
    change_settings(reviewable_project, overlap=2)
    say(reviewable_project, "Ada", Act.FLAG)
    assert listed(reviewable_project, "Ada") == ["s000"]
    assert listed(reviewable_project, "Bob") == []
    say(reviewable_project, "Bob", Act.SKIP)
    assert listed(reviewable_project, "Bob") == ["s000"]
