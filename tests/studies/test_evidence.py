"""The tables of the evidence, from rows whose answers are known beforehand."""

import numpy as np
import pytest
from rows_of_runs import review, runs

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Split
from inffeed_core.review.audit import audit
from inffeed_core.store.flags import Viewer
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.evidence import statistics
from inffeed_core.studies.evidence.audit import audit_table
from inffeed_core.studies.evidence.bars import bars
from inffeed_core.studies.evidence.choice import choice, choice_table, held_out_table, told, worth_table
from inffeed_core.studies.evidence.noise import noise_table
from inffeed_core.studies.evidence.tables import (
    OURS,
    Contender,
    Evidence,
    f1_table,
    leads_table,
    named,
    sets_table,
    unreviewed,
)
from inffeed_core.studies.repair.audit import AUDIT, audits, seen_by_lot
from inffeed_core.studies.repair.review import ALL_GOLD

RIVAL: Contender = ("gold-loss", "once", OURS[2])
RANDOM: Contender = ("random", "once", OURS[2])
ORACLES: tuple[Contender, ...] = (("oracle", "once", "plain"), ("oracle", "once", "noise-aware"))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 200)


@pytest.fixture
def three_sets() -> Evidence:
    """Ours is best by a little on two sets; the rival by much on the third."""
    return runs(
        {
            "a": {OURS: 0.62, RIVAL: 0.61, RANDOM: 0.60},
            "b": {OURS: 0.62, RIVAL: 0.61, RANDOM: 0.60},
            "c": {OURS: 0.50, RIVAL: 0.70, RANDOM: 0.60},
        }
    )


def test_the_default_is_chosen_by_ranks_on_the_other_sets(three_sets: Evidence):
    made = choice(three_sets)
    assert made.candidates == [OURS, RIVAL, RANDOM]
    np.testing.assert_allclose(made.ranks, [[1, 1, 3], [2, 2, 1], [3, 3, 2]])
    assert [made.candidates[c] for c in made.held_out(made.ranks)] == [RIVAL, RIVAL, OURS]
    assert [made.candidates[c] for c in made.held_out(-made.f1)] == [RIVAL, RIVAL, OURS]
    last = held_out_table(made).splitlines()[-1].strip("| ").split(" | ")
    assert [last[0], last[2], last[4:]] == ["c", "0.500", ["0.500", "0.500", "0.700"]]
    assert "what ranks choose scores 0.5733" in told(made)


def test_a_candidate_that_a_set_lacks_is_not_chosen(three_sets: Evidence):
    lone = ("knn", "once", OURS[2])
    assert lone not in choice(Evidence([*three_sets.rows, review("a", lone, 0.9)])).candidates


def cells(line: str) -> list[str]:
    return line.strip("| ").split(" | ")


def test_leads_come_with_an_interval_a_test_and_counts(three_sets: Evidence):
    [rival] = [line for line in choice_table(three_sets, choice(three_sets)).splitlines() if RIVAL[0] in line]
    _, f1, lead, interval, p, record, rank = cells(rival)
    assert [f1, lead, p, record, rank] == ["0.6400", "+0.0600", "1.000", "1 / 0 / 2", "1.7 of 3"]
    low, high = map(float, interval.split(" to "))
    assert low < 0 < 0.06 < high <= 0.25
    [worth] = [line for line in worth_table(three_sets, OURS[2]).splitlines() if RIVAL[0] in line]
    assert [cells(worth)[i] for i in (1, 3, 4)] == ["+0.0400", "0.250", "3 / 0 / 0"]


def test_ours_is_compared_with_what_needs_no_ranking(three_sets: Evidence):
    levels = {"random checking": RANDOM, "silver as it is": unreviewed("plain"), "gold alone": unreviewed("gold-only")}
    lines = [cells(line) for line in leads_table(three_sets, three_sets.sets, OURS, levels).splitlines()[2:]]
    assert [line[:3] for line in lines] == [
        ["random checking", "1%", "-0.0200"],
        ["silver as it is", "1%", "+0.0800"],
    ]  # gold alone was not run
    assert lines[1][-1] == "2 / 1 / 0"


def test_the_levels_stand_below_what_was_reviewed(three_sets: Evidence):
    lines = [cells(line) for line in f1_table(three_sets, three_sets.sets, three_sets.contenders).splitlines()[2:]]
    assert [line[0] for line in lines] == [named(RIVAL), named(RANDOM), named(OURS), ALL_GOLD, "no review, plain"]
    assert [line[1][:5] for line in lines] == ["0.640", "0.600", "0.580", "0.700", "0.500"]
    assert lines[0][1] == "0.640 / 0.660"


def test_a_rule_is_compared_with_argmax(three_sets: Evidence):
    ruled = three_sets.under("macro-f1")
    gain = ruled.rule_gain(ruled.sets, OURS)
    assert gain.interval.value == pytest.approx(0.02)
    assert (gain.p, str(gain.record)) == (0.25, "3 / 0 / 0")
    rows = [review(name, unreviewed(OURS[2]), 0.6, budget=0.0) for name in "abc"]
    found = {bar.claim: bar for bar in bars(Evidence([*three_sets.rows, *rows]))}
    assert found["macro-f1 rule, no review: a gain with its interval above 0"].met
    [harm] = [bar for claim, bar in found.items() if "loses more than" in claim]
    assert harm.measured.startswith("+0.0200 at worst")


