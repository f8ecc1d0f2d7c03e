"""Commands for a team: what was decided, revising many decisions at once, and how far annotators agree."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from inffeed_core.cli.console import answer, json_option, one_line, opened, project_argument, tell
from inffeed_core.cli.review import annotator_option
from inffeed_core.errors import NotReady
from inffeed_core.records import Act, Interval
from inffeed_core.settings import MANY

if TYPE_CHECKING:
    from inffeed_core.project.folder import Project
    from inffeed_core.records import Instance
    from inffeed_core.store import Answered

ACTS = tuple(str(act) for act in Act if act is not Act.UNDO)


@click.command(
    epilog="""
\b
Examples:
  inffeed decisions reviews --annotator Ada --act skip
  inffeed decisions reviews --annotator Ada --label positive --to negative --preview
  inffeed decisions reviews --annotator Ada --since 2026-11-26 --take-back
  inffeed decisions reviews --annotator Ada --reverse
"""
)
@project_argument
@annotator_option
@click.option("--everybody", is_flag=True, help="List the decisions of all, not only this annotator's.")
@click.option("--act", "acts", multiple=True, type=click.Choice(ACTS), help="Only this act; repeat it for several.")
@click.option("--label", "labels", multiple=True, help="Only where this label was given; repeat it for several.")
@click.option("--changed/--kept", default=None, help="Only where the label differs from the imported one, or does not.")
@click.option("--note", default="", help="Only with this in the note; * for any note.")
@click.option("--since", default="", help="Only from this moment on, such as 2026-11-26 or 2026-11-26T09:00:00Z.")
@click.option("--policy", "policies", multiple=True, help="Only texts that this order handed out; repeat it.")
@click.option("--limit", type=click.IntRange(1, MANY), default=100, show_default=True, help="How many at most.")
@click.option("--to", "label", help="Give all the listed texts this label.")
@click.option("--take-back", is_flag=True, help="Take all the listed answers back.")
@click.option("--preview", is_flag=True, help="With --to or --take-back: show what would change, and store nothing.")
@click.option("--reverse", is_flag=True, help="Undo the last act about several texts.")
@json_option
def decisions(
    project: Path,
    annotator: str,
    everybody: bool,
    limit: int,
    label: str | None,
    take_back: bool,
    preview: bool,
    reverse: bool,
    as_json: bool,
    **wanted: object,
) -> None:
    """List decisions, and change or take back many at once.

    The latest decision comes first, and of each annotator only the last about a text. What is changed together is one
    act, which `--reverse` undoes. Others' answers can be given another label, which settles the text.
    """
    from inffeed_core import store
    from inffeed_core.project.folder import settings_of

    if sum((label is not None, take_back, reverse)) > 1:
        raise click.UsageError("Give only one of --to, --take-back and --reverse.")
    if preview and label is None and not take_back:
        raise click.UsageError("--preview shows what --to or --take-back would do; give one of them.")
    target = opened(project)
    if reverse:
        _reverse(target, annotator)
        return
    only = store.AnswerFilter(annotators=() if everybody else (annotator,), **wanted)  # type: ignore[arg-type]
    with store.reading(target.db) as db:
        found = store.answered(db, only, annotator, settings_of(target).overlap, limit)
    if label is not None or take_back:
        _revise(target, found, annotator, label, preview)
        return
    lines = [_line(one) for one in found]
    answer([asdict(one) for one in found], as_json, lambda: "\n".join(lines) or "No decision is as you want it.")


def _line(one: "Answered") -> str:
    said = one.decision
    what = f"{said.act} {said.label or ''}".strip()
    note = f"  ({said.note})" if said.note else ""
    return f"{said.at[:16]}  {said.annotator}  {said.instance_id}  {what}{note}  {one_line(one.text, one.pair, 80)}"


def _revise(project: "Project", found: "list[Answered]", annotator: str, label: str | None, preview: bool) -> None:
    from inffeed_core.review.revising import Revision, foretell, revise

    if not found:
        raise NotReady("No decision is as you want it, so there is nothing to change.")
    tokens = tuple(one.decision.token for one in found)
    wish = Revision(tokens=tokens, annotator=annotator, token=uuid4().hex, label=label)
    if preview:
        for one in foretell(project, wish):
            tell(f"{one.after.id}  {_now(one.before)} → {_now(one.after)}")
        return
    tell(f"{revise(project, wish):,} changed as one act; --reverse undoes it.")


def _now(one: "Instance") -> str:
    return one.label if one.confirmed else f"{one.label or 'no label'} (unconfirmed)"


def _reverse(project: "Project", annotator: str) -> None:
    from inffeed_core.review.revising import last_act
    from inffeed_core.review.revising import reverse as undo

    last = last_act(project, annotator)
    if last is None:
        raise NotReady(f"The last thing that {annotator} did is not an act about several texts; see `inffeed undo`.")
    tell(f"Undone for {undo(project, annotator, last.token, uuid4().hex):,} texts.")


@click.command(epilog="Example: inffeed agreement reviews --quality")
@project_argument
@click.option("--quality", is_flag=True, help="Also estimate each annotator's quality by cleanlab; takes some seconds.")
@json_option
def agreement(project: Path, quality: bool, as_json: bool) -> None:
    """Show how far the annotators of the project DIR agree.

    Cohen's kappa for each pair, Krippendorff's alpha for all and for each label, with 95 % bootstrap intervals, and how
    often suggestions are accepted and changed later. Only texts that at least two labelled count.
    """
    from inffeed_core.review.agreeing import agreed, qualities

    target = opened(project)
    found = agreed(target)
    best = qualities(target) if quality else []
    lines = [f"{found.texts:,} texts by {found.annotators} annotators, alpha {_said(found.alpha)}"]
    lines += [
        f"{one.first} and {one.second}: {one.texts} texts, {one.agree:.0%} the same, kappa {_said(one.kappa)}"
        for one in found.pairs
    ]
    lines += [f"{one.label}: {one.answers} answers, alpha {_said(one.alpha)}" for one in found.labels]
    lines += [
        f"{a.annotator}: {a.accepted} of {a.suggested} suggestions accepted, {a.changed} of them changed later"
        for a in found.accepting
    ]
    lines += [f"{one.annotator}: {one.quality:.0%} of the labels estimated right" for one in best]
    facts = asdict(found) | ({"quality": [asdict(one) for one in best]} if quality else {})
    answer(facts, as_json, lambda: "\n".join(lines))


def _said(one: Interval | None) -> str:
    return "unknown" if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


COMMANDS = (decisions, agreement)
