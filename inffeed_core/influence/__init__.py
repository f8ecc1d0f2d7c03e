"""Influence functions for text classifiers: tensors in, tensors out.

from inffeed_core.influence import HeadData, HeadInfluence, fit_head

data = HeadData(features, labels, classes=2)
influence = HeadInfluence(data, fit_head(data, l2=1e-3))
scores = influence.on_losses(test_features, test_labels)  # [targets, rows] in nats; positive = helpful
"""

from inffeed_core.influence.head import HeadInfluence
from inffeed_core.influence.newton import HeadFit, NotConverged, Report, choose_l2, first_step, fit_head, quiet
from inffeed_core.influence.softmax import HeadData, logits, losses, probabilities
from inffeed_core.influence.topk import top_k

__all__ = [
    "HeadData",
    "HeadFit",
    "HeadInfluence",
    "NotConverged",
    "Report",
    "choose_l2",
    "first_step",
    "fit_head",
    "logits",
    "losses",
    "probabilities",
    "quiet",
    "top_k",
]
