"""The command that says what other encoders would bring and cost."""

from pathlib import Path

import click

from inffeed_core.cli.console import answer, in_words, json_option, opened, project_argument
from inffeed_core.models.stronger import DEFAULT, MEASURED, MeasuredEncoder


@click.command(epilog="Example: inffeed encoders reviews")
@project_argument
@json_option
def encoders(project: Path, as_json: bool) -> None:
    """List measured encoders, with their cost for the project DIR.

    Gains are in macro-F1 on test against the default, for the last layer and, where measured, for middle and last:
    differences under .02 are noise. Nothing is downloaded before `inffeed train DIR --model ID` names an encoder.
    """
    from inffeed_core import store

    with store.reading(opened(project).db) as db:
        used = store.project_settings(db).model
        texts = sum(sum(labels.values()) for labels in store.count_by_split(db).values())
    facts = {"used": used, "texts": texts, "encoders": [_facts(one, texts) for one in MEASURED]}
    answer(facts, as_json, lambda: "\n".join(_line(one, used, texts) for one in MEASURED))


def _facts(one: MeasuredEncoder, texts: int) -> dict[str, object]:
    gains = {name: {"last": last, "middle+last": both} for name, (last, both) in one.gains.items()}
    return {
        "model": one.model,
        "megabytes": one.megabytes,
        "licence": one.licence,
        "texts_per_second": one.per_second,
        "minutes": round(one.minutes(texts), 1),
        "gains": gains,
    }


def _line(one: MeasuredEncoder, used: str, texts: int) -> str:
    mark, default = ("*" if one.model == used else " "), (" (the default)" if one is DEFAULT else "")
    time = in_words(one.minutes(texts) * 60)
    cost = f"{one.megabytes} MB, {one.licence}; about {time} for {texts:,} texts on one core"
    gains = ", ".join(f"{name} {_gain(*given)}" for name, given in one.gains.items())
    return f"{mark} {one.model}{default}\n    {cost}" + (f"\n    {gains}" if gains else "")


def _gain(last: float, both: float | None) -> str:
    return f"{last:+.3f}" if both is None else f"{last:+.3f} / {both:+.3f}"


COMMANDS = (encoders,)
