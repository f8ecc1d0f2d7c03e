"""The tables of the evidence, from rows whose answers are known beforehand."""

import numpy as np
import pytest

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Split
from inffeed_core.review.audit import audit
from inffeed_core.store.flags import Viewer
from inffeed_core.studies.draws import OWN, RepairSet
from inffeed_core.studies.evidence.audit import audit_table
from inffeed_core.studies.evidence.bars import bars
from inffeed_core.studies.evidence.choice import choice, choice_table, held_out_table, told, worth_table
from inffeed_core.studies.evidence.noise import noise_table
from inffeed_core.studies.evidence.tables import OURS, Contender, Evidence
from inffeed_core.studies.repair.audit import AUDIT, audits, seen_by_lot
from inffeed_core.studies.repair.runs import BASELINE, Row

RIVAL: Contender = ("gold-loss", "once", OURS[2])
RANDOM: Contender = ("random", "once", OURS[2])
ORACLES: tuple[Contender, ...] = (("oracle", "once", "plain"), ("oracle", "once", "noise-aware"))


def review(name: str, contender: Contender, f1: float, budget: float = 0.01, **other: object) -> Row:
    """One row: silver as it is scores .5 on every set, all gold .7."""
    policy, mode, training = contender
    about = {"set": name, "seed": 0, "settings": "s", "silver_error": 0.3, "silver_from": OWN, "all_gold": 0.7}
    scored = {"policy": policy, "mode": mode, "training": training, "budget": budget, "macro_f1": f1}
    return about | scored | {"precision": 0.5, "ap": 0.5, "checked": 10} | other


def runs(scores: dict[str, dict[Contender, float]], **other: object) -> Evidence:
    rows = [review(name, (BASELINE, "none", "plain"), 0.5, budget=0.0) for name in scores]
    rows += [review(name, c, f1, **other) for name, found in scores.items() for c, f1 in found.items()]
    return Evidence(rows)


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


def test_leads_come_with_an_interval_over_sets(three_sets: Evidence):
    assert "| 0.6400 | +0.0600 ± 0.3012 | 1.7 of 3 |" in choice_table(choice(three_sets))  # t = 4.303, sd .1212
    assert "+0.0400 ± 0.1291 | 3 of 3 |" in worth_table(three_sets, OURS[2])


def test_beside_a_missed_bar_stands_the_best_that_knowing_every_error_reaches():
    found = runs({"a": {OURS: 0.55, RIVAL: 0.5, ORACLES[0]: 0.54, ORACLES[1]: 0.64}})
    assert found.ceiling("real", 0.01) == pytest.approx(0.7)
    (gap,) = [bar for bar in bars(found) if "80% of the gap" in bar.claim]
    assert gap.measured == "25% (knowing every error: 70%)"
    assert not gap.met


def test_an_annotator_who_errs_is_compared_on_the_same_draws(three_sets: Evidence):
    tired = runs({"a": {OURS: 0.58, RIVAL: 0.56}}, noise=0.1)
    told = noise_table(three_sets, tired, [OURS, RIVAL, RANDOM])
    assert "| 0.60 → 0.40 |" in told
    assert "| 0.55 → 0.30 |" in told
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
    found = Evidence([review("a", (BASELINE, "none", "plain"), 0.5, budget=0.0)])
    named = [review("a", (policy, mode, training), 0.0, budget=0.0, **row) for row in rows]
    assert "| 40% | " in audit_table(Evidence([*found.rows, *named]))
    assert Evidence([*found.rows, *named]).contenders == []
