"""The whole-model tier of a project's analyses: influence through the encoder's layers as well as the head.

Index and factors are in `features/whole-model/<key>`, keyed by the encoder, the head, the learned texts and labels, and
the settings. A stopped run resumes from there, and a second analysis or a single target finds them ready. One
set is kept for each scope (about 150 MB plus 16 KB per text); an older version's is deleted.

The curvature is that of the mean loss of all learned instances. Unconfirmed silver has weight w in the loss,
so its influence is multiplied by w.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.analysis.tiers import Best, strongest
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import Signals
from inffeed_core.influence import top_k
from inffeed_core.influence.conjugate_gradient import Solution
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.whole_model import Store, WholeModel, WholeModelSettings
from inffeed_core.models.cache import locked
from inffeed_core.models.device import index_device
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.heads import load_head
from inffeed_core.models.network import LARGEST_BATCH, TextBatches, VersionNetwork
from inffeed_core.models.places import place_of
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.project.encoded import Encoded
from inffeed_core.project.encoders import layers_of, trained_with
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion, Progress
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.store.analyses import RetrainedGroup

if TYPE_CHECKING:
    from inffeed_core.models.ray_cluster import Cluster

FORMAT = 1
SHARDS = "shards"
"""Folder of what a cluster has computed and nobody has counted yet."""
SCORES_AT_ONCE = 2**25
"""Targets × rows, 128 MB."""
TARGETS_AT_ONCE = 8
"""Targets per exact solve, each of which holds several whole gradients of 43 MB for MiniLM."""


@dataclass(frozen=True, slots=True)
class WholeModelTier:
    """Influence through the layers of a scope, answered from a finished index."""

    analysis: WholeModel
    encoder: Encoder
    train: TextBatches
    weights: Float[Tensor, " n"]
    """The weight of each row in the training objective."""
    validation: Encoded
    batch_tokens: int
    refine: bool
    """Whether influence on the validation loss is solved for exactly."""
    exact: bool
    """Whether a target's influencers are too; for single targets on request."""
    progress: Progress

    @property
    def target_block(self) -> int:
        """How many targets to ask about at once."""
        return TARGETS_AT_ONCE if self.exact else max(1, SCORES_AT_ONCE // len(self.weights))

    @property
    def affordable(self) -> int | None:
        """Any number: the index answers with one product each."""
        return None

    def on_validation(self) -> Float[Tensor, " n"]:
        """Influence of every row on the mean validation loss, float64; refined if the settings ask for it."""
        batches = self._batches(self.validation)
        scores = self._refined(batches) if self.refine else self.analysis.influence_on_mean(batches)
        return self.train.in_order(scores).double() * self.weights

    def signals(self, head: Signals, rows: Sequence[int]) -> Signals:
        """See `Tier`: influence on validation alone, for only head and training answer to a change of label."""
        return replace(head, validation_influence=self.on_validation()[rows].numpy())

    def tried(self, rows: Sequence[int], groups: int) -> Sequence[RetrainedGroup]:
        """See `Tier`: none, for nothing is trained here."""
        return ()

    def top_influencers(self, targets: Encoded, k: int, own: Int[Tensor, " t"]) -> tuple[Best, Best]:
        """Most helpful and most harmful rows of each target; `own` is the target's own row, left out, or −1."""
        return strongest(self._solved(targets) if self.exact else self._influence(targets), own, k)

    def most_harmed(self, k: int) -> tuple[Float[Tensor, "n kept"], Int[Tensor, "n kept"]]:
        """For every row its lowest influences on validation instances, lowest first, and their numbers."""
        targets = range(len(self.validation.instances))
        blocks = (targets[first : first + self.target_block] for first in targets[:: self.target_block])
        values, numbers = top_k(((b[0], -self._influence(self.validation.where(b)).T) for b in blocks), k)
        return -values, numbers

    def _influence(self, targets: Encoded) -> Float[Tensor, "t n"]:
        batches = self._batches(targets)
        scores = self.train.in_order(self.analysis.influence(batches))
        return batches.in_order(scores, axis=0) * self.weights.to(scores)

    def _solved(self, targets: Encoded) -> Float[Tensor, "t n"]:
        """Like `_influence`, with the exact curvature of all parameters."""
        batches = self._batches(targets)
        gradients = self.analysis.gradients(batches)
        scores, solution = self.analysis.refined(self.train).influence(gradients, progress=self.progress)
        _require_converged(solution)
        return batches.in_order(self.train.in_order(scores), axis=0) * self.weights

    def _refined(self, validation: TextBatches) -> Float[Tensor, " n"]:
        scores, solution = self.analysis.refined_on_mean(validation, self.train)
        _require_converged(solution)
        return scores

    def _batches(self, data: Encoded) -> TextBatches:
        return _batches(self.encoder, data, self.batch_tokens)


def _require_converged(solution: Solution) -> None:
    if not solution.converged:
        raise NotReady(
            f"After {solution.products} products the exact solve still has a relative residual of "
            f"{float(solution.residuals.max()):.1e} instead of 1e-4; continue without refining."
        )


def open_whole_model(
    project: Project,
    seen: tuple[ModelVersion, str],
    learned: tuple[Encoded, Encoded],
    settings: AnalysisSettings,
    progress: Progress,
    *,
    exact: bool = False,
) -> WholeModelTier:
    """The tier of a version, with its index, built if missing.

    `seen` is the version and the hub id or folder of its transformer; `learned` is the data that it learned from, and
    validation.

    Raises ModelError if the model cannot be used or has no layers of this scope, and Cancelled.
    """
    learn, validation = learned
    training = trained_with(seen[0])
    analysis, encoder, train = make_index(project, seen, learn, settings, progress)
    return WholeModelTier(
        analysis=analysis,
        encoder=encoder,
        train=train,
        weights=learn.weights(training.silver_weight),
        validation=validation,
        batch_tokens=training.batch_tokens,
        refine=settings.refine,
        exact=exact,
        progress=progress,
    )


def make_index(
    project: Project,
    seen: tuple[ModelVersion, str],
    learn: Encoded,
    settings: AnalysisSettings,
    progress: Progress,
    cluster: "Cluster | None" = None,
) -> tuple[WholeModel, Encoder, TextBatches]:
    """(the model with its index, which is built if it is missing; its encoder; the texts that it learned from).

    The gradients of the texts are computed on the cluster, if there is one; the factors, from a few texts, here.
    Raises what `open_whole_model` does.
    """
    version, transformer = seen
    training = trained_with(version)
    progress("Loading the model", 0, 0)
    encoder = Encoder(resolve(transformer, layers_of(version)), training.max_tokens, device=index_device())
    train = _batches(encoder, learn, training.batch_tokens)
    head = load_head(project.models / version.id)
    network = VersionNetwork(encoder, head)
    assert settings.scope != "training"  # which has a tier of its own
    damping = Damping() if settings.damping is None else Damping(settings.damping, "trace")
    about = WholeModelSettings(scope=settings.scope, damping=damping)
    key = _key(encoder.files, project.models / version.id, learn, training, about)
    folder = project.features / "whole-model" / settings.scope
    with locked(folder, lambda: progress("Waiting for another analysis of the whole model", 0, 0)):
        _make_way(folder, key)
        store = Store(folder / key, key)
        analysis = WholeModel(network, about, store=store, progress=progress).fit(train)
        if cluster is None:
            return analysis.index(train), encoder, train
        from inffeed_core.models.gradients_on_ray import Gradients, elsewhere, forget

        work = Gradients(
            place=place_of(transformer, project.features, training.max_tokens, layers=layers_of(version)),
            head=head,
            passages=[one.passage for one in learn.instances],
            batches=train,
            labels=learn.labels,
            settings=about,
            store=store,
            batch_tokens=training.batch_tokens,
            progress=progress,
        )
        analysis.index(train, lambda code, done: elsewhere(cluster, work, code, done))
        forget(cluster, store)
        return analysis, encoder, train


def _batches(encoder: Encoder, data: Encoded, batch_tokens: int) -> TextBatches:
    return TextBatches.of(encoder, [one.passage for one in data.instances], data.labels, batch_tokens)


def _key(files: ModelFiles, head: Path, learn: Encoded, training: TrainSettings, about: WholeModelSettings) -> str:
    """Hash of everything that factors and index depend on."""
    parts = [
        FORMAT,
        files.weights_hash,
        files.recipe_hash,
        repr(files.pooling),
        hashlib.sha256((head / "head.safetensors").read_bytes()).hexdigest(),
        learn.fingerprint(),
        training.max_tokens,
        training.batch_tokens,
        LARGEST_BATCH,
        repr(about),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _make_way(folder: Path, key: str) -> None:
    for other in (*folder.iterdir(), *(folder / SHARDS).glob("*")):
        if other.is_dir() and other.name != SHARDS and key not in other.name:
            shutil.rmtree(other)
