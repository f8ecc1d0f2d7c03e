"""Two analyses of one project, and what they have in common."""

import pytest

from inffeed_core import store
from inffeed_core.analysis.agreement import agreement, named, rankings_agreement, text_agreement, tier_of
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Evidence, Influencer, Split
from inffeed_core.store.analyses import ScoreRow


def add(project: Project, harm: dict[str, float], evidence: dict[str, list[str]], **settings: object) -> None:
    with store.writing(project.db) as db:
        id = store.begin_analysis(db, "v1", 0, settings)
        score = ScoreRow("s000", "negative", "negative", 0.6, 0.5, 0.0, 0.0)
        store.put_scores(db, id, [score], {"negative-influence": list(harm.items())})
        for target, ids in evidence.items():
            store.put_evidence(db, id, target, {"supporter": [(one, 1.0 / (n + 1)) for n, one in enumerate(ids)]})


def stored(project: Project) -> list[Analysis]:
    with store.reading(project.db) as db:
        return store.analyses(db)


def compared(project: Project):
    second, first, *_ = stored(project)
    return agreement(project, first, second)


def test_influencers_of_one_text_agree_by_those_that_both_keep():
    def evidence(**influence: float) -> Evidence:
        found = [Influencer(id, "t", "a", Split.TRAIN, value) for id, value in influence.items()]
        return Evidence("x", tuple(found), ())

    first = evidence(a=0.4, b=0.3, c=0.2, d=0.1)
    assert "name 4; rank correlation of their influence 1.00" in text_agreement(first, evidence(a=4, b=3, c=2, d=1))
    assert "-1.00" in text_agreement(first, evidence(a=1, b=2, c=3))
    assert text_agreement(first, evidence(a=1, e=2)).endswith("name 1.")


def test_rank_correlation_shares_ranks_among_equals_and_uses_common_silver(reviewable_project: Project):
    add(reviewable_project, {"s000": 3, "s001": 2, "s002": 1, "s003": 9}, {})
    add(reviewable_project, {"s000": 5, "s001": 5, "s002": 1, "s004": 0}, {})
    found = compared(reviewable_project)
    assert found.silver == 3
    assert found.correlation == pytest.approx(3**0.5 / 2)
    assert found.overlap is None


def test_overlap_counts_the_ten_strongest_of_common_targets(reviewable_project: Project):
    train = [f"t{n:03}" for n in range(12)]
    add(reviewable_project, {}, {"s000": train, "s001": train[:2], "s002": train})
    add(reviewable_project, {}, {"s000": train[5:] + train[:5], "s001": train[:2]})
    found = compared(reviewable_project)
    assert found.targets == 2
    assert found.overlap == pytest.approx((8 / 10 + 1) / 2)
    assert "cannot be compared" in found.sentence
    assert "90% are the same" in found.sentence


def test_analyses_are_named_by_number_or_version(reviewable_project: Project):
    add(reviewable_project, {}, {}, scope="all", refine=True)
    newest, oldest = stored(reviewable_project)
    assert named(reviewable_project, "v1") == newest
    assert named(reviewable_project, str(oldest.id)) == oldest
    assert (tier_of(newest), tier_of(oldest)) == ("all, refined", "head")
    for unknown in ("99", "v9", "³"):
        with pytest.raises(NotReady, match="inffeed analyses"):
            named(reviewable_project, unknown)


def test_simple_rankings_agree_by_the_first_texts_they_share(reviewable_project: Project):
    ids = [f"s{n:03}" for n in range(40)]
    rising = {id: float(n) for n, id in enumerate(ids)}
    half = {id: float(n if n < 10 or n >= 30 else -n) for n, id in enumerate(ids)}
    with store.writing(reviewable_project.db) as db:
        id = store.begin_analysis(db, "v1", 0, {})
        policies = {
            "expected-gain": rising,
            "gold-loss": rising,
            "bm25": {k: -v for k, v in rising.items()},
            "knn": half,
        }
        store.put_scores(db, id, [], {name: list(scores.items()) for name, scores in policies.items()})
    count, of, found = rankings_agreement(reviewable_project, Analysis(id, "v1", "", 0, {}), "expected-gain")
    assert (count, of) == (20, 40)
    assert [(one.policy, one.shared) for one in found] == [("gold-loss", 1.0), ("knn", 0.5), ("bm25", 0.0)]
    assert found[0].correlation == pytest.approx(1)
    assert found[2].correlation == pytest.approx(-1)
