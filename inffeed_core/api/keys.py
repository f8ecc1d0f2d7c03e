"""Keys of the web API: one a person, for one project. The project keeps only hashes; see `store.api_keys`."""

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256

from inffeed_core.errors import ProjectError
from inffeed_core.project.folder import Project
from inffeed_core.project.names import person_name
from inffeed_core.store import reading, writing
from inffeed_core.store.api_keys import KeyHolder, key_holders, put_key, revoke_key

PREFIX = "inffeed_"
"""So that a key that leaked into a repository can be found there."""


def new_key(project: Project, person: str) -> tuple[str, bool]:
    """(a new key for this person, whether it replaces their last one). Nobody can read it again. Raises SettingsError.

    What they decide through the API is stored under this name.
    """
    name = person_name(person)
    key = PREFIX + secrets.token_urlsafe(32)
    with writing(project.db) as db:
        replaced = put_key(db, name, _hash(key))
    return key, replaced


def revoke(project: Project, person: str) -> None:
    """Make this person's key invalid from the next request on. Raises ProjectError if they have none."""
    name = person_name(person)
    with writing(project.db) as db:
        revoked = revoke_key(db, name)
    if not revoked:
        raise ProjectError(f"{name!r} has no key; `inffeed api-key {project.folder.name}` lists who has one.")


def holders(project: Project) -> Sequence[KeyHolder]:
    """Everybody with a valid key, by name."""
    with reading(project.db) as db:
        return key_holders(db)


def person_of(project: Project, key: str) -> str | None:
    """Whose valid key this is; None if nobody's."""
    asked, found = _hash(key), None
    for holder in holders(project):  # all of them, each in constant time
        if hmac.compare_digest(holder.hash, asked):
            found = holder.person
    return found


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
