"""The experiment that defines the head's scores: refit without a text, or with another label, and measure again."""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.influence import HeadData, HeadFit, HeadInfluence, losses, probabilities


@dataclass(frozen=True, slots=True)
class Refits:
    """The experiment itself, on the rows that a head was fitted on, each with one label."""

    influence: HeadInfluence
    validation: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]]

    def without(self, row: int) -> float:
        """Actual influence on validation: mean loss fitted without the row minus with it, nats."""
        weights = self.influence.data.row_weights.clone()
        weights[row] = 0
        return self._refitted(replace(self.influence.data, weights=weights)) - self._loss(self.influence.fit)

    def relabelled(self, row: int, label: int) -> float:
        """Actual gain: mean validation loss now minus fitted with the row labelled `label`, nats."""
        labels = self.influence.data.labels.clone()
        labels[row] = label
        return self._loss(self.influence.fit) - self._refitted(replace(self.influence.data, labels=labels))

    def _loss(self, fit: HeadFit) -> float:
        return float(losses(probabilities(fit.theta, self.validation[0]), self.validation[1]).mean())

    def _refitted(self, data: HeadData) -> float:
        """Validation loss after fitting to convergence on other data."""
        return self._loss(self.influence.corrected(data).fit)
