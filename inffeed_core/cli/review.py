"""Commands that show flags with their reasons, and take decisions."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from inffeed_core.cli.console import answer, json_option, one_line, opened, project_argument, shown_progress, tell
from inffeed_core.cli.filtering import filter_options, flag_filter
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import POLICIES
from inffeed_core.settings import MANY, SENT
from inffeed_core.wording import filled

if TYPE_CHECKING:
    from inffeed_core.analysis.exploring import Portrait
    from inffeed_core.project.folder import Project
    from inffeed_core.records import Influencer, Instance
    from inffeed_core.review.discussing import Topic
    from inffeed_core.review.items import ReviewItem

annotator_option = click.option(
    "--annotator", required=True, metavar="NAME", help="Who decides; stored with every decision."
)


@click.command(epilog="Example: inffeed flags reviews --policy negative-influence --limit 50 --json")
@project_argument
@click.option(
    "--policy", type=click.Choice((*POLICIES, SENT)), default=POLICIES[0], show_default=True, help="Which ranking."
)
@click.option("--limit", type=click.IntRange(1, MANY), default=20, show_default=True, help="How many flags.")
@filter_options
@click.option(
    "--undecided",
    "answered",
    multiple=True,
    type=click.Choice(("skip", "unsure", "flag")),
    help="List undecided texts with this answer instead of open flags; flag lists all under discussion.",
)
@click.option(
    "--up-to-the-end",
    is_flag=True,
    help="Only up to where the queue ends on the Review page (`inffeed settings --queue-end`).",
)
@json_option
def flags(
    project: Path,
    policy: str,
    limit: int,
    up_to_the_end: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """List the open flags of the project DIR.

    The flag to check first comes first. Flags that enough annotators have answered are not listed.
    """
    from inffeed_core.project.folder import settings_of
    from inffeed_core.records import Act
    from inffeed_core.review.handing_out import queue

    answered = tuple(Act(one) for one in filters.pop("answered"))
    only = flag_filter(answered=answered, **filters)
    target = opened(project)
    labels = len(settings_of(target).labels)
    open_flags = queue(target, policy, limit, only=only, whole=not up_to_the_end)
    found = [(item.flag, _reason(item, labels)) for item in open_flags]
    blocks = [
        f"{f.rank:>5}. {f.id}  {f.label} → {f.suggested}?  score {f.score:+.3g}\n"
        f"       {one_line(f.text, f.pair, 160)}\n       {reason}"
        for f, reason in found
    ]
    facts = [asdict(f) | {"reason": reason} for f, reason in found]
    answer(facts, as_json, lambda: "\n".join(blocks) or "No flag of this policy is open.")
    if left_out := _unlabelled(target):
        said = "{n:,} silver {n:text has|texts have} no label yet and {n:is|are} not ranked."
        tell(filled(said, n=left_out), err=True)


def _unlabelled(project: "Project") -> int:
    from inffeed_core.records import Split
    from inffeed_core.store import count_by_split, reading

    with reading(project.db) as db:
        return count_by_split(db)[Split.SILVER].get("", 0)


def _reason(item: "ReviewItem", labels: int) -> str:
    """Why the text is listed; nothing is revealed about one drawn for the audit."""
    from inffeed_core.flags.reasons import reason

    return "" if item.blind else reason(item.flag, item.evidence, labels)


@click.command(epilog="Example: inffeed influencers reviews silver-000017")
@project_argument
@click.argument("id")
@click.option("--limit", type=click.IntRange(1, MANY), default=5, show_default=True, help="How many on each side.")
@json_option
def influencers(project: Path, id: str, limit: int, as_json: bool) -> None:
    """Show what influences the model on one text.

    Influence on the text ID of the project DIR is in nats: positive ones support its label (without them its loss
    would be higher), negative ones oppose it. Influencers that no analysis has computed yet are computed now.
    """
    target = opened(project)
    portrait = _explained(target, id)
    facts = {"instance": portrait.instance, "score": portrait.score, "evidence": portrait.evidence}
    answer(facts, as_json, lambda: _portrait_in_words(portrait, limit))


def _explained(project: "Project", id: str) -> "Portrait":
    from inffeed_core.analysis.exploring import portrait
    from inffeed_core.jobs import run_here

    found = portrait(project, id)
    if found.analysis is None:
        raise NotReady("The active version has no analysis yet; run `inffeed retrain` or `inffeed analyse` first.")
    if found.evidence is not None:
        return found
    with shown_progress() as progress:
        run_here(project, "explain", {"ids": [id]}, progress)
    return portrait(project, id)


def _portrait_in_words(portrait: "Portrait", limit: int) -> str:
    lines = [
        f"{portrait.instance.id}  {portrait.instance.split}, {portrait.instance.label}",
        f"  {portrait.instance.text}",
        *([] if portrait.instance.pair is None else [f"  Second text: {portrait.instance.pair}"]),
    ]
    if portrait.evidence is not None:
        sides = {
            "Supporters": portrait.evidence.supporters,
            "Opposers": portrait.evidence.opposers,
            "Validation gold it harms": portrait.evidence.harmed,
        }
        for title, side in sides.items():
            lines += ["", title, *(_line(i) for i in side[:limit])] if side else []
    return "\n".join(lines)


def _line(i: "Influencer") -> str:
    return f"  {i.influence:+.2e}  {i.id} ({i.split}, {i.label})  {one_line(i.text, i.pair, 100)}"


@click.command(epilog="Example: inffeed explain reviews silver-000017 silver-000018")
@project_argument
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--refine", is_flag=True, help="Beyond the head: with the exact curvature, by dozens of passes.")
def explain(project: Path, ids: tuple[str, ...], refine: bool) -> None:
    """Compute the influencers of some texts.

    They are kept with the latest analysis of the project DIR, and shown by `influencers` and on the pages. After an
    analysis with the scope training, --refine goes through the training: it is replayed once for eight texts, and how
    long that takes is told first.
    """
    from inffeed_core.jobs import run_here

    if refine:
        _tell_replay(project, len(ids))
    with shown_progress() as progress:
        run_here(opened(project), "explain", {"ids": list(ids), "exact": refine}, progress)
    tell(f"{len(ids)} explained.")


def _tell_replay(project: Path, texts: int) -> None:
    """What influence on single texts through the training takes, where the analysis in use goes through it."""
    from inffeed_core.analysis.replay_cost import text_cost
    from inffeed_core.store import analysis_in_use, reading

    with reading(opened(project).db) as db:
        analysis = analysis_in_use(db)
    if analysis is not None and analysis.settings.get("scope") == "training":
        tell(f"Influence through the training takes {text_cost(opened(project), texts).said()}.", err=True)


@click.command(
    epilog="""
