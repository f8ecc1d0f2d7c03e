"""Who has which role in a project: each change is one row, and the last about a person counts."""

from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.clock import now


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A change as it was recorded."""

    person: str
    role: str | None
    """None where the role was taken away."""
    by: str
    at: str


def roles(db: Database) -> dict[str, str]:
    """By person the role that they have now, in the order of their names."""
    return {r["person"]: r["role"] for r in db.query("SELECT person, role FROM role_now ORDER BY person")}


def set_role(db: Database, person: str, role: str | None, by: str) -> None:
    """Record that a person has this role from now on, or none."""
    db.table("role_change").insert({"person": person, "role": role, "by": by, "at": now()})


def role_changes(db: Database) -> list[RoleChange]:
    """All changes, the latest first."""
    rows = db.query("SELECT person, role, by, at FROM role_change ORDER BY n DESC")
    return [RoleChange(person=r["person"], role=r["role"], by=r["by"], at=r["at"]) for r in rows]
