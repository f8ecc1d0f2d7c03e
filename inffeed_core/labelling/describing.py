"""The sources that a run makes: their names and everything that determines their labels. Needs no torch; runs no rule.

A source is the same as long as these facts are the same; see `labelling.wanted`.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from inffeed_core import store
from inffeed_core.errors import ModelError, SettingsError
from inffeed_core.labelling.prompting import Prompt, prompt_of, temperature
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.models.labels import label_mapping
from inffeed_core.models.sources import ModelFiles, resolve
from inffeed_core.project.folder import Project
from inffeed_core.records import Source, SourceKind, Split
from inffeed_core.settings import ProjectSettings

OWN_NAME = "gold model"
ENTAILMENT = "entail"
"""How the label that means yes begins, in classifiers of entailment."""


@dataclass(frozen=True, slots=True)
class Described:
    """A run before it begins."""

    about: ProjectSettings
    sources: Sequence[Source]
    prompt: Prompt | None = None
    """Of a language model."""


def described(project: Project, settings: LabelSettings) -> Described:
    """The sources that these settings make. Raises SettingsError and ModelError where they cannot work."""
    with store.reading(project.db) as db:
        about = store.project_settings(db)
        gold = list(store.instances(db, [Split.TRAIN])) if settings.means == "llm" else []
    if settings.means == "rules":
        return Described(about=about, sources=_rules(Path(settings.rules)))
    if settings.means == "llm":
        prompt = prompt_of(about, settings, gold)
        name = settings.name or settings.model
        return Described(about=about, sources=[Source(name, SourceKind.LLM, _asked(settings, prompt))], prompt=prompt)
    kind, details = _of_model(about, settings)
    name = settings.name or (OWN_NAME if settings.means == "own" else settings.model.rstrip("/").rpartition("/")[2])
    return Described(about=about, sources=[Source(name, kind, details)])


def _of_model(about: ProjectSettings, settings: LabelSettings) -> tuple[SourceKind, dict[str, Any]]:
    if settings.means == "own":
        return SourceKind.MODEL, {"model": about.model, "learned_from": "gold"}
    files, labels = classifier(settings.model)
    details: dict[str, Any] = {"model": files.name, "weights_sha256": files.weights_hash}
    if settings.means == "classifier":
        mapping = label_mapping(labels, about.labels, settings.labels or None).mapping
        return SourceKind.MODEL, details | {"labels": dict(mapping)}
    entailment(settings.model, labels)
    return SourceKind.ZERO_SHOT, details | {"hypotheses": hypotheses(about, settings)}


def classifier(model: str) -> tuple[ModelFiles, tuple[str, ...]]:
    """A sequence classifier and its labels. Raises ModelError for other models."""
    files = resolve(model)
    if files.labels is None:
        raise ModelError(
            f"{model!r} is no sequence classifier, so it gives no labels; expected a model whose config names its "
            "labels. A bare encoder labels texts with `--with own`, after training on the project's gold."
        )
    return files, files.labels


def entailment(model: str, labels: Sequence[str]) -> int:
    """Which of a classifier's labels says that one text follows from the other. Raises ModelError without one."""
    found = [i for i, label in enumerate(labels) if label.casefold().startswith(ENTAILMENT)]
    if len(found) != 1:
        raise ModelError(
            f"{model!r} has the labels {list(labels)}; a zero-shot classifier needs one called entailment. Choose a "
            "model that was trained on natural language inference, or `--with classifier`."
        )
    return found[0]


def hypotheses(about: ProjectSettings, settings: LabelSettings) -> list[str]:
    """What is asked about a text for each of the project's labels."""
    meant = {**about.descriptions, **settings.descriptions}
    return [settings.hypothesis.replace("{label}", meant.get(label) or label) for label in about.labels]


def _asked(settings: LabelSettings, prompt: Prompt) -> dict[str, Any]:
    return {
        "model": settings.model,
        "endpoint": settings.endpoint,
        "prompt": prompt.template,
        "guidelines": prompt.guidelines,
        "descriptions": dict(prompt.descriptions),
        "examples": [one.id for one in prompt.examples],
        "samples": settings.samples,
        "temperature": temperature(settings),
    }


def _rules(path: Path) -> list[Source]:
    """One source for every public function at the top of the file, found without running it."""
    try:
        program = path.read_bytes()
        functions = [node.name for node in ast.parse(program).body if isinstance(node, ast.FunctionDef)]
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); expected a Python file of rules.") from error
    except (SyntaxError, ValueError) as error:
        raise SettingsError(f"{path} is no Python program: {error}.") from error
    names = [name for name in functions if not name.startswith("_")]
    if not names:
        raise SettingsError(
            f"{path} defines no function. Write one for each rule, such as `def thanks(text): return 'positive' "
            "if 'thank' in text.lower() else None`; names that begin with an underscore are helpers."
        )
    digest = sha256(program).hexdigest()
    facts = {"file": path.name, "sha256": digest}
    return [Source(name, SourceKind.RULE, facts | {"function": name}) for name in names]
