"""What answers mean, and how sure they are."""

import math

import pytest

from inffeed_core.labelling.answering import Reply, read_reply, reply_from, vote

LABELS = ("hate", "not hate", 'O\'Neil, "x"', "1", "é")


@pytest.mark.parametrize(
    ("content", "label"),
    [
        ('{"label": "hate"}', "hate"),
        (' {"label":"not hate", "why": "…"} ', "not hate"),
        ('```json\n{"label": "hate"}\n```', "hate"),
        ("hate", "hate"),
        ("**Hate**.", "hate"),
        ("Label: not hate", "not hate"),
        ('{"label": "O\'Neil, \\"x\\""}', 'O\'Neil, "x"'),
        ('{"label": "HATE"}', "hate"),
        ('{"label": "e\u0301"}', "é"),
        ("1", None),  # the number 1 could be a position as well
        ('"1"', "1"),
        ('{"label": "1"}', "1"),
        ("This is not hate, I think", None),
        ('{"label": "hat', None),
        ('{"label": null}', None),
        ('{"label": ["hate"]}', None),
        ('["hate"]', None),
        ("", None),
        ('<think>Is it hate? "not hate"?</think>\n{"label": "hate"}', "hate"),
        ("<thinking>\nnot hate\n</thinking> hate.", "hate"),
        ('<think>{"label": "hate"}', None),  # cut off while it thought
        ("[" * 100_000, None),
    ],
)
def test_reads_a_label_or_none(content: str, label: str | None) -> None:
    read = read_reply(Reply(content), LABELS)

    assert read.label == label
    assert read.raw == ("" if label is not None else content)


@pytest.mark.parametrize(("logarithm", "sure"), [(math.nan, None), (-math.inf, 0.0), (0.5, 1.0), (math.inf, 1.0)])
def test_a_probability_that_is_none_is_no_confidence(logarithm: float, sure: float | None) -> None:
    assert read_reply(Reply("hate", tokens=(("hate", logarithm),)), LABELS).confidence == sure


def test_keeps_refusals_as_such() -> None:
    read = read_reply(Reply("hate", refused=True), LABELS)

    assert (read.label, read.raw, read.confidence) == (None, "hate", None)


def test_confidence_is_the_probability_of_the_labels_tokens() -> None:
    tokens = (
        ('{"', -0.1),
        ("label", -0.2),
        ('": "', -0.3),
        ("not", math.log(0.8)),
        (" hate", math.log(0.5)),
        ('"}', -2.0),
    )

    read = read_reply(Reply('{"label": "not hate"}', tokens=tokens), LABELS)

    assert read.confidence == pytest.approx(0.4)


def test_confidence_is_unknown_without_tokens() -> None:
    assert read_reply(Reply('{"label": "hate"}'), LABELS).confidence is None
    assert read_reply(Reply('{"label": "hate"}', tokens=(("x", -1.0),)), LABELS).confidence is None


def test_samples_vote_and_their_share_is_the_confidence() -> None:
    replies = [Reply('{"label": "hate"}'), Reply("no idea"), Reply('{"label": "hate"}'), Reply('{"label": "not hate"}')]

    assert (vote(replies, LABELS).label, vote(replies, LABELS).confidence) == ("hate", 0.5)


def test_tied_samples_go_to_the_first_label() -> None:
    assert vote([Reply("not hate"), Reply("hate")], LABELS).label == "hate"
    assert vote([Reply("?"), Reply("!")], LABELS).label is None


def test_a_kept_reply_comes_back_as_it_was() -> None:
    reply = Reply("a \u2028 \ud83d\ude00 é", refused=True, tokens=(("a", -0.5),))

    assert reply_from(reply.as_json()) == reply