def test_a_share_is_pooled_over_sets_with_a_wide_gap():
    found = runs({"a": {OURS: 0.55}, "b": {OURS: 0.65}})
    assert found.share(found.sets, OURS, 0.01) == pytest.approx(0.5)
    narrow = [review("c", unreviewed(t), f1, budget=0.0) for t, f1 in (("plain", 0.5), (ALL_GOLD, 0.51))]
    wider = Evidence([*found.rows, *narrow, review("c", OURS, 0.9)])
    assert wider.share(wider.sets, OURS, 0.01) == pytest.approx(0.5)


def test_runs_that_end_below_silver_are_counted():
    found = runs({"a": {OURS: 0.55, RIVAL: 0.5}, "b": {OURS: 0.45, RIVAL: 0.5}})
    [below] = [bar for bar in bars(found) if "end below" in bar.claim]
    assert (below.measured, below.met) == ("1 of 2", None)
    assert "no 600, yes 400" in sets_table(found, ["a"], [OURS], [0.01])


def test_sets_are_told_by_when_they_were_looked_at_and_by_their_test(three_sets: Evidence):
    assert list(three_sets.halves.values()) == [["a", "b"], ["c"]]
    assert three_sets.shifted == []
    elsewhere = Evidence([row | {"shift": 0.9} for row in three_sets.rows if row["set"] == "a"])
    assert elsewhere.shifted == ["a"]


def test_beside_a_missed_bar_stands_the_best_that_knowing_every_error_reaches():
    found = runs({"a": {OURS: 0.55, RIVAL: 0.5, ORACLES[0]: 0.54, ORACLES[1]: 0.64}})
    assert found.ceiling(found.sets, 0.01) == pytest.approx(0.7)
    (gap,) = [bar for bar in bars(found) if "80% of the gap" in bar.claim]
    assert gap.measured == "25% (knowing every error: 70%)"
    assert not gap.met


def test_an_annotator_who_errs_is_compared_on_the_same_draws(three_sets: Evidence):
    tired = runs({"a": {OURS: 0.58, RIVAL: 0.56}}, noise=0.1)
    told = noise_table(three_sets, tired, [OURS, RIVAL, RANDOM])
    assert "| 0.620 → 0.580 |" in told
    assert "| 0.610 → 0.560 |" in told
    assert "random" not in told


def test_the_sample_of_an_audit_ends_before_the_first_text_that_nobody_answered():
    wrong = np.array([True, False, True, False, False, True])
    flagged = np.array([True, False, False, False, False, True])
    counts = seen_by_lot(wrong, flagged, 2, np.array([5, 1, 0, 2, 3, 4]))
    assert (counts.checked, counts.wrong) == (4, 3)  # 5 and 0 were flagged, 1 and 2 audited; 3 is open
    assert (counts.corrected, counts.unconfirmed, counts.silver) == (3, 2, 6)


def test_an_audit_counts_what_the_product_counts(reviewable_project: Project):
    with store.reading(reviewable_project.db) as db:
        silver = list(store.instances(db, [Split.SILVER]))
        drawn = store.lots(db, [e.id for e in silver])
        audited = store.next_audited(db, Viewer(), 6, [e.id for e in silver[:10]])
    wrong = np.arange(len(silver)) % 3 == 0
    flagged = np.arange(len(silver)) < 10
    with store.writing(reviewable_project.db) as db:
        for n, one in enumerate(silver):
            if flagged[n] or one.id in audited:
                other = "positive" if one.label == "negative" else "negative"
                act = Act.RELABEL if wrong[n] else Act.KEEP
                store.record_decision(db, Decision(f"t{n}", one.id, "Ana", act, other if wrong[n] else one.label))
    lots = np.argsort([drawn[e.id] for e in silver], kind="stable")
    assert seen_by_lot(wrong, flagged, 6, lots) == audit(reviewable_project)


def test_an_interval_of_the_audit_holds_the_truth_as_often_as_it_says(sample_set: RepairSet):
    rows = list(audits(sample_set, 0))
    assert [row["reviewed"] for row in rows] == [0.05, 0.1, 0.2, 0.4]
    assert rows[-1]["checked"] > rows[0]["checked"]
    covered = [row["covered"] for row in rows if row["estimates"] > 400]
    assert all(share >= 0.93 for share in covered)
    policy, mode, training = AUDIT
    found = Evidence([review("a", unreviewed("plain"), 0.5, budget=0.0)])
    named = [review("a", (policy, mode, training), 0.0, budget=0.0, **row) for row in rows]
    assert "| 40% | " in audit_table(Evidence([*found.rows, *named]))
    assert Evidence([*found.rows, *named]).contenders == []
