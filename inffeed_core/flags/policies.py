"""Scores → flags (objective 2): the order in which silver instances are shown to an annotator.

A policy is a function from `Signals` to one number per silver instance; the highest is checked first. Most
are rivals: simple rankings that influence has to beat, kept so that a project can see whether it does.

The libraries of some rivals are imported only when used: they cost 2 s, which explaining one text need not pay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


DISTANCES_MIB = 128
"""Of distances to gold texts that are held at once; scikit-learn takes 1 GiB unless told."""
WORDS_AT_ONCE = 20_000
"""Texts whose words are compared at once."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The inputs of policies, for n silver and m gold train instances and C classes."""

    labels: Ints
    """Silver labels now [n]."""
    validation_influence: Floats
    """Influence of each silver instance on the mean validation loss [n], nats, positive = helpful."""
    relabel_gains: Floats
    """Predicted fall of the validation loss for each other label [n, C], nats; 0 at the current one."""
    posterior: Floats
    """Calibrated class probabilities from gold alone [n, C]."""
    channel: Floats
    """The same given the silver labels too [n, C]: what each label probably is (`inffeed_core.silver.beliefs`)."""
    class_influence: Floats
    """Influence on the mean validation loss of each class [n, C], nats, positive = helpful; +∞ for a class without
    validation texts."""
    class_gains: Floats
    """Expected fall of the validation loss of each class from checking [n, C], by `channel`, nats; −∞ for a class
    without validation texts."""
    out_of_fold: Floats
    """Class probabilities from heads fitted without the instance [n, C]."""
    self_influence: Floats
    """Influence of each instance on its own loss [n], nats."""
    features: NDArray[np.float32]
    gold_features: NDArray[np.float32]
    gold_labels: Ints
    texts: Sequence[str]
    gold_texts: Sequence[str]
    neighbours: int
    clusters: int
    seed: int


Ranking = Callable[[Signals], Floats]
"""One number for each silver text; the highest is checked first."""

Costly = Literal["validation_influence", "class_influence", "out_of_fold", "self_influence"]
"""Signals that take most of the time, although few policies use them."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a policy's number says about a text, beyond its rank."""

    kind: Literal["gain", "loss", "share", "chance"]
    """A predicted fall of validation loss (nats), the loss of the text's label (nats), a share of votes for another
    label (0 to 1), or a probability (0 to 1)."""
    code: str
    """The code of the phrase that says so, see `flags.reasons`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An order in which silver texts are checked."""

    name: str
    score: Ranking
    says: Says | None = None
    """None if only the rank can be stated."""
    needs: Costly | None = None
    """The costly signal that it ranks by."""
    numbered: bool = True
    """Whether its score means something to a reader; otherwise only the rank does."""


def expected_gain(signals: Signals) -> Floats:
    """Expected fall of the validation loss from checking: relabel gains weighted by the gold-only posterior, nats."""
    return np.asarray((signals.relabel_gains * signals.posterior).sum(1))


def likely_wrong(signals: Signals) -> Floats:
    """Probability that the current label is wrong, given text, silver labels and what their sources proved worth, 0 to
    1. For a cleaner data set; which label harms the model is another question.
    """
    own = signals.channel[np.arange(len(signals.labels)), signals.labels]
    return np.asarray(1 - own)


def label_doubt(signals: Signals) -> Floats:
    """Entropy of the true label given text and silver label, nats: how uncertain it is before anybody looks."""
    return np.asarray(-(signals.channel * np.log(np.clip(signals.channel, 1e-300, None))).sum(1))


def channel_gain(signals: Signals) -> Floats:
    """Expected gain with the posterior that also uses the silver label, nats."""
    return np.asarray((signals.relabel_gains * signals.channel).sum(1))


def class_gain(signals: Signals) -> Floats:
    """Largest expected gain for the validation texts of any one class, given text and silver label, nats."""
    return np.asarray(signals.class_gains.max(1))


def class_influence(signals: Signals) -> Floats:
    """How much the instance harms the validation texts of the class that it harms most, nats.

    Nguyen-Duc et al. (ACL 2023): the paper's criterion, class by class. A rare class hardly affects the mean validation
    loss, but affects macro-F1 as much as any other.
    """
    return -np.asarray(signals.class_influence.min(1))


def negative_influence(signals: Signals) -> Floats:
    """How much the instance harms the validation loss: the paper's own criterion, nats."""
    return -signals.validation_influence


def gold_loss(signals: Signals) -> Floats:
    """Loss of the silver label under a model trained on gold alone, nats."""
    return _label_loss(signals.posterior, signals.labels)


def out_of_fold_loss(signals: Signals) -> Floats:
    """Loss of the silver label under heads that were fitted without it, nats (Chong et al., EMNLP 2022)."""
    return _label_loss(signals.out_of_fold, signals.labels)


def confident_learning(signals: Signals) -> Floats:
    """1 − cleanlab's label quality: out-of-fold margin adjusted for each class's confidence (Northcutt et al. 2021)."""
    from cleanlab.rank import get_label_quality_scores

    present, labels = np.unique(signals.labels, return_inverse=True)
    if len(present) < 2:  # cleanlab needs two classes; with one there is no other class to be confused with
        return 1 - signals.out_of_fold[np.arange(len(labels)), signals.labels]
    probs = signals.out_of_fold[:, present] / signals.out_of_fold[:, present].sum(1, keepdims=True)
    quality = get_label_quality_scores(labels, probs, method="normalized_margin", adjust_pred_probs=True)
    return np.asarray(1 - quality, dtype=np.float64)


