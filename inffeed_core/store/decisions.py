"""Decisions: append-only, each arriving exactly once by its token. Undo is a decision too.

`votes` explains what a decision means for the label: each annotator's last standing act counts.

An *answer* is what somebody decided about one text, alone or with its twins. Feedback's decisions change labels like
any others, but are not answers, because nobody read the text for them. The text therefore stays open for review and in
the audit, and the decisions are undone together with their act (`feedback`), never one by one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlite_utils import Database

from inffeed_core.characters import known_label
from inffeed_core.errors import InvalidDecision
from inffeed_core.records import Act, Changes, Decision, Instance, Split
from inffeed_core.store.clock import now
from inffeed_core.store.instances import INSTANCES_AS_OF, NO_LIMIT, as_instance, instance, project_settings
from inffeed_core.store.labels import called_now
from inffeed_core.store.slices import Slice

LABELLING = (Act.RELABEL, Act.KEEP)
LEARNED = (Split.TRAIN, Split.SILVER)


def record_decision(db: Database, decision: Decision) -> bool:
    """Store one decision; returns False, and changes nothing, if its token has arrived before.

    Leaving out excludes the instance until that is undone. Raises UnknownInstance, or InvalidDecision for an unknown
    label, a missing annotator, leaving out a validation or test text, or undoing a decision that does not exist, is
    another annotator's, or has already been undone.
    """
    if arrived(db, decision.token):
        return False
    decision = _as_the_project_writes(db, decision)
    _check(db, decision)
    db.table("decision").insert(
        {
            "token": decision.token,
            "instance": decision.instance_id,
            "annotator": decision.annotator,
            "act": decision.act.value,
            "label": decision.label,
            "note": decision.note,
            "undoes": decision.undoes,
            "analysis": decision.analysis_id,
            "at": decision.at or now(),
            "settles": int(decision.settles),
            "part_of": decision.part_of,
            "feedback": decision.feedback,
            "policy": decision.policy,
            "suggested": decision.suggested,
        }
    )
    if decision.act is Act.LEAVE_OUT:
        row = (decision.instance_id, f"left out by {decision.annotator}", decision.at or now(), decision.token)
        db.conn.execute("INSERT INTO exclusion (instance, reason, at, decision) VALUES (?, ?, ?, ?)", row)
    if decision.act is Act.UNDO:
        db.conn.execute("DELETE FROM exclusion WHERE decision = ?", [decision.undoes])
    return True


def restore_decisions(db: Database, decisions: Iterable[Decision]) -> int:
    """Store the decisions of an export, in this order; returns how many.

    The importer has checked them; `record_decision` would derive the label state again for each one.
    """
    sql = """
        INSERT INTO decision (token, instance, annotator, act, label, note, at, settles, policy, suggested)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
    given = list(decisions)
    rows = [
        (d.token, d.instance_id, d.annotator, d.act.value, d.label, d.note, d.at, int(d.settles), d.policy, d.suggested)
        for d in given
    ]
    count = db.conn.executemany(sql, rows).rowcount if rows else 0
    out = [(d.instance_id, f"left out by {d.annotator}", d.at, d.token) for d in given if d.act is Act.LEAVE_OUT]
    db.conn.executemany("INSERT OR IGNORE INTO exclusion (instance, reason, at, decision) VALUES (?, ?, ?, ?)", out)
    return count


def undo_last(db: Database, annotator: str, token: str) -> Decision | None:
    """Undo the annotator's latest standing answer, with its parts; returns it, or None if there is none.

    Called again with the same token, it returns what it undid the first time.
    """
    if (before := undone_by(db, token)) is not None:
        return before
    sql = "SELECT * FROM answer WHERE annotator = ? AND part_of IS NULL ORDER BY n DESC LIMIT 1"
    for row in db.query(sql, [annotator]):
        return undo_token(db, row["token"], annotator, token)
    return None


def undo_token(db: Database, undone_token: str, annotator: str, token: str) -> Decision:
    """Undo one decision by its token, with its parts; returns it. Raises InvalidDecision as `record_decision` does."""
    for row in db.query("SELECT d.* FROM decision d WHERE d.token = ?", [undone_token]):
        undone = as_decision(row)
        record_decision(
            db,
            Decision(
                token=token, instance_id=undone.instance_id, annotator=annotator, act=Act.UNDO, undoes=undone_token
            ),
        )
        for part in parts(db, undone_token):
            undo = Decision(
                token=f"{token}/{part.instance_id}",
                instance_id=part.instance_id,
                annotator=annotator,
                act=Act.UNDO,
                undoes=part.token,
                part_of=token,
            )
            record_decision(db, undo)
        return undone
    raise InvalidDecision(f"No decision has the token {undone_token!r}; it may not have been saved yet. Try again.")


