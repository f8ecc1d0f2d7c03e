"""Two analyses side by side, of different tiers or versions, and how far they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Evidence
from inffeed_core.store import analyses as stored_analyses
from inffeed_core.store import latest_analysis, ranking_scores, reading, strongest_influencers
from inffeed_core.wording import Sentence

RANKING = "negative-influence"
"""The policy whose scores are minus the validation influence."""
TOP, FEWEST_COMMON = 10, 3
FIRST, FEWEST = 0.05, 20
"""The share of a ranking's first texts that is compared with another ranking, and the least number of texts."""
_ORDERS = ((0.9, "same"), (0.7, "near"), (0.4, "loose"), (0.1, "far"), (-0.1, "unrelated"))
"""The kind of agreement from each rank correlation on; below the last, the orders are opposite."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two analyses agree."""

    first: Analysis
    second: Analysis
    silver: int
    """Instances that both ranked."""
    correlation: float | None
    """Spearman's correlation of validation influence over these; None with fewer than two, or without differences."""
    targets: int
    """Instances that both explained."""
    overlap: float | None
    """Mean share, 0 to 1, of their ten strongest influencers that both name; None without targets."""
    sentence: Sentence
    """The outcome in plain words."""


def tier_of(analysis: Analysis) -> str:
    """Its scope in one word or two: head, last-block or all, and whether refined."""
    scope = str(analysis.settings.get("scope", "head"))
    return f"{scope}, refined" if analysis.settings.get("refine") else scope


def named(project: Project, name: str) -> Analysis:
    """The analysis with this number, or the newest of the version with this id. Raises NotReady."""
    with reading(project.db) as db:
        if not (name.isascii() and name.isdecimal()):
            found = latest_analysis(db, name)
        else:
            found = next((one for one in stored_analyses(db) if one.id == int(name)), None)
    if found is None:
        raise NotReady(
            f"There is no analysis {name!r}, and no analysed version {name!r}; `inffeed analyses` lists them."
        )
    return found


def agreement(project: Project, first: Analysis, second: Analysis) -> Agreement:
    """Rank correlation of validation influence over common silver, and overlap of the strongest influencers."""
    with reading(project.db) as db:
        harm = [ranking_scores(db, one.id, RANKING) for one in (first, second)]
        strongest = [strongest_influencers(db, one.id, TOP) for one in (first, second)]
    common = sorted(harm[0].keys() & harm[1].keys())
    correlation = _spearman(*(np.array([side[id] for id in common]) for side in harm))
    overlap = _overlap(*strongest)
    targets = len(strongest[0].keys() & strongest[1].keys())
    sentence = _sentence(len(common), correlation, targets, overlap)
    return Agreement(
        first=first,
        second=second,
        silver=len(common),
        correlation=correlation,
        targets=targets,
        overlap=overlap,
        sentence=sentence,
    )


def text_agreement(first: Evidence, second: Evidence) -> Sentence:
    """How far the influencers of one text agree in two analyses: those that both keep, in which order."""
    sides = [{i.id: i.influence for i in (*one.supporters, *one.opposers)} for one in (first, second)]
    common = sorted(sides[0].keys() & sides[1].keys())
    correlation = _spearman(*(np.array([side[id] for id in common]) for side in sides))
    if len(common) < FEWEST_COMMON or correlation is None:
        return Sentence("text-common", common=len(common), kept=max(map(len, sides)))
    return Sentence("text-order", common=len(common), kept=max(map(len, sides)), correlation=correlation)


@dataclass(frozen=True, slots=True)
class RankingAgreement:
    """How far another policy of the same analysis puts the same texts first."""

    policy: str
    shared: float
    """Share, 0 to 1, of the first texts of one ranking that are among the same number of first texts of the other."""
    correlation: float | None
    """Spearman's correlation over all texts that both rank; None if scores do not differ."""


def rankings_agreement(project: Project, analysis: Analysis, policy: str) -> tuple[int, int, list[RankingAgreement]]:
    """How every other policy's ranking agrees with this one's: (first texts looked at, texts ranked, agreements).

    The first texts are a share `FIRST` of all, at least `FEWEST`; a random ranking would share the same fraction of
    them. The most similar ranking comes first.
    """
    with reading(project.db) as db:
        scores = {name: ranking_scores(db, analysis.id, name) for name in POLICIES}
    ours = scores.pop(policy)
    count = min(len(ours), max(FEWEST, round(FIRST * len(ours))))
    found = [_agreed(name, ours, theirs, count) for name, theirs in scores.items() if ours and theirs]
    return count, len(ours), sorted(found, key=lambda one: -one.shared)


def _agreed(policy: str, ours: Mapping[str, float], theirs: Mapping[str, float], count: int) -> RankingAgreement:
    common = sorted(ours.keys() & theirs.keys())
    sides = [np.array([side[id] for id in common]) for side in (ours, theirs)]
    shared = len(_first(ours, count) & _first(theirs, count)) / count
    return RankingAgreement(policy, shared, _spearman(sides[0], sides[1]))


def _first(scores: Mapping[str, float], count: int) -> set[str]:
    return set(sorted(scores, key=lambda id: (-scores[id], id))[:count])


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Pearson's correlation of ranks; tied values share their mean rank."""
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks: NDArray[np.float64] = count.cumsum() - (count - 1) / 2
    return mean_ranks[place]


def _overlap(a: Mapping[str, frozenset[str]], b: Mapping[str, frozenset[str]]) -> float | None:
    shares: Sequence[float] = [len(a[id] & b[id]) / max(len(a[id]), len(b[id])) for id in a.keys() & b.keys()]
    return sum(shares) / len(shares) if shares else None


def _sentence(silver: int, correlation: float | None, targets: int, overlap: float | None) -> Sentence:
    if correlation is None:
        order = Sentence("order-unknown", silver=silver)
    else:
        kind = next((kind for above, kind in _ORDERS if correlation >= above), "opposite")
        order = Sentence(f"order-{kind}", silver=silver, correlation=correlation)
    if overlap is None:
        return order
    return Sentence("order-and-overlap", order=order, top=TOP, share=overlap, targets=targets)
