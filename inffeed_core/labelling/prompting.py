"""What a language model is asked about a text: one template, filled from the project."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.records import Instance
from inffeed_core.settings import ProjectSettings

_PLACES = re.compile(r"\{(guidelines|labels|examples|text)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """The template with everything but the text filled in."""

    template: str
    guidelines: str
    labels: Sequence[str]
    descriptions: Mapping[str, str]
    examples: Sequence[Instance]
    """Gold training texts, each shown with its label."""

    def about(self, one: Instance) -> str:
        """The message that asks for the label of this text. A text is never shown as an example for itself."""
        filled = {
            "guidelines": self.guidelines.strip(),
            "labels": "\n".join(self._described(label) for label in self.labels),
            "examples": _shown([e for e in self.examples if (e.text, e.pair) != (one.text, one.pair)]),
            "text": fields_of(one),
        }
        asked = _PLACES.sub(lambda place: filled[place[1]], self.template)
        wanted = json.dumps({"label": "…"}, ensure_ascii=False)
        return f"{re.sub(chr(10) + '{3,}', chr(10) * 2, asked).strip()}\n\nAnswer with JSON and nothing else: {wanted}"

    def _described(self, label: str) -> str:
        what = self.descriptions.get(label, "").strip()
        return f"- {label}: {what}" if what else f"- {label}"


def prompt_of(about: ProjectSettings, settings: LabelSettings, gold: Sequence[Instance]) -> Prompt:
    """The prompt of a run. `gold` is train gold, of which the first of each label serve as examples."""
    return Prompt(
        template=settings.prompt,
        guidelines=about.guidelines,
        labels=about.labels,
        descriptions={**about.descriptions, **settings.descriptions},
        examples=_examples(gold, about.labels, settings.examples),
    )


def fields_of(one: Instance) -> str:
    """A text, or both fields of a pair."""
    return one.text if one.pair is None else f"{one.text}\n\nSecond text:\n{one.pair}"


def temperature(settings: LabelSettings) -> float:
    """The temperature that is sent: by default 0 for one answer, .7 for several."""
    if settings.temperature is not None:
        return settings.temperature
    return 0.0 if settings.samples == 1 else 0.7


def schema(labels: Sequence[str]) -> dict[str, object]:
    """JSON schema of an answer, for endpoints that can constrain it."""
    label = {"type": "string", "enum": list(labels)}
    return {"type": "object", "properties": {"label": label}, "required": ["label"], "additionalProperties": False}


def _examples(gold: Sequence[Instance], labels: Sequence[str], each: int) -> list[Instance]:
    """The first `each` of every label, one of each label in turn, so that none stands last by itself."""
    of_label = {label: [one for one in gold if one.label == label][:each] for label in labels}
    return [ones[i] for i in range(each) for ones in of_label.values() if i < len(ones)]


def _shown(examples: Sequence[Instance]) -> str:
    shown = [f"Text:\n{fields_of(one)}\nLabel: {one.label}" for one in examples]
    return "\n\n".join(["Examples:", *shown]) if shown else ""
