"""Analyse and explain: from a model version to flags, suggestions and influencers in the store.

Validation influence (hence the policy negative-influence), influencers and the gold that a flag harms come from the
tier named by the settings' scope: the exact head, the whole model, or the training. Suggestions, out-of-fold
probabilities and self-influence always come from the head. So do relabel gains, expected gain and influence on single
classes, except for the training: only head and training have an exact answer to a change of label. Influencers and the
gold that a flag harms are the head's for the training, which would need a replay for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import NoReturn

import torch
from jaxtyping import Float
from sqlite_utils import Database
from torch import Tensor

from inffeed_core import store
from inffeed_core.analysis.feature_map import principal_plane
from inffeed_core.analysis.ruled import by_rules
from inffeed_core.analysis.scopes import require_head_scope
from inffeed_core.analysis.tiers import HeadTier, Tier, kept
from inffeed_core.errors import NotReady, UnknownInstance
from inffeed_core.flags import policies
from inffeed_core.flags.signals import silver_signals
from inffeed_core.influence import HeadInfluence, fit_head, logits, losses, probabilities
from inffeed_core.project.encoded import Encoded, Material, encode_as, stored_fit, wording_of
from inffeed_core.project.encoders import located, trained_with
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, ModelVersion, Progress, Split
from inffeed_core.settings import AnalysisSettings, ProjectSettings
from inffeed_core.store.analyses import RetrainedGroup, ScoreRow

EXPLAIN_ALL_PAIRS = 2e8
"""Up to this many target × train pairs every train, silver and validation instance is explained (about 10 s)."""


@dataclass(frozen=True)
class State:
    """The active version with the data it was trained on."""

    version: ModelVersion
    about: ProjectSettings
    material: Material
    settings: AnalysisSettings
    stored_theta: Float[Tensor, "k d1"]
    as_of: int
    """The row of the last decision that the labels include."""
    transformer: str
    """The hub id or folder of the version's encoder."""

    @property
    def data(self) -> Encoded:
        """Every text."""
        return self.material.data

    @property
    def learn(self) -> Encoded:
        """The texts that it learned from: train and silver."""
        return self.material.learn

    @property
    def validation(self) -> Encoded:
        """The validation gold, which steers."""
        return self.material.validation

    @cached_property
    def unconfirmed(self) -> list[int]:
        """Positions in `learn` of unconfirmed texts, silver and disputed gold, which policies rank."""
        return [i for i, one in enumerate(self.learn.instances) if not one.confirmed]

    @cached_property
    def influence(self) -> HeadInfluence:
        """Influence under the version's head, on what its recipe taught."""
        data = self.material.taught_to(self.version)
        l2 = float(str(self.version.report["l2"]))
        fit = fit_head(data, l2, start=self.stored_theta)  # already at the optimum, or a few corrections from it
        return HeadInfluence(data, fit, leverage=self.settings.leverage)

    @cached_property
    def plain_influence(self) -> HeadInfluence:
        """Influence under a head that was taught the silver labels as they are: one that doubts them reveals less."""
        given = self.influence
        if given.data.targets is None and self.version.report.get("recipe") != "drop-flagged":
            return given
        plainly = self.material.learned.data
        fit = fit_head(plainly, given.fit.l2, start=given.fit.theta)
        return HeadInfluence(plainly, fit, leverage=self.settings.leverage)


def analyse(project: Project, settings: AnalysisSettings, progress: Progress) -> Analysis:
    """Score every instance under the active version, rank the silver by every policy, and keep influencers.

    Deterministic: the same version and settings give the same analysis. Written in one transaction at the end.
    Raises NotReady if there is no version, or the data has changed since it was trained; Cancelled.
    """
    return _analysed(project, load(project, settings, progress), progress)