def arrived(db: Database, token: str) -> bool:
    """Whether the decision with this token is stored."""
    return bool(list(db.query("SELECT 1 FROM decision WHERE token = ?", [token])))


def parts(db: Database, token: str) -> list[Decision]:
    """The standing decisions that were given as parts of this one."""
    return [as_decision(row) for row in db.query("SELECT * FROM standing WHERE part_of = ? ORDER BY n", [token])]


def undone_by(db: Database, token: str) -> Decision | None:
    """The decision undone by the undo with this token; None if no such undo is stored."""
    for row in db.query("SELECT d.* FROM decision u JOIN decision d ON d.token = u.undoes WHERE u.token = ?", [token]):
        return as_decision(row)
    return None


def decisions_about(db: Database, instance_id: str) -> list[Decision]:
    """The whole trail of one instance, oldest first, including undone decisions and undos."""
    return [as_decision(r) for r in db.query("SELECT * FROM decision WHERE instance = ? ORDER BY n", [instance_id])]


def decisions_of(db: Database, ids: Iterable[str]) -> list[Decision]:
    """All decisions about these instances, oldest first, undone ones included, but no undos."""
    sql = "SELECT * FROM decision WHERE act != 'undo' AND instance IN (SELECT value FROM json_each(?)) ORDER BY n"
    return [as_decision(r) for r in db.query(sql, [json.dumps(list(ids))])]


def history(db: Database, annotator: str | None = None, limit: int = 100, *, with_parts: bool = True) -> list[Decision]:
    """Standing decisions (not undone, and not undos), latest first; of one annotator or of all.

    Parts are decisions given together with another one, about twins or by feedback.
    """
    sql = """
        SELECT * FROM standing WHERE (:annotator IS NULL OR annotator = :annotator)
        AND (:with_parts OR (part_of IS NULL AND feedback IS NULL)) ORDER BY n DESC LIMIT :limit
    """
    values = {"annotator": annotator, "with_parts": with_parts, "limit": limit}
    return [as_decision(r) for r in db.query(sql, values)]


def answers(db: Database, ids: Sequence[str]) -> dict[str, list[Decision]]:
    """By instance: each annotator's last standing answer, oldest first; instances without any are left out."""
    sql = """
        SELECT s.* FROM answer s WHERE s.instance IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
            SELECT 1 FROM answer l WHERE l.instance = s.instance AND l.annotator = s.annotator AND l.n > s.n)
        ORDER BY s.n
    """
    return by_instance(map(as_decision, db.query(sql, [json.dumps(list(ids))])))


