"""Commands for feedback on training labels: propose, show, test and apply, undo, or send to review."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from uuid import uuid4

import click

from inffeed_core.cli.console import (
    answer,
    cancelled_keeps,
    json_option,
    one_line,
    opened,
    project_argument,
    shown_progress,
    tell,
)
from inffeed_core.cli.review import annotator_option
from inffeed_core.errors import NotReady
from inffeed_core.settings import MANY, FeedbackSettings, Remedy, Vote
from inffeed_core.wording import filled

START = FeedbackSettings()

if TYPE_CHECKING:
    from inffeed_core.cli.console import F
    from inffeed_core.feedback.acts import Preview
    from inffeed_core.project.folder import Project
    from inffeed_core.store.proposals import FeedbackAct, Proposal, Trial, Voter


@click.group(
    epilog="""
\b
Example:
  inffeed feedback propose reviews
  inffeed feedback show reviews
  inffeed feedback apply reviews --annotator Ana
"""
)
def feedback() -> None:
    """Propose changes to training labels, and apply those that help."""


set_option = click.option(
    "--set", "set_id", type=click.IntRange(1, MANY), metavar="N", help="Number of the set of proposals. [the newest]"
)
ids_option = click.option("--id", "ids", multiple=True, metavar="ID", help="Only this text; repeat it for several.")


def voting_options(command: "F") -> "F":
    """How influencers vote and how much may change: fields of FeedbackSettings, each None where it is not named."""
    influencers = click.option(
        "--influencers",
        type=int,
        help=f"How many of a text's strongest influencers vote and are kept. [{START.influencers}]",
    )
    vote = click.option("--vote", type=click.Choice(get_args(Vote)), help=f"How they vote. [{START.vote}]")
    margin = click.option(
        "--margin", type=float, help=f"Least lead of the winner, as a share of all votes. [{START.margin:g}]"
    )
    cap = click.option("--cap", type=float, help=f"Largest share of a class that a round may change. [{START.cap:g}]")
    return influencers(vote(margin(cap(command))))


def named_settings(given: Mapping[str, Any]) -> FeedbackSettings:
    """Of the options that were named."""
    return FeedbackSettings(**{name: value for name, value in given.items() if value is not None})


@feedback.command(epilog="Example: inffeed feedback propose reviews --method confident-learning --cap 0.02")
@project_argument
@click.option("--method", type=click.Choice(get_args(Remedy)), help=f"What is proposed, and why. [{START.method}]")
@voting_options
@json_option
def propose(project: Path, as_json: bool, **settings: Any) -> None:
    """Propose changes to training labels.

    For the texts that the active version of the project DIR learned from; validation and test are never touched, and
    nothing changes until `apply`. The methods: `discard` leaves out what harms validation, `relabel-harmful` relabels
    it, `confident-learning` relabels what models without the text doubt, `influence-vote` lets the strongest
    influencers vote. In our measurements the vote lowered macro-F1, and validation refused every round of it.
    """
    from inffeed_core.feedback.acts import preview
    from inffeed_core.jobs import run_here

    target = opened(project)
    given = named_settings(settings)
    with shown_progress() as progress:
        job = run_here(target, "propose", {"feedback": given.as_dict()}, progress)
    found = preview(target, int(str(job.result["set"])))
    answer(_facts(found), as_json, lambda: _preview_in_words(found, limit=10))


@feedback.command(epilog="Example: inffeed feedback show reviews --id silver-000017")
@project_argument
@set_option
@ids_option
@click.option("--limit", type=click.IntRange(1, MANY), default=20, show_default=True, help="How many proposals.")
@json_option
def show(project: Path, set_id: int | None, ids: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show proposals of the project DIR.

    The most certain comes first. With --id, also shows the influencers of these texts and how each voted.
    """
    from inffeed_core import store
    from inffeed_core.feedback.acts import preview

    target = opened(project)
    found = preview(target, set_id)
    with store.reading(target.db) as db:
        cast = {one.id: store.voters(db, found.proposed.id, one.id) for one in found.proposals if one.id in ids}
    answer({"preview": _facts(found), "votes": cast}, as_json, lambda: _preview_in_words(found, limit, cast))


_FURTHER = "Influencers are stored with the most certain proposals only; `inffeed influencers` finds those of any text."


def _facts(found: "Preview") -> dict[str, object]:
    """The JSON answer, in which scripts have always found the set under `set`."""
    facts = asdict(found)
    return {"set": facts.pop("proposed"), **facts}


def _preview_in_words(found: "Preview", limit: int, cast: "dict[str, list[Voter]] | None" = None) -> str:
    of = found.proposed
    head = f"Set {of.id}: {of.size:,} proposals by {found.settings.method} for {of.version}"
    lines = [f"{head}, {len(found.open):,} open."]
    if decided := len(found.open) - len(found.untouched):
        lines.append(f"Somebody has decided about {decided:,} of them; these change only with --id.")
    if found.stale:
        lines.append(
            f"Since then {found.changed_since:,} labels changed, and {found.version_now} is in use; propose again."
        )
    shown = [one for one in found.proposals if not cast or one.id in cast][:limit]
    for one in shown:
        lines += [_line(one), f"       {one_line(one.text, one.pair, 150)}"]
        if cast:
            lines += [_vote(voter) for voter in cast[one.id]] or [f"       {_FURTHER}"]
    lines += [_outcome(trial) for trial in found.trials]
    return "\n".join(lines)


