"""Whether the audit keeps its promise on sets with known gold: how often its intervals hold the truth.

As in the product (`store.auditing`), every silver text has a lot. A share of the texts shown to the annotator comes
from the audit, in the order of lots and without already flagged ones; the sample is everything before the
first text by lot that nobody has answered. The flags are those of `gold-loss`, whose first texts are wrong far more
often than others, which would mislead an estimate that used flagged texts as a sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inffeed_core.flags.policies import order
from inffeed_core.influence import HeadData, losses
from inffeed_core.review.audit import AuditEstimate, estimate
from inffeed_core.settings import ProjectSettings
from inffeed_core.silver.beliefs import Learned, beliefs
from inffeed_core.store.auditing import AuditCounts
from inffeed_core.studies.draws import RepairSet

AUDIT = ("audit", "audit", "audit")
"""The policy, mode and training named in its rows."""
REVIEWED = (0.05, 0.1, 0.2, 0.4)
"""Shares of the silver shown to the annotator, flags and audit together."""
DRAWS = 500
"""Draws of lots for each of these."""

Bools = NDArray[np.bool_]


def audits(draw: RepairSet, seed: int) -> Iterator[Mapping[str, Any]]:
    """For each share reviewed: how often there was an estimate, its interval held the truth, and how far off it was."""
    wrong = np.asarray((draw.silver != draw.gold[draw.seed_rows :]).numpy())
    ranking, generator = order(_gold_loss(draw)), np.random.default_rng(seed)
    for reviewed in REVIEWED:
        shown = max(1, round(reviewed * len(wrong)))
        audited = round(ProjectSettings("p", draw.labels).audit_share * shown)
        flagged = np.zeros(len(wrong), dtype=bool)
        flagged[ranking[: shown - audited]] = True
        seen = [seen_by_lot(wrong, flagged, audited, generator.permutation(len(wrong))) for _ in range(DRAWS)]
        pairs = [(counts, found) for counts in seen if (found := estimate(counts))]
        checked = float(np.mean([counts.checked for counts in seen]))
        about = {"reviewed": reviewed, "checked": checked, "estimates": len(pairs), "audits": DRAWS}
        yield {**about, **_outcome(pairs, int(wrong.sum()))}


def seen_by_lot(wrong: Bools, flagged: Bools, audited: int, lots: NDArray[np.int64]) -> AuditCounts:
    """What the audit covers after this many audited texts besides the flagged ones; `lots` is the order of texts."""
    rest = lots[~flagged[lots]]
    answered = flagged.copy()
    answered[rest[:audited]] = True
    still_open = np.flatnonzero(~answered[lots])
    sample = lots[: still_open[0] if len(still_open) else len(lots)]
    return AuditCounts(
        checked=len(sample),
        wrong=int(wrong[sample].sum()),
        undecided=0,
        silver=len(wrong),
        corrected=int(wrong[answered].sum()),
        unconfirmed=int((~answered).sum()),
    )


def _outcome(pairs: Sequence[tuple[AuditCounts, AuditEstimate]], wrong: int) -> Mapping[str, float | None]:
    if not pairs:
        return {"covered": None, "left_covered": None, "next_rate_error": None}
    truths = [(wrong - counts.corrected, counts.unconfirmed) for counts, _ in pairs]
    left = [found.left.low <= truth <= found.left.high for (truth, _), (_, found) in zip(truths, pairs, strict=True)]
    off = [abs(found.next_rate - t / max(1, n)) for (t, n), (_, found) in zip(truths, pairs, strict=True)]
    share = wrong / pairs[0][0].silver
    return {
        "covered": float(np.mean([found.rate.low <= share <= found.rate.high for _, found in pairs])),
        "left_covered": float(np.mean(left)),
        "next_rate_error": float(np.mean(off)),
    }


def _gold_loss(draw: RepairSet) -> NDArray[np.float64]:
    """Loss of each silver label under a model of the seed gold."""
    count, silver = draw.seed_rows, draw.silver
    learned = Learned(
        data=HeadData(draw.features, torch.cat([draw.gold[:count], silver]), len(draw.labels)),
        confirmed=torch.arange(len(draw.features)) < count,
        silver=torch.cat([torch.full((count,), -1), silver]),
        sources=torch.zeros(len(draw.features), dtype=torch.int64),
    )
    return np.asarray(losses(beliefs(learned, draw.validation)[count:], silver).numpy())
