"""Scores of an analysis against refits, on a project with a tiny encoder."""

from dataclasses import asdict

import pytest
from quiet import quiet

from inffeed_core import store
from inffeed_core.analysis.verifying import Refit, Verification, correlation, latest_verification, slope, verify
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from inffeed_core.records import JobState


def test_the_scores_that_are_shown_come_true(analysed: Project):
    found = verify(analysed, 12, quiet)
    with store.reading(analysed.db) as db:
        harm = store.ranking_scores(db, found.analysis, "negative-influence")
        gains = {one.instance: one.relabel_gain for one in store.scored(db, found.analysis)}
    assert len(found.removal) == len(found.relabelling) == 12
    assert {one.id: one.predicted for one in found.removal} == pytest.approx({o.id: -harm[o.id] for o in found.removal})
    assert all(one.predicted == gains[one.id] for one in found.relabelling)
    for kind in (found.removal, found.relabelling):
        assert correlation(kind) == pytest.approx(1, abs=0.05)
        assert slope(kind) == pytest.approx(1, abs=0.2)
    assert found.shared_with_bm25 is not None
    assert 0 <= found.shared_with_bm25 <= 1


def test_the_same_texts_are_drawn_again(analysed: Project):
    assert verify(analysed, 3, quiet) == verify(analysed, 3, quiet)


def test_there_are_no_more_refits_than_silver(analysed: Project):
    silver = verify(analysed, 1000, quiet)
    assert len({one.id for one in silver.removal}) == len(silver.removal) < 1000


def test_before_an_analysis_there_is_nothing_to_check(project: Project):
    with pytest.raises(NotReady, match="inffeed analyse"):
        verify(project, 5, quiet)


def test_numbers_that_do_not_vary_correlate_with_nothing():
    same = [Refit("a", 1.0, 2.0), Refit("b", 1.0, 3.0)]
    assert correlation(same) is None
    assert slope(same) is None
    assert correlation([]) is None


def test_the_newest_check_of_an_analysis_is_found(reviewable_project: Project):
    results = [Verification(1, [], [Refit("s000", 0.1, 0.2)], 0.5), Verification(2, [], [], None)]
    assert latest_verification(reviewable_project, 1) is None
    with store.writing(reviewable_project.db) as db:
        for number, result in enumerate(results):
            store.enqueue(db, f"job{number}", "verify", {})
            store.end_job(db, f"job{number}", JobState.DONE, result=asdict(result))
    assert latest_verification(reviewable_project, 1) == results[0]
    assert latest_verification(reviewable_project, 3) is None
