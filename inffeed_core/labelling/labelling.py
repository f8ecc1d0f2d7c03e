"""Label texts as a job: what is wanted, who labels it, and the labels' way into the store, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inffeed_core import store
from inffeed_core.errors import SettingsError
from inffeed_core.labelling.describing import Described, described
from inffeed_core.labelling.labellers import Answer, Labeller
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.project.encoders import trained_with
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, ModelVersion, Progress, SilverLabel, Source, Split
from inffeed_core.settings import TrainSettings
from inffeed_core.store.clock import now

PASSING = ("request", "requests", "tokens_in", "tokens_out", "seconds")
"""Details that describe a run rather than the source."""


def label(project: Project, settings: LabelSettings, progress: Progress) -> dict[str, object]:
    """Label the texts that lack a label of the source: {"texts": n, "labels": {source: n}, "unlabelled": {source: n}}.

    All labels of a run appear at once. Raises SettingsError, ModelError, NotReady and Cancelled, and then no label has
    changed.
    """
    about, texts = wanted(project, settings)
    labeller = labeller_of(project, about, settings)
    found = labeller.label(texts, progress) if texts else {}
    progress("Saving the labels", 0, 0)
    labels = {name: _labels(name, texts, answers) for name, answers in found.items()}
    with store.writing(project.db) as db:
        for source in labeller.sources if texts else ():
            store.change_source(db, source)
            if settings.again:  # the others' labels are replaced by those that follow
                unsaid = [one.id for one, said in zip(texts, found[source.name], strict=True) if said is None]
                store.withdraw_silver_labels(db, source.name, unsaid)
            store.record_silver_labels(db, labels[source.name])
    return {
        "texts": len(texts),
        "labels": {name: sum(one.label is not None for one in given) for name, given in labels.items()},
        "unlabelled": {name: sum(one.label is None for one in given) for name, given in labels.items()},
    }


def labeller_of(project: Project, about: Described, settings: LabelSettings) -> Labeller:
    """What labels the texts, according to the settings. Raises SettingsError, ModelError and MissingExtra."""
    if settings.means == "rules":
        from inffeed_core.labelling.rules import Rules

        return Rules(Path(settings.rules), about)
    if settings.means == "llm":
        from inffeed_core.labelling.llm import LanguageModel

        return LanguageModel(project, about, settings)
    with store.reading(project.db) as db:
        active = store.active_version(db)
    reading = _reading(about.about.model, active)
    if settings.means == "own":
        from inffeed_core.labelling.own import OwnModel

        return OwnModel(project, about, reading)
    from inffeed_core.labelling.classifying import Classifier, ZeroShot

    kind = Classifier if settings.means == "classifier" else ZeroShot
    return kind(project, about, settings, reading)


def _reading(model: str, active: ModelVersion | None) -> TrainSettings:
    """As the active version reads texts, so that features are shared; the last layer where it has another model."""
    if active is None:
        return TrainSettings()
    settings = trained_with(active)
    return settings if active.encoder == model else replace(settings, layers="last")


def wanted(project: Project, settings: LabelSettings) -> tuple[Described, list[Instance]]:
    """(the sources; the texts to label, in the order of import: all of these splits where `again`, else those without a
    label of some source).

    Raises SettingsError and ModelError.
    """
    about = described(project, settings)
    _require_same(project, settings, about.sources)
    names = [source.name for source in about.sources]
    with store.reading(project.db) as db:
        texts = list(store.instances(db, [Split(split) for split in settings.splits]))
        done = set() if settings.again else store.labelled_by_all(db, names)
    left = [one for one in texts if one.id not in done]
    return about, left[: settings.limit] if settings.limit else left


def _require_same(project: Project, settings: LabelSettings, sources: Sequence[Source]) -> None:
    """Raise SettingsError if a source of this name was made in another way, because its labels would be a mixture.

    Raises InvalidSilver for a name that no source can have.
    """
    for source in sources:
        store.require_source_name(source.name)
    if settings.again:
        return
    with store.reading(project.db) as db:
        there = {source.name: source for source in store.sources(db)}
    for source in sources:
        before = there.get(source.name)
        differs = [] if before is None else differences(before, source)
        if before is not None and (differs or before.kind is not source.kind):
            raise SettingsError(
                f"The source {source.name} has labels already, made in another way ({', '.join(differs) or 'kind'} "
                "differs). Give the new source another name (--name), or replace its labels (--again)."
            )


def differences(before: Source, now: Source) -> list[str]:
    """The details in which two sources differ, except those of a single run."""
    names = (set(before.details) | set(now.details)) - set(PASSING)
    return sorted(name for name in names if before.details.get(name) != now.details.get(name))


def _labels(source: str, texts: Sequence[Instance], answers: Sequence[Answer | None]) -> list[SilverLabel]:
    at = now()
    return [
        SilverLabel(
            source=source, instance_id=one.id, label=said.label, confidence=said.confidence, answer=said.raw, at=at
        )
        for one, said in zip(texts, answers, strict=True)
        if said is not None
    ]
