"""Feedback on training labels: what was proposed, tried and applied, by whom, and what was sent to review.

A proposal is *open* until somebody decides about its text, or the text is left out: feedback never overrides what a
person has said since the proposal was computed. Applying is one act. Its relabels are decisions of the person who
applied them, and settle the label; texts that it leaves out are excluded. Undoing the act removes these decisions and
exclusions and nothing else: labels then follow from all other decisions, including those made meanwhile, as if the act
had never happened.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from inffeed_core.errors import InvalidDecision, NotReady
from inffeed_core.records import Act, Decision, Interval, Split
from inffeed_core.settings import SENT
from inffeed_core.store.clock import now
from inffeed_core.store.decisions import record_decision
from inffeed_core.store.instances import find
from inffeed_core.store.proposals import FeedbackAct, Proposal, ProposalSet, ProposalState, Trial, Voter
from inffeed_core.store.versions import active_version, promote

Proposed = tuple[str, str, str | None, float]
"""(instance, label now, label proposed or None, lead)."""
Cast = tuple[str, str, float, str | None, float]
"""(influencer, its label, its influence, the label it voted on or None, the weight of its vote)."""


def add_proposals(
    db: Database,
    version: str,
    as_of_decision: int,
    settings: Mapping[str, object],
    proposed: Sequence[Proposed],
    voters: Mapping[str, Sequence[Cast]],
) -> int:
    """Store a method's proposals, most certain first, with the influencers of each; returns the set's id.

    Raises sqlite3.IntegrityError for a validation or test instance.
    """
    row = {"version": version, "as_of_decision": as_of_decision, "settings": json.dumps(settings), "created": now()}
    id = int(str(db.table("proposal_set").insert(row).last_pk))
    db.conn.executemany(
        "INSERT INTO proposal VALUES (?, ?, ?, ?, ?, ?)", [(id, rank, *one) for rank, one in enumerate(proposed, 1)]
    )
    db.conn.executemany(
        "INSERT INTO voter VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(id, target, rank, *cast) for target, casts in voters.items() for rank, cast in enumerate(casts, 1)],
    )
    return id


def proposal_sets(db: Database) -> list[ProposalSet]:
    """All sets, newest first."""
    return [_proposal_set(row) for row in db.query(f"{_SETS} ORDER BY s.id DESC")]


def proposal_set(db: Database, id: int | None = None) -> ProposalSet:
    """One set, or the newest. Raises NotReady if there is none."""
    one = "WHERE :id IS NULL OR s.id = :id ORDER BY s.id DESC LIMIT 1"
    row = next(iter(db.query(f"{_SETS} {one}", {"id": id})), None)
    if row is None:
        what = "no proposals yet" if id is None else f"no set of proposals {id}"
        raise NotReady(f"There are {what}; make some with `inffeed feedback propose`, or on the Feedback page.")
    return _proposal_set(row)


_SETS = "SELECT s.*, (SELECT count(*) FROM proposal p WHERE p.proposal_set = s.id) AS size FROM proposal_set s"


def _proposal_set(row: Mapping[str, Any]) -> ProposalSet:
    return ProposalSet(
        id=row["id"],
        version=row["version"],
        as_of_decision=row["as_of_decision"],
        settings=json.loads(row["settings"]),
        created=row["created"],
        size=row["size"],
    )


def proposals(db: Database, proposed: ProposalSet) -> list[Proposal]:
    """The proposals of a set, most certain first, each with its state."""
    rows = list(db.query(_PROPOSALS, {"set": proposed.id, "as_of": proposed.as_of_decision}))
    current, answers = find(db, [r["instance"] for r in rows]), _answers(db, proposed.id)
    return [
        Proposal(
            rank=r["rank"],
            id=r["instance"],
            text=r["text"],
            pair=r["pair"],
            split=Split(r["split"]),
            label=r["label"],
            proposed=r["proposed"],
            lead=r["lead"],
            state=_state(r, current[r["instance"]].label if r["instance"] in current else None),
            sent=bool(r["sent"]),
            **answers.get(r["instance"], {}),
        )
        for r in rows
    ]


_PROPOSALS = """
SELECT p.rank, p.instance, i.text, i.pair, i.split, p.label, p.proposed, p.lead,
    (EXISTS (SELECT 1 FROM exclusion e JOIN feedback f ON f.token = e.feedback
             WHERE e.instance = p.instance AND f.proposal_set = p.proposal_set)
     OR EXISTS (SELECT 1 FROM standing d JOIN feedback f ON f.token = d.feedback
                WHERE d.instance = p.instance AND f.proposal_set = p.proposal_set)) AS applied,
    EXISTS (SELECT 1 FROM standing d WHERE d.instance = p.instance AND d.n > :as_of) AS decided,
    p.instance IN (SELECT instance FROM sent) AS sent