def _line(one: "Proposal") -> str:
    sent, change = ", sent to review" if one.sent else "", f"{one.label} → {one.proposed or 'leave out'}"
    decided = f", decided by {one.decided_by} on {(one.decided_at or '')[:10]}" if one.decided_by else ""
    return f"{one.rank:>5}. {one.id}  {change}  lead {one.lead:.3g}  {one.state}{sent}{decided}"


def _vote(voter: "Voter") -> str:
    how = "" if voter.vote is None else f"  {'for' if voter.weight >= 0 else 'against'} {voter.vote}"
    words = one_line(voter.text, voter.pair, 90)
    return f"       {voter.influence:+.2e}{how}  {voter.id} ({voter.split}, {voter.label})  {words}"


def _outcome(trial: "Trial") -> str:
    from inffeed_core.feedback.acts import outcome

    return f"{trial.at[:16]}  {outcome(trial)}"


@feedback.command(
    epilog="""
\b
Examples:
  inffeed feedback apply reviews --annotator Ana --rounds 3
  inffeed feedback apply reviews --id silver-000017 --unchecked --annotator Ana
"""
)
@project_argument
@set_option
@ids_option
@click.option(
    "--rounds", type=click.IntRange(1, MANY), default=1, show_default=True, help="How many times to propose and apply."
)
@click.option("--unchecked", is_flag=True, help="Apply whatever validation says, and do not retrain.")
@annotator_option
@json_option
def apply(
    project: Path,
    set_id: int | None,
    ids: tuple[str, ...],
    rounds: int,
    unchecked: bool,
    annotator: str,
    as_json: bool,
) -> None:
    """Apply proposals that validation confirms.

    The proposals of the project DIR are tried first: they are applied, and a version is trained, only where the 95 %
    paired bootstrap interval of the gain in validation macro-F1 lies above 0. Applying is one act, which `undo` takes
    back; each label counts as the annotator's decision. Texts that somebody has decided are passed over unless --id
    names them.
    """
    from inffeed_core.feedback.acts import preview

    target = opened(project)
    found = preview(target, set_id)
    chosen = list(ids) or _untouched(found)
    if unchecked:
        _apply_unchecked(target, found.proposed.id, chosen, annotator, as_json)
        return
    from inffeed_core.feedback.acts import latest_trials
    from inffeed_core.jobs import run_here

    settings = {"set": found.proposed.id, "ids": chosen, "by": annotator, "rounds": rounds}
    if rounds > 1:
        cancelled_keeps("Rounds that validation had confirmed stay applied: see `inffeed feedback acts`.")
    with shown_progress() as progress:
        job = run_here(target, "feedback", settings, progress)
    trials = latest_trials(target, int(str(job.result["rounds"])))
    answer({"rounds": trials}, as_json, lambda: "\n".join(_outcome(trial) for trial in trials))


def _untouched(found: "Preview") -> list[str]:
    """The proposals meant if no id is named. Raises NotReady if there are none."""
    if not found.untouched:
        said = "Somebody has decided about each open one" if found.open else "None is open"
        raise NotReady(
            f"Set {found.proposed.id} has nothing to apply. {said}: name texts with --id, or run "
            "`inffeed feedback propose` again."
        )
    return found.untouched


def _apply_unchecked(project: "Project", set_id: int, ids: list[str], annotator: str, as_json: bool) -> None:
    from inffeed_core.feedback.acts import apply as apply_now

    act = apply_now(project, set_id, ids, annotator, uuid4().hex)
    then = "`inffeed retrain` learns from it; `inffeed feedback undo` takes it back."
    answer(act, as_json, lambda: f"{_act(act)}\n{then}")


@feedback.command(epilog="Example: inffeed feedback acts reviews")
@project_argument
@json_option
def acts(project: Path, as_json: bool) -> None:
    """List the changes that feedback made in the project DIR.

    The latest comes first.
    """
    from inffeed_core.feedback.acts import acts as all_acts

    found = all_acts(opened(project))
    answer(found, as_json, lambda: "\n".join(map(_act, found)) or "Feedback has changed nothing yet.")


def _act(act: "FeedbackAct") -> str:
    undone = "  undone" if act.undone else ""
    what = f"{act.relabelled:,} relabelled, {act.left_out:,} left out"
    return f"{act.token[:12]}  {act.at[:16]}  {act.annotator}: {what} by set {act.proposal_set}{undone}"


@feedback.command(epilog="Example: inffeed feedback undo reviews --annotator Ana")
@project_argument
@click.argument("act", required=False)
@annotator_option
def undo(project: Path, act: str | None, annotator: str) -> None:
    """Undo an act of feedback.

    ACT is the beginning of its token as `acts` shows it; without it, the last one of the annotator in the project DIR.
    Labels are then as if it had never happened; what people decided since stands.
    """
    from inffeed_core.feedback.acts import act_of
    from inffeed_core.feedback.acts import undo as undo_act

    target = opened(project)
    tell(f"Undone: {_act(undo_act(target, act_of(target, act, annotator), annotator))}")


@feedback.command(epilog="Example: inffeed feedback send reviews --annotator Ana")
@project_argument
@set_option
@ids_option
@annotator_option
def send(project: Path, set_id: int | None, ids: tuple[str, ...], annotator: str) -> None:
    """Send proposed texts to annotators.

    The Review page of the project DIR lists them in a separate order, and so does `inffeed flags --policy feedback`.
    """
    from inffeed_core.feedback.acts import preview, send_to_review

    target = opened(project)
    found = preview(target, set_id)
    count = send_to_review(target, found.proposed.id, list(ids) or _untouched(found), annotator)
    said = "{count:,} {count:text was|texts were} sent to review: `inffeed flags {project} --policy feedback`."
    tell(filled(said, count=count, project=project))


COMMANDS = (feedback,)