def refresh(project: Project, progress: Progress) -> Analysis:
    """Refit the active version's head on current labels and rank the silver again, for those who are reviewing.

    This makes no version: the refit head starts from the version's and is discarded once the flags are written, so
    that the list of versions holds only what somebody asked for. The analysis belongs to the active version, says in
    its `as_of_decision` which labels it saw, and replaces the previous refresh. Silver decided meanwhile
    counts as gold, and is kept at the end of the rankings, so that it can be looked at and undone.
    Influence is always the head's, whatever the scope before. Raises NotReady if there is nothing to refresh.
    """
    with store.reading(project.db) as db:
        version = store.active_version(db)
        before = store.latest_analysis(db, version.id) if version else None
        as_of = store.last_decision_row(db)
    if before is None:
        raise NotReady("There is no analysis of the active version to refresh; run one first (`inffeed analyse`).")
    settings = replace(AnalysisSettings.from_dict(before.settings), scope="head", refine=False)
    return _analysed(project, load(project, settings, progress, as_of), progress, before)


@dataclass(frozen=True, slots=True)
class Computed:
    """An analysis that is not yet visible: everything that `write_analysis` writes."""

    version: str
    as_of: int
    settings: AnalysisSettings
    rows: Sequence[ScoreRow]
    rankings: Mapping[str, Sequence[tuple[str, float]]]
    evidence: Mapping[str, Mapping[str, Sequence[tuple[str, float]]]]
    groups: Sequence[RetrainedGroup]
    """Retrained with other labels, to see how far the scores carry; see `flags.carrying`."""


def compute(project: Project, state: State, progress: Progress) -> Computed:
    """Compute a whole analysis without changing the project."""
    settings = state.settings
    progress("Scoring", 0, 0)
    tier = open_tier(project, state, progress)
    signals = tier.signals(_signals(state), state.unconfirmed)
    groups = tier.tried(state.unconfirmed, settings.retrains)
    rankings = _rankings(state, signals)
    rows = list(_score_rows(state, signals))
    evidence = dict(_evidence(state, tier, _targets(state, rankings, tier.affordable), progress))
    return Computed(
        version=state.version.id,
        as_of=state.as_of,
        settings=settings,
        rows=rows,
        rankings=rankings,
        evidence=evidence,
        groups=groups,
    )


def write_analysis(db: Database, found: Computed) -> int:
    """Write an analysis in the caller's transaction, so that it becomes visible whole or not at all; returns its id."""
    id = store.begin_analysis(db, found.version, found.as_of, found.settings.as_dict())
    store.put_scores(db, id, found.rows, found.rankings)
    for target, sides in found.evidence.items():
        store.put_evidence(db, id, target, sides)
    store.put_retrained_groups(db, id, found.groups)
    store.rank_sent(db, id)
    return id


def _analysed(project: Project, state: State, progress: Progress, before: Analysis | None = None) -> Analysis:
    """Compute and store; `before` is the analysis that this one refreshes."""
    found = compute(project, state, progress)
    progress("Saving the analysis", 0, 0)
    with store.writing(project.db) as db:
        id = write_analysis(db, found)
        if before is not None:
            store.carry_rankings(db, before.id, id)
            if before.as_of_decision > state.version.as_of_decision:
                store.empty_analysis(db, before.id)
        analysis = store.latest_analysis(db, state.version.id)
    assert analysis is not None
    return analysis


def settings_in_use(project: Project) -> AnalysisSettings:
    """The latest analysis's settings with scope head, for an analysis that nobody chose settings for."""
    with store.reading(project.db) as db:
        before = store.latest_analysis(db)
    given = AnalysisSettings() if before is None else AnalysisSettings.from_dict(before.settings)
    return replace(given, scope="head", refine=False)


def settings_then(analysis: Analysis) -> AnalysisSettings:
    """What an analysis was made with, damping too, which earlier releases did not tell."""
    return AnalysisSettings.from_dict({"damping": None} | dict(analysis.settings))


