"""Train and retrain: from the current labels to a new, immutable model version.

Runs in a job's child process or on the command line, reports through `progress`, and writes its result at the end
in one transaction, so that stopping it at any moment leaves the project as it was. A version is published with its
analysis in that same transaction: no reviewer ever works with a version that has no flags yet. This module and
`analysis` compute, so they import torch.
"""

import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core import __version__, store
from inffeed_core.analysis.analysing import analyse, compute
from inffeed_core.analysis.scopes import require_head_scope
from inffeed_core.errors import ModelError
from inffeed_core.influence import HeadData, HeadFit, Report, choose_l2, fit_head, probabilities
from inffeed_core.learning.against_parent import Difference, difference
from inffeed_core.learning.estimating import EncodingTime
from inffeed_core.learning.foretold import Retrained, foretold
from inffeed_core.learning.judging import judged
from inffeed_core.learning.kept_choices import with_choices_of, with_rule_of
from inffeed_core.learning.layers import LayerChoice, read_layers
from inffeed_core.learning.publishing import Made, files, publish, state
from inffeed_core.learning.reading import Reading, reading
from inffeed_core.learning.ready import require_trainable
from inffeed_core.learning.tuning import cleared, tune
from inffeed_core.learning.words import WordChoice, chosen_features, for_scope, require_place_for_words
from inffeed_core.models.encoding import cosine_to_float32, own_head
from inffeed_core.models.labels import label_mapping
from inffeed_core.models.lessons import FineTuned
from inffeed_core.models.sources import resolve
from inffeed_core.project.encoded import Encoded, Material, instances_of, stored_fit
from inffeed_core.project.encoders import OWN, located, merged, transformer_for
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of, here
from inffeed_core.records import ModelVersion, Progress, Split
from inffeed_core.settings import (
    DEFAULT_RULE,
    L2_GRID,
    AnalysisSettings,
    ProjectSettings,
    TrainSettings,
)
from inffeed_core.silver.recipes import CarriedOut, fit_recipe