\b
Examples:
  inffeed decide reviews silver-000017 negative --annotator Ana
  inffeed decide reviews silver-000018 --act unsure --note "sarcasm?" --annotator Ana
  inffeed decide reviews --file decisions.csv --annotator Ana
  inffeed decide sample --file sample_data/messages/truth.csv --first 15 --annotator Ana
"""
)
@project_argument
@click.argument("id", required=False)
@click.argument("label", required=False)
@click.option(
    "--act", help="unsure, skip, flag or leave-out instead of a label; keep and relabel follow from the label."
)
@click.option("--note", default="", help="Kept with the decision.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Decisions with the columns id and label, and optionally act and note.",
)
@click.option("--encoding", metavar="NAME", help="Encoding of that file, if it is not UTF-8.")
@click.option(
    "--first",
    type=click.IntRange(1, MANY),
    help="Only what the file says of the first so many open flags, in their order.",
)
@click.option("--settle", is_flag=True, help="End the discussion of the text: earlier answers no longer count.")
@annotator_option
@json_option
def decide(
    project: Path,
    id: str | None,
    label: str | None,
    act: str | None,
    note: str,
    file: Path | None,
    encoding: str | None,
    first: int | None,
    settle: bool,
    annotator: str,
    as_json: bool,
) -> None:
    """Record decisions about labels.

    Either one, that the text ID of the project DIR has LABEL, or those of a file, all or none.
    """
    from inffeed_core.review.scripted import Wish, decide_file, decide_one

    if (id is None) == (file is None):
        raise click.UsageError("Give either an ID with a LABEL (or --act), or --file.")
    if first is not None and file is None:
        raise click.UsageError("--first chooses among the decisions of a file; give it with --file.")
    target = opened(project)
    if file is not None:
        taken = decide_file(target, file, annotator, encoding, first)
    else:
        taken = [
            decide_one(
                target, Wish(id=id or "", label=label or "", act=act or "", note=note, settles=settle), annotator
            )
        ]
    words = f"{taken[0].act} saved for {id}." if file is None else f"{len(taken):,} decisions saved."
    answer([asdict(decision) for decision in taken], as_json, lambda: words)


@click.command(epilog="Example: inffeed undo reviews --annotator Ana --times 3")
@project_argument
@annotator_option
@click.option("--times", type=click.IntRange(1, MANY), default=1, show_default=True, help="How many decisions.")
def undo(project: Path, annotator: str, times: int) -> None:
    """Undo the last decisions of one annotator.

    An undo is a decision too: nothing is deleted from the project DIR.
    """
    from inffeed_core.review.deciding import undo as undo_one

    target = opened(project)
    for _ in range(times):
        undone = undo_one(target, annotator, uuid4().hex)
        if undone is None:
            raise NotReady(f"{annotator} has no decision left to undo.")
        tell(f"Undone: {undone.act} of {undone.instance_id}{f' as {undone.label}' if undone.label else ''}.")


@click.command(epilog="Example: inffeed release reviews --annotator Ana")
@project_argument
@annotator_option
def release(project: Path, annotator: str) -> None:
    """Give back the flags that are reserved for one annotator.

    While somebody reviews the project DIR on the Review page, the next flags are theirs alone; this frees them at once.
    """
    from inffeed_core import store

    with store.writing(opened(project).db) as db:
        count = store.leave(db, annotator)
    tell(f"{count:,} flags are free for others again.")


@click.command(epilog="Example: inffeed discussion reviews --json")
@project_argument
@json_option
def discussion(project: Path, as_json: bool) -> None:
    """List what needs discussing in the project DIR.

    That is what annotators marked for discussion or disagree on, with what they said. `inffeed decide --settle` ends a
    discussion.
    """
    from inffeed_core.review.discussing import topics

    found = topics(opened(project))
    blocks = [
        "\n".join([f"{t.instance.id}  {_labels(t)}", f"  {one_line(t.instance.text, t.instance.pair, 160)}", *_said(t)])
        for t in found
    ]
    answer(found, as_json, lambda: "\n".join(blocks) or "There is nothing to discuss.")


def _first_words(one: "Instance") -> str:
    return one_line(one.text, one.pair, 160)


def _labels(topic: "Topic") -> str:
    instance = topic.instance
    now = "disputed" if instance.disputed else instance.label
    suggested = f", suggested {topic.suggested} ({topic.probability:.0%})" if topic.suggested else ""
    return f"{instance.split} {instance.original_label}{suggested}, now {now}"


def _said(topic: "Topic") -> list[str]:
    lines = []
    for one in topic.said:
        before = " (before)" if topic.overtaken(one) else ""
        label, note = f" {one.label}" if one.label else "", f" ({one.note})" if one.note else ""
        lines.append(f"  {one.annotator}: {one.act}{label}{before}{note}")
    return lines


@click.command(epilog="Example: inffeed audit reviews --json")
@project_argument
@json_option
def audit(project: Path, as_json: bool) -> None:
    """Estimate how many silver labels of the project DIR are wrong.

    Uses the texts that were drawn at random for the audit (`inffeed settings --audit-share`).
    """
    from inffeed_core.review.audit import audit as counts_of
    from inffeed_core.review.audit import estimate, in_words

    counts = counts_of(opened(project))
    facts = {"counts": counts, "estimate": estimate(counts)}
    answer(facts, as_json, lambda: "\n".join(in_words(counts)))


COMMANDS = (flags, influencers, explain, decide, undo, release, audit, discussion)
