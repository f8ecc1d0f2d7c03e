"""After a fine-tuning: what the parent's influence through the training foretold of the corrections, and what came.

Only where nothing but labels differs: the same texts, settings and seed. (A recipe that doubts silver may then believe
something else of other texts too.) What came is compared at the step that the parent kept, because the prediction is
about that one.
"""

from typing import Any

from inffeed_core import store
from inffeed_core.analysis.analysing import load
from inffeed_core.analysis.replay_cost import require_replayable
from inffeed_core.analysis.tiers import HeadTier
from inffeed_core.errors import NotReady
from inffeed_core.models.lessons import FineTuned
from inffeed_core.project.encoded import Encoded
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion, Progress
from inffeed_core.settings import AnalysisSettings, TrainSettings


def foretold(
    project: Project,
    parent: ModelVersion | None,
    made: tuple[TrainSettings, int, FineTuned | None],
    learn: Encoded,
    progress: Progress,
) -> dict[str, object] | None:
    """{"texts": n, "predicted": nats, "actual": nats, "step": n}; None where the parent foretold nothing of this.

    `parent` is the active version; `made` are the settings, the seed and the result of the new fine-tuning, and
    `learn` is what it learned from. Positive = the validation loss falls.
    """
    settings, seed, tuned = made
    if parent is None or tuned is None or not _foresaw(project, parent, settings, seed):
        return None
    from inffeed_core.analysis.training_tier import open_training  # imports transformers

    try:
        state = load(project, AnalysisSettings(scope="training"), progress)
    except NotReady:  # texts were added
        return None
    if state.version.id != parent.id or [one.id for one in state.learn.instances] != [
        one.id for one in learn.instances
    ]:
        return None
    pairs = zip(state.learn.instances, learn.instances, strict=True)
    changed = [row for row, (a, b) in enumerate(pairs) if (a.label, a.confirmed) != (b.label, b.confirmed)]
    told: Any = parent.report["fine_tuning"]
    step = told["best_step"]
    before = next(point["loss"] for point in told["curve"] if point["step"] == step)
    after = next((point.loss for point in tuned.curve if point.step == step), None)
    if not changed or after is None:
        return None
    gains = open_training(project, state, HeadTier(state.influence, state.validation), progress).relabel_gains()
    predicted = sum(float(gains[row, learn.labels[row]]) for row in changed)
    return {"texts": len(changed), "predicted": predicted, "actual": before - after, "step": step}


def _foresaw(project: Project, parent: ModelVersion, settings: TrainSettings, seed: int) -> bool:
    """Whether the parent was analysed through its training, which differs from this one by labels alone."""
    with store.reading(project.db) as db:
        scopes = [one.settings.get("scope") for one in store.analyses(db) if one.version == parent.id]
    try:
        require_replayable(parent)
    except NotReady:
        return False
    before = TrainSettings.from_dict(parent.settings)
    kept = any((project.features / "training").glob("*.safetensors"))
    names = ("method", "fine_tune", "recipe", "trust", "silver_weight", "max_tokens")
    same = all(getattr(before, name) == getattr(settings, name) for name in names)
    return "training" in scopes and kept and same and parent.seed == seed
