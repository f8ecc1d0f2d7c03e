"""axe-core, which comes with its Python package and needs no network, on every page in both themes."""

from typing import Literal
from urllib.parse import urlencode

import pytest
from addresses import every_page, turned_to
from axe_playwright_python.base import AXE_SCRIPT
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.settings import FeedbackSettings

Theme = Literal["light", "dark"]
SERIOUS = {"serious", "critical"}
OPTIONS: dict[Theme, dict[str, list[str]]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]},
}
"""The other theme changes colours and nothing else."""
PAGES = every_page(
    {
        "": "Projects",
        "data": "Equal texts",
        "data?view=Import": "The labels of this project",
        "data?view=Texts": "texts. Select a row",
        "data?view=Check": "What may be wrong",
        "data?view=Labels": "Change a label",
        "data?view=Export": "Contents",
        "review": "silver text 0",
        "review?view=discussion": "silver text 3",
        "review?view=decisions": "silver text 4",
        "review?view=agreement": "Quality of annotators",
        "explore": "silver text 0",
        "explore?explore_view=Map": "main directions",
        "explore?explore_view=Errors": "bootstrap intervals",
        "explore?explore_view=Rankings": "silver text 0",
        "explore?explore_view=Decisions": "Nobody has decided anything",
        "feedback": "silver text 1",
        "models": "Versions",
        "team": "By annotator",
        "team?team_view=People": "Save the role",
        "team?team_view=Assignments": "Nothing is assigned",
    }
)
STILL = """() => {  // no colour is on its way to another
  const shadows = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean);
  return [document, ...shadows].flatMap(root => root.getAnimations()).every(
    a => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity);
}"""
BACKGROUNDS: dict[Theme, str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 25, 31)"}
NOT_OURS: tuple[str, ...] = ()
"""Elements that Streamlit makes and gives no way to change, as parts of their HTML."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = make_reviewable(tmp_path_factory.mktemp("accessible") / "project", Filling(silver=12, validation=12))
    with store.writing(made.db) as db:
        store.record_decision(db, Decision("n", "s003", "Bob", Act.FLAG, note="Is this irony?"))
        store.record_decision(db, Decision("m", "s004", "Ada", Act.SKIP))
        proposed = [("s001", "positive", "negative", 0.5), ("t000", "negative", None, 0.4)]
        voters = {id: [("t001", "positive", -0.02, "negative", 0.02)] for id, *_ in proposed}
        store.add_proposals(db, "v1", 0, FeedbackSettings(method="influence-vote").as_dict(), proposed, voters)
        store.apply_proposals(db, store.proposal_set(db), ["t000"], "Ada", "act")
    return made


def violations(page: Page) -> list[str]:
    """In both themes, which the page takes over from the system at once; first in the one that it has."""
    themes: list[Theme] = ["light", "dark"]
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        themes.reverse()
    return [one for theme in themes for one in _violations(page, theme)]


def _violations(page: Page, theme: Theme) -> list[str]:
    page.emulate_media(color_scheme=theme)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUNDS[theme])
    page.wait_for_function(STILL, polling=100)
    if not page.evaluate("'axe' in window"):  # half a megabyte, which stays while the app turns to other pages
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("(options) => axe.run(options).then((results) => results.violations)", OPTIONS[theme])
    return [
        f"{theme}: {one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
        if not any(part in node["html"] for part in NOT_OURS)
    ]


@pytest.mark.own_tab
def test_no_page_has_a_serious_violation(page: Page, server: Server, project: Project):
    found = {}
    for address, sign in PAGES.items():
        joint = "&" if "?" in address else "?"
        query = urlencode({"project": str(project.folder), "annotator": "Ada"})
        if not turned_to(page, address):
            visit(page, f"{server.url}/{address}{joint}{query}")
        expect(page.get_by_text(sign).first).to_be_visible(timeout=60_000)
        expect(page.locator('[data-testid="stStatusWidget"]')).to_be_hidden(timeout=30_000)
        if serious := violations(page):
            found[address or "home"] = serious
    assert found == {}


@pytest.mark.own_tab
def test_the_sheets_of_the_room_have_no_serious_violation(page: Page, server: Server, project: Project):
    query = urlencode({"project": str(project.folder), "annotator": "Ada"})
    visit(page, f"{server.url}/review?{query}")
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
    for key in ("g", "ArrowDown", "n"):
        page.keyboard.press(key)
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator(".keySheet")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(page.locator(".labelSheet")).to_be_visible()
    assert violations(page) == []