def train(
    project: Project,
    settings: TrainSettings,
    progress: Progress,
    analysis: AnalysisSettings | None = None,
    *,
    act: str | None = None,
    model: str | None = None,
    model_labels: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Train a new version on gold, corrections and silver; it becomes active unless it is significantly worse, or
    somebody made another version active while it was trained.

    "Significantly worse" means that the paired bootstrap interval of its validation macro-F1 minus the active version's
    lies wholly below 0. Such a version is kept and can be promoted by hand. With `analysis` the version is analysed,
    and both are published in one transaction. Without it, the version does not replace an active version that has an
    analysis. `act` is the feedback that it learns from; `model` is the hub id or folder
    of another encoder, which becomes the project's with the version, and so do `model_labels`: the project's label for
    each of a classifier's own.
    Raises NotReady, ModelError, Cancelled, and then leaves nothing behind.
    """
    require_head_scope(settings, analysis)
    settings = for_scope(settings, analysis)
    with cleared(project) if settings.method != "instant" else nullcontext():
        made = _made(project, settings, (model, model_labels), progress)
        with files(project, made):
            found = None if analysis is None else compute(project, state(project, made, analysis), progress)
            progress("Saving the version", 0, 0)
            version = publish(project, made, found, act)
        if made.tuned is not None:
            shutil.rmtree(made.tuned.folder.parent, ignore_errors=True)
    return version


Given = tuple[str | None, Mapping[str, str] | None]
"""Another encoder, and the project's label for each of its own."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A head, and everything that it was fitted with."""

    id: str
    about: ProjectSettings
    parent: ModelVersion | None
    as_of: int
    silver_clock: int
    settings: TrainSettings
    encoder: str
    """The encoder as the version names it."""
    model: str
    """Where that encoder is now."""
    tuned: FineTuned | None
    layers: LayerChoice
    words: WordChoice
    material: Material
    way: CarriedOut
    fit: HeadFit
    encoding: Mapping[str, object]
    """How long encoding took in seconds, and for how many texts."""
    read: Reading

    @property
    def test(self) -> Encoded:
        return self.material.data.only(Split.TEST)


def _made(project: Project, settings: TrainSettings, given: Given, progress: Progress) -> Made:
    began = time.monotonic()
    found = _fitted(project, settings, given, progress)
    about, validation, fit = found.about, found.material.validation, found.fit
    rules = judged(found.material, fit, found.test, about.labels)
    rule = settings.rule or DEFAULT_RULE
    compared = difference(project, found.parent, rules.held_out(rule), validation, about.labels, found.as_of, progress)
    version = ModelVersion(
        id=found.id,
        parent=found.parent.id if found.parent else None,
        created="",
        encoder=found.encoder,
        weights_hash=resolve(found.model).weights_hash,
        data_hash=found.material.learn.fingerprint(),
        as_of_decision=found.as_of,
        settings=settings.as_dict(),
        seed=about.seed,
        train_counts=_learned_from(found.material.learn),
        validation=rules.metrics("argmax", Split.VALIDATION),
        test=rules.metrics("argmax", Split.TEST),
        report=_report(project, found, began, compared, progress)
        | {"rules": rules.told, "difference_rules": [found.parent.rule if found.parent else rule, rule]},
        rule=rule,
    )
    return Made(
        version=version,
        about=about,
        material=found.material,
        fit=fit,
        predicted=rules.predicted,
        transformer=found.model,
        tuned=found.tuned,
        vectorizer=found.words.vectorizer,
        worse=compared.interval is not None and compared.interval.high < 0,
        adopts=given != (None, None),
    )


def _fitted(project: Project, settings: TrainSettings, given: Given, progress: Progress) -> _Fitted:
    with store.reading(project.db) as db:
        about, parent, count = store.project_settings(db), store.active_version(db), len(store.versions(db))
        as_of, silver_clock = store.last_decision_row(db), store.silver_clock(db)
    about = _with_encoder(about, given)
    id, instances = f"v{count + 1}", instances_of(project, as_of)
    require_trainable(instances)
    reader = _reader(project, about, settings, parent, progress)
    if given[1]:
        _require_own_labels(reader, about)
    read = reading(project, reader, settings, instances, progress)
    tuned = None if settings.method == "instant" else tune(project, about, settings, as_of, progress)
    named, model = _transformer(project, about, parent, (id, tuned), progress)
    encoding, began = EncodingTime(progress), time.monotonic()
    data = read_layers(project, model, settings, as_of, encoding, instances)
    seconds = round(time.monotonic() - began, 3) if encoding.texts else 0.0
    layers, words, material = chosen_features(project, model, settings, data, progress)
    way, fit = fit_recipe(
        material.beliefs,
        settings,
        lambda taught, report: _fit(taught, material.validation, settings, (parent, project), report),
        progress,
    )
    return _Fitted(
        id=id,
        about=about,
        parent=parent,
        as_of=as_of,
        silver_clock=silver_clock,
        settings=settings,
        encoder=named,
        model=model,
        tuned=tuned,
        layers=layers,
        words=words,
        material=material,
        way=way,
        fit=fit,
        encoding={"seconds": seconds, "texts": encoding.texts},
        read=read,
    )


def _report(
    project: Project, found: _Fitted, began: float, compared: Difference, progress: Progress
) -> dict[str, object]:
    """The version's report on its training; `began` is on the monotonic clock.

    Beside what `ModelVersion.report` tells: `base_weights`, by which the outside model is found again; `reading`;
    `not_compared`, why there is no difference although there is a parent; `own_labels`, a note on the labels of a
    loaded classifier; and `foretold`, what its parent foretold of the corrections, and what came.
    """
    about, settings, data = found.about, found.settings, found.material.data
    return {
        **found.layers.told,
        **found.words.told,
        "l2": found.fit.l2,
        "recipe": found.way.recipe,
        "trust": found.way.trust,
        "posterior": found.material.beliefs.report(),
        "iterations": found.fit.iterations,
        "seconds": round(time.monotonic() - began, 3),
        "texts": len(data.instances),
        "features": data.features.shape[1],
        "encoding": found.encoding,
        "reading": asdict(found.read),
        **_head_agreement(project, found, progress),
        "difference": asdict(compared.interval) if compared.interval else None,
        "not_compared": compared.missing,
        "cosine_to_float32": _cosine(project, found.model, settings),
        "base": about.model,
        "base_weights": _base_weights(project, found),
        "silver_clock": found.silver_clock,
        "code": __version__,
        "fine_tuning": None if found.tuned is None else _tuning_facts(found.tuned),
        "foretold": foretold(project, found.parent, _retrained(project, found), progress),
    }


def _retrained(project: Project, found: _Fitted) -> Retrained:
    return Retrained(
        about=found.about,
        settings=found.settings,
        as_of=found.as_of,
        encoder=found.encoder,
        weights_hash=resolve(found.model).weights_hash,
        base_weights=_base_weights(project, found),
        layers=found.layers.layers,
        words=found.words.told["tfidf"],
        tuned=found.tuned,
        material=found.material,
        way=found.way,
        fit=found.fit,
    )


def _with_encoder(about: ProjectSettings, given: Given) -> ProjectSettings:
    """The project's settings with another encoder, whose labels are others, or with other labels of its own."""
    model, labels = given
    if model is not None and model != about.model:
        return replace(about, model=model, model_labels=labels or {})
    return about if labels is None else replace(about, model_labels=labels)


def _require_own_labels(model: str, about: ProjectSettings) -> None:
    """Raise ModelError where the labels that were named are not those of the model, or of the project."""
    own = resolve(model).labels
    if own is None:
        raise ModelError(f"{about.model!r} is no classifier with labels of its own; leave out --model-labels.")
    label_mapping(own, about.labels, about.model_labels)


def _reader(
    project: Project, about: ProjectSettings, settings: TrainSettings, parent: ModelVersion | None, progress: Progress
) -> str:
    """The hub id or folder of the model whose tokenizer the new version reads with."""
    if settings.method != "instant":
        return here(project, about.model)
    model = located(project, transformer_for(about.model, parent), progress)
    require_place_for_words(model, settings)
    return model


def _base_weights(project: Project, found: _Fitted) -> object:
    """SHA-256 of the weights of the model from outside, by which it is found again; None where it is not known."""
    if found.tuned is None and found.encoder.startswith(OWN):
        return found.parent.report.get("base_weights") if found.parent else None
    return resolve(here(project, found.about.model)).weights_hash


def _transformer(
    project: Project,
    about: ProjectSettings,
    parent: ModelVersion | None,
    made: tuple[str, FineTuned | None],
    progress: Progress,
) -> tuple[str, str]:
    """(the encoder as the new version names it, where it is now); `made` is the version's id and its fine-tuning."""
    id, tuned = made
    if tuned is None:
        named = transformer_for(about.model, parent)
        return named, located(project, named, progress)
    if (tuned.folder / "adapter_config.json").is_file():
        return OWN + id, str(merged(project, here(project, about.model), tuned.folder, about.labels, progress))
    return OWN + id, str(tuned.folder)


def _cosine(project: Project, model: str, settings: TrainSettings) -> float | None:
    """How close features in a lower precision are to float32's; None in float32."""
    if settings.precision == "float32":
        return None
    how = {"max_tokens": settings.max_tokens, "windows": settings.windows}
    return cosine_to_float32(model, project.features, precision=settings.precision, **how)  # type: ignore[arg-type]


def _tuning_facts(tuned: FineTuned) -> dict[str, object]:
    return {name: value for name, value in asdict(tuned).items() if name != "folder"}


def retrain(
    project: Project,
    train_settings: TrainSettings,
    analysis: AnalysisSettings,
    progress: Progress,
    model: str | None = None,
    model_labels: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Train a new version from the current labels and flag by it, both published at once.

    If `train_settings` leave layers, l2, recipe or trust open, an instant retrain keeps those of the active version, so
    that only the labels differ; with another encoder they are chosen again. An open decision rule is the one that the
    active version uses now.
    """
    with store.reading(project.db) as db:
        parent, about = store.active_version(db), store.project_settings(db)
    instant = train_settings.method == "instant"
    if instant and parent is not None and base_of(parent) == (model or about.model):
        train_settings = with_choices_of(parent, train_settings)
    if parent is not None:
        train_settings = with_rule_of(parent, train_settings)
    version = train(project, train_settings, progress, analysis, model=model, model_labels=model_labels)
    with store.reading(project.db) as db:
        lacking = store.analysis_in_use(db) is None
    if lacking:  # the new version was held back, and the active one was never analysed
        analyse(project, analysis, progress)
    return version


def _fit(
    data: HeadData,
    validation: Encoded,
    settings: TrainSettings,
    before: tuple[ModelVersion | None, Project],
    report: Report,
) -> HeadFit:
    """`before` is the parent and its project."""
    if settings.l2 is None:
        return choose_l2(data, validation.features, validation.labels, L2_GRID, report=report)
    parent, project = before
    return fit_head(data, settings.l2, start=_warm_start(project, parent, data), report=report)


def _warm_start(project: Project, parent: ModelVersion | None, data: HeadData) -> Float[Tensor, "k d1"] | None:
    """The parent's weights if they have the right shape; any start leads to the same optimum."""
    with store.reading(project.db) as db:
        if parent is None or store.outdated(db, parent.id):
            return None
    theta = stored_fit(project, parent).theta
    return theta if theta.shape == (data.classes - 1, data.features.shape[1] + 1) else None


def _learned_from(learn: Encoded) -> dict[str, int]:
    """A disputed gold label counts as silver, because it is taught as one."""
    gold = sum(one.confirmed and one.split is Split.TRAIN for one in learn.instances)
    confirmed = sum(one.confirmed for one in learn.instances)
    return {"gold": gold, "silver_confirmed": confirmed - gold, "silver": len(learn.instances) - confirmed}


def _head_agreement(project: Project, found: _Fitted, progress: Progress) -> dict[str, object]:
    """The share of instances on which the refitted head agrees with the own head of a classifier, and what is to be
    said of its labels; None for encoders, and where its labels are not the project's."""
    about, data = found.about, found.material.data
    head = own_head(found.model, project.features, max_tokens=found.settings.max_tokens, progress=progress)
    if head is None:
        return {"head_agreement": None, "own_labels": ""}
    given = about.model_labels if found.encoder == about.model and about.model_labels else None
    try:
        mapped = label_mapping(head.labels, about.labels, given)
    except ModelError as error:
        return {"head_agreement": None, "own_labels": str(error)}
    number = torch.tensor([about.labels.index(mapped.mapping[label]) for label in head.labels])
    loaded = number[head.logits(data.features).argmax(1)]
    same = probabilities(found.fit.theta, data.features).argmax(1) == loaded
    return {"head_agreement": float(same.double().mean()), "own_labels": mapped.warning}
