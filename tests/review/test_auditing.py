"""Texts drawn at random among the flags: blind, unforeseeable, and a fair sample of all silver."""

import pytest
from reviewing import Filling, make_reviewable, take

from inffeed_core import review, store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Example, Split
from inffeed_core.review.audit import audit
from inffeed_core.review.progress import Sitting
from inffeed_core.store.auditing import AuditCounts

ADA = Sitting("Ada")


@pytest.fixture
def project(tmp_path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=400, audit_share=0.2))


def by_lot(project: Project) -> list[str]:
    with store.reading(project.db) as db:
        return [r["id"] for r in db.query("SELECT id FROM instance WHERE split = 'silver' ORDER BY lot")]


def say(project: Project, id: str, act: Act = Act.RELABEL, label: str | None = "positive") -> None:
    review.decide(project, Decision(f"{id}-{act}", id, "Ada", act, label))


def test_about_the_wanted_share_is_drawn_in_the_order_of_the_lots(project):
    handed = take(project, ADA, 200).items
    drawn = [i.flag.id for i in handed if i.blind]
    assert len(handed) == 200
    assert 25 <= len(drawn) <= 55
    assert drawn == [id for id in by_lot(project) if id >= "s200"][: len(drawn)]  # the others come as flags anyway


def test_a_drawn_text_shows_nothing_that_a_model_thinks(project):
    drawn = next(i for i in take(project, ADA, 200).items if i.blind)
    flag = drawn.flag
    assert (flag.predicted, flag.suggested, flag.rank) == ("", "", 0)
    assert drawn.evidence.supporters == drawn.evidence.opposers == drawn.evidence.harmed == ()
    assert drawn.most_incompatible is None


def test_a_reload_brings_the_same_texts_again(project):
    first = [(i.flag.id, i.blind) for i in take(project, ADA, 20).items]
    assert [(i.flag.id, i.blind) for i in take(project, ADA, 20, fresh=True).items] == first


def test_two_annotators_never_audit_the_same_text(project):
    taken = [{i.flag.id for i in take(project, Sitting(name), 60).items} for name in ("Ada", "Bob")]
    assert not taken[0] & taken[1]


def test_without_a_share_nothing_is_drawn(project):
    change_settings(project, audit_share=0.0)
    assert not any(i.blind for i in take(project, ADA, 200).items)


def test_the_sample_ends_before_the_first_text_that_nobody_answered(project):
    """Flagged texts within it count, those beyond it do not: neither too few nor too many of them."""
    lots = by_lot(project)
    for id in (*lots[:5], *lots[6:30]):
        say(project, id)
    wrong = sum(int(id[1:]) % 2 == 0 for id in lots[:5])  # even ones are labelled negative
    corrected = sum(int(id[1:]) % 2 == 0 for id in (*lots[:5], *lots[6:30]))
    assert audit(project) == AuditCounts(5, wrong, 0, 400, corrected, 371)
    say(project, lots[5], Act.UNSURE, None)
    counts = audit(project)
    assert (counts.checked, counts.undecided) == (29, 1)


def test_texts_imported_later_take_their_place_in_the_sample(project):
    before = by_lot(project)
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(f"new-{n}", f"a new text {n}", "positive", Split.SILVER) for n in range(400)])
    after = by_lot(project)
    assert [id for id in after if not id.startswith("new")] == before
    assert 60 < sum(id.startswith("new") for id in after[:200]) < 140
