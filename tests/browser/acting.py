"""What tests do on a page, and how they wait for it and for the jobs that it starts."""

import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Job, JobState

SECONDS = 1_000


def address(server: Server, page: str, project: Project, **query: str) -> str:
    """Of this page of the app."""
    return f"{server.url}/{page}?{urlencode({'project': str(project.folder), **query})}"


def settled(page: Page) -> None:
    """Until the server has drawn what the last click asked for."""
    page.wait_for_timeout(150)
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=30 * SECONDS)


CURRENT = ":not([data-stale=true] *)"
"""Not of the last drawing. Where a page is redrawn with less on it, what it showed before stands after what it shows
now, and for a moment nothing tells them apart: the first is the new one."""


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    """By its whole name, or a pattern."""
    return page.get_by_role("button", name=name, exact=isinstance(name, str)).and_(page.locator(CURRENT)).first


def number(page: Page, label: str) -> Locator:
    """A field for a number."""
    return page.get_by_role("spinbutton", name=label, exact=True).and_(page.locator(CURRENT)).first


def put(page: Page, label: str, value: str) -> None:
    """Into a field for a number."""
    number(page, label).fill(value)
    page.keyboard.press("Enter")
    settled(page)


def choose(where: Page | Locator, label: str, option: str | re.Pattern[str]) -> None:
    """In the select box, here or in this part of the page, whose name matches the pattern `label`."""
    page = where if isinstance(where, Page) else where.page
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    box = page.get_by_role("combobox", name=re.compile(label))
    several = where.get_by_test_id("stMultiSelect").filter(has=box)
    taken = several.get_by_role("button", name=f"Remove {option}", exact=True)
    for left in reversed(range(6)):  # a redraw, such as for a job that ends, shuts what is open and takes no click
        if taken.count():
            break
        where.get_by_role("combobox", name=re.compile(label)).click()
        try:
            wanted.click(timeout=2 * SECONDS)
            if page.get_by_role("listbox").is_visible():  # that of several choices stays open, and hides the rest
                page.keyboard.press("Tab")
            if isinstance(option, str) and several.count():
                taken.wait_for(timeout=2 * SECONDS)
            break
        except PlaywrightTimeout:
            if not left:
                raise
    settled(page)


def drop_last(page: Page, label: str, *options: str) -> None:
    """Of what is chosen in a box for several, from the last one on."""
    chosen = page.get_by_test_id("stMultiSelect").filter(has_text=label)
    for option in options:
        chosen.get_by_role("combobox").press("Backspace")
        expect(chosen.get_by_role("button", name=option)).to_have_count(0)
        settled(page)


def click_box(page: Page, *labels: str) -> None:
    """A checkbox or a switch, by the whole of its label."""
    for label in labels:
        own = page.get_by_test_id("stCheckbox").filter(has_text=re.compile(rf"^\s*{re.escape(label)}\s*$"))
        own.locator("label").first.click()
    settled(page)


def jobs(project: Project, kind: str | None = None) -> list[Job]:
    """The latest first; of this kind, or of all."""
    with store.reading(project.db) as db:
        return [one for one in store.jobs(db) if kind in (None, one.kind)]


def settings_of_job(project: Project, job: Job) -> dict[str, object]:
    """What it was started with."""
    with store.reading(project.db) as db:
        return store.job_settings(db, job.id)


def eventually(project: Project, wanted: Callable[[Job], bool], kind: str | None = None) -> Job:
    """The latest job, as soon as it is as wanted; only the row is looked at, nothing is looked after."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = jobs(project, kind)
        if found and wanted(found[0]):
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"the jobs were {jobs(project)}")


def done(project: Project, kind: str) -> Job:
    """The latest of this kind, once it has ended well."""
    found = eventually(project, lambda job: job.state.ended, kind)
    assert found.state is JobState.DONE, found.error
    return found
