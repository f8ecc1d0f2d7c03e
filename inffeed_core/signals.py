"""What a fitted head and its data say about silver instances: from tensors to the `Signals` that policies rank by."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.flagging import Signals
from inffeed_core.influence import HeadData, HeadInfluence
from inffeed_core.posteriors import gold_only, out_of_fold
from inffeed_core.settings import AnalysisSettings


def silver_signals(
    influence: HeadInfluence,
    silver: Sequence[int],
    texts: Sequence[str],
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]],
    settings: AnalysisSettings,
    seed: int,
) -> Signals:
    """Signals of the rows `silver` of the data that `influence` was made for; all other rows count as gold.

    `texts` are those of every row. Deterministic for a seed.
    """
    data = influence.data
    gold = sorted(set(range(len(data.features))) - set(silver))
    rows, gold_data = list(silver), HeadData(data.features[gold], data.labels[gold], data.classes)
    gradient = influence.validation_gradient(*validation)
    held_out = out_of_fold(data, influence.fit, settings.folds, seed)
    return Signals(
        labels=data.labels[rows].numpy(),
        validation_influence=influence.on_gradients(gradient)[0, rows].double().numpy(),
        relabel_gains=influence.relabel_gains(gradient)[rows].numpy(),
        posterior=gold_only(gold_data, *validation, data.features[rows]).numpy(),
        out_of_fold=held_out[rows].numpy(),
        self_influence=influence.self_influence()[rows].numpy(),
        features=data.features[rows].float().numpy(),
        gold_features=gold_data.features.float().numpy(),
        gold_labels=gold_data.labels.numpy(),
        texts=[texts[i] for i in rows],
        gold_texts=[texts[i] for i in gold],
        neighbours=settings.neighbours,
        clusters=settings.clusters,
        seed=seed,
    )