def explain(project: Project, ids: Sequence[str], progress: Progress, *, exact: bool = False) -> None:
    """Add the influencers of these targets, of any split, to the latest analysis of the active version.

    `exact` also solves with the exact curvature beyond the head, in dozens of passes over the learned texts, and
    replaces the index's answers; the head's answers are always exact.
    Raises NotReady if there is no analysis, UnknownInstance, Cancelled.
    """
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
    if analysis is None:
        raise NotReady("There is no analysis of the active version yet; run one first (`inffeed analyse`).")
    state = load(project, settings_then(analysis), progress, analysis.as_of_decision)
    place = {one.id: i for i, one in enumerate(state.data.instances)}
    if unknown := [id for id in ids if id not in place]:
        _refuse(project, unknown[0])
    tier = open_tier(project, state, progress, exact=exact)
    evidence = dict(_evidence(state, tier, [place[id] for id in ids], progress))
    with store.writing(project.db) as db:
        for target, sides in evidence.items():
            store.put_evidence(db, analysis.id, target, sides, solved=exact and state.settings.scope != "head")


def _refuse(project: Project, id: str) -> NoReturn:
    with store.reading(project.db) as db:
        if not store.instance(db, id).label:  # raises for an unknown id
            raise NotReady(f"{id!r} has no label yet, so the model has learned nothing from it; label it first.")
    raise UnknownInstance(f"{id!r} cannot be explained: annotators dispute its label.")


def load(project: Project, settings: AnalysisSettings, progress: Progress, as_of: int | None = None) -> State:
    """The active version with its data as of its training, or with the labels of a later decision row."""
    with store.reading(project.db) as db:
        about, version, clock = store.project_settings(db), store.active_version(db), store.silver_clock(db)
        if version is None:
            raise NotReady("There is no model version yet; train one first (`inffeed train`, or the Models page).")
        store.require_same_classes(db, version.id)
        names = store.names_since(db, version.id)
    train_settings = trained_with(version)
    as_of = version.as_of_decision if as_of is None else as_of
    transformer = located(project, version.encoder, progress)
    data = encode_as(project, version, as_of, progress)
    material = Material(data=data, classes=len(about.labels), silver_weight=train_settings.silver_weight)
    theta = stored_fit(project, version).theta
    state = State(
        version=version,
        about=about,
        material=material,
        settings=settings,
        stored_theta=theta,
        as_of=as_of,
        transformer=transformer,
    )
    same = (
        state.learn.fingerprint({now: then for then, now in names.items()}) == version.data_hash
        if as_of == version.as_of_decision
        else len(state.learn.instances) == sum(version.train_counts.values()) and clock == version.silver_clock
    )
    if not same:
        raise NotReady(
            f"Instances were added or left out, or silver labels changed, since {version.id} was trained; retrain"
            " first, and if the new version was held back as worse, promote it."
        )
    return state


def open_tier(project: Project, state: State, progress: Progress, *, exact: bool = False) -> Tier:
    """The tier that the state's settings name, ready to answer; `exact` as in `explain`. Raises what it raises."""
    head = HeadTier(state.influence, state.validation)
    if state.settings.scope == "head":
        return head
    if state.settings.scope == "training":
        from inffeed_core.analysis.training_tier import open_training  # imports transformers

        return open_training(project, state, head, progress, exact=exact)
    require_head_scope(trained_with(state.version), state.settings)
    from inffeed_core.analysis.whole_model_tier import open_whole_model  # imports transformers

    learned = (state.learn, state.validation)
    transformer = state.transformer
    return open_whole_model(project, (state.version, transformer), learned, state.settings, progress, exact=exact)


def _signals(state: State) -> policies.Signals:
    texts = [wording_of(one) for one in state.learn.instances]
    given, settings, seed = state.material, state.settings, state.about.seed
    about = (given.learned, texts, given.steering)
    judged, folder = given.beliefs, state.learn.folder
    belief, probable = judged.at(), judged.judged()
    return silver_signals(
        state.plain_influence, *about, settings, seed, belief=belief, probable=probable, folder=folder
    )


def _rankings(state: State, signals: policies.Signals) -> dict[str, list[tuple[str, float]]]:
    """(id, score) from first to last, by policy."""
    ids = [state.learn.instances[i].id for i in state.unconfirmed]
    if not ids:
        return {}
    scores = {name: policy(signals) for name, policy in policies.RANKINGS.items()}
    return {
        name: [(ids[i], float(values[i])) for i in policies.order(values)[: state.settings.ranked]]
        for name, values in scores.items()
    }


