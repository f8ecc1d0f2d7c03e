"""Influence through every linear layer of a classifier: the whole-model tier and the refined tier.

    analysis = WholeModel(model).fit(train).index(train)
    scores = analysis.influence(targets)               # nats, targets × train

Sign and unit are those of `scores.py`: influence of j on t is the predicted
`loss(t, trained without j) − loss(t, trained with j)`, positive = helpful, under the mean loss over a training set
whose size N stays fixed: `(1/N) g_tᵀ (G + λ)⁻¹ g_j`. For the margin of a class, "loss" is the negative log-odds of the
class, so positive = j supports it.

Ways to invert the curvature, cheapest first:

    ekfac      the diagonal in the kept components of EK-FAC's eigenbasis
    subspace   the exact matrix in the kept components, the default; like ekfac it answers from the index: a new target
               costs one gradient and a matrix product
    refined    the exact matrix of all parameters by conjugate gradient, preconditioned by the index: about 20 passes
               over the training set for a block of targets
    dual       the same for n·(C−1) up to a few thousand: one solve for all targets ever, then one pass for each

`subspace.py` says how accurate each is. Use the last two for the validation gradient, where one solve serves all
training examples, and for single targets on request. A model that was not trained to convergence still has scores: they
then describe one Newton step from its current weights.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor, nn

from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.influence import cotangents, gauss_newton
from inffeed_core.influence.capture import Network
from inffeed_core.influence.compression import Code, choose_code
from inffeed_core.influence.conjugate_gradient import Solution
from inffeed_core.influence.damping import Damping
from inffeed_core.influence.ekfac import Factors, fit_factors
from inffeed_core.influence.gauss_newton import Cotangent
from inffeed_core.influence.gradient_index import (
    Chunk,
    Encode,
    GradientIndex,
    IndexHeader,
    Precision,
    build_index,
    fill_index,
    load_factors,
    save_factors,
)
from inffeed_core.influence.linear_layers import Batch, Layers, Logits, Scope, call_logits, find_layers
from inffeed_core.influence.parts import by_halves, of_rows
from inffeed_core.influence.passes import Data, fitting, one_pass, spaced
from inffeed_core.influence.refined import Refined, refine
from inffeed_core.influence.subspace import Subspace, factorise
from inffeed_core.influence.topk import top_k
from inffeed_core.influence.woodbury import Dual, fit_dual
from inffeed_core.records import Progress

Quantity = Literal["loss", "margin"]
"""What is explained about a target: the loss under its label, or the log-odds of the class given instead of a label."""

_COTANGENTS: dict[Quantity, Cotangent] = {"loss": cotangents.loss, "margin": cotangents.negative_margin}

Elsewhere = Callable[[str, int], Iterator[Chunk]]
"""Encodes the training texts after the first n by the code of this digest, in their order."""

Inverse = Literal["subspace", "ekfac"]
"""How the index inverts the curvature; see the module's text."""


def encoder(network: Network, code: Code) -> Encode:
    """How a batch of training texts goes into the index; where memory is full, in halves."""
    placed = code.to(network.device)

    def encode(batch: Batch, labels: Tensor) -> tuple[Tensor, Tensor]:
        parts = by_halves(
            lambda rows: placed.encode_training(network, of_rows(batch, rows), labels[rows.start : rows.stop]),
            range(len(labels)),
        )
        gradients, curvature = zip(*parts, strict=True)
        return torch.cat(gradients), torch.cat(curvature)

    return encode


_BLOCK_ROWS = 256
_NO_INDEX = "There is no index yet: call index(train) first."


