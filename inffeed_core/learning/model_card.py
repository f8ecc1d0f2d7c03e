"""The card that goes with an exported model: what it is, what it learned from, how good it is, and its limits."""

import re
from collections.abc import Mapping
from typing import cast

from inffeed_core.data.markdown import code_span, literal
from inffeed_core.learning.reading import Reading
from inffeed_core.learning.rules_said import rule_said, shift_said
from inffeed_core.project.encoders import layers_of, words_of
from inffeed_core.project.lost_encoders import base_of
from inffeed_core.records import Metrics, ModelVersion
from inffeed_core.settings import DEFAULT_MODEL, ProjectSettings, Rule
from inffeed_core.store import rules_of

LICENCES = {DEFAULT_MODEL: "apache-2.0"}
"""Licences of the base models that InfFeed knows."""
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")


PAIRED = (
    "It reads a text together with its second text (a target, a hypothesis, an answer), in this order, as it learned "
    "from both: give both, or the text alone where it has no second one. Of two that are too long together, the longer "
    "is cut first."
)


def card(version: ModelVersion, about: ProjectSettings, loading: str, *, pairs: bool = False) -> str:
    """README.md of an exported version in Markdown, with the front matter that model hubs read.

    `pairs`: whether texts of the project have second texts.
    """
    base = base_of(version)
    licence = LICENCES.get(base)
    parts = [
        _front_matter(base, licence),
        f"# {literal(about.name)}, {literal(version.id)}",
        f"A text classifier of the labels {', '.join(map(code_span, about.labels))}, trained with "
        f"InfFeed {version.report.get('code', '')} on {version.created[:10]} on top of {code_span(base)}.",
        "## Use",
        f"From the folder that holds this one, with {_packages(version)} installed:\n\n```python\n{loading}\n```",
        _length(version),
        *([PAIRED] if pairs else []),
        "## What it learned from",
        _counts(version.train_counts),
        f"Label state: decision {version.as_of_decision}; SHA-256 of ids, texts and labels `{version.data_hash}`.",
        *_read(version),
        "## How good it is",
        _scores(version),
        *_rule(version, about),
        "## How it was trained",
        _settings(version),
        "## Limits",
        "Scores hold for texts like those it was tested on. Labels of this kind are a matter of judgement: the model "
        "repeats the judgement, and the errors, of those who gave them. Do not let it decide about people on its own.",
        f"Licence of the base model: {licence or 'see the page or folder of the base model'}.",
    ]
    return "\n\n".join(parts) + "\n"


def _packages(version: ModelVersion) -> str:
    return "`torch`, `transformers` and `scikit-learn`" if words_of(version) else "`torch` and `transformers`"


def _front_matter(base: str, licence: str | None) -> str:
    lines = ["pipeline_tag: text-classification", "library_name: transformers"]
    lines += [f"base_model: {base}"] if _HUB_ID.fullmatch(base) else []
    lines += [f"license: {licence}"] if licence else []
    return "---\n" + "\n".join(lines) + "\n---"


def _length(version: ModelVersion) -> str:
    tokens = version.settings.get("max_tokens", 256)
    if not version.settings.get("windows"):
        return f"Texts are cut to {tokens} tokens, as in training."
    return (
        f"These lines cut texts to {tokens} tokens. In training, longer texts were read whole: in windows of so many "
        "tokens, whose features were averaged by their tokens before the head."
    )


def _read(version: ModelVersion) -> list[str]:
    """How its texts were read, where the version tells."""
    found = Reading.of(version)
    return [] if found is None else [" ".join(found.sentences)]


def _counts(counts: Mapping[str, int]) -> str:
    return "\n".join(
        [
            "| texts | labels |",
            "| --: | --- |",
            f"| {counts.get('gold', 0):,} | gold, given by people |",
            f"| {counts.get('silver_confirmed', 0):,} | silver that a person confirmed or corrected |",
            f"| {counts.get('silver', 0):,} | silver that nobody has checked |",
        ]
    )


def _scores(version: ModelVersion) -> str:
    found = [("validation", version.validation), ("test", version.test)]
    lines = [
        "| split | texts | macro-F1 (95 % interval) | accuracy | mean loss, nats |",
        "| --- | --: | --- | --: | --: |",
    ]
    lines += [_row(name, metrics) for name, metrics in found if metrics is not None]
    if len(lines) == 2:
        return "It was not scored: the project held neither validation nor test gold."
    note = "Validation chose settings and steered the review, so its score flatters; test did nothing but report."
    left_out = [
        f"No {name} text is labelled {', '.join(map(code_span, metrics.without_gold))}: macro-F1 there is the mean of "
        "the other labels."
        for name, metrics in found
        if metrics is not None and metrics.without_gold
    ]
    return "\n\n".join(["\n".join(lines), *left_out, note])


def _rule(version: ModelVersion, about: ProjectSettings) -> list[str]:
    """How it decides, and whether silver is of another kind than the texts that this was chosen on."""
    rule = rules_of(version).get(cast(Rule, version.rule))
    if rule is None:
        return []
    said = [rule_said(rule), FOLDED[rule.kind if rule.offsets else "argmax" if rule.kind == "argmax" else "calibrated"]]
    if rule.offsets:
        listed = ", ".join(f"{code_span(k)} {v:+.2f}" for k, v in zip(about.labels, rule.offsets, strict=True))
        said.append(f"Offsets in nats: {listed}.")
    if (warning := shift_said(rule)) is not None:
        said.append(warning)
    return ["## How it decides", " ".join(said)]


FOLDED = {
    "argmax": "Scores are the softmax of its logits, as they came out of training.",
    "calibrated": "The temperature is part of the weights, so scores are calibrated probabilities.",
    "macro-f1": (
        "Temperature and offsets are part of the weights: the highest score is the decision. Scores include the "
        "offsets, so they are not probabilities; `config.json` has both, under `inffeed_decision_rule`, to take them "
        "out: a logit minus its offset is the calibrated one."
    ),
}


def _row(name: str, metrics: Metrics) -> str:
    f1 = metrics.macro_f1
    return (
        f"| {name} | {metrics.n:,} | {f1.value:.3f} ({f1.low:.3f} to {f1.high:.3f}) "
        f"| {metrics.accuracy:.3f} | {metrics.loss:.3f} |"
    )


def _settings(version: ModelVersion) -> str:
    lines = [f"- method: {literal(str(version.settings.get('method', 'instant')))}", f"- seed: {version.seed}"]
    lines.append(f"- layers that features are pooled from: {layers_of(version)}")
    if (words := words_of(version)) is not None:
        lines.append(
            f"- beside them TF-IDF of {words['terms']:,} words and pairs of words in {words['width']} dimensions, "
            f"fitted on {words['texts']:,} of the texts that it learned from, without their labels"
        )
    lines += [f"- L2 of the head: {version.report.get('l2')}", f"- weights of the encoder: `{version.weights_hash}`"]
    tuned = version.report.get("fine_tuning")
    if isinstance(tuned, Mapping):
        chosen = version.settings.get("fine_tune")
        listed = ", ".join(f"{name} {value}" for name, value in chosen.items()) if isinstance(chosen, Mapping) else ""
        lines += [f"- fine-tuning: {listed}", f"- steps: {tuned['steps']}, the best was {tuned['best_step']}"]
    return "\n".join(lines)
