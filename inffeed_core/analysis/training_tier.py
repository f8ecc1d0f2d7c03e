"""Influence through the training itself: a version's fine-tuning is repeated, and differentiated backwards.

It is about the network as it was fine-tuned, with its own classification head, at the step that early stopping
kept: how the validation loss there would differ without a text, or with another label for it, everything else of the
training being the same. A correction changes labels and not batches, so this is what the next retrain with the same
settings does. Class weights, where the training balances classes, are taken as they are.

The validation loss of each class is differentiated, in one pass; their mean, weighted by size, is that of all. Where
there are more than `MOST_CLASSES` classes only the mean is. Influencers of single texts come from the head,
because each needs a replay of its own; `exact` does that for a few.

Derivatives are in `features/training/<key>`, keyed by the version; kept states are deleted when they are done. A killed
replay goes on from there, and a cancelled one leaves nothing.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from inffeed_core.analysis.replay_cost import (
    MOST_CLASSES,
    TARGETS_AT_ONCE,
    cost_of,
    require_its_device,
    require_replayable,
    spacing,
)
from inffeed_core.analysis.tiers import Best, HeadTier, strongest
from inffeed_core.errors import Cancelled, ProjectError
from inffeed_core.flags.policies import Signals
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.passes import Data
from inffeed_core.influence.replay import Derivatives, replay
from inffeed_core.models.cache import locked
from inffeed_core.models.course import Course, class_weights, course_of, labelled, tokens_of
from inffeed_core.models.lessons import Lessons
from inffeed_core.models.sources import resolve
from inffeed_core.project.encoded import Encoded
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of, here
from inffeed_core.project.taught import fine_tuning_of, taught_by
from inffeed_core.records import Progress
from inffeed_core.settings import TrainSettings
from inffeed_core.store.analyses import RetrainedGroup

if TYPE_CHECKING:
    from inffeed_core.analysis.analysing import State


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """A version's fine-tuning, ready to be run again."""

    course: Course
    steps: int
    """Up to the state that was kept."""
    raw: Lessons
    """What every learned text teaches, those of weight 0 included, which the course leaves out."""
    batches: Callable[[Encoded], Data]
    """Labelled texts as targets."""
    balanced: bool
    """Whether classes have the same weight."""

    @property
    def counted(self) -> Int[Tensor, " m"]:
        """The rows of `raw` that the course has."""
        return (self.raw.weights > 0).nonzero().squeeze(1)

    def taught(self, targets: Float[Tensor, "n c"], weights: Float[Tensor, " n"]) -> Float[Tensor, "m c"]:
        """What the course's texts teach, if all texts have these distributions and raw weights; batches unchanged."""
        scale = self.raw.weights[self.counted].mean()
        rows = self.counted
        return (targets[rows] * self.course.class_weights * (weights[rows] / scale).unsqueeze(1)).to(self.course.start)

    def taught_instead(self, lessons: Lessons) -> Float[Tensor, "m c"] | None:
        """What the course's texts teach with these lessons; None where other texts count, and batches are others."""
        if not torch.equal((lessons.weights > 0).nonzero().squeeze(1), self.counted):
            return None
        counted = lessons.counted()
        by_class = class_weights(counted, self.balanced)
        return (counted.targets * by_class * counted.weights.unsqueeze(1)).to(self.course.start)

    def loss(self, taught: Float[Tensor, "m c"], validation: Encoded, progress: Progress) -> float:
        """Mean validation loss after training on this, nats."""
        state, run = self.course.start, self.course.run
        for number in range(self.steps):
            progress("Retraining", number, self.steps)
            state, _ = run.advance(state, number, taught)
        return run.mean_loss(state[0], self.batches(validation))[0]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTier:
    """Influence through the training, and the head's where a replay for each target would take too long."""

    head: HeadTier
    repeated: Repeated
    classes: Sequence[int]
    """The classes whose validation loss was differentiated; empty if only the mean was."""
    shares: Float[Tensor, " target"]
    """Each target's share of the validation texts."""
    by_taught: Float[Tensor, "target n c"]
    """Derivatives of their losses by what every learned text teaches; 0 for a text of weight 0."""
    checked: Callable[["TrainingTier", Sequence[int], int], Sequence[RetrainedGroup]]
    """Retrains groups, or finds what was found before."""
    exact: Callable[[Encoded], Float[Tensor, "t n"]] | None
    """Influence on single texts by a replay, if it was asked for."""

    @property
    def target_block(self) -> int:
        """See `Tier`."""
        return TARGETS_AT_ONCE if self.exact else self.head.target_block

    @property
    def affordable(self) -> int | None:
        """See `Tier`."""
        return self.head.affordable

    def on_validation(self) -> Float[Tensor, " n"]:
        """See `Tier`."""
        return torch.einsum("t,tn->n", self.shares, self._influence())

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """See `Tier`: influence on validation and on its classes, and gains."""
        return seen_through(head, self._influence()[:, rows], self.gains()[:, rows], self.classes, self.shares)

    def relabel_gains(self) -> Float[Tensor, "n c"]:
        """Predicted validation loss now minus with each label, confirmed: at weight 1 from then on, nats."""
        return torch.einsum("t,tnc->nc", self.shares, self.gains())

    def gains(self) -> Float[Tensor, "target n c"]:
        """The same for each target."""
        certain = self._scaled(torch.ones_like(self.repeated.raw.weights)).unsqueeze(1) * self._class_weights()
        return (self.by_taught * self._taught()).sum(2, keepdim=True) - self.by_taught * certain

    def foretold(self, lessons: Lessons) -> Float[Tensor, " target"] | None:
        """Predicted change of each target's loss with these lessons of the same texts instead, nats, to first order.

        None where other texts count, so that batches are others.
        """
        instead = self.repeated.taught_instead(lessons)
        if instead is None:
            return None
        change = (instead - self.repeated.course.taught).cpu().double()
        return (self.by_taught[:, self.repeated.counted] * change).sum((1, 2))

    def tried(self, rows: Sequence[int], groups: int) -> Sequence[RetrainedGroup]:
        """See `Tier`."""
        return self.checked(self, rows, groups)

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """See `Tier`: the head's, or by a replay."""
        if self.exact is None:
            return self.head.top_influencers(targets, k, own)
        return strongest(self.exact(targets), own, k)

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """See `Tier`: the head's."""
        return self.head.most_harmed(k)

    def _influence(self) -> Float[Tensor, "target n"]:
        return -(self.by_taught * self._taught()).sum(2)

    def _taught(self) -> Float[Tensor, "n c"]:
        return (
            self.repeated.raw.targets.double()
            * self._scaled(self.repeated.raw.weights).unsqueeze(1)
            * self._class_weights()
        )

    def _scaled(self, weights: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return weights.double() / self.repeated.raw.weights[self.repeated.counted].mean()

    def _class_weights(self) -> Float[Tensor, " c"]:
        return self.repeated.course.class_weights.double().cpu()


def seen_through(
    head: Signals,
    influence: Float[Tensor, "target n"],
    gains: Float[Tensor, "target n c"],
    classes: Sequence[int],
    shares: Float[Tensor, " target"],
) -> Signals:
    """The head's signals with influence and gains through the training in their place.

    Targets are the validation texts of these classes, or all where no class is given; `shares` are theirs of all.
    """
    probable = torch.from_numpy(head.channel).double()
    mean_gains = torch.einsum("t,tnc->nc", shares, gains)
    told = replace(head, validation_influence=(shares @ influence).numpy(), relabel_gains=mean_gains.numpy())
    if not classes:
        return told
    by_class, class_gains = (torch.full(probable.shape, sign * torch.inf, dtype=torch.float64) for sign in (1, -1))
    by_class[:, list(classes)] = influence.T
    class_gains[:, list(classes)] = torch.einsum("tnc,nc->nt", gains, probable)
    return replace(told, class_influence=by_class.numpy(), class_gains=class_gains.numpy())


def open_training(
    project: Project, state: "State", head: HeadTier, progress: Progress, *, exact: bool = False
) -> TrainingTier:
    """The tier of a version, differentiated unless it was before.

    Raises NotReady for a version that was not fine-tuned, or by an earlier release or on another device, and where the
    disk has too little room; ModelError; Cancelled.
    """
    require_replayable(state.version)
    repeated = repeat(project, state, progress)
    classes, parts = _parts(state)
    found = _differentiated(project, state, repeated, parts, progress)
    shares = torch.tensor([len(part.instances) for part in parts], dtype=torch.float64)

    def on_texts(targets: Encoded) -> Float[Tensor, "t n"]:
        single = [targets.where([i]) for i in range(len(targets.instances))]
        by_taught = _differentiated(project, state, repeated, single, progress)
        taught = repeated.taught(repeated.raw.targets, repeated.raw.weights).cpu()
        scores = torch.zeros(by_taught.shape[:2], dtype=torch.float64)
        scores[:, repeated.counted] = -(by_taught[:, repeated.counted] * taught).sum(2)
        return scores

    def checked(tier: TrainingTier, rows: Sequence[int], groups: int) -> Sequence[RetrainedGroup]:
        from inffeed_core.analysis.retrained import checks

        kept = project.features / "training" / f"{_key(state, parts)}-groups.json"
        return checks(tier, state, rows, (groups, kept), progress)

    return TrainingTier(
        head=head,
        repeated=repeated,
        classes=classes,
        shares=shares / shares.sum(),
        by_taught=found,
        checked=checked,
        exact=on_texts if exact else None,
    )


def kept_training(project: Project, state: "State", head: HeadTier, progress: Progress) -> TrainingTier | None:
    """The tier of a version that was differentiated before; None for any other, because nothing is begun here."""
    if not (project.features / "training" / f"{_key(state, _parts(state)[1])}.safetensors").is_file():
        return None
    return open_training(project, state, head, progress)


def _parts(state: "State") -> tuple[list[int], list[Encoded]]:
    """(classes whose validation loss is differentiated, if that is not only the mean; their texts, or all)."""
    labels = state.validation.labels
    classes = sorted(set(labels.tolist()))
    if len(classes) > MOST_CLASSES:
        return [], [state.validation]
    return classes, [state.validation.where((labels == c).nonzero().squeeze(1).tolist()) for c in classes]


def repeat(project: Project, state: "State", progress: Progress) -> Repeated:
    """The fine-tuning of the state's version, from its base and the labels of its time."""
    from inffeed_core.models.fine_tuning import prepared  # imports transformers, 3 s

    version, about = state.version, state.about
    settings = TrainSettings.from_dict(version.settings)
    taught = taught_by(project, about, settings, version.as_of_decision, progress)
    if [one.id for one in taught.instances] != [one.id for one in state.learn.instances]:
        raise ProjectError(f"The texts that {version.id} learned from are in another order now; retrain first.")
    told: Any = version.report["fine_tuning"]
    run = replace(fine_tuning_of(about, settings, project.features / "training"), given_course=told["course"])
    model, tokenizer = prepared(resolve(here(project, base_of(version))), run, progress)
    course = course_of(model, tokenizer, taught.lessons.counted(), run)

    def batches(data: Encoded) -> Data:
        classes = len(about.labels)
        lessons = Lessons.of_labels([one.passage for one in data.instances], data.labels, classes)
        return labelled(course, tokens_of(model, tokenizer, lessons), data.labels, run.settings.batch_size)

    balanced = settings.fine_tune.class_weights
    return Repeated(course=course, steps=told["best_step"], raw=taught.lessons, batches=batches, balanced=balanced)


def _differentiated(
    project: Project, state: "State", repeated: Repeated, parts: Sequence[Encoded], progress: Progress
) -> Float[Tensor, "target n c"]:
    """Derivatives of the mean loss of each part, from the disk if they are there."""
    folder = project.features / "training"
    key = _key(state, parts)
    path = folder / f"{key}.safetensors"
    with locked(folder, lambda: progress("Waiting for another analysis of the training", 0, 0)):
        if not path.is_file():
            require_its_device(state.version)
            course = repeated.course
            every = spacing(repeated.steps, course.start.shape[1])
            work = folder / f"{key}-{every}"
            _make_way(folder, work.name)
            cost_of(state.version, len(parts)).require_room(folder)
            with _cleared(work):
                kept = KeptStates(work)
                targets = [repeated.batches(part) for part in parts]
                found = replay(
                    course.run,
                    course.start,
                    course.taught,
                    targets,
                    until=repeated.steps,
                    every=every,
                    kept=kept,
                    progress=progress,
                )
            _save(found, work, path)
        small = load_file(path)["by_taught"].double()
    whole = torch.zeros((len(parts), len(repeated.raw.texts), small.shape[2]), dtype=torch.float64)
    whole[:, repeated.counted] = small
    return whole


def _save(found: Derivatives, work: Path, path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    save_file({"by_taught": found.by_taught.cpu().contiguous(), "losses": found.losses}, unfinished)
    unfinished.rename(path)
    shutil.rmtree(work, ignore_errors=True)


def _key(state: "State", parts: Sequence[Encoded]) -> str:
    """Hash of the version and of the texts whose loss is differentiated, after the version's own."""
    version = state.version
    about = [version.id, version.weights_hash, version.data_hash, version.settings, state.about.seed]
    ids = [[(one.id, label) for one, label in zip(p.instances, p.labels.tolist(), strict=True)] for p in parts]
    own, targets = (hashlib.sha256(json.dumps(one).encode()).hexdigest()[:16] for one in (about, ids))
    return f"{own}-{targets}"


def _make_way(folder: Path, work: str) -> None:
    """Delete derivatives of other versions, states that no replay will go on from, and groups of earlier releases."""
    for other in folder.iterdir():
        others = not other.name.startswith(work.partition("-")[0])
        if other.is_dir() and other.name != work:
            shutil.rmtree(other)
        elif other.suffix == ".jsonl" or (others and other.suffix in (".safetensors", ".json")):
            other.unlink()


@contextmanager
def _cleared(work: Path) -> Iterator[None]:
    """If the block is cancelled, delete what it kept: it is large. After a kill it stays, to go on from."""
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        shutil.rmtree(work, ignore_errors=True)
        raise
