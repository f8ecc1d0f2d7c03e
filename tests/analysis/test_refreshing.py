"""The flags follow the decisions by themselves: no version, no card lost, and every decided text can be undone."""

import pytest
from quiet import quiet
from small import explained

from inffeed_core import jobs, review, store
from inffeed_core.analysis.analysing import analyse, explain, refresh
from inffeed_core.flags.policies import POLICIES
from inffeed_core.jobs import refresh_due, start_refresh
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, JobState
from inffeed_core.review.progress import Sitting
from inffeed_core.settings import AnalysisSettings, TrainSettings

FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


def decide(project: Project, count: int, start: int = 0) -> list[str]:
    """Relabel so many silver texts."""
    ids = [f"silver-{k}" for k in range(start, start + count)]
    with store.writing(project.db) as db:
        for id in ids:
            other = "positive" if store.instance(db, id).label == "negative" else "negative"
            store.record_decision(db, Decision(f"t-{id}", id, "Ada", Act.RELABEL, other))
    return ids


def ranked(project: Project, version: str = "v1") -> list[str]:
    """Ids in the default order by the version's latest analysis."""
    with store.reading(project.db) as db:
        analysis = store.latest_analysis(db, version)
        assert analysis is not None
        sql = "SELECT instance FROM ranking WHERE analysis = ? AND policy = ? ORDER BY rank"
        return [row["instance"] for row in db.query(sql, [analysis.id, POLICIES[0]])]


def test_a_refresh_ranks_by_the_new_labels_and_makes_no_version(analysed: Project):
    before = ranked(analysed)
    done = decide(analysed, 8)
    analysis = refresh(analysed, quiet)
    with store.reading(analysed.db) as db:
        assert [v.id for v in store.versions(db)] == ["v1"]
        assert store.version(db, "v1").as_of_decision == 0
        rows = {row.instance: row for row in store.scored(db, analysis.id)}
    assert analysis.as_of_decision == 8
    after = ranked(analysed)
    assert sorted(after) == sorted(before)
    assert sorted(after[-8:]) == done  # decided texts keep a place, so that they can be looked at and undone
    assert after[:-8] != [id for id in before if id not in done]
    assert rows[done[0]].label == "positive"
    assert review.progress(analysed, Sitting("Ada")).done == 8
    assert review.item(analysed, done[0]).flag.id == done[0]


def test_a_second_refresh_takes_the_place_of_the_first_but_not_of_what_was_asked_for(analysed: Project):
    decide(analysed, 3)
    first = refresh(analysed, quiet)
    decide(analysed, 3, start=3)
    second = refresh(analysed, quiet)
    with store.reading(analysed.db) as db:
        assert [one.id for one in store.analyses(db)] == [second.id, first.id - 1]
    assert len(ranked(analysed)) == 20
    explain(analysed, ["test-0"], quiet)
    with store.reading(analysed.db) as db:
        assert "test-0" in explained(db, second.id)


def test_refreshed_flags_are_those_that_a_retrain_with_the_same_l2_gives(analysed: Project):
    decide(analysed, 6)
    refresh(analysed, quiet)
    refreshed = ranked(analysed)[:-6]
    with store.reading(analysed.db) as db:
        l2 = float(str(store.version(db, "v1").report["l2"]))
    version = train(analysed, TrainSettings(max_tokens=32, l2=l2), quiet)
    with store.writing(analysed.db) as db:
        store.promote(db, version.id, "test")
    analyse(analysed, FEW, quiet)
    assert ranked(analysed, version.id) == refreshed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Jobs that were asked for: queued as always, but without a process."""
    kinds: list[str] = []

    def start(project: Project, kind: str, settings: dict[str, object]) -> None:
        kinds.append(kind)
        with store.writing(project.db) as db:
            store.enqueue(db, f"job{len(kinds)}", kind, settings)

    monkeypatch.setattr(jobs.refreshing, "start", start)
    return kinds


def refresh_if_due(project: Project) -> bool:
    """As the review room does."""
    with store.reading(project.db) as db:
        due = refresh_due(db)
    return due is not None and start_refresh(project, due)


def test_it_starts_by_itself_after_so_many_decisions_and_once(reviewable_project: Project, asked: list[str]):
    change_settings(reviewable_project, refresh_after=3)
    for k in range(2):
        answer(reviewable_project, k)
    assert not refresh_if_due(reviewable_project)
    answer(reviewable_project, 2)
    assert refresh_if_due(reviewable_project)
    assert not refresh_if_due(reviewable_project)
    with store.writing(reviewable_project.db) as db:
        store.end_job(db, "job1", JobState.FAILED, error="broken")
    answer(reviewable_project, 3)
    assert not refresh_if_due(reviewable_project)  # one that failed is not tried again at every decision
    for k in (4, 5):
        answer(reviewable_project, k)
    assert refresh_if_due(reviewable_project)
    assert asked == ["refresh", "refresh"]


def test_zero_switches_it_off(reviewable_project: Project, asked: list[str]):
    change_settings(reviewable_project, refresh_after=0)
    for k in range(30):
        answer(reviewable_project, k)
    assert not refresh_if_due(reviewable_project)


def answer(project: Project, k: int) -> None:
    with store.writing(project.db) as db:
        store.record_decision(db, Decision(f"t{k}", f"s{k:03}", "Ada", Act.RELABEL, "positive"))
