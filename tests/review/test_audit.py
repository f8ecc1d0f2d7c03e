"""The audit's interval against tables and by simulation; its estimate is right on average, flags or no flags."""

import numpy as np
import pytest
from scipy.stats import binomtest

from inffeed_core.review.audit import LEAST, clopper_pearson, estimate, in_words
from inffeed_core.store.auditing import AuditCounts


def counts(checked: int, wrong: int, **more: int) -> AuditCounts:
    silver = {"silver": 2000, "corrected": 0, "unconfirmed": 2000 - checked, "undecided": 0}
    return AuditCounts(checked=checked, wrong=wrong, **(silver | more))


@pytest.mark.parametrize(("wrong", "checked"), [(0, 30), (1, 20), (7, 100), (50, 100), (20, 20)])
def test_the_interval_is_that_of_scipy(wrong, checked):
    expected = binomtest(wrong, checked).proportion_ci(0.95, method="exact")
    found = clopper_pearson(wrong, checked)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.value == wrong / checked


@pytest.mark.parametrize(("wrong", "checked"), [(3, 2), (-1, 5), (0, 0)])
def test_what_is_no_share_is_refused(wrong, checked):
    with pytest.raises(ValueError, match="is not a share"):
        clopper_pearson(wrong, checked)


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.35])
@pytest.mark.parametrize("checked", [20, 60, 200])
def test_the_interval_covers_the_true_rate_in_95_of_100_audits(rate, checked):
    """2000 silver texts, sampled without replacement."""
    silver = 2000
    wrong = round(rate * silver)
    seen = np.random.default_rng(1).hypergeometric(wrong, silver - wrong, checked, size=4000)
    found = {int(k): clopper_pearson(int(k), checked) for k in np.unique(seen)}
    covered = np.mean([found[int(k)].low <= rate <= found[int(k)].high for k in seen])
    assert covered >= 0.945  # 0.95 less two standard errors of 4000 audits


def test_what_is_left_is_right_on_average_however_good_the_flags_are():
    """Flags find nearly only wrong labels; the audited sample holds flagged texts in their proportion."""
    draw = np.random.default_rng(2)
    wrong = np.zeros(1000, dtype=bool)
    wrong[:200] = True
    flagged = np.r_[0:120, 900:910]  # 120 of the wrong ones, and 10 others
    left = []
    for _ in range(2000):
        audited = draw.permutation(1000)[:100]
        confirmed = np.union1d(audited, flagged)
        corrected = int(wrong[confirmed].sum())
        true_left = 200 - corrected
        told = estimate(
            counts(100, int(wrong[audited].sum()), silver=1000, corrected=corrected, unconfirmed=1000 - len(confirmed))
        )
        left.append(told.rate.value * 1000 - corrected - true_left)
    assert abs(np.mean(left)) < 3 * np.std(left) / np.sqrt(len(left))


def test_a_worked_case():
    """400 of 2000 are confirmed, 60 of them corrected; 6 of 100 audited were wrong: 120 in all, so 60 are left."""
    told = estimate(counts(100, 6, corrected=60, unconfirmed=1600))
    assert told.left.value == pytest.approx(60)
    assert told.next_rate == pytest.approx(60 / 1600)
    sentences = in_words(counts(100, 6, corrected=60, unconfirmed=1600))
    assert sentences[0] == "6 of 100 audited silver labels were wrong: 6.0% of all, 95 % interval 2.2% to 12.6%."
    assert sentences[1].startswith(
        "About 60 wrong labels are left (0 to 192); at this rate 4 in 100 further flags would be"
    )


def test_no_more_is_left_than_there_are_and_no_less_than_none():
    assert estimate(counts(40, 1, corrected=900, unconfirmed=100)).left.value == 0
    assert estimate(counts(40, 40, unconfirmed=7)).left.value == 7
    assert estimate(counts(40, 1, unconfirmed=0)).next_rate == 0


def test_too_few_tell_nothing():
    assert estimate(counts(LEAST - 1, 3)) is None
    assert [s.code for s in in_words(counts(3, 0))] == ["audit-too-few"]


def test_texts_without_a_label_are_told():
    assert "2 audited texts got no label" in in_words(counts(30, 1, undecided=2))[-1]
