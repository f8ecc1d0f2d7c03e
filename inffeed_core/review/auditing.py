"""The random audit of silver labels: what it has seen, and what follows from it."""

from inffeed_core.project.folder import Project
from inffeed_core.store import audit_counts, reading
from inffeed_core.store.auditing import AuditCounts


def audit(project: Project) -> AuditCounts:
    """What the audit has seen so far; `inffeed_core.review.audit` says what follows from it."""
    with reading(project.db) as db:
        return audit_counts(db)
