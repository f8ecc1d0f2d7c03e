"""Rounds of feedback that validation must confirm before any label changes.

A round is tested on a copy of the labels in memory: the head is fitted as an instant retrain would fit it, with and
without the proposals, and both are compared on gold validation. Only if the 95 % paired bootstrap interval of
the gain in macro-F1 lies above 0 are the proposals applied, in one transaction, and a version trained. So annotators
never see a label that validation did not confirm, and a round that is stopped or killed before its end has either
changed nothing or is one recorded act. A method that chooses by validation is confirmed by other validation texts
(`halves`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

from inffeed_core import store
from inffeed_core.analysis.analysing import State, load, settings_in_use
from inffeed_core.analysis.ruled import rule_of
from inffeed_core.errors import InvalidDecision, NotReady
from inffeed_core.feedback.acts import untouched
from inffeed_core.feedback.halves import confirming
from inffeed_core.feedback.methods import Ints
from inffeed_core.feedback.proposing import propose
from inffeed_core.influence import fit_head, logits
from inffeed_core.learning.kept_choices import settings_again
from inffeed_core.learning.training import train
from inffeed_core.models.metrics import macro_f1_difference
from inffeed_core.project.encoded import Encoded
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of
from inffeed_core.records import Interval, Progress
from inffeed_core.settings import AnalysisSettings, FeedbackSettings
from inffeed_core.silver.beliefs import Beliefs
from inffeed_core.silver.recipes import fit_recipe
from inffeed_core.store.proposals import Proposal, ProposalSet, ProposalState, Trial


@dataclass(frozen=True, slots=True)
class Round:
    """The outcome of one round."""

    proposal_set: int
    count: int
    """How many proposals were tested."""
    change: Interval
    """Macro-F1 with them minus without them, on the confirming validation texts."""
    act: str | None
    """The token of the act that applied them; None if validation did not confirm them."""
    version: str | None
    """The version trained on the new labels."""


def run_rounds(
    project: Project, set_id: int, ids: Sequence[str] | None, annotator: str, rounds: int, progress: Progress
) -> list[Round]:
    """Test the open ones of these proposals, or all; if confirmed apply them, retrain, propose again, and so on.

    All means those about whose texts nobody has decided; a decided text changes only if it is named.
    It ends with the first round that validation does not confirm or that has nothing to propose, or after `rounds`.
    A round's version comes with its analysis. Raises NotReady, InvalidDecision, Cancelled.
    """
    with store.reading(project.db) as db:
        found = store.proposal_set(db, set_id)
    done = [_round(project, found, ids, annotator, progress)]
    while len(done) < rounds and _in_use(project, done[-1]):
        found = propose(project, FeedbackSettings.from_dict(found.settings), progress)
        if not found.size:
            break
        done.append(_round(project, found, None, annotator, progress))
    return done


def _in_use(project: Project, one: Round) -> bool:
    """Whether the version that the round made is the active one."""
    with store.reading(project.db) as db:
        active = store.active_version(db)
    return active is not None and active.id == one.version


def _round(
    project: Project, found: ProposalSet, ids: Sequence[str] | None, annotator: str, progress: Progress
) -> Round:
    with store.reading(project.db) as db:
        as_of = store.last_decision_row(db)
        todo = _open(store.proposals(db, found), ids)
    if not todo:
        raise NotReady(_none_open(found.id, ids))
    state = load(project, AnalysisSettings(), progress, as_of)
    if base_of(state.version) != state.about.model:
        raise NotReady(f"The project's model is not the one that {state.version.id} was trained with; retrain first.")
    progress("Trying the proposals", 0, 0)
    steering = confirming(state.validation, FeedbackSettings.from_dict(found.settings).method)
    change = gain(state, todo, steering)
    trial = Trial(
        proposal_set=found.id, count=len(todo), change=change, examples=len(steering.instances), at="", act=None
    )
    if change.low <= 0:
        with store.writing(project.db) as db:
            store.add_trial(db, trial)
        return Round(proposal_set=found.id, count=len(todo), change=change, act=None, version=None)
    act = _applied(project, found, todo, annotator, trial)
    try:
        version = train(project, settings_again(state.version), progress, settings_in_use(project), act=act)
    except BaseException:  # a round stopped before its end leaves nothing behind
        with (
            store.taking_back(),
            store.writing(project.db) as db,
            suppress(InvalidDecision),
        ):  # already undone by others
            store.undo_feedback(db, act, annotator)
        raise
    return Round(proposal_set=found.id, count=len(todo), change=change, act=act, version=version.id)


def _applied(project: Project, found: ProposalSet, todo: Sequence[Proposal], annotator: str, trial: Trial) -> str:
    """Apply exactly what was tried, and store the trial with it; returns the act's token."""
    token = uuid4().hex
    with store.writing(project.db) as db:
        if len(_open(store.proposals(db, found), [one.id for one in todo])) < len(todo):
            raise NotReady("Somebody decided about these texts during the test; nothing was changed. Try again.")
        store.apply_proposals(db, found, [one.id for one in todo], annotator, token)
        store.add_trial(db, replace(trial, act=token))
    return token


def _open(proposals: Sequence[Proposal], ids: Sequence[str] | None) -> list[Proposal]:
    """The open ones of these ids; without ids, the open ones about which nobody has decided."""
    if ids is None:
        return untouched(proposals)
    wanted = {*ids}
    return [one for one in proposals if one.state is ProposalState.OPEN and one.id in wanted]


def _none_open(set_id: int, ids: Sequence[str] | None) -> str:
    if ids is None:
        return (
            f"Set {set_id} holds no open proposal about a text that nobody has decided. Name the proposals to apply "
            "anyway, or make new ones on the Feedback page."
        )
    return f"None of the {len(ids):,} chosen proposals of set {set_id} is open; make new ones on the Feedback page."


def gain(state: State, proposals: Sequence[Proposal], on: Encoded) -> Interval:
    """Macro-F1 on these texts of an instant retrain with the proposals minus one without, with its paired interval."""
    before, after = (_predicted(state, learn, on) for learn in (state.learn, changed(state, proposals)))
    return macro_f1_difference(before, after, on.labels.numpy(), len(state.about.labels))


def changed(state: State, proposals: Sequence[Proposal]) -> Encoded:
    """The training data if these proposals were applied: a relabelled text counts as confirmed."""
    by_id, learn = {one.id: one.proposed for one in proposals}, state.learn
    kept = learn.where([i for i, one in enumerate(learn.instances) if by_id.get(one.id, one.label) is not None])
    instances, labels = list(kept.instances), kept.labels.clone()
    for i, one in enumerate(instances):
        if (proposed := by_id.get(one.id)) is not None:
            instances[i] = replace(one, label=proposed, confirmed=True, disputed=False)
            labels[i] = state.about.labels.index(proposed)
    return replace(kept, instances=instances, labels=labels)


def _predicted(state: State, learn: Encoded, on: Encoded) -> Ints:
    """Classes of the texts `on` by a head that is fitted on `learn` as an instant retrain fits it.

    Both heads that are compared decide by the rule of the version that the proposals are about.
    """
    settings, l2, start = settings_again(state.version), state.influence.fit.l2, state.stored_theta
    learned = learn.learned(len(state.about.labels), settings.silver_weight)
    known = Beliefs(learned, state.material.steering, state.validation.said)
    _, fit = fit_recipe(known, settings, lambda taught, _: fit_head(taught, l2, start=start))
    return rule_of(state.version).decide(logits(fit.theta, on.features).numpy())
