import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inffeed_core.errors import SettingsError
from inffeed_core.feedback.methods import LEAVE_OUT, METHODS, Ballot, applied, cast_votes, influence_vote
from inffeed_core.settings import FeedbackSettings


def ballot(labels, influencers, influence, classes=2, seed=0) -> Ballot:
    generator = np.random.default_rng(seed)
    n = len(labels)
    probabilities = [row / row.sum(1, keepdims=True) for row in generator.random((2, n, classes)) + 0.01]
    return Ballot(
        np.array(labels),
        classes,
        np.array(influencers),
        np.array(influence, dtype=float),
        generator.normal(size=n),
        *probabilities,
    )


def some_ballot(n=40, classes=3, k=6, seed=0) -> Ballot:
    generator = np.random.default_rng(seed)
    influence = -np.sort(-np.abs(generator.normal(size=(n, k)))) * generator.choice([-1, 1], (n, k))
    return ballot(generator.integers(0, classes, n), generator.integers(0, n, (n, k)), influence, classes, seed)


def test_signed_votes_are_for_the_label_that_each_influencer_speaks_for():
    one = ballot([0, 0, 1], [[1, 2], [0, 2], [0, 1]], [[3.0, -2.0], [-1.0, 1.0], [-4.0, 0.5]])
    votes = cast_votes(one, FeedbackSettings(vote="signed"))
    assert votes.tolist() == [
        [3.0, 2.0],  # a helpful one for its label 0; a harmful one for its own label 1
        [0.0, 0.0],  # harmful with the same label: against it; helpful with another: for it
        [4.0, 0.5],
    ]


def test_own_label_votes_ignore_the_sign_and_counts_the_size():
    one = ballot([0, 0, 1], [[1, 2], [0, 2], [0, 1]], [[3.0, -2.0], [-1.0, 1.0], [-4.0, 0.5]])
    assert cast_votes(one, FeedbackSettings(vote="own-label")).tolist() == [[3, 2], [1, 1], [4.5, 0]]
    assert cast_votes(one, FeedbackSettings(vote="count")).tolist() == [[1, 1], [1, 1], [2, 0]]


def test_only_the_strongest_vote():
    one = ballot([0, 1, 1], [[1, 2], [2, 0], [1, 0]], [[-3.0, -2.0], [1.0, -0.5], [1.0, -0.5]])
    assert cast_votes(one, FeedbackSettings(influencers=1)).tolist() == [[0, 3], [0, 1], [0, 1]]


def test_a_winner_needs_its_margin():
    one = ballot([0, 1], [[1, 1], [0, 0]], [[-3.0, 2.0], [1.0, 1.0]])  # 3 for class 1, 2 for class 0: a lead of .2
    assert influence_vote(one, FeedbackSettings(margin=0.19, cap=1)).rows.tolist() == [0]
    assert len(influence_vote(one, FeedbackSettings(margin=0.21, cap=1))) == 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_to_the_cap_and_orders_by_lead(method: str):
    one = some_ballot()
    found = METHODS[method](one, FeedbackSettings(cap=0.1, margin=0))
    assert len(found) > 0
    assert (np.diff(found.leads) <= 0).all()
    taken = np.bincount(one.labels[found.rows], minlength=3)
    assert (taken <= 0.1 * np.bincount(one.labels, minlength=3)).all()
    assert len(set(found.rows.tolist())) == len(found)
    assert (found.labels != one.labels[found.rows]).all()


@given(st.integers(0, 50), st.sampled_from(["signed", "own-label", "count"]))
def test_the_order_of_rows_changes_nothing(seed: int, vote: str):
    one, order = some_ballot(seed=seed), np.random.default_rng(seed).permutation(40)
    place = np.argsort(order)
    shuffled = Ballot(
        one.labels[order],
        3,
        place[one.influencers[order]],
        one.influence[order],
        one.validation_influence[order],
        one.predicted[order],
        one.out_of_fold[order],
    )
    settings = FeedbackSettings(vote=vote, margin=0.3, cap=1)
    first, second = influence_vote(one, settings), influence_vote(shuffled, settings)
    assert dict(zip(first.rows, first.labels, strict=True)) == dict(zip(order[second.rows], second.labels, strict=True))


def test_applying_changes_what_was_proposed_and_nothing_else():
    one = some_ballot()
    relabelled = METHODS["relabel-harmful"](one, FeedbackSettings(cap=0.2))
    labels, weights = applied(one.labels, relabelled)
    assert (labels[relabelled.rows] == relabelled.labels).all()
    assert (np.delete(labels, relabelled.rows) == np.delete(one.labels, relabelled.rows)).all()
    assert (weights == 1).all()
    left_out = METHODS["discard"](one, FeedbackSettings(cap=0.2))
    labels, weights = applied(one.labels, left_out)
    assert (left_out.labels == LEAVE_OUT).all()
    assert (labels == one.labels).all()
    assert sorted(np.flatnonzero(weights == 0)) == sorted(left_out.rows)


def test_settings_that_cannot_work_are_refused():
    for values in ({"influencers": 0}, {"vote": "loud"}, {"margin": -1}, {"rounds": 0}, {"cap": 0}):
        with pytest.raises(SettingsError, match=next(iter(values))):
            FeedbackSettings(**values)
