"""What an instant retrain keeps of the version before, so that the two differ by their labels alone."""

from dataclasses import replace
from typing import Any, cast

from inffeed_core.project.encoders import trained_with
from inffeed_core.records import ModelVersion
from inffeed_core.settings import Rule, TrainSettings


def settings_again(version: ModelVersion) -> TrainSettings:
    """The settings for an instant retrain of this version's head, so that only the data differs."""
    left_open = replace(trained_with(version), method="instant", l2=None, recipe="auto", trust=None, rule=None)
    return with_rule_of(version, with_choices_of(version, left_open))


def with_rule_of(parent: ModelVersion, settings: TrainSettings) -> TrainSettings:
    """These settings, with an open decision rule as the parent uses it now."""
    return settings if settings.rule is not None else replace(settings, rule=cast(Rule, parent.rule))


def with_choices_of(parent: ModelVersion, settings: TrainSettings) -> TrainSettings:
    """These settings, with open ones as they were chosen for the parent. Where other layers or another TF-IDF are asked
    for, or another precision that has only the last layer, the rest is chosen again: it was chosen for other features.
    """
    before = trained_with(parent)
    if settings.layers == "auto":
        settings = replace(settings, layers=before.layers if settings.precision == "float32" else "last")
    if settings.tfidf is None:
        settings = replace(settings, tfidf=before.tfidf)
    if settings.tfidf_dimensions is None:
        settings = replace(settings, tfidf_dimensions=before.tfidf_dimensions)
    if _features(settings) != _features(before):
        return settings
    chosen: dict[str, Any] = {}
    if settings.l2 is None:
        chosen["l2"] = float(str(parent.report["l2"]))
    if settings.recipe == "auto":
        chosen["recipe"] = parent.report.get("recipe", settings.recipe)
    if settings.trust is None and chosen.get("recipe", settings.recipe) == parent.report.get("recipe"):
        chosen["trust"] = parent.report.get("trust")
    return replace(settings, **chosen)


def _features(settings: TrainSettings) -> tuple[object, ...]:
    return settings.layers, settings.tfidf, settings.tfidf_dimensions if settings.tfidf == "on" else None
