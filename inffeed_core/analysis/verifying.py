"""Whether an analysis is right about this project: random scores against real refits, and what words alone find.

A score predicts an experiment (`influence/scores.py`), so the experiment is carried out: the head is refitted, or for
influence through the training the whole fine-tuning repeated, without a text or with the suggested label for it, and
the validation loss is measured. Texts are drawn at random from
the silver that the analysis ranked, so that neither strong nor weak scores are preferred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from inffeed_core import store
from inffeed_core.analysis.agreement import TOP
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import Floats, alike_by_words
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, Progress
from inffeed_core.settings import Scope
from inffeed_core.store.analyses import ScoreRow

if TYPE_CHECKING:
    from inffeed_core.analysis.analysing import State

KIND = "verify"
"""The kind of job that does it; the job's result keeps the outcome."""
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Refit:
    """One score and the outcome of its experiment, in nats of mean validation loss."""

    id: str
    predicted: float
    actual: float


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of checking one analysis."""

    analysis: int
    removal: Sequence[Refit]
    """Influence on validation against refits without the text."""
    relabelling: Sequence[Refit]
    """Relabel gain of the suggested label against refits with it."""
    shared_with_bm25: float | None
    """Mean share, 0 to 1, of a text's strongest influencers among the same number of most similar texts by BM25."""
    groups: Sequence[Refit] = field(default_factory=list)
    """For the training: gains of whole groups of texts together, each with another label."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Verification":
        """From JSON."""
        lists = {name: [Refit(**one) for one in values.get(name, ())] for name in ("removal", "relabelling", "groups")}
        return cls(analysis=values["analysis"], shared_with_bm25=values["shared_with_bm25"], **lists)


def correlation(refits: Sequence[Refit]) -> float | None:
    """Pearson's correlation of predicted with actual; None if either does not vary."""
    predicted, actual = _columns(refits)
    if len(refits) < FEWEST or not np.ptp(predicted) or not np.ptp(actual):
        return None
    return float(np.corrcoef(predicted, actual)[0, 1])


def slope(refits: Sequence[Refit]) -> float | None:
    """The slope of actual on predicted: 1 = the magnitude is right, above 1 = predicted too small."""
    predicted, actual = _columns(refits)
    if len(refits) < FEWEST or not np.ptp(predicted):
        return None
    return float(np.polyfit(predicted, actual, 1)[0])


def _columns(refits: Sequence[Refit]) -> tuple[Floats, Floats]:
    return np.array([one.predicted for one in refits]), np.array([one.actual for one in refits])


def latest_verification(project: Project, analysis: int) -> Verification | None:
    """The newest check of this analysis, or None."""
    with store.reading(project.db) as db:
        results = store.job_results(db, KIND)
    found = next((one for one in results if one.get("analysis") == analysis), None)
    return None if found is None else Verification.from_dict(found)


def verify(project: Project, refits: int, progress: Progress, scope: Scope | None = None) -> Verification:
    """Check the latest analysis of the active version on this many random silver texts, or all if there are fewer.

    With `scope`, the latest of that scope. Relabel gains are always checked. Removal is not where influence went
    through a whole model: that would have to be trained once for each text. Through the training, it is: everything is
    trained anew, and groups of texts as well. Deterministic for the project's seed. Raises NotReady without an
    analysis, silver or validation gold; Cancelled.
    """
    from inffeed_core.analysis import analysing
    from inffeed_core.project.encoded import wording_of

    analysis = _to_check(project, scope)
    settings = analysing.settings_then(analysis)
    state = analysing.load(project, settings, progress, analysis.as_of_decision)
    if not state.unconfirmed or not state.validation.instances:
        raise NotReady("A check needs unconfirmed silver and validation gold; import some more.")
    drawn = np.random.default_rng(state.about.seed).permutation(state.unconfirmed)[:refits].tolist()
    with store.reading(project.db) as db:
        scores = store.scored(db, analysis.id, [state.learn.instances[row].id for row in drawn])
        strongest = store.strongest_influencers(db, analysis.id, TOP)
    by_id, groups = {one.instance: one for one in scores}, list[Refit]()
    if settings.scope == "training":
        from inffeed_core.analysis.retrained import retrained

        removal, relabelling, together = retrained(project, state, by_id, drawn, progress)
        with store.writing(project.db) as db:
            store.put_retrained_groups(db, analysis.id, together)
        groups = [Refit(one.name, one.predicted, one.actual) for one in together]
    else:
        removal, relabelling = _refitted(state, by_id, drawn, progress)
    texts = {one.id: wording_of(one) for one in state.learn.instances}
    shared = _shared_with_bm25(texts, {one.instance: strongest.get(one.instance, frozenset()) for one in scores})
    return Verification(
        analysis=analysis.id, removal=removal, relabelling=relabelling, groups=groups, shared_with_bm25=shared
    )


def _to_check(project: Project, scope: Scope | None) -> Analysis:
    with store.reading(project.db) as db:
        in_use = store.analysis_in_use(db)
        of_version = [one for one in store.analyses(db) if in_use is not None and one.version == in_use.version]
    if scope is None:
        found = in_use
    else:
        of_scope = [one for one in of_version if one.settings.get("scope", "head") == scope]
        found = max(of_scope, key=lambda one: one.id, default=None)
    if found is None:
        option = "" if scope is None else f" --scope {scope}"
        raise NotReady(
            f"There is no such analysis of the active version to check; run one first (`inffeed analyse{option}`)."
        )
    return found


def _refitted(
    state: "State", scores: Mapping[str, ScoreRow], drawn: Sequence[int], progress: Progress
) -> tuple[list[Refit], list[Refit]]:
    """Removal and relabelling of each drawn row of `state.learn`."""
    from inffeed_core.analysis.refits import Refits

    influence, number = state.plain_influence, {label: c for c, label in enumerate(state.about.labels)}
    experiment = Refits(influence, (state.validation.features, state.validation.labels))
    predicted = influence.on_mean_loss(*experiment.validation)
    removal, relabelling = [], []
    for done, row in enumerate(drawn):
        progress("Refitting", done, len(drawn))
        score = scores[state.learn.instances[row].id]
        if state.settings.scope == "head":
            removal.append(Refit(score.instance, float(predicted[row]), experiment.without(row)))
        if score.suggested is not None and score.relabel_gain is not None:
            actual = experiment.relabelled(row, number[score.suggested])
            relabelling.append(Refit(score.instance, score.relabel_gain, actual))
    return removal, relabelling


def _shared_with_bm25(texts: Mapping[str, str], strongest: Mapping[str, frozenset[str]]) -> float | None:
    """`texts` are all learned texts by id; `strongest` are the influencers of the drawn ones, if known."""
    known = [id for id, influencers in strongest.items() if influencers]
    if not known or len(texts) <= TOP:
        return None
    ids = list(texts)
    found, _ = alike_by_words([texts[id] for id in known], list(texts.values()), TOP + 1)
    alike = [[ids[row] for row in rows if ids[row] != id][:TOP] for id, rows in zip(known, found, strict=True)]
    shares = [len(strongest[id] & set(near)) / len(strongest[id]) for id, near in zip(known, alike, strict=True)]
    return float(np.mean(shares))
