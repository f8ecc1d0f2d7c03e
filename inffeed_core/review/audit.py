"""What a random audit says about the silver labels: how many are wrong, how many are left, and when to stop.

The audited texts are a simple random sample of all silver texts, drawn regardless of which are flagged. So the
share of wrong labels among them is an unbiased estimate of the share among all, whatever the flags. Labels
that review has corrected are subtracted from the total that this share implies.

The interval is that of Clopper and Pearson (Biometrika 1934): it covers the true rate in at least 95 of 100 audits,
whatever the rate and the sample size. It is wider than Wilson's, which covers 95 of 100 only on average over rates, and
fewer if few labels are wrong, exactly where a stopping rule must not promise too much. For sampling without
replacement, as here, the interval is conservative too.
"""

from dataclasses import dataclass

from inffeed_core.project.folder import Project
from inffeed_core.records import Interval
from inffeed_core.store import audit_counts, reading
from inffeed_core.store.auditing import AuditCounts
from inffeed_core.wording import Sentence

LEVEL = 0.95
LEAST = 20
"""With fewer audited texts nothing is estimated: even an audit without errors would not rule out 1 wrong label in 6."""


@dataclass(frozen=True, slots=True)
class AuditEstimate:
    """Estimates from the counts."""

    rate: Interval
    """Share of the imported silver labels that are wrong, 0 to 1."""
    left: Interval
    """How many wrong labels remain uncorrected."""
    next_rate: float
    """Share of wrong labels among unconfirmed texts, 0 to 1."""


def clopper_pearson(wrong: int, checked: int, level: float = LEVEL) -> Interval:
    """The share `wrong` / `checked` with its exact interval. Raises ValueError unless 0 <= wrong <= checked > 0."""
    from scipy.special import betaincinv

    if not 0 <= wrong <= checked or not checked:
        raise ValueError(f"{wrong} of {checked} is not a share; expected 0 <= wrong <= checked, and checked above 0.")
    tail = (1 - level) / 2
    low = 0.0 if wrong == 0 else float(betaincinv(wrong, checked - wrong + 1, tail))
    high = 1.0 if wrong == checked else float(betaincinv(wrong + 1, checked - wrong, 1 - tail))
    return Interval(wrong / checked, low, high)


def estimate(counts: AuditCounts) -> AuditEstimate | None:
    """How many silver labels are wrong, and how many remain so; None below LEAST audited texts."""
    if counts.checked < LEAST:
        return None
    rate = clopper_pearson(counts.wrong, counts.checked)

    def left(share: float) -> float:
        return min(max(0.0, share * counts.silver - counts.corrected), counts.unconfirmed)

    remaining = Interval(left(rate.value), left(rate.low), left(rate.high))
    return AuditEstimate(rate, remaining, remaining.value / counts.unconfirmed if counts.unconfirmed else 0.0)


def in_words(counts: AuditCounts) -> list[Sentence]:
    """The outcome in sentences."""
    found = estimate(counts)
    if found is None:
        return [Sentence("audit-too-few", checked=counts.checked, least=LEAST)]
    rate, left = found.rate, found.left
    told = [
        Sentence(
            "audit-rate", wrong=counts.wrong, checked=counts.checked, rate=rate.value, low=rate.low, high=rate.high
        ),
        Sentence(
            "audit-left",
            left=round(left.value),
            low=round(left.low),
            high=round(left.high),
            hundredth=round(100 * found.next_rate),
        ),
    ]
    if counts.undecided:
        told.append(Sentence("audit-undecided", undecided=counts.undecided))
    return told


def audit(project: Project) -> AuditCounts:
    """What the audit has covered so far; `estimate` draws the conclusions."""
    with reading(project.db) as db:
        return audit_counts(db)