FROM proposal p JOIN instance i ON i.id = p.instance WHERE p.proposal_set = :set ORDER BY p.rank
"""


def _answers(db: Database, set_id: int) -> dict[str, dict[str, str]]:
    """Who answered last about a proposed text, and when: a standing keep or relabel with no later unsure of theirs.

    Feedback's own relabels are not answers.
    """
    sql = """
        SELECT d.instance, d.annotator AS decided_by, d.at AS decided_at FROM standing d
        WHERE d.instance IN (SELECT instance FROM proposal WHERE proposal_set = ?)
            AND d.act IN ('keep', 'relabel') AND d.feedback IS NULL
            AND NOT EXISTS (SELECT 1 FROM standing u WHERE u.instance = d.instance AND u.annotator = d.annotator
                            AND u.n > d.n AND u.act = 'unsure')
        ORDER BY d.n
    """
    return {r.pop("instance"): r for r in db.query(sql, [set_id])}


def _state(row: Mapping[str, Any], label: str | None) -> ProposalState:
    """`label` is the current label, None if the text is left out."""
    if row["applied"]:
        return ProposalState.APPLIED
    return ProposalState.OVERTAKEN if row["decided"] or label != row["label"] else ProposalState.OPEN


def voters(db: Database, set_id: int, target: str) -> list[Voter]:
    """The influencers of one proposal's text, strongest first, with the labels that the method saw."""
    sql = """
        SELECT v.instance AS id, i.text, i.pair, v.label, i.split, v.influence, v.vote, v.weight
        FROM voter v JOIN instance i ON i.id = v.instance WHERE v.proposal_set = ? AND v.target = ? ORDER BY v.rank
    """
    return [Voter(**r | {"split": Split(r["split"])}) for r in db.query(sql, [set_id, target])]


def apply_proposals(db: Database, proposed: ProposalSet, ids: Sequence[str], annotator: str, token: str) -> FeedbackAct:
    """Apply those of these proposals that are open, in one act of this person.

    Called again with the same token, it changes nothing. Raises InvalidDecision if none is open or nobody is named.
    """
    if (before := _acts(db, token)) != []:
        return before[0]
    if not annotator.strip():
        raise InvalidDecision("The proposals are applied without an annotator's name; give a name.")
    wanted = set(ids)
    todo = [one for one in proposals(db, proposed) if one.id in wanted and one.state is ProposalState.OPEN]
    if not todo:
        raise InvalidDecision(
            f"None of the {len(wanted):,} chosen proposals of set {proposed.id} is open: they have been applied, or "
            "somebody has decided about the texts since. Make new proposals."
        )
    out = [one.id for one in todo if one.proposed is None]
    row = {
        "token": token,
        "proposal_set": proposed.id,
        "annotator": annotator,
        "left_out": json.dumps(out),
        "at": now(),
    }
    db.table("feedback").insert(row)
    for one in todo:
        if one.proposed is not None:
            record_decision(db, _relabel(proposed, one, annotator, token))
    note = _note(proposed)
    rows = [(id, note, row["at"], token) for id in out]
    db.conn.executemany("INSERT INTO exclusion (instance, reason, at, feedback) VALUES (?, ?, ?, ?)", rows)
    return _acts(db, token)[0]


def _relabel(proposed: ProposalSet, one: Proposal, annotator: str, token: str) -> Decision:
    return Decision(
        token=f"{token}/{one.id}",
        instance_id=one.id,
        annotator=annotator,
        act=Act.RELABEL,
        label=one.proposed,
        note=_note(proposed),
        settles=True,  # otherwise earlier votes could outweigh it
        feedback=token,
    )


def _note(proposed: ProposalSet) -> str:
    return f"feedback {proposed.id}: {proposed.settings['method']}"


def learned(db: Database, token: str, version: str) -> None:
    """Record the version that was trained on an act."""
    db.conn.execute("UPDATE feedback SET version = ? WHERE token = ?", [version, token])


def abandoned_feedback(db: Database) -> list[tuple[str, str]]:
    """(token, annotator) of acts that no version learned from, because their round was killed after applying them."""
    sql = """
        SELECT token, annotator FROM feedback f WHERE version IS NULL
        AND EXISTS (SELECT 1 FROM trial WHERE feedback = f.token)
        AND NOT EXISTS (SELECT 1 FROM feedback_undo WHERE feedback = f.token)
    """
    return [(row["token"], row["annotator"]) for row in db.query(sql)]


