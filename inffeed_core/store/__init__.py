"""A project's SQLite database: one connection per call, verbs in the annotator's words.

Open it with `reading(path)` or `writing(path)` and pass the database to the verbs::

    with writing(folder / "project.db") as db:
        record_decision(db, decision)

Everything inside one `writing` block is one transaction: all of it is stored, or nothing.
"""

from inffeed_core.store.analyses import (
    begin_analysis,
    evidence_for,
    explained_targets,
    flagged,
    latest_analysis,
    policy_values,
    put_evidence,
    put_scores,
    scored,
)
from inffeed_core.store.connection import create, migrate, reading, writing
from inffeed_core.store.decisions import (
    annotator_counts,
    decisions_about,
    history,
    last_decision_row,
    record_decision,
    undo_last,
    undo_token,
)
from inffeed_core.store.instances import (
    add_examples,
    changed_since,
    count_by_split,
    duplicates,
    exclude,
    existing_ids,
    find,
    instance,
    instances,
    leaks,
    project_settings,
    save_project_settings,
    search,
)
from inffeed_core.store.jobs import (
    ask_to_cancel,
    cancel_asked,
    end_job,
    enqueue,
    job,
    jobs,
    mark_running,
    report,
)
from inffeed_core.store.maps import map_points
from inffeed_core.store.versions import (
    active_version,
    add_version,
    promote,
    promotions,
    version,
    versions,
)

__all__ = [
    "active_version",
    "add_examples",
    "add_version",
    "annotator_counts",
    "ask_to_cancel",
    "begin_analysis",
    "changed_since",
    "cancel_asked",
    "count_by_split",
    "create",
    "decisions_about",
    "duplicates",
    "end_job",
    "enqueue",
    "evidence_for",
    "exclude",
    "existing_ids",
    "explained_targets",
    "find",
    "flagged",
    "history",
    "instance",
    "instances",
    "job",
    "jobs",
    "last_decision_row",
    "latest_analysis",
    "leaks",
    "map_points",
    "mark_running",
    "migrate",
    "policy_values",
    "project_settings",
    "promote",
    "promotions",
    "put_evidence",
    "put_scores",
    "reading",
    "record_decision",
    "report",
    "save_project_settings",
    "scored",
    "search",
    "undo_last",
    "undo_token",
    "version",
    "versions",
    "writing",
]
