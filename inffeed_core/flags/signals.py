"""What a fitted head and its data say about silver instances: from tensors to the `Signals` that policies rank by."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.flags.policies import Costly, Signals
from inffeed_core.influence import HeadInfluence
from inffeed_core.models.gathering import gathered
from inffeed_core.settings import AnalysisSettings
from inffeed_core.silver.beliefs import Learned, beliefs, posterior
from inffeed_core.silver.posteriors import out_of_fold


def silver_signals(
    influence: HeadInfluence,
    learned: Learned,
    texts: Sequence[str],
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]],
    settings: AnalysisSettings,
    seed: int,
    *,
    belief: Float[Tensor, "n c"] | None = None,
    probable: Float[Tensor, "n c"] | None = None,
    without: Collection[Costly] = (),
    folder: Path | None = None,
) -> Signals:
    """Signals of unconfirmed silver; `influence` must be for the same rows.

    `texts` holds the text of every row; `belief` and `probable`, q and the posterior of every row, are computed here,
    by the channel of each text's one silver label, unless given; signals named in `without` are NaN. Many rows of
    features are laid down in `folder`, where one is given, instead of copied in memory. Deterministic for a seed.
    """
    data, rows, gold = learned.data, ~learned.confirmed, learned.confirmed
    gradient = influence.validation_gradient(*validation)
    unknown = torch.full((len(data.labels), data.classes), torch.nan, dtype=torch.float64)
    held_out, harm, own = unknown, unknown[:, 0], unknown[:, 0]
    if "out_of_fold" not in without:
        held_out = out_of_fold(data, influence.fit, settings.folds, seed, influence.near)
    if "validation_influence" not in without:
        harm = influence.on_mean_loss(*validation)
    steered, ends = _by_class(influence, validation), unknown[:, 0].nan_to_num(torch.inf)
    by_class = unknown
    if "class_influence" not in without:
        by_class = _along(steered, lambda one: influence.scores_along(one)[0].double(), ends)
    if "self_influence" not in without:
        own = influence.self_influence()
    belief = beliefs(learned, validation) if belief is None else belief
    probable = posterior(learned, belief) if probable is None else probable
    return Signals(
        labels=data.labels[rows].numpy(),
        validation_influence=harm[rows].double().numpy(),
        relabel_gains=influence.relabel_gains(gradient)[rows].numpy(),
        posterior=belief[rows].numpy(),
        channel=probable[rows].numpy(),
        class_influence=by_class[rows].numpy(),
        class_gains=_along(steered, lambda one: (influence.gains_along(one) * probable).sum(1), -ends)[rows].numpy(),
        out_of_fold=held_out[rows].numpy(),
        self_influence=own[rows].numpy(),
        features=gathered(data.features, rows.nonzero().squeeze(1), folder).float().numpy(),
        gold_features=data.features[gold].float().numpy(),
        gold_labels=data.labels[gold].numpy(),
        texts=[text for text, silver in zip(texts, rows.tolist(), strict=True) if silver],
        gold_texts=[text for text, silver in zip(texts, rows.tolist(), strict=True) if not silver],
        neighbours=settings.neighbours,
        clusters=settings.clusters,
        seed=seed,
    )


def _by_class(
    influence: HeadInfluence, validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]
) -> list[Float[Tensor, "1 k d1"] | None]:
    """Each class's validation loss as a solved target; None for classes without validation texts."""
    features, labels = validation
    present = sorted(set(labels.tolist()))
    gradients = [influence.validation_gradient(features[labels == one], labels[labels == one]) for one in present]
    solved = dict(zip(present, torch.split(influence.solved(torch.cat(gradients)), 1), strict=True))
    return [solved.get(label) for label in range(influence.data.classes)]


def _along(
    targets: Sequence[Float[Tensor, "1 k d1"] | None],
    score: Callable[[Float[Tensor, "1 k d1"]], Float[Tensor, " n"]],
    missing: Float[Tensor, " n"],
) -> Float[Tensor, "n c"]:
    """`score` of each solved target; `missing` where there is none."""
    return torch.stack([missing if one is None else score(one) for one in targets], 1)
