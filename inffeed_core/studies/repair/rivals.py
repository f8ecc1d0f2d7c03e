"""Rankings from the literature that the product does not offer, each in a few lines, to measure against; and a ceiling.

Each gives one number per silver text, the highest checked first, like the policies of `flags`. Those by influence
use the head trained on gold and silver as it is, before any review.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from inffeed_core.flags.policies import Floats
from inffeed_core.influence import probabilities
from inffeed_core.influence.softmax import blocks, residuals
from inffeed_core.studies.repair.review import Study

Rival = Callable[[Study], Floats]

FASTIF_NEIGHBOURS = 1000
FASTIF_DAMPING, FASTIF_SCALE, FASTIF_STEPS = 5e-3, 1e4, 1000


def gradient_dot(study: Study) -> Floats:
    """Loss gradient against that of the validation loss (TracIn with one checkpoint; Pruthi et al., NeurIPS 2020)."""
    return _opposing(study, study.influence.validation_gradient(*study.draw.validation)[0])


def fast_if(study: Study) -> Floats:
    """FastIF (Guo et al., EMNLP 2021): influence by LiSSA, only of the nearest neighbours of validation texts."""
    from sklearn.neighbors import NearestNeighbors

    draw, influence = study.draw, study.influence
    target = influence.validation_gradient(*draw.validation)[0]
    rows = next(blocks(draw.features, len(draw.features)))[1]
    probs = probabilities(influence.fit.theta, draw.features)
    generator, solution = torch.Generator().manual_seed(0), target
    for row in torch.randint(len(rows), (FASTIF_STEPS,), generator=generator).tolist():
        x, basis_p = rows[row], probs[row]
        solution = target + (1 - FASTIF_DAMPING) * solution - _curved(x, basis_p, solution) / FASTIF_SCALE
    count = min(FASTIF_NEIGHBOURS, len(draw.silver))
    index = NearestNeighbors(n_neighbors=count).fit(draw.features[draw.seed_rows :].numpy())
    near = np.unique(index.kneighbors(draw.validation[0].numpy(), return_distance=False))
    scores, result = _opposing(study, solution / FASTIF_SCALE), np.full(len(draw.silver), -np.inf)
    result[near] = scores[near]
    return result


def representation(study: Study) -> Floats:
    """How much closer (cosine) the text is to another class's mean of validation features than to its own label's."""
    features, labels = study.draw.validation
    classes = len(study.draw.labels)
    means = torch.stack(
        [features[labels == c].mean(0) if (labels == c).any() else features[0] * 0 for c in range(classes)]
    )
    alike = torch.nn.functional.cosine_similarity(
        study.draw.features[study.draw.seed_rows :].unsqueeze(1), means.unsqueeze(0), dim=2
    )
    return _other_above_own(alike.double(), study.draw.silver)


def margin(study: Study) -> Floats:
    """Least margin between the model's two likeliest classes first (uncertainty sampling)."""
    top = _silver_probabilities(study).topk(2, 1).values
    return (top[:, 1] - top[:, 0]).numpy()


def entropy(study: Study) -> Floats:
    """Highest entropy of the model's prediction first (uncertainty sampling)."""
    probs = _silver_probabilities(study)
    return -(probs * probs.clamp_min(1e-300).log()).sum(1).numpy()


def oracle(study: Study) -> Floats:
    """Knows every true label: predicted gain of the right correction. No ranking can know it; a kind of ceiling."""
    gradient = study.influence.validation_gradient(*study.draw.validation)
    gains = study.influence.relabel_gains(gradient)[study.draw.seed_rows :]
    truth = study.draw.gold[study.draw.seed_rows :]
    found = gains.gather(1, truth.unsqueeze(1)).squeeze(1)
    return torch.where(truth != study.draw.silver, found, -torch.inf).numpy()


RIVALS: Mapping[str, Rival] = {
    "gradient-dot": gradient_dot,
    "fast-if": fast_if,
    "representation": representation,
    "margin": margin,
    "entropy": entropy,
    "oracle": oracle,
}


def _opposing(study: Study, direction: torch.Tensor) -> Floats:
    """How far each silver text's loss gradient points against this direction."""
    draw, fit = study.draw, study.influence.fit
    features = draw.features[draw.seed_rows :]
    pulls = residuals(probabilities(fit.theta, features), draw.silver)
    along = torch.cat([rows @ direction.T for _, rows in blocks(features)])
    return -(pulls * along).sum(1).numpy()


def _curved(row: torch.Tensor, probs: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """One row's Gauss-Newton matrix times a direction."""
    from inffeed_core.influence.softmax import logit_curvature, sum_zero_basis

    spread = logit_curvature(probs.unsqueeze(0), sum_zero_basis(len(probs)))[0]
    return torch.outer(spread @ (direction @ row), row)


def _other_above_own(scores: torch.Tensor, labels: torch.Tensor) -> Floats:
    own = scores.gather(1, labels.unsqueeze(1)).squeeze(1)
    others = scores.scatter(1, labels.unsqueeze(1), -torch.inf).max(1).values
    return (others - own).numpy()


def _silver_probabilities(study: Study) -> torch.Tensor:
    return probabilities(study.influence.fit.theta, study.draw.features[study.draw.seed_rows :])
