"""After a retrain: what the parent's influence foretold of the corrections, and what came.

Only where nothing but what is taught differs: the same texts, model, settings and seed. A version that was fine-tuned
is held against its parent's influence through the training, at the step that the parent kept, because the prediction
is about that one; an instant one against influence through the head. A recipe that doubts silver teaches other texts
differently too once a label is corrected, and what is foretold includes that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from inffeed_core import store
from inffeed_core.analysis.analysing import load
from inffeed_core.analysis.replay_cost import require_replayable
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.errors import NotReady
from inffeed_core.influence import HeadFit, HeadInfluence, first_step, losses, probabilities
from inffeed_core.learning.behind import behind
from inffeed_core.models.lessons import FineTuned
from inffeed_core.project.encoded import Encoded, Material, fingerprint, stored_fit
from inffeed_core.project.encoders import layers_of, words_of
from inffeed_core.project.folder import Project
from inffeed_core.project.taught import taught_by
from inffeed_core.records import Instance, ModelVersion, Progress, Split
from inffeed_core.settings import AnalysisSettings, ProjectSettings, TrainSettings
from inffeed_core.silver.recipes import CarriedOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """What was just trained, as far as its parent may have foretold it."""

    about: ProjectSettings
    settings: TrainSettings
    as_of: int
    encoder: str
    """As the version names it."""
    weights_hash: str
    base_weights: object
    layers: str
    words: object
    """Of the TF-IDF beside the encoder, as reports tell it."""
    tuned: FineTuned | None
    material: Material
    way: CarriedOut
    fit: HeadFit


Part = tuple[int, float, float]
"""A class, and the change of the validation loss of its texts: foretold, and come."""


def foretold(
    project: Project, parent: ModelVersion | None, made: Retrained, progress: Progress
) -> dict[str, object] | None:
    """What the parent, the active version, foretold of the changed labels; None where it foretold nothing of this.

    {"scope": "head" or "training", "texts": n, "predicted": nats, "actual": nats, "by_class": {label: [predicted,
    actual]}, "others": whether other texts were taught differently too}. Changes of the validation loss: below 0 =
    better. For the head there is "behind", as `behind` tells it, and for the training "step".
    """
    if parent is None or _of_other_labels(project, parent):
        return None
    before = TrainSettings.from_dict(parent.settings)
    names = ("method", "recipe", "trust", "fine_tune") if made.tuned else ("windows", "precision")
    if not all(getattr(before, one) == getattr(made.settings, one) for one in (*names, "silver_weight", "max_tokens")):
        return None
    return (_by_training if made.tuned else _by_head)(project, parent, made, progress)


def _of_other_labels(project: Project, parent: ModelVersion) -> bool:
    with store.reading(project.db) as db:
        return store.outdated(db, parent.id)


def _by_head(project: Project, parent: ModelVersion, made: Retrained, progress: Progress) -> dict[str, object] | None:
    chosen = (parent.encoder, parent.weights_hash, layers_of(parent), words_of(parent), float(str(parent.report["l2"])))
    applied = (parent.report.get("recipe", "plain"), parent.report.get("trust", 1.0))
    if chosen != (made.encoder, made.weights_hash, made.layers, made.words, made.fit.l2) or applied != (
        made.way.recipe,
        made.way.trust,
    ):
        return None
    now = made.material.learn.instances
    with store.reading(project.db) as db:
        earlier, names = store.before_decisions(db, parent.as_of_decision), store.names_since(db, parent.id)
    learned = [earlier.get(one.id, one) for one in now]
    changed = _changed(learned, now)
    if not changed or fingerprint(learned, {today: then for then, today in names.items()}) != parent.data_hash:
        return None
    old, validation, data = stored_fit(project, parent).theta, made.material.validation, made.way.data
    progress("Scoring", 0, 0)
    step = first_step(old, data, made.fit.l2)
    here = HeadInfluence(data, HeadFit(theta=old, l2=made.fit.l2, iterations=0, gradient_norm=0.0))
    came = _losses(made.fit.theta, validation) - _losses(old, validation)
    parts, labels = [], validation.labels
    for c in sorted(set(labels.tolist())):
        rows = labels == c
        slope = here.validation_gradient(validation.features[rows], labels[rows])
        parts.append((c, float((slope * step).sum()), float(came[rows].mean())))
    whole = here.validation_gradient(validation.features, labels)
    pairs = [(row, learned[row], now[row]) for row in changed]
    held_out = made.material.data.only(Split.VALIDATION, Split.TEST)
    why = behind(here, made.fit.theta, held_out, pairs, made.about.labels)
    told = {"scope": "head", "behind": why, "predicted": float((whole * step).sum()), "actual": float(came.mean())}
    return {**told, **_shared(made, changed, parts, made.way.recipe)}


def _by_training(
    project: Project, parent: ModelVersion, made: Retrained, progress: Progress
) -> dict[str, object] | None:
    if not _repeats(parent, made):
        return None
    from inffeed_core.analysis.training_tier import kept_training  # imports transformers

    try:
        state = load(project, AnalysisSettings(scope="training"), progress)
    except NotReady:  # texts were added
        return None
    changed = _changed(state.learn.instances, made.material.learn.instances)
    if state.version.id != parent.id or not changed:
        return None
    if _changed(state.validation.instances, made.material.validation.instances) != []:
        return None
    tier = kept_training(project, state, HeadTier(state.influence, state.validation), progress)
    points = _at_kept_step(parent, made)
    if tier is None or points is None:
        return None
    taught = taught_by(project, made.about, made.settings, made.as_of, progress).lessons
    moved = tier.foretold(taught)
    if moved is None:
        return None
    before, after = points
    known = zip(tier.classes, moved.tolist(), strict=True) if before.get("by_class") and after.get("by_class") else ()
    parts = [(c, change, after["by_class"][c] - before["by_class"][c]) for c, change in known]
    told = {"scope": "training", "predicted": float(tier.shares @ moved), "actual": after["loss"] - before["loss"]}
    return {**told, "step": after["step"], **_shared(made, changed, parts, made.settings.recipe)}


def _repeats(parent: ModelVersion, made: Retrained) -> bool:
    """Whether the fine-tuning was the parent's, except for what it was taught."""
    try:
        require_replayable(parent)
    except NotReady:
        return False
    then: Any = parent.report["fine_tuning"]
    base = (parent.report.get("base"), parent.report.get("base_weights"))
    now = (made.about.model, made.base_weights)
    same_way = made.tuned is not None and (then["course"], then["device"]) == (made.tuned.course, made.tuned.device)
    return base == now and parent.seed == made.about.seed and same_way


