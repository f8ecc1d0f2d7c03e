"""The review room as tests open it, and what it says and stores."""

from acting import SECONDS, address
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Decision


def enter(page: Page, server: Server, project: Project, annotator: str = "Ada", **query: str) -> Page:
    """The page, in the room with a text before it."""
    visit(page, address(server, "review", project, annotator=annotator, **query))
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=60 * SECONDS)
    return page


def shown(page: Page) -> str:
    """The id of the text on the card."""
    return str(page.locator(".room").get_attribute("data-item"))


def saved(page: Page, seconds: float = 30) -> None:
    """Until the card says so."""
    expect(page.locator(".room .saved")).to_have_attribute("data-state", "saved", timeout=seconds * SECONDS)


def decisions(project: Project) -> list[Decision]:
    """All of them in the order of their arrival, undos included."""
    with store.reading(project.db) as db:
        ids = [row["instance"] for row in db.query("SELECT DISTINCT instance FROM decision")]
        found = {d.token: d for id in ids for d in store.decisions_about(db, id)}
        return [found[row["token"]] for row in db.query("SELECT token FROM decision ORDER BY n")]
