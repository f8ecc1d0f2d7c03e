"""Room to say that there is none: a file that takes up space until a job has to write how it failed on a full disk."""

from contextlib import suppress

from inffeed_core.project.folder import Project

BYTES = 2**20
"""The log of the database and its index take some ten pages for one ending, of 4 KiB each."""


def keep_room(project: Project) -> None:
    """Take up the space where it is not taken up yet, or as much of it as there is."""
    place = project.jobs / "room"
    with suppress(OSError):
        if not place.exists() or place.stat().st_size < BYTES:
            place.write_bytes(b"\0" * BYTES)


def free_room(project: Project) -> bool:
    """Give the space back; False where there was none."""
    try:
        (project.jobs / "room").unlink()
    except OSError:
        return False
    return True