def _score_rows(state: State, signals: policies.Signals) -> Iterator[ScoreRow]:
    data, labels, theta = state.data, state.about.labels, state.influence.fit.theta
    probs, ruled = probabilities(theta, data.features), by_rules(state.version, logits(theta, data.features), labels)
    own_losses, plane = losses(probs, data.labels), principal_plane(data.features)
    number = {state.learn.instances[i].id: n for n, i in enumerate(state.unconfirmed)}
    retired = [c for c, label in enumerate(labels) if label in state.about.retired]
    for i, one in enumerate(data.instances):
        top = int(probs[i].argmax())
        row = ScoreRow(
            instance=one.id,
            label=one.label,
            predicted=labels[top],
            probability=float(probs[i, top]),
            loss=float(own_losses[i]),
            x=float(plane[i, 0]),
            y=float(plane[i, 1]),
            **ruled[i],
        )
        if (n := number.get(one.id)) is not None:
            likely = signals.channel[n].copy()
            likely[[c for c in retired if labels[c] != one.label]] = -1.0  # nobody can give them
            best = int(likely.argmax())
            row = replace(
                row,
                suggested=labels[best],
                suggested_probability=float(signals.channel[n, best]),
                relabel_gain=float(signals.relabel_gains[n, best]),
            )
        yield row


def _targets(state: State, rankings: Mapping[str, Sequence[tuple[str, float]]], at_most: int | None) -> list[int]:
    """Positions in `data` to explain in advance: everything except test if that is cheap, otherwise the top flags.

    Of these the first of every ranking, `at_most` in all."""
    eligible = [i for i, one in enumerate(state.data.instances) if one.split is not Split.TEST]
    at_most = len(eligible) if at_most is None else at_most
    if len(eligible) * len(state.learn.instances) <= EXPLAIN_ALL_PAIRS and len(eligible) <= at_most:
        return eligible
    place = {state.data.instances[i].id: i for i in eligible}
    leading = [ranking[: state.settings.explained] for ranking in rankings.values()]
    flagged = dict.fromkeys(id for row in zip_longest(*leading) for id, _ in filter(None, row))
    return sorted(place[id] for id in list(flagged)[:at_most])


def _evidence(
    state: State, tier: Tier, targets: Sequence[int], progress: Progress
) -> Iterator[tuple[str, dict[str, list[tuple[str, float]]]]]:
    """(target id, its (id, influence) lists by side), streamed over blocks of targets."""
    learn_ids = [one.id for one in state.learn.instances]
    row_of = {id: row for row, id in enumerate(learn_ids)}
    harmed = _harmed(state, tier, {state.data.instances[at].id for at in targets})
    for start in range(0, len(targets), tier.target_block):
        progress("Finding influencers", start, len(targets))
        block = state.data.where(targets[start : start + tier.target_block])
        own = torch.tensor([row_of.get(one.id, -1) for one in block.instances])
        helpful, harmful = tier.top_influencers(block, state.settings.influencers, own)
        for t, one in enumerate(block.instances):
            sides = {
                "supporter": kept(helpful[0][t], helpful[1][t], learn_ids, positive=True),
                "opposer": kept(harmful[0][t], harmful[1][t], learn_ids, positive=False),
            }
            if one.id in harmed:
                sides["harmed"] = harmed[one.id]
            yield one.id, sides


def _harmed(state: State, tier: Tier, among: AbstractSet[str]) -> dict[str, list[tuple[str, float]]]:
    """For every unconfirmed text `among` these ids, the validation gold that it harms: (id, influence), most harmed
    first."""
    ids = [one.id for one in state.validation.instances]
    influence, which = tier.most_harmed(state.settings.harmed)
    return {
        state.learn.instances[row].id: kept(influence[row], which[row], ids, positive=False)
        for row in state.unconfirmed
        if state.learn.instances[row].id in among
    }
