"""A card tells what each source says of a flag, and of a text drawn for the audit nothing."""

import pytest
from reviewing import take

from inffeed_core import store
from inffeed_core.flags import reasons
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import SilverLabel, Source
from inffeed_core.review.handing_out import queue
from inffeed_core.review.progress import Sitting
from pages.components.review_card.exchange import Words, item_json

WORDS = Words(policies={}, reasons=reasons.ENGLISH, labels=2)


@pytest.fixture
def told(reviewable_project: Project) -> Project:
    with store.writing(reviewable_project.db) as db:
        for name in ("gpt", "vader"):
            store.add_source(db, Source(name))
        said = [SilverLabel("gpt", "s000", "positive", 0.75), SilverLabel("vader", "s000", None, answer="Hm.")]
        store.record_silver_labels(db, [*said, SilverLabel("gpt", "s001", "negative")])
    return reviewable_project


def test_every_source_with_its_confidence_and_its_refusal(told: Project) -> None:
    first, _, third = queue(told, limit=3)
    shown = item_json(first, WORDS)
    assert [(s["source"], s["label"], s["confidence"]) for s in shown["said"]] == [
        ("imported", "negative", None),
        ("gpt", "positive", 0.75),
        ("vader", None, None),
    ]
    assert shown["said"][2]["answer"] == "Hm."
    assert (shown["source"], shown["original"]) == ("vote", "negative")
    assert item_json(third, WORDS)["said"] == [], "one label says all"


def test_an_audited_text_comes_without(told: Project) -> None:
    change_settings(told, audit_share=0.5)
    blind = [item for item in take(told, Sitting("Ada"), 20).items if item.blind]
    assert blind
    assert all(item_json(item, WORDS)["said"] == [] for item in blind)
