"""The command that shows and changes how a version decides."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument
from inffeed_core.errors import NotReady
from inffeed_core.settings import Rule

if TYPE_CHECKING:
    from inffeed_core.records import Metrics, ModelVersion


@click.command(epilog="Example: inffeed rule reviews v2 --use macro-f1")
@project_argument
@click.argument("version", required=False)
@click.option("--use", type=click.Choice(get_args(Rule)), help="Decide by this rule from now on; nothing is trained.")
@click.option("--by", default="command line", show_default=True, help="Who decided it; stored in the project.")
@json_option
def rule(project: Path, version: str | None, use: str | None, by: str, as_json: bool) -> None:
    """Show or change how VERSION of the project DIR decides.

    VERSION is the active one unless given. `argmax` takes the likeliest label; `calibrated` as well, with probabilities
    that mean what they say; `macro-f1` decides sooner for rare labels, by offsets that were chosen on validation, where
    that gains by cross-fitting. Validation figures are cross-fitted too. Every figure follows the rule in use.
    """
    from inffeed_core import store

    target = opened(project)
    with store.reading(target.db) as db:
        found = store.active_version(db) if version is None else store.version(db, version)
    if found is None:
        raise NotReady("There is no model version yet; `inffeed train` makes one.")
    if use is not None:
        with store.writing(target.db) as db:
            found = store.use_rule(db, found.id, use, by)
    with store.reading(target.db) as db:
        choices = store.rule_choices(db, found.id)
    facts = {"version": found.id, "rule": found.rule, "rules": store.rules_of(found), "choices": choices}
    answer(facts, as_json, lambda: _table(found, choices[0].by if choices else ""))


def _table(found: "ModelVersion", by: str) -> str:
    from inffeed_core.learning.rules_said import rule_said, shift_said
    from inffeed_core.store import rules_of

    rules = rules_of(found)
    lines = [f"{found.id} decides by {found.rule}{f', chosen by {by}' if by else ''}."]
    if not rules:
        return f"{lines[0]} It was trained by an earlier release, without other rules; retrain to have them."
    lines.append(f"  {'rule':<11} {'validation macro-F1':<24} {'test macro-F1':<24} {'loss':<6} temperature")
    lines += [
        f"{'*' if kind == found.rule else ' '} {kind:<11} {_f1(one.validation):<24} {_f1(one.test):<24} "
        f"{_loss(one.validation):<6} {one.temperature:.2f}"
        for kind, one in rules.items()
    ]
    used = [one for kind, one in rules.items() if kind == found.rule]
    said = [sentence for one in used for sentence in (rule_said(one), shift_said(one)) if sentence]
    return "\n".join([*lines, *said])


def _f1(metrics: "Metrics | None") -> str:
    if metrics is None:
        return "none"
    f1 = metrics.macro_f1
    return f"{f1.value:.3f} ({f1.low:.3f} to {f1.high:.3f})"


def _loss(metrics: "Metrics | None") -> str:
    return "none" if metrics is None else f"{metrics.loss:.3f}"


COMMANDS = (rule,)
