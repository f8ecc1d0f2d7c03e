"""Pages that are written from the code: every command from click, every setting and policy from its docstring.

A page holds a marker such as `<!-- generated: commands -->`, which is replaced while the site is built.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Literal, get_args, get_origin

import click

from inffeed_core import settings
from inffeed_core.cli import main
from inffeed_core.flags import policies
from inffeed_core.labelling.settings import LabelSettings

RECORDS = (
    settings.ProjectSettings,
    settings.TrainSettings,
    settings.FineTuneSettings,
    settings.AnalysisSettings,
    settings.FeedbackSettings,
    LabelSettings,
)


def commands() -> str:
    """A section for every command, groups entered."""
    return "\n\n".join(_command(name, command) for name, command in each_command(main, "inffeed"))


def each_command(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """(whole name, command) of all that can be called, in the order of the alphabet."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from each_command(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    help_ = inspect.cleandoc(command.help or "")
    parts = [f"## {name}", help_, f"```text\n{name} {usage}\n```"]
    rows = [f"| `{words}` | {_cell(help_)} |" for words, help_ in _options(command, context)]
    if rows:
        parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
    if command.epilog:
        parts.append(re.sub(r"^Example: (.*)$", r"Example: `\1`", command.epilog.strip()))
    return "\n\n".join(parts)


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """(option, meaning). Choices are listed in the meaning: click writes them into the option, as one long word."""
    for option in command.params:
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record is not None:
            words, meaning = record
            found = re.search(r" \[(\S+\|\S+)\]$", words)
            yield (words[: found.start()], f"{meaning} {_one_of(found[1].split('|'))}") if found else record


def _one_of(values: Iterable[object]) -> str:
    return "One of " + ", ".join(f"`{value}`" for value in values) + "."


def records() -> str:
    """A table for every settings record: name, default, meaning."""
    return "\n\n".join(_record(record) for record in RECORDS)


def _record(record: type) -> str:
    meanings = meanings_of(record)
    rows = [f"| `{f.name}` | {_default(f)} | {_cell(meanings[f.name])}{_choices(f.type)} |" for f in fields(record)]
    head = f"## {record.__name__}\n\n{inspect.getdoc(record)}"
    return "\n".join([head, "", "| setting | default | meaning |", "| --- | --- | --- |", *rows])


def meanings_of(record: type) -> dict[str, str]:
    """What is said of each field: by the docstring below it, else above in that of the record."""
    (body,) = (node.body for node in ast.parse(textwrap.dedent(inspect.getsource(record))).body)
    above = {f.name: "See above." for f in fields(record) if f"`{f.name}`" in (record.__doc__ or "")}
    return above | {
        field.target.id: inspect.cleandoc(told.value.value)
        for field, told in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(told, ast.Expr)
        and isinstance(told.value, ast.Constant)
        and isinstance(told.value.value, str)
    }


def _choices(kind: object) -> str:
    values = get_args(kind) if get_origin(kind) is Literal else ()
    return f" {_one_of(values)}" if values else ""


def _default(field: Field[object]) -> str:
    if field.default is not MISSING:
        return f"`{field.default!r}`" if field.default != "" else "empty"
    if field.default_factory is MISSING:
        return "needed"
    return "see [its own](#finetunesettings)" if field.type is settings.FineTuneSettings else "empty"


def ranked() -> str:
    """A table of the flag policies, the default first: name and what the docstring says."""
    rows = [f"| `{name}` | {_cell(inspect.getdoc(score) or '')} |" for name, score in policies.RANKINGS.items()]
    return "\n".join(["| policy | score, highest checked first |", "| --- | --- |", *rows])


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "&#91;")


MARKED = {"commands": commands, "settings": records, "policies": ranked}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs for every page."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda found: MARKED[found[1]](), markdown)
