"""The part of the health check that takes time: near copies, tokens, and texts unlike all others.

Nothing is encoded for it, and nothing is fetched: features that are there are looked at, others come with a training.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inffeed_core import store
from inffeed_core.errors import ModelError
from inffeed_core.models.encoding import cached
from inffeed_core.models.lengths import MOST_UNKNOWN, lengths
from inffeed_core.models.sources import local_root
from inffeed_core.project.encoders import trained_with
from inffeed_core.project.folder import Project
from inffeed_core.project.health import Finding, Severity, as_result, moment, of_pairs
from inffeed_core.project.lost_encoders import here
from inffeed_core.project.near_texts import NearTexts
from inffeed_core.records import Instance, Progress, Split
from inffeed_core.settings import TrainSettings
from inffeed_core.store.clock import now
from inffeed_core.store.instances import text_hash

REPORTED = 500
"""Texts between two reports of progress."""
MANY_CUT = 0.1
"""Share of the texts above which cutting them is more than a note."""
COMPARED = 10_000
"""Texts, at most, among which those unlike all others are looked for: some seconds."""
NEIGHBOURS = 10
FENCE = 1.7
"""Interquartile ranges above the third quartile, as cleanlab's Datalab takes for features: 1 / .37037 − 1."""


def look_closer(project: Project, progress: Progress) -> dict[str, object]:
    """Find it, and say of which data: what `health` reads. Raises Cancelled."""
    with store.reading(project.db) as db:
        of, found = moment(db), list(store.instances(db))
        about, version = store.project_settings(db), store.active_version(db)
    settings = TrainSettings() if version is None else trained_with(version)
    findings = _near(found, progress)
    try:
        model = here(project, about.model if version is None else version.encoder)
        if local_root(model) is None:
            raise ModelError(f"{model} is not on this machine yet.")
        findings += _tokens(project.features, model, settings, found, progress)
        findings += _unlike(project.features, model, settings, found, progress)
    except ModelError as error:
        findings.append(Finding("no-encoder", Severity.NOTE, 0, values={"reason": str(error)}))
    return as_result(findings, now(), of)


def _near(found: Sequence[Instance], progress: Progress) -> list[Finding]:
    """Near copies of gold texts in other splits, and near copies among gold with other labels; not equal ones."""
    gold = [one for one in found if one.split is not Split.SILVER]
    index, pairs = NearTexts([one.passage for one in gold]), dict[str, list[tuple[str, str]]]()
    hashes = [text_hash(one.text, one.pair) for one in gold]
    at = {one.id: k for k, one in enumerate(gold)}
    for n, one in enumerate(found):
        if n % REPORTED == 0:
            progress("Comparing texts", n, len(found))
        own = text_hash(one.text, one.pair)
        near = [k for k in index.near(one.passage) if hashes[k] != own]
        earlier = [gold[k] for k in near if k < at.get(one.id, 0)]
        for code, other in _compared(one, [gold[k] for k in near], earlier).items():
            pairs.setdefault(code, []).append((one.id, other.id))
    codes = ("near-train", "near-silver", "near-held-out", "near-conflict")
    return [each for code in codes for each in of_pairs(code, Severity.WARNING, pairs.get(code, []))]


def _compared(one: Instance, near: Sequence[Instance], earlier: Sequence[Instance]) -> dict[str, Instance]:
    """What a text's near gold texts say of it: the finding's code, and the first text behind it.

    `earlier` are those before it, if it is gold: two that contradict each other are told once.
    """
    held_out = {Split.VALIDATION, Split.TEST}
    leaks = {
        Split.TRAIN: ("near-train", held_out),
        Split.SILVER: ("near-silver", held_out),
        Split.VALIDATION: ("near-held-out", {Split.TEST}),
    }
    code, into = leaks.get(one.split, ("", set()))
    first = next((other for other in near if other.split in into), None)
    contradicts = next((other for other in earlier if other.label != one.label), None)
    return {name: other for name, other in ((code, first), ("near-conflict", contradicts)) if other is not None}


def _tokens(
    cache: Path, model: str, settings: TrainSettings, found: Sequence[Instance], progress: Progress
) -> list[Finding]:
    """Texts that training cuts, and those of whose words the tokenizer knows too few."""
    counted = lengths(model, [one.passage for one in found], cache, progress)
    limit = min(settings.max_tokens, counted.most)
    cut = np.flatnonzero(counted.tokens > limit) if not settings.windows else np.array([], dtype=np.int64)
    strange = np.flatnonzero(counted.unknown > MOST_UNKNOWN * np.maximum(counted.own, 1))
    refused = counted.unknown_share > MOST_UNKNOWN
    much = Severity.WARNING if len(cut) > MANY_CUT * len(found) else Severity.NOTE
    return [
        *of_pairs("cut", much, _alone(found, cut), all=len(found), limit=limit),
        *of_pairs(
            "unknown",
            Severity.SERIOUS if refused else Severity.WARNING,
            _alone(found, strange),
            share=counted.unknown_share,
            most=MOST_UNKNOWN,
        ),
    ]


def _unlike(
    cache: Path, model: str, settings: TrainSettings, found: Sequence[Instance], progress: Progress
) -> list[Finding]:
    """Texts whose nearest neighbours in feature space are far away; gold first, where there are many."""
    progress("Looking for texts unlike all others", 0, 0)
    some = sorted(found, key=lambda one: one.split is Split.SILVER)[:COMPARED]
    rows, features = cached(
        model,
        [one.passage for one in some],
        cache,
        max_tokens=settings.max_tokens,
        precision=settings.precision,
        windows=settings.windows,
        layers="last" if settings.layers == "auto" else settings.layers,
    )
    if len(rows) <= NEIGHBOURS:
        return [Finding("no-features", Severity.NOTE, 0)]
    far = [some[i] for i in rows[_far(features)]]
    return of_pairs("outliers", Severity.NOTE, [(one.id, "") for one in far], looked=len(rows))


def _far(features: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers of the rows whose mean distance to their neighbours lies beyond the fence, the farthest first."""
    from cleanlab.outlier import OutOfDistribution  # takes seconds, which a look without features need not pay

    scores = OutOfDistribution({"k": NEIGHBOURS}).fit_score(features=features, verbose=False)
    distance = -np.log(np.maximum(scores.astype(np.float64), 1e-300))  # cleanlab's score is exp(−distance / scale)
    low, high = np.percentile(distance, [25, 75])
    order = np.argsort(-distance, kind="stable")
    return np.asarray(order[distance[order] > high + FENCE * (high - low)], dtype=np.int64)


def _alone(found: Sequence[Instance], rows: NDArray[np.int64]) -> list[tuple[str, str]]:
    return [(found[i].id, "") for i in rows]
