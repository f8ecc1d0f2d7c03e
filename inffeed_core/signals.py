"""What a fitted head and its data say about silver instances: from tensors to the `Signals` that policies rank by."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.flagging import Signals
from inffeed_core.influence import HeadInfluence
from inffeed_core.posteriors import out_of_fold
from inffeed_core.recipes import Learned, beliefs, posterior
from inffeed_core.settings import AnalysisSettings


def silver_signals(
    influence: HeadInfluence,
    learned: Learned,
    texts: Sequence[str],
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]],
    settings: AnalysisSettings,
    seed: int,
) -> Signals:
    """Signals of the silver that nobody has confirmed; `influence` was made for the same rows.

    `texts` are those of every row. Deterministic for a seed.
    """
    data, rows, gold = learned.data, ~learned.confirmed, learned.confirmed
    gradient = influence.validation_gradient(*validation)
    held_out = out_of_fold(data, influence.fit, settings.folds, seed)
    belief = beliefs(learned, validation)
    return Signals(
        labels=data.labels[rows].numpy(),
        validation_influence=influence.on_gradients(gradient)[0, rows].double().numpy(),
        relabel_gains=influence.relabel_gains(gradient)[rows].numpy(),
        posterior=belief[rows].numpy(),
        channel=posterior(learned, belief)[rows].numpy(),
        out_of_fold=held_out[rows].numpy(),
        self_influence=influence.self_influence()[rows].numpy(),
        features=data.features[rows].float().numpy(),
        gold_features=data.features[gold].float().numpy(),
        gold_labels=data.labels[gold].numpy(),
        texts=[text for text, silver in zip(texts, rows.tolist(), strict=True) if silver],
        gold_texts=[text for text, silver in zip(texts, rows.tolist(), strict=True) if not silver],
        neighbours=settings.neighbours,
        clusters=settings.clusters,
        seed=seed,
    )
