"""Commands that make silver labels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inffeed_core.cli.console import answer, in_words, json_option, opened, project_argument, shown_progress, tell
from inffeed_core.cli.encoding import cluster_of, cluster_options, engine_of, placed
from inffeed_core.errors import SettingsError
from inffeed_core.labelling.settings import LabelSettings, Means

if TYPE_CHECKING:
    from inffeed_core.cli.console import F
    from inffeed_core.labelling.planning import Plan
    from inffeed_core.labelling.reading import Reading
    from inffeed_core.models.ray_cluster import Cluster
    from inffeed_core.project.folder import Project

DEFAULT = LabelSettings(means="own")
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def _model_options(command: "F") -> "F":
    """What classifiers and rules need."""
    model = click.option("--model", help="Hub id or folder of a classifier, or the endpoint's name of its model.")
    rules = click.option("--rules", type=_file, help="Python file of functions from a text to a label or None.")
    mapping = click.option(
        "--map", "mapping", metavar="MODEL=PROJECT", multiple=True, help="A classifier's label and the project's."
    )
    hypothesis = click.option("--hypothesis", help=f"Of zero-shot, with {{label}}. [{DEFAULT.hypothesis}]")
    words = click.option("--descriptions", type=_file, help="JSON file that describes each label in words.")
    return model(rules(mapping(hypothesis(words(command)))))


def _endpoint_options(command: "F") -> "F":
    """What a language model needs."""
    options = [
        click.option("--endpoint", metavar="URL", help="OpenAI-compatible API, such as http://127.0.0.1:8000/v1."),
        click.option("--prompt", type=_file, help="Template with {guidelines}, {labels}, {examples} and {text}."),
        click.option("--examples", type=int, help=f"Gold texts of each label in the prompt. [{DEFAULT.examples}]"),
        click.option("--samples", type=int, help=f"Answers per text; the majority counts. [{DEFAULT.samples}]"),
        click.option("--temperature", type=float, help="Of the language model. [0; 0.7 for several samples]"),
        click.option(
            "--workers", type=int, help=f"Requests at once [{DEFAULT.workers}], or processes on Ray [all processors]."
        ),
        click.option("--per-minute", type=int, help="Most requests a minute. [no limit]"),
        click.option("--timeout", type=float, help=f"Seconds to wait for an answer. [{DEFAULT.timeout:g}]"),
        click.option("--retries", type=int, help=f"Repetitions of a request that failed. [{DEFAULT.retries}]"),
        click.option("--price-in", type=float, help="Price of a million tokens sent."),
        click.option("--price-out", type=float, help="Price of a million tokens received."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(epilog="Example: inffeed label reviews --with llm --endpoint http://127.0.0.1:8000/v1 --model my-model")
@project_argument
@click.option("--with", "means", type=click.Choice(get_args(Means)), required=True, help="What labels the texts.")
@click.option("--name", help="Name of the source. [made from the means and the model]")
@click.option("--splits", metavar="LIST", help=f"Splits to label, separated by commas. [{','.join(DEFAULT.splits)}]")
@click.option("--limit", type=int, help="Label at most this many texts.")
@click.option("--again", is_flag=True, default=None, help="Label texts again that this source has labelled.")
@_model_options
@_endpoint_options
@cluster_options
@click.option("--dry-run", is_flag=True, help="Show what would be labelled and sent, and change nothing.")
@click.option("--yes", is_flag=True, help="Send texts to the endpoint without asking first.")
@json_option
def label(
    project: Path,
    ray: str | None,
    gpus_per_worker: float | None,
    shards: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make silver labels for the texts of the project DIR.

    `own` labels with a model of the project's gold, `classifier` and `zero-shot` with a model of transformers, `rules`
    with the functions of a Python file (which runs as a program of yours), and `llm` with a language model behind an
    endpoint. Gold texts are labelled too, which shows what the source is worth; their gold label stays.

    Nothing leaves this machine unless you name an endpoint. Its key is read from INFFEED_API_KEY (for OpenAI's own
    host also OPENAI_API_KEY), and is never stored. Answers are kept as they arrive: a run that was stopped goes on
    where it ended. With `--ray` the texts that `own`, `classifier` and `zero-shot` read are encoded there, as by
    `inffeed encode`; all else is computed here.
    """
    from inffeed_core.jobs import run_here
    from inffeed_core.labelling.planning import plan

    cluster = cluster_of(ray, given.pop("workers") if ray is not None else None, gpus_per_worker, shards)
    target, settings = opened(project), _settings({"workers": None} | given)
    read = None if cluster is None else _reading(target, settings)
    planned = plan(target, settings)
    if dry_run:
        where = f"\n{_where(cluster, read)}" if cluster and read else ""
        answer(planned, as_json, lambda: f"{_told(planned)}{where}\nNothing was sent, and nothing was changed.")
        return
    if planned.endpoint and planned.total and not yes:
        tell(_told(planned), err=True)
        click.confirm("Send them?", abort=True, err=True)
    with shown_progress() as progress:
        if read is not None:
            read.features(progress, engine_of(cluster))
        job = run_here(target, "label", {"label": settings.as_dict()}, progress)
    answer(job.result, as_json, lambda: _done(job.result))


