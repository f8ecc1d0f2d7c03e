"""The command that shows and changes the labels of a project."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument
from inffeed_core.cli.labels import labels_of
from inffeed_core.cli.streams import writable

if TYPE_CHECKING:
    from inffeed_core.project.folder import Project
    from inffeed_core.settings import ProjectSettings
    from inffeed_core.store import LabelChange

TWO: dict[str, Any] = {"nargs": 2, "type": str, "default": None}


@click.command("labels", epilog='Example: inffeed labels reviews --rename positive "very positive" --by Ana')
@project_argument
@click.option("--add", metavar="LABEL", help="Add a label; the next training learns it.")
@click.option("--rename", **TWO, metavar="LABEL NAME", help="Give a label another name, everywhere.")
@click.option("--merge", **TWO, metavar="LABEL INTO", help="Give every text of a label another one, which stays.")
@click.option("--retire", metavar="LABEL", help="Give a label to no further text; those that have it keep it.")
@click.option("--restore", metavar="LABEL", help="Offer a retired label again.")
@click.option("--describe", **TWO, metavar="LABEL TEXT", help='Say what a label means; "" removes it.')
@click.option("--key", **TWO, metavar="LABEL DIGIT", help='Give a label a key, 1 to 9; "" for none.')
@click.option("--colour", **TWO, metavar="LABEL NAME", help='Show a label in a colour, such as green; "" for its own.')
@click.option("--order", multiple=True, metavar="LABELS", help="Show all labels in this order; nine have keys.")
@click.option("--undo", is_flag=True, help="Undo the latest change of labels that stands.")
@click.option("--by", default="command line", show_default=True, help="Who decided it; stored in the project.")
@json_option
def label_set(project: Path, by: str, as_json: bool, **asked: object) -> None:
    """Show or change the labels of the project DIR.

    Each change is one act, which can be undone. A rename keeps versions and flags valid, and what arrives under the old
    name is stored under the new one. After a label is added or merged, nothing is computed from the versions before;
    retrain. Old versions can still be compared and exported.
    """
    from inffeed_core import store

    target = opened(project)
    changes = [name for name, value in asked.items() if value not in (None, (), False)]
    if len(changes) > 1:
        raise click.UsageError(f"One change at a time, but {len(changes)} arrived: --{', --'.join(changes)}.")
    if changes:
        _acts(target, asked, by)[changes[0]]()
    with store.reading(target.db) as db:
        about, counts, acts = store.project_settings(db), store.label_counts(db), store.label_changes(db)
    rows = [
        {
            "label": label,
            "texts": counts.get(label, 0),
            "retired": label in about.retired,
            "description": about.descriptions.get(label, ""),
            "key": about.keys.get(label),
            "colour": about.colours.get(label, ""),
        }
        for label in about.shown_labels
    ]
    answer({"labels": rows, "changes": acts}, as_json, lambda: _table(about, counts, acts))


def _acts(target: "Project", asked: Mapping[str, object], by: str) -> dict[str, Callable[[], object]]:
    from inffeed_core.project import labels

    verbs: dict[str, Callable[..., object]] = {
        "add": labels.add_label,
        "rename": labels.rename_label,
        "merge": labels.merge_labels,
        "retire": labels.retire_label,
        "restore": labels.restore_label,
        "describe": labels.describe_label,
        "colour": labels.choose_colour,
    }
    acts: dict[str, Callable[[], object]] = {
        name: partial(verb, target, *(given if isinstance(given, tuple) else (given,)), by)
        for name, verb in verbs.items()
        if (given := asked[name]) is not None
    }
    if isinstance(key := asked["key"], tuple):
        acts["key"] = partial(labels.choose_key, target, key[0], _digit(key[1]), by)
    order = asked["order"]
    if isinstance(order, tuple) and order:
        acts["order"] = partial(labels.reorder_labels, target, labels_of(order), by)
    return acts | {"undo": partial(labels.undo_labels, target, by)}


def _digit(given: str) -> int | None:
    if given.strip() and not given.strip().isdecimal():
        raise click.UsageError(f'The key is {given!r}; write a digit from 1 to 9, or "" for none.')
    return int(given) if given.strip() else None


def _table(about: "ProjectSettings", counts: Mapping[str, int], acts: "list[LabelChange]") -> str:
    width = max(len(writable(label)) for label in about.labels)
    lines = [
        f"{writable(label):<{width}}  {counts.get(label, 0):>8,} texts{'  retired' if label in about.retired else ''}"
        f"{_chosen(about, label)}{_beside(about.descriptions.get(label, ''))}"
        for label in about.shown_labels
    ]
    if acts:
        lines += [
            "",
            "Changes, the latest first:",
            *(f"  {one.at[:16]}  {one.by}: {_in_words(one)}" for one in acts[:20]),
        ]
    return "\n".join(lines)


def _chosen(about: "ProjectSettings", label: str) -> str:
    """The key and the colour, where somebody chose them."""
    key, colour = about.keys.get(label), about.colours.get(label)
    return (f"  key {key}" if key else "") + (f"  {colour}" if colour else "")


def _beside(description: str) -> str:
    return f"  {' '.join(description.split())}" if description else ""


def _in_words(one: "LabelChange") -> str:
    into = f" → {one.into}" if one.into else ""
    return f"{one.act.value} {one.label}{into}".strip() + (" (undone)" if one.undone else "")


COMMANDS = (label_set,)
