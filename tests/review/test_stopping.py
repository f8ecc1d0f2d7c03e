"""When to stop: what the last flags brought, where the queue ends, and that both come from the rows of the database."""

from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable, take

from inffeed_core import review, store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision
from inffeed_core.review.audit import audit, estimate
from inffeed_core.review.handing_out import AUDIT, queue
from inffeed_core.review.progress import Sitting, progress
from inffeed_core.review.stopping import WINDOW, audit_now, place_of_end

ADA, ALL = Sitting("Ada"), Sitting("Ada", whole=True)
SILVER = 200


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Of the label of text n the probability to be wrong is 1 - n/200, which every order ranks by."""
    made = make_reviewable(tmp_path / "p", Filling(silver=SILVER, queue_end=None))
    with store.writing(made.db) as db:
        db.conn.execute("UPDATE ranking SET score = 1.0 - (rank - 1.0) / ?", [SILVER])
    return made


def decide(project: Project, n: int, label: str, policy: str | None = POLICIES[0]) -> None:
    before = "negative" if n % 2 == 0 else "positive"
    act = Act.KEEP if label == before else Act.RELABEL
    review.decide(project, Decision(f"d{n}-{policy}", f"s{n:03}", "Ada", act, label, policy=policy))


@pytest.mark.parametrize(
    ("chances", "share", "place"),
    [
        ([], 0.5, None),
        ([0.2] * 10, 0.2, 0),
        ([0.2] * 10, 0.1, None),
        ([1.0] * 60 + [0.0] * 60, 0.5, 40),  # twenty of the next forty
        ([1.0] * 60 + [0.0] * 60, 0.01, 60),
        ([0.5] * 100 + [0.0], 0.48, None),  # one good text at the end ends nothing
    ],
)
def test_the_queue_ends_where_the_mean_of_the_next_ones_falls_to_the_share(chances, share, place):
    assert place_of_end(chances, share) == place


def test_the_last_flags_are_counted_without_audited_texts_twins_and_undone_ones(project):
    for n in range(10):
        decide(project, n, "positive")  # of which every other had been negative
    decide(project, 20, "positive", policy=AUDIT)
    decide(project, 21, "negative", policy=None)
    review.decide(project, Decision("u", "s002", "Ada", Act.RELABEL, "positive", policy=POLICIES[0]), also=["s030"])
    assert progress(project, ADA).outlook.recent == store.Recent(checked=11, wrong=6)
    review.undo(project, "Ada", "back")
    assert progress(project, ADA).outlook.recent == store.Recent(checked=10, wrong=5)
    assert progress(project, Sitting("Ada", POLICIES[1])).outlook.recent == store.Recent(checked=0, wrong=0)


def test_only_the_last_forty_count(project):
    for n in range(50):
        decide(project, n, "negative" if n < 30 else "positive")
    wrong = sum(n % 2 == (1 if n < 30 else 0) for n in range(50 - WINDOW, 50))
    assert progress(project, ADA).outlook.recent == store.Recent(checked=WINDOW, wrong=wrong)


def test_what_the_next_hundred_bring_is_the_sum_of_their_chances(project):
    outlook = progress(project, ADA).outlook
    assert (outlook.ahead, outlook.coming) == (100, pytest.approx(sum(1 - n / SILVER for n in range(100))))
    decide(project, 0, "positive")
    assert progress(project, ADA).outlook.coming == pytest.approx(sum(1 - n / SILVER for n in range(1, 101)))


def test_before_the_audit_can_tell_nothing_ends(project):
    told = progress(project, ADA)
    assert (told.outlook.left, told.outlook.end, told.open) == (None, None, SILVER)


def test_a_share_of_the_project_ends_the_queue_and_all_goes_on(project):
    change_settings(project, queue_end=0.5)
    told = progress(project, ADA)
    assert told.outlook.end is not None
    assert (told.outlook.end.rank, told.outlook.end.audited) == (82, False)  # 0.5 is the mean of ranks 82 to 121
    assert (told.open, told.outlook.end.beyond) == (81, SILVER - 81)
    assert progress(project, ALL).open == SILVER
    handed = take(project, ADA, 100)
    assert [i.flag.rank for i in handed.items] == list(range(1, 82))
    assert handed.short
    assert len(queue(project, limit=300, whole=False)) == 81
    assert len(queue(project, limit=300)) == SILVER
    decide(project, 0, "positive")
    decide(project, 100, "positive")  # beyond the end, so it is no progress of this queue
    assert (progress(project, ADA).done, progress(project, ADA).open) == (1, 80)
    assert progress(project, Sitting("Ada", "random")).open == SILVER - 2


def test_the_audit_s_rate_ends_the_queue(project):
    for n in range(0, SILVER, 2):
        decide(project, n, "positive" if n % 8 == 0 else "negative", policy=AUDIT)
    for n in range(1, SILVER, 2):
        decide(project, n, "positive", policy=AUDIT)
    found = estimate(audit(project))
    assert found is not None
    assert found.rate.value == pytest.approx(25 / SILVER)
    end = progress(project, ADA).outlook.end
    assert end is not None
    assert (end.share, end.audited) == (pytest.approx(found.rate.value), True)
    assert end.rank == 1 + place_of_end([1 - n / SILVER for n in range(SILVER)], found.rate.value)


def test_the_audit_counted_step_by_step_is_the_audit_counted_at_once(project):
    with store.reading(project.db) as db:
        lots = [r["id"] for r in db.query("SELECT id FROM instance WHERE split = 'silver' ORDER BY lot LIMIT 60")]
    for step, id in enumerate(lots):
        review.decide(project, Decision(f"a{step}", id, "Ada", Act.RELABEL, "positive", policy=AUDIT))
        if step % 7 == 3:
            review.undo(project, "Ada", f"u{step}")
        with store.reading(project.db) as db:
            assert audit_now(db) == estimate(store.audit_counts(db))