def by_instance(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Decisions by instance, in their order."""
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(decision.instance_id, []).append(decision)
    return found


def act_counts(db: Database) -> dict[Act, int]:
    """How often each act is an annotator's last about a text, ignoring undone ones; acts without any are left out.

    Bare columns beside max() come from the same row: SQLite guarantees it.
    """
    sql = """
        SELECT act, count(*) AS n FROM (SELECT act, max(n) FROM standing GROUP BY instance, annotator) GROUP BY act
    """
    return {Act(row["act"]): row["n"] for row in db.query(sql)}


def changes_since(db: Database, row: int, part: Slice | None = None) -> Changes:
    """The instances whose current label or confirmation differs from what it was just after decision `row`.

    With `part`, only for that slice of the decisions, as of its end.
    """
    sql = f"""
        SELECT coalesce(sum(lost), 0) AS withdrawn, coalesce(sum(NOT lost AND moved), 0) AS corrected,
               coalesce(sum(NOT lost AND NOT moved), 0) AS confirmed
        FROM (WITH touched AS MATERIALIZED (
                  SELECT instance, count(*) AS decisions, max(n) AS last FROM decision GROUP BY instance
                  HAVING max(n) > :then)
              SELECT a.confirmed AND NOT b.confirmed AS lost, a.label != b.label AS moved
              FROM ({INSTANCES_AS_OF.replace(":as_of", ":then")}) a JOIN ({INSTANCES_AS_OF}) b USING (id)
              WHERE a.id IN (SELECT instance FROM touched WHERE decisions > 1)
                AND (a.label, a.confirmed) IS NOT (b.label, b.confirmed)
              UNION ALL -- a text with one decision, as most are, needs no count of votes
              SELECT 0 AS lost, i.label != d.label AS moved
              FROM touched t JOIN decision d ON d.n = t.last JOIN instance i ON i.id = t.instance
              WHERE t.decisions = 1 AND (i.split = 'silver' OR i.label != d.label) AND d.label IS NOT NULL
                AND i.id NOT IN (SELECT instance FROM exclusion))
    """
    values: dict[str, object] = {"then": row, "as_of": NO_LIMIT}
    if part is not None:
        sql, values = part.of(sql), values | part.values()
    found = next(iter(db.query(sql, values)))
    return Changes(found["corrected"], found["confirmed"], found["withdrawn"])


def changed_since(db: Database, row: int) -> int:
    """How many instances `changes_since` reports."""
    return changes_since(db, row).total


def before_decisions(db: Database, row: int) -> dict[str, Instance]:
    """The instances that somebody decided about after decision `row`, as they were just after it, by id."""
    sql = f"{INSTANCES_AS_OF} AND i.id IN (SELECT instance FROM decision WHERE n > :as_of)"
    return {found["id"]: as_instance(found) for found in db.query(sql, {"as_of": row})}


def last_decision_row(db: Database) -> int:
    """Row number of the latest decision, 0 if none; `instances(as_of=…)` takes it."""
    return int(next(iter(db.query("SELECT coalesce(max(n), 0) AS n FROM decision")))["n"])


def _as_the_project_writes(db: Database, decision: Decision) -> Decision:
    if decision.label is None and decision.suggested is None:
        return decision
    labels = project_settings(db).labels

    def written(label: str | None) -> str | None:
        return None if label is None else known_label(label, labels) or called_now(db, label) or label

    return replace(decision, label=written(decision.label), suggested=written(decision.suggested))


def _check(db: Database, decision: Decision) -> None:
    if not decision.annotator.strip():
        raise InvalidDecision("The decision names no annotator; give a name.")
    if not decision.token:
        raise InvalidDecision("The decision has no token; give a fresh UUID with each decision.")
    if decision.act is Act.UNDO:
        _check_undo(db, decision)
    else:  # an undo may also concern an instance that has since been excluded
        split = instance(db, decision.instance_id).split
        if decision.act is Act.LEAVE_OUT and split not in LEARNED:
            raise InvalidDecision(
                f"{decision.instance_id!r} is used to measure the model ({split}), so it cannot be left out here."
            )
    about = project_settings(db)
    if decision.suggested is not None and decision.suggested not in about.labels:
        raise InvalidDecision(f"{decision.suggested!r} cannot have been suggested: it is not a label of this project.")
    if decision.act is Act.KEEP and not decision.label:
        raise InvalidDecision(f"{decision.instance_id!r} has no label yet that could be kept; give it one (relabel).")
    offered = ", ".join(about.offered)
    if decision.act in LABELLING and decision.label not in about.labels:
        raise InvalidDecision(f"{decision.label!r} is not a label of this project; choose one of {offered}.")
    if decision.act is Act.RELABEL and decision.label in about.retired:
        raise InvalidDecision(f"{decision.label!r} has been retired, so no text is given it; choose one of {offered}.")
    if decision.settles and decision.act not in LABELLING:
        raise InvalidDecision(f"A decision to {decision.act} settles nothing; settle a discussion with a label.")
    if decision.act not in LABELLING and decision.label is not None:
        raise InvalidDecision(f"A decision to {decision.act} carries no label, but {decision.label!r} arrived.")


def _check_undo(db: Database, undo: Decision) -> None:
    standing = list(db.query("SELECT * FROM standing WHERE token = ?", [undo.undoes or ""]))
    if not standing:
        raise InvalidDecision(f"Nothing to undo: decision {undo.undoes!r} does not exist or has already been undone.")
    if standing[0]["annotator"] != undo.annotator:
        raise InvalidDecision(f"That decision belongs to {standing[0]['annotator']}; only they can undo it.")
    if standing[0]["instance"] != undo.instance_id:
        raise InvalidDecision(f"That decision is about {standing[0]['instance']!r}, not {undo.instance_id!r}.")


def as_decision(row: Mapping[str, object]) -> Decision:
    """A row of the table `decision` as a record."""

    def text(key: str) -> str | None:
        return None if row[key] is None else str(row[key])

    return Decision(
        token=str(row["token"]),
        instance_id=str(row["instance"]),
        annotator=str(row["annotator"]),
        act=Act(str(row["act"])),
        label=text("label"),
        note=str(row["note"]),
        undoes=text("undoes"),
        analysis_id=None if row["analysis"] is None else int(str(row["analysis"])),
        at=str(row["at"]),
        settles=bool(row["settles"]),
        part_of=text("part_of"),
        feedback=text("feedback"),
        policy=text("policy"),
        suggested=text("suggested"),
    )