@dataclass(frozen=True, slots=True)
class WholeModelSettings:
    """What the whole-model tier computes.

    `factor_examples` bounds the training examples that the eigenbases are fitted on (evenly spaced batches; a sample
    suffices because they only choose directions), `rank` the eigenvectors kept on each side of a layer, and `dimension`
    the numbers stored for one training example over all layers. None = no bound.
    """

    scope: Scope = "all"
    damping: Damping = field(default_factory=Damping)
    factor_examples: int | None = 256
    rank: int | None = 128
    dimension: int | None = 4096
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("factor_examples", "rank", "dimension"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; it must be at least 1, or None for all.")


@dataclass(frozen=True, slots=True)
class Store:
    """Where factors and index are kept, and the hash of everything they depend on (see `gradient_index`)."""

    folder: Path
    key: str


class WholeModel:
    """A trained classifier and what is known about its training set. Methods that compute return `self` or scores."""

    def __init__(
        self,
        model: nn.Module,
        settings: WholeModelSettings | None = None,
        *,
        logits: Logits = call_logits,
        store: Store | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Without a store, index and factors are in a temporary folder that is deleted with this object."""
        self._model = model
        self._settings = settings or WholeModelSettings()
        self._logits = logits
        if store is None:
            self._temporary = TemporaryDirectory(prefix="influence-")
            store = Store(Path(self._temporary.name), "temporary")
        self._store = store
        self._progress = progress
        self._layers: Layers | None = None
        self._factors: Factors | None = None
        self._code: Code | None = None
        self._index: GradientIndex | None = None
        self._subspace: Subspace | None = None

    def fit(self, train: Data, generator: torch.Generator | None = None) -> "WholeModel":
        """Fit the EK-FAC factors, or load those that the store holds. See `ekfac` for what a generator changes."""
        batch, _ = next(iter(one_pass(train, "Finding layers")))
        self._layers = find_layers(self._model, batch, self._logits, self._settings.scope)
        self._factors = load_factors(self._store.folder, self._store.key)
        if self._factors is None:
            sample = spaced(train, self._settings.factor_examples)
            self._factors = fitting(lambda some: self._fitted(some, generator), sample)
            save_factors(self._store.folder, self._store.key, self._factors)
        self._code = choose_code(self._factors, self.damping, self._settings.dimension)
        return self

    def index(self, train: Data, elsewhere: Elsewhere | None = None) -> "WholeModel":
        """Encode every training gradient, resuming a killed run from the store, and factorise the curvature.

        `elsewhere` does the encoding, if it is given.
        """
        code = self.code
        empty = IndexHeader(
            key=self._store.key, code=code.digest, dimension=code.dimension, precision=self._settings.precision
        )
        if elsewhere is None:
            self._index = build_index(self._store.folder, empty, train, encoder(self.network, code), self._progress)
        else:
            self._index = fill_index(self._store.folder, empty, lambda done: elsewhere(code.digest, done))
        self._subspace = factorise(self._index.curvature(), code, self.damping)
        return self

    def _fitted(self, sample: Data, generator: torch.Generator | None) -> Factors:
        before = None if generator is None else generator.clone_state()
        rank = self._settings.rank
        return fit_factors(self.network, sample, rank=rank, generator=before, progress=self._progress)

    @property
    def layers(self) -> Layers:
        """The layers in use, and why each other one is not."""
        if self._layers is None:
            raise NotReady("The layers are not known yet: call fit(train) first.")
        return self._layers

    @property
    def network(self) -> Network:
        """The model with the layers in use."""
        return Network(self._model, self._logits, self.layers.chosen)

    @property
    def factors(self) -> Factors:
        """The fitted EK-FAC factors."""
        if self._factors is None:
            raise NotReady("There are no factors yet: call fit(train) first.")
        return self._factors

    @property
    def code(self) -> Code:
        """How training gradients are encoded."""
        if self._code is None:
            raise NotReady("There are no factors yet: call fit(train) first.")
        return self._code

    @property
    def damping(self) -> dict[str, float]:
        """λ of each layer."""
        return self._settings.damping.of(self.factors)

    def influence(
        self, targets: Data, quantity: Quantity = "loss", inverse: Inverse = "subspace"
    ) -> Float[Tensor, "t n"]:
        """Influence of every indexed example on each target, nats; positive = helpful."""
        return self._answered(self._encoded(targets, quantity), inverse)

    def swept(self, targets: Data, dampings: Sequence[float]) -> dict[tuple[float, Inverse], Float[Tensor, "t n"]]:
        """`influence` under each damping in the index's unit, by both inverses; targets are differentiated once."""
        encoded, found = self._encoded(targets, "loss"), dict[tuple[float, Inverse], Tensor]()
        for value in dampings:
            one = self.damped(replace(self._settings.damping, value=value))
            found |= {(value, inverse): one._answered(encoded, inverse) for inverse in get_args(Inverse)}
        return found

    def influence_on_mean(self, validation: Data, inverse: Inverse = "subspace") -> Float[Tensor, " n"]:
        """Influence of every indexed example on the mean validation loss, nats; positive = helpful."""
        return self._answered(self._encoded(validation, "loss").mean(0, keepdim=True), inverse).squeeze(0)

    def top_influencers(
        self, targets: Data, k: int, *, helpful: bool = True, quantity: Quantity = "loss"
    ) -> tuple[Float[Tensor, "t kept"], Int[Tensor, "t kept"]]:
        """Each target's k most helpful (or most harmful) examples: influence in nats, strongest first, and index rows.

        Memory is bounded by a block: targets × index is never formed.
        """
        sign = 1.0 if helpful else -1.0
        queries = self._solved(self._encoded(targets, quantity), "subspace")
        values, rows = top_k(((first, sign * block) for first, block in self._scored(queries)), k)
        return sign * values, rows

    def damped(self, damping: Damping) -> "WholeModel":
        """The same factors and index under another damping of the same unit, for a sweep such as .001, .01, .1, 1.

        Raises SettingsError for another unit, which would have kept other components.
        """
        if damping.unit != self._settings.damping.unit:
            raise SettingsError(f"The index was made for damping by {self._settings.damping.unit!r}; keep that unit.")
        other = copy(self)
        other._settings = replace(self._settings, damping=damping)
        if self._index is not None:
            other._subspace = factorise(self._index.curvature(), self.code, other.damping)
        return other

    def refined(self, train: Data) -> Refined:
        """The exact Gauss-Newton matrix over `train`, the indexed data, preconditioned by the index."""
        if self._subspace is None:
            raise NotReady(_NO_INDEX)
        given = (self.damping, self.code, self._subspace)
        return fitting(lambda data: refine(self.network, data, *given, progress=self._progress), train)

    def dual(self, train: Data) -> Dual:
        """The factorised dual over `train`; see `woodbury` for its size limit."""
        return fit_dual(self.network, train, self.damping, progress=self._progress)

    def gradients(self, targets: Data, quantity: Quantity = "loss") -> Float[Tensor, "t p"]:
        """Whole gradients of the targets, for the refined tier. Memory: targets × parameters."""
        network, cotangent = self.network, _COTANGENTS[quantity]

        def passed(data: Data) -> Tensor:
            pairs = one_pass(data, "Differentiating targets", self._progress)
            return torch.cat(
                [gauss_newton.example_gradients(network, batch, labels, cotangent) for batch, labels in pairs]
            )

        return fitting(passed, targets)

    def refined_on_mean(self, validation: Data, train: Data) -> tuple[Float64[Tensor, " n"], Solution]:
        """Exact Gauss-Newton influence of every training example on the mean validation loss, nats, by one CG solve."""
        network, progress = self.network, self._progress
        gradient = fitting(lambda d: gauss_newton.mean_gradient(network, d, cotangents.loss, progress), validation)
        scores, solution = self.refined(train).influence(gradient, progress=progress)
        return scores.squeeze(0), solution

    def _encoded(self, targets: Data, quantity: Quantity) -> Float[Tensor, "t d"]:
        network, cotangent = self.network, _COTANGENTS[quantity]
        code = self.code.to(network.device)

        def passed(data: Data) -> Tensor:
            pairs = one_pass(data, "Differentiating targets", self._progress)
            return torch.cat([code.encode(network, batch, labels, cotangent).cpu() for batch, labels in pairs])

        return fitting(passed, targets)

    def _answered(self, encoded: Float[Tensor, "t d"], inverse: Inverse) -> Float[Tensor, "t n"]:
        return torch.cat([block for _, block in self._scored(self._solved(encoded, inverse))], dim=1)

    def _solved(self, encoded: Float[Tensor, "t d"], inverse: Inverse) -> Float[Tensor, "t d"]:
        """Vectors whose product with an index row is the influence."""
        if self._index is None or self._subspace is None:
            raise NotReady(_NO_INDEX)
        solve = self._subspace.solve if inverse == "subspace" else self._subspace.solve_diagonal
        return solve(encoded) / len(self._index)

    def _scored(self, queries: Float[Tensor, "t d"]) -> Iterator[tuple[int, Float[Tensor, "t b"]]]:
        if self._index is None:
            raise NotReady(_NO_INDEX)
        return ((first, queries @ block.to(queries).T) for first, block in self._index.blocks(_BLOCK_ROWS))
