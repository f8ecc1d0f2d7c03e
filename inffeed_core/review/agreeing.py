"""How far annotators agree: Cohen's kappa for each pair, Krippendorff's alpha for all and for each label.

Alpha (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011) takes any number of annotators, each of whom
may lack answers. For labels without an order it is 1 - (n - 1) (n - a) / (n² - Σ n_c²): n counts the answers to texts
with at least two, n_c those with label c, and a is the sum over texts of Σ_c n_uc (n_uc - 1) / (m_u - 1), where m_u
answers to text u hold label c n_uc times. 1 is agreement, 0 what chance gives. Intervals are percentile bootstraps over
the texts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.project.folder import Project
from inffeed_core.records import Interval
from inffeed_core.store.agreeing import Accepting, accepting, labels_given, model_says

Given = Mapping[str, Mapping[str, str]]
"""By text the label that each annotator gave."""
Floats = NDArray[np.float64]

DRAWS = 1000
SEED = 0
FEWEST = 2
"""Texts in common from which a pair of annotators is compared."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators on the texts that both labelled."""

    first: str
    second: str
    texts: int
    agree: float
    """Share of the texts to which both gave the same label."""
    kappa: Interval | None
    """None where both gave one and the same label throughout, so that chance explains everything."""


@dataclass(frozen=True, slots=True)
class OneLabel:
    """How far it is agreed which texts have this label."""

    label: str
    answers: int
    """How often it was given, on texts that at least two labelled."""
    alpha: Interval | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """The agreement of a project's annotators."""

    texts: int
    """Texts that at least two labelled."""
    annotators: int
    """Who labelled any of them."""
    alpha: Interval | None
    pairs: Sequence[Pair]
    labels: Sequence[OneLabel]
    accepting: Sequence[Accepting]


@dataclass(frozen=True, slots=True)
class Quality:
    """An annotator's quality by cleanlab (CROWDLAB)."""

    annotator: str
    quality: float
    """Estimated share of right labels, 0 to 1."""
    texts: int
    consensus: float | None
    """Share of the texts, of those that others labelled too, where the label is the consensus."""


def agreed(project: Project) -> Agreed:
    """The agreement now, the pairs with the most texts first."""
    with store.reading(project.db) as db:
        given, labels, accepted = labels_given(db), store.project_settings(db).labels, accepting(db)
    shared = {id: said for id, said in given.items() if len(said) > 1}
    counts = Counter(label for said in shared.values() for label in said.values())
    units = [list(said.values()) for said in shared.values()]
    return Agreed(
        texts=len(shared),
        annotators=len({name for said in shared.values() for name in said}),
        alpha=alpha(units),
        pairs=pairs(shared),
        labels=[
            OneLabel(label=label, answers=counts[label], alpha=alpha([[str(one == label) for one in u] for u in units]))
            for label in labels
            if counts[label]
        ],
        accepting=accepted,
    )


def alpha(units: Sequence[Sequence[str]]) -> Interval | None:
    """Krippendorff's alpha of the labels in each unit; None without a unit of two, or if all labels are the same."""
    counted = [Counter(unit) for unit in units if len(unit) > 1]
    known = sorted({label for count in counted for label in count})
    if len(known) < 2:
        return None
    table = np.array([[count[label] for label in known] for count in counted], dtype=np.float64)
    agreeing = (table * (table - 1)).sum(1) / (table.sum(1) - 1)
    drawn = _draws(len(table))
    value = _alpha(agreeing.sum(keepdims=True), table.sum(0, keepdims=True))[0]
    return _interval(value, _alpha(drawn @ agreeing, drawn @ table))


def _alpha(agreeing: Floats, counts: Floats) -> Floats:
    n = counts.sum(-1)
    by_chance = n**2 - (counts**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw may hold one label only
        return np.asarray(1 - (n - 1) * (n - agreeing) / by_chance)


def pairs(given: Given) -> list[Pair]:
    """Every pair that labelled at least `FEWEST` texts both."""
    names = sorted({name for said in given.values() for name in said})
    found = [_pair(first, second, given) for first, second in combinations(names, 2)]
    return sorted((pair for pair in found if pair.texts >= FEWEST), key=lambda one: (-one.texts, one.first, one.second))


def _pair(first: str, second: str, given: Given) -> Pair:
    both = [(said[first], said[second]) for said in given.values() if first in said and second in said]
    same = sum(a == b for a, b in both) / len(both) if both else 0.0
    return Pair(first=first, second=second, texts=len(both), agree=same, kappa=kappa(both))


def kappa(both: Sequence[tuple[str, str]]) -> Interval | None:
    """Cohen's kappa, from scikit-learn; None for fewer than `FEWEST` texts, or where both gave one label throughout."""
    from sklearn.metrics import cohen_kappa_score

    known = sorted({label for one in both for label in one})
    if len(both) < FEWEST or len(known) < 2:
        return None
    place = {label: n for n, label in enumerate(known)}
    table = np.zeros((len(known), len(known)))
    for a, b in both:
        table[place[a], place[b]] += 1
    value = float(cohen_kappa_score([a for a, _ in both], [b for _, b in both]))
    drawn = np.random.default_rng(SEED).multinomial(len(both), table.ravel() / len(both), DRAWS)
    return _interval(value, _kappas(drawn.reshape(DRAWS, *table.shape) / len(both)))


def _kappas(tables: Floats) -> Floats:
    seen = np.trace(tables, axis1=1, axis2=2)
    chance = (tables.sum(1) * tables.sum(2)).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((seen - chance) / (1 - chance))


def _draws(count: int) -> Floats:
    """How often each of `count` texts is in each bootstrap sample [draws, count]."""
    return np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float64)


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


def qualities(project: Project) -> list[Quality]:
    """Each annotator's quality, the best first, by cleanlab's CROWDLAB with what the analysis in use says of the texts.

    Raises NotReady without an analysis, or where fewer than two annotators labelled texts of it.
    """
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        given, labels = labels_given(db), store.project_settings(db).labels
        said = model_says(db, analysis.id) if analysis else {}
    known = {id: one for id, one in given.items() if id in said and set(one.values()) <= set(labels)}
    if len({name for one in known.values() for name in one}) < 2:
        raise NotReady("Two annotators have to label texts of the analysis in use before their quality is estimated.")
    return quality_of(known, [said[id] for id in known], labels)


def quality_of(given: Given, said: Sequence[tuple[str, float]], labels: Sequence[str]) -> list[Quality]:
    """The same from the labels given and, in their order, the likeliest label and its probability by a model."""
    import pandas as pd
    from cleanlab.multiannotator import get_label_quality_multiannotator

    names = sorted({name for one in given.values() for name in one})
    place = {label: n for n, label in enumerate(labels)}
    rows = [[place[one[name]] if name in one else np.nan for name in names] for one in given.values()]
    rest = max(1, len(labels) - 1)
    chances = [[chance if label == top else (1 - chance) / rest for label in labels] for top, chance in said]
    told = get_label_quality_multiannotator(pd.DataFrame(rows, columns=names), np.array(chances), verbose=False)
    found = [
        Quality(
            annotator=str(name),
            quality=float(row["annotator_quality"]),
            texts=int(row["num_examples_labeled"]),
            consensus=None if pd.isna(row["agreement_with_consensus"]) else float(row["agreement_with_consensus"]),
        )
        for name, row in told["annotator_stats"].iterrows()
    ]
    return sorted(found, key=lambda one: (-one.quality, one.annotator))
