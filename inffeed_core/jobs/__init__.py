"""Long work in child processes, so that pages stay usable and a killed server kills no work.

    control.py   start, cancel and look after jobs: what pages call
    turns.py     do one job in this process: its turn, heartbeat, progress, and ending
    signs.py     whether the process of a job is alive, and how it ended
    leavings.py  clear away what a killed job left
    room.py      disk space reserved for reporting that the disk is full
    refreshing.py  start the refresh of the flags when enough was decided
    kinds.py     what each kind of job does
    __main__.py  the child process: `python -m inffeed_core.jobs FOLDER JOB_ID`

A job is a row of the project's database. At most one of each kind is queued or running; jobs of different kinds take
turns on a file lock, which the system frees when a process dies. The child beats once a second; `refresh` closes the
rows of jobs whose process is gone, and a job whose row is closed can no longer write anything (`store.claims`).
"""

from inffeed_core.jobs.control import cancel, lately_failed, log_tail, refresh, run_here, start
from inffeed_core.jobs.refreshing import refresh_due, start_refresh

__all__ = [
    "cancel",
    "lately_failed",
    "log_tail",
    "refresh",
    "refresh_due",
    "run_here",
    "start",
    "start_refresh",
]