def _at_kept_step(parent: ModelVersion, made: Retrained) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Validation at the step that the parent kept, in its training and in this one; None if this one ended before."""
    told: Any = parent.report["fine_tuning"]
    step = told["best_step"]
    assert made.tuned is not None
    after = next((one for one in made.tuned.curve if one.step == step), None)
    if after is None:
        return None
    before = next(point for point in told["curve"] if point["step"] == step)
    return before, {"step": step, "loss": after.loss, "by_class": after.by_class}


def _changed(before: Sequence[Instance], after: Sequence[Instance]) -> list[int] | None:
    """Rows with another label, or confirmed since; None where these are not the same texts."""
    if [one.id for one in before] != [one.id for one in after]:
        return None
    pairs = enumerate(zip(before, after, strict=True))
    return [row for row, (a, b) in pairs if (a.label, a.confirmed) != (b.label, b.confirmed)]


def _losses(theta: Float[Tensor, "k d1"], validation: Encoded) -> Float[Tensor, " m"]:
    return losses(probabilities(theta, validation.features), validation.labels)


def _shared(made: Retrained, changed: Sequence[int], parts: Sequence[Part], recipe: str) -> Mapping[str, object]:
    by_class = {made.about.labels[c]: [predicted, actual] for c, predicted, actual in parts}
    return {"texts": len(changed), "by_class": by_class, "others": recipe != "plain"}
