"""Reserved disk space: a file that is deleted when a job must write that it failed on a full disk."""

from contextlib import suppress

from inffeed_core.project.folder import Project

BYTES = 2**20
"""For one ending, the database's log and its index take about ten pages of 4 KiB each."""


def keep_room(project: Project) -> None:
    """Reserve the space if it is not reserved yet, or as much of it as is free."""
    place = project.jobs / "room"
    with suppress(OSError):
        if not place.exists() or place.stat().st_size < BYTES:
            place.write_bytes(b"\0" * BYTES)


def free_room(project: Project) -> bool:
    """Free the reserved space; False if there was none."""
    try:
        (project.jobs / "room").unlink()
    except OSError:
        return False
    return True