def knn(signals: Signals) -> Floats:
    """Share of the nearest gold texts (cosine of features, closer counts more) that carry another label."""
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    count = min(signals.neighbours, len(signals.gold_labels))
    index = NearestNeighbors(n_neighbors=count, metric="cosine").fit(signals.gold_features)
    with config_context(working_memory=DISTANCES_MIB):
        distance, nearest = index.kneighbors(signals.features)
    return _disagreement(signals, nearest, np.clip(1 - distance, 0, None))


def bm25(signals: Signals) -> Floats:
    """Share of the gold texts most similar by BM25 (higher scores count more) that carry another label."""
    count = min(signals.neighbours, len(signals.gold_labels))
    return _disagreement(signals, *alike_by_words(signals.texts, signals.gold_texts, count))


def alike_by_words(texts: Sequence[str], among: Sequence[str], count: int) -> tuple[Ints, Floats]:
    """Positions of the `count` texts in `among` most similar to each text by BM25, and their scores, each [n, count].

    Computed by the library bm25s; the most similar comes first. `count` must not exceed their number. Words have two
    letters or more; where none of `among` has a word, every score is 0.
    """
    import bm25s

    words = bm25s.tokenize(list(among), stopwords=None, show_progress=False)
    if not words.vocab:
        return np.tile(np.arange(count), (len(texts), 1)), np.zeros((len(texts), count))
    index = bm25s.BM25()
    index.index(words, show_progress=False)
    found = [
        index.retrieve(
            bm25s.tokenize(list(texts[start : start + WORDS_AT_ONCE]), stopwords=None, show_progress=False),
            k=count,
            show_progress=False,
        )
        for start in range(0, max(1, len(texts)), WORDS_AT_ONCE)
    ]
    return np.concatenate([nearest for nearest, _ in found]), np.concatenate([scores for _, scores in found])


def self_influence(signals: Signals) -> Floats:
    """Influence on its own loss: how far the model must bend to fit the label, nats."""
    return signals.self_influence


def uncertainty(signals: Signals) -> Floats:
    """Entropy of the gold-only posterior, nats: how uncertain a model is that never saw the silver label."""
    known = np.clip(signals.posterior, 1e-300, 1)
    return np.asarray(-(known * np.log(known)).sum(1))


def cluster(signals: Signals) -> Floats:
    """Minus the place in an order that takes the highest expected gain from each cluster of the features in turn.

    So the first flags are spread over all kinds of texts. Clusters come from seeded k-means, on rows sorted by their
    features, so that the order of import does not matter.
    """
    from sklearn.cluster import MiniBatchKMeans

    gain, count = expected_gain(signals), len(signals.labels)
    sorted_rows = np.lexsort(signals.features.T)
    means = MiniBatchKMeans(min(signals.clusters, max(1, count // 2)), n_init=3, random_state=signals.seed)
    cluster_of = np.empty(count, dtype=np.int64)
    cluster_of[sorted_rows] = means.fit_predict(signals.features[sorted_rows])
    best_first = np.lexsort((-gain, cluster_of))
    starts = np.searchsorted(cluster_of[best_first], cluster_of[best_first])
    turn = np.empty(count, dtype=np.int64)
    turn[best_first] = np.arange(count) - starts
    place = np.empty(count)
    place[np.lexsort((-gain, turn))] = np.arange(count)
    return -place


def random(signals: Signals) -> Floats:
    """A seeded shuffle: what checking without any ranking is worth."""
    return np.random.default_rng(signals.seed).permutation(len(signals.labels)).astype(np.float64)


TABLE = (
    Policy("class-influence", class_influence, Says("gain", "class-removal-above"), needs="class_influence"),
    Policy("likely-wrong", likely_wrong, Says("chance", "wrong-chance")),
    Policy("expected-gain", expected_gain, Says("gain", "gain-above")),
    Policy("label-doubt", label_doubt),
    Policy("channel-gain", channel_gain, Says("gain", "gain-above")),
    Policy("class-gain", class_gain, Says("gain", "class-gain-above")),
    Policy("negative-influence", negative_influence, Says("gain", "removal-above"), needs="validation_influence"),
    Policy("gold-loss", gold_loss, Says("loss", "gold-model")),
    Policy("out-of-fold-loss", out_of_fold_loss, Says("loss", "unseen-model"), needs="out_of_fold"),
    Policy("confident-learning", confident_learning, needs="out_of_fold"),
    Policy("knn", knn, Says("share", "near-gold")),
    Policy("bm25", bm25, Says("share", "alike-gold")),
    Policy("self-influence", self_influence, needs="self_influence"),
    Policy("uncertainty", uncertainty),
    Policy("cluster", cluster, numbered=False),
    Policy("random", random, numbered=False),
)
"""The policies in the order in which they are offered, the default first."""

BY_NAME: Mapping[str, Policy] = {policy.name: policy for policy in TABLE}

POLICIES = tuple(BY_NAME)
"""Their names."""

RANKINGS: Mapping[str, Ranking] = {policy.name: policy.score for policy in TABLE}
"""The score that each of them ranks by."""


def has_number(policy: str) -> bool:
    """Whether a score of this order means something to a reader, beyond the place."""
    return policy not in BY_NAME or BY_NAME[policy].numbered


def order(scores: Floats) -> Ints:
    """Positions from first to last: highest score first, ties in the order of import."""
    return np.argsort(-scores, kind="stable")


def _label_loss(probabilities: Floats, labels: Ints) -> Floats:
    own = probabilities[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.clip(own, 1e-300, None)))


def _disagreement(signals: Signals, nearest: Ints, weights: Floats) -> Floats:
    other = signals.gold_labels[nearest] != signals.labels[:, None]
    total = weights.sum(1)
    share = np.divide((weights * other).sum(1), total, out=np.full(len(other), 0.5), where=total > 0)
    return np.asarray(share, dtype=np.float64)
