"""Jobs that another process started: what can be known about them, and when they count as dead."""

import os
import subprocess
import sys
import time

import psutil
from other_server import queued_elsewhere, seen_elsewhere, silence

from inffeed_core.jobs import refresh, signs
from inffeed_core.project.folder import Project
from inffeed_core.records import JobState


def test_a_job_that_was_never_spawned_ends_after_five_seconds(project: Project) -> None:
    id = queued_elsewhere(project, None, 0.0)
    assert refresh(project)[0].state is JobState.QUEUED
    silence(project, id, 6)
    assert refresh(project)[0].state is JobState.FAILED


def test_a_reused_process_id_does_not_keep_a_dead_job_alive(project: Project) -> None:
    id = queued_elsewhere(project, os.getpid(), 1_000_000.0)
    assert refresh(project)[0].state is JobState.QUEUED  # its heartbeat is fresh: the clock may have been set
    silence(project, id, 6)
    assert refresh(project)[0].state is JobState.FAILED


def test_silence_is_no_death(project: Project) -> None:
    id = queued_elsewhere(project, os.getpid(), psutil.Process().create_time())
    silence(project, id, 50)
    assert (refresh(project)[0].state, refresh(project)[0].stage) == (JobState.QUEUED, "")
    silence(project, id, 7000)
    assert (refresh(project)[0].state, refresh(project)[0].stage) == (JobState.QUEUED, signs.SILENT)


def test_who_did_not_start_a_job_tells_only_that_it_is_gone(project: Project) -> None:
    ended_long_ago = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True)
    queued_elsewhere(project, int(ended_long_ago.stdout), time.time())
    assert seen_elsewhere(project) == f"failed {signs.GONE}"


def test_a_job_of_before_a_restart_is_told_so(project: Project) -> None:
    queued_elsewhere(project, 2**22 - 1, psutil.boot_time() - 1000)
    assert seen_elsewhere(project) == f"failed {signs.RESTARTED}"
