"""Which of a classifier's own labels is which of the project's. Imports no torch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inffeed_core.characters import known_label, label_key
from inffeed_core.errors import ModelError


@dataclass(frozen=True, slots=True)
class LabelMapping:
    """The project's label for each of the model's labels."""

    mapping: Mapping[str, str]
    warning: str = ""
    """What the user should confirm; empty if nothing."""


def label_mapping(
    model_labels: Sequence[str], project_labels: Sequence[str], given: Mapping[str, str] | None = None
) -> LabelMapping:
    """Map a classifier's labels to the project's.

    `given` (model label → project label) is used if present; several model labels may share a project label.
    Otherwise labels are matched regardless of case, and the nameless LABEL_0, LABEL_1, … by position, with
    a warning. Raises ModelError if a label has no match.
    """
    if given is not None:
        return _checked(model_labels, project_labels, given)
    if all(re.fullmatch(r"LABEL_\d+", label) for label in model_labels):
        return _by_position(model_labels, project_labels)
    return _by_name(model_labels, project_labels)


def _checked(model_labels: Sequence[str], project_labels: Sequence[str], given: Mapping[str, str]) -> LabelMapping:
    unmapped = [label for label in model_labels if label not in given]
    unknown = sorted((set(given.values()) - set(project_labels)) | (set(given) - set(model_labels)))
    if unmapped or unknown:
        raise ModelError(
            f"The label mapping {dict(given)} leaves out {unmapped or 'none'} and names unknown {unknown or 'none'}; "
            f"expected one of {list(project_labels)} for each of {list(model_labels)}."
        )
    return LabelMapping({label: given[label] for label in model_labels})


def _by_position(model_labels: Sequence[str], project_labels: Sequence[str]) -> LabelMapping:
    if len(model_labels) != len(project_labels):
        raise ModelError(_no_match(model_labels, project_labels))
    pairs = dict(zip(model_labels, project_labels, strict=True))
    shown = ", ".join(f"{ours} = {theirs}" for theirs, ours in pairs.items())
    return LabelMapping(
        pairs,
        f"The model does not name its labels; matched by position: {shown}. Give a mapping if that is wrong.",
    )


def _by_name(model_labels: Sequence[str], project_labels: Sequence[str]) -> LabelMapping:
    pairs = {label: _partner(label, project_labels) for label in model_labels}
    found = [label for label in pairs.values() if label is not None]
    if len(set(found)) < len(pairs):
        raise ModelError(_no_match(model_labels, project_labels))
    never = [label for label in project_labels if label not in found]
    warning = f"The model never predicts {', '.join(never)}; the refitted head can." if never else ""
    return LabelMapping({label: partner for label, partner in pairs.items() if partner is not None}, warning)


def _partner(label: str, project_labels: Sequence[str]) -> str | None:
    """The project label that equals `label` exactly, or else regardless of case; None if there are none or several."""
    if (same := known_label(label, project_labels)) is not None:
        return same
    alike = [other for other in project_labels if label_key(other).casefold() == label_key(label).casefold()]
    return alike[0] if len(alike) == 1 else None


def _no_match(model_labels: Sequence[str], project_labels: Sequence[str]) -> str:
    return (
        f"The model's labels {list(model_labels)} do not match the project's {list(project_labels)}. "
        "Give a mapping from each of the model's labels to one of the project's, or choose a bare encoder."
    )