def _reading(project: "Project", settings: LabelSettings) -> "Reading | None":
    from inffeed_core.labelling.ahead import reading

    return reading(project, settings)


def _where(cluster: "Cluster", read: "Reading") -> str:
    missing = read.missing()
    told = f"{missing:,} texts are still to be encoded for it with {read.model}."
    return f"{told}\n{placed(cluster, missing, read.place)['told']}"


def _settings(given: dict[str, Any]) -> LabelSettings:
    values = {name: value for name, value in given.items() if value is not None}
    mapping = dict(_pair(pair) for pair in values.pop("mapping"))
    if "splits" in values:
        values["splits"] = tuple(one.strip() for one in values["splits"].split(","))
    if "rules" in values:
        values["rules"] = str(values["rules"].resolve())
    if "prompt" in values:
        values["prompt"] = _read(values["prompt"])
    if "descriptions" in values:
        values["descriptions"] = _described(values["descriptions"])
    return LabelSettings(**values, labels=mapping)


def _pair(pair: str) -> tuple[str, str]:
    theirs, sign, ours = pair.rpartition("=")
    if not sign or not theirs or not ours:
        raise click.UsageError(f"--map got {pair!r}; expected MODEL=PROJECT, such as --map LABEL_0=negative.")
    return theirs, ours


def _described(path: Path) -> dict[str, str]:
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise SettingsError(f"{path} is no JSON: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(words, str) for words in found.values()):
        raise SettingsError(f'{path} holds something else than {{"label": "what it means", …}}.')
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not in UTF-8 ({error.reason}); save it as UTF-8.") from error


def _told(planned: "Plan") -> str:
    if not planned.total:
        return f"Every text has a label of {', '.join(planned.sources)} already; --again labels them anew."
    splits = ", ".join(f"{n:,} {split}" for split, n in planned.texts.items())
    lines = [f"{planned.total:,} texts ({splits}) would be labelled by {', '.join(planned.sources)}."]
    if planned.endpoint:
        lines.append(
            f"They would be sent to {planned.endpoint}: at most {planned.requests:,} requests, about "
            f"{planned.tokens_in:,} tokens sent and {planned.tokens_out:,} received."
        )
        if planned.cost is not None:
            lines.append(f"That would cost about {planned.cost:,.2f} at the prices given.")
        if planned.minutes is not None:
            lines.append(f"With the limit of requests it takes at least {in_words(planned.minutes * 60)}.")
        lines.append(f"\nThe first message:\n{planned.message}\n")
    return "\n".join(lines)


def _done(result: Any) -> str:
    if not result["texts"]:
        return "No text was left to label; --again labels them anew."
    lines = [f"{result['texts']:,} texts were labelled."]
    for name, labels in result["labels"].items():
        without = result["unlabelled"][name]
        rest = f"; {without:,} answers were refusals or could not be read, and are kept as such" if without else ""
        lines.append(f"{name}: {labels:,} labels{rest}.")
    return "\n".join(lines)


COMMANDS = (label,)