def undo_feedback(db: Database, token: str, annotator: str) -> FeedbackAct:
    """Undo an act: its relabels, each by an undo, and its exclusions.

    If the active version was trained on it, the version before becomes active again.

    Raises InvalidDecision if there is no such act, it is another person's, or it has been undone.
    """
    found = _acts(db, token)
    if not found:
        raise InvalidDecision(f"No feedback was applied as {token!r}; `inffeed feedback acts` lists what was.")
    if found[0].undone:
        raise InvalidDecision("This feedback has already been undone.")
    if found[0].annotator != annotator:
        raise InvalidDecision(f"This feedback was applied by {found[0].annotator}; only they can undo it.")
    for row in list(db.query("SELECT token, instance FROM standing WHERE feedback = ? ORDER BY n", [token])):
        undo = Decision(
            token=f"{row['token']}/undo",
            instance_id=row["instance"],
            annotator=annotator,
            act=Act.UNDO,
            undoes=row["token"],
        )
        record_decision(db, undo)
    db.conn.execute("DELETE FROM exclusion WHERE feedback = ?", [token])
    db.table("feedback_undo").insert({"feedback": token, "at": now()})
    active = active_version(db)
    if active is not None and active.id == found[0].version and active.parent is not None:
        promote(db, active.parent, annotator)
    return _acts(db, token)[0]


def feedback_acts(db: Database) -> list[FeedbackAct]:
    """All acts that were applied, including undone ones, latest first."""
    return _acts(db, None)


def _acts(db: Database, token: str | None) -> list[FeedbackAct]:
    sql = """
        SELECT f.*, (SELECT count(*) FROM decision d WHERE d.feedback = f.token) AS relabelled,
               f.token IN (SELECT feedback FROM feedback_undo) AS undone
        FROM feedback f WHERE :token IS NULL OR f.token = :token ORDER BY f.rowid DESC
    """
    return [
        FeedbackAct(
            token=r["token"],
            proposal_set=r["proposal_set"],
            annotator=r["annotator"],
            at=r["at"],
            relabelled=r["relabelled"],
            left_out=len(json.loads(r["left_out"])),
            version=r["version"],
            undone=bool(r["undone"]),
        )
        for r in db.query(sql, {"token": token})
    ]


def add_trial(db: Database, trial: Trial) -> None:
    """Store what validation said; the time is now if the trial has none."""
    change = trial.change
    db.table("trial").insert(
        {
            "proposal_set": trial.proposal_set,
            "count": trial.count,
            "value": change.value,
            "low": change.low,
            "high": change.high,
            "examples": trial.examples,
            "at": trial.at or now(),
            "feedback": trial.act,
        }
    )


def trials(db: Database) -> list[Trial]:
    """What validation said about proposals, latest first."""
    return [
        Trial(
            proposal_set=r["proposal_set"],
            count=r["count"],
            change=Interval(r["value"], r["low"], r["high"]),
            examples=r["examples"],
            at=r["at"],
            act=r["feedback"],
        )
        for r in db.query("SELECT * FROM trial ORDER BY n DESC")
    ]


def send(db: Database, proposed: ProposalSet, ids: Sequence[str], annotator: str) -> int:
    """Mark these proposals' texts for review; returns how many were not marked already."""
    wanted = set(ids)
    rows = [(one.id, proposed.id, annotator, now()) for one in proposals(db, proposed) if one.id in wanted]
    return db.conn.executemany("INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?)", rows).rowcount


def sent_labels(db: Database, ids: Sequence[str]) -> dict[str, str | None]:
    """By instance: the label proposed for each of these that was sent to review; None = to be left out."""
    sql = """
        SELECT p.instance, p.proposed FROM sent s
        JOIN proposal p ON p.proposal_set = s.proposal_set AND p.instance = s.instance
        WHERE s.instance IN (SELECT value FROM json_each(?))
    """
    return {r["instance"]: r["proposed"] for r in db.query(sql, [json.dumps(list(ids))])}


def rank_sent(db: Database, analysis: int) -> None:
    """Rank in the analysis what was sent to review: newest set first, then by rank."""
    db.conn.execute("DELETE FROM ranking WHERE analysis = ? AND policy = ?", [analysis, SENT])
    sql = """
        INSERT INTO ranking SELECT :analysis, :order,
            row_number() OVER (ORDER BY p.proposal_set DESC, p.rank), p.instance, p.lead
        FROM sent s JOIN proposal p ON p.proposal_set = s.proposal_set AND p.instance = s.instance
        JOIN score c ON c.analysis = :analysis AND c.instance = s.instance
    """
    db.conn.execute(sql, {"analysis": analysis, "order": SENT})
