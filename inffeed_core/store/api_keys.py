"""Keys of the web API, of which only hashes are kept, and what arrived through it under which token.

A key holds 256 random bits, so a plain SHA-256 of it tells nobody the key: there is nothing to try out, as there would
be of a password.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.store.clock import now


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Somebody who has a key that is valid now."""

    person: str
    hash: str
    created: str


def put_key(db: Database, person: str, hash: str) -> bool:
    """Give a person a key by its hash; returns whether that replaces one, which is no longer valid."""
    replaced = revoke_key(db, person)
    db.table("api_key").insert({"person": person, "hash": hash, "created": now()})
    return replaced


def revoke_key(db: Database, person: str) -> bool:
    """Make a person's key invalid; False if they have none."""
    sql = "UPDATE api_key SET revoked = ? WHERE person = ? AND revoked IS NULL"
    return db.conn.execute(sql, [now(), person]).rowcount > 0


def key_holders(db: Database) -> Sequence[KeyHolder]:
    """Everybody with a valid key, by name."""
    rows = db.query("SELECT person, hash, created FROM api_key WHERE revoked IS NULL ORDER BY person")
    return [KeyHolder(person=r["person"], hash=r["hash"], created=r["created"]) for r in rows]


def request_hash(db: Database, token: str) -> str | None:
    """The hash of what was sent under this token; None if nothing was."""
    return next((str(r["hash"]) for r in db.query("SELECT hash FROM api_request WHERE token = ?", [token])), None)


def put_request(db: Database, token: str, hash: str) -> None:
    """Remember what was sent under this token."""
    db.table("api_request").insert({"token": token, "hash": hash})
