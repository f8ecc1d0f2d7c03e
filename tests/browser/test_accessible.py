"""axe-core, which comes with its Python package and needs no network, on every page in both themes."""

from urllib.parse import urlencode

import pytest
from addresses import every_page
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision
from inffeed_core.settings import FeedbackSettings

SERIOUS = {"serious", "critical"}
PAGES = every_page(
    {
        "": "Projects",
        "data": "Equal texts",
        "data?view=Import": "The labels of this project",
        "data?view=Texts": "texts. Select a row",
        "data?view=Export": "Contents",
        "review": "silver text 0",
        "review?view=discussion": "silver text 3",
        "explore": "silver text 0",
        "explore?explore_view=Map": "main directions",
        "explore?explore_view=Rankings": "silver text 0",
        "feedback": "silver text 1",
        "models": "Versions",
    }
)
NOT_OURS: tuple[str, ...] = ()
"""Elements that Streamlit makes and gives no way to change, as parts of their HTML."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = make_reviewable(tmp_path_factory.mktemp("accessible") / "project", Filling(silver=12))
    with store.writing(made.db) as db:
        store.record_decision(db, Decision("n", "s003", "Bob", Act.FLAG, note="Is this irony?"))
        proposed = [("s001", "positive", "negative", 0.5), ("t000", "negative", None, 0.4)]
        voters = {id: [("t001", "positive", -0.02, "negative", 0.02)] for id, *_ in proposed}
        store.add_proposals(db, "v1", 0, FeedbackSettings(method="influence-vote").as_dict(), proposed, voters)
        store.apply_proposals(db, store.proposal_set(db), ["t000"], "Ada", "act")
    return made


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, page: Page) -> Page:
    page.emulate_media(color_scheme=request.param)
    return page


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
        if not any(part in node["html"] for part in NOT_OURS)
    ]


def test_no_page_has_a_serious_violation(themed: Page, server: Server, project: Project):
    found = {}
    for address, sign in PAGES.items():
        joint = "&" if "?" in address else "?"
        query = urlencode({"project": str(project.folder), "annotator": "Ada"})
        themed.goto(f"{server.url}/{address}{joint}{query}")
        expect(themed.get_by_text(sign).first).to_be_visible(timeout=60_000)
        expect(themed.locator('[data-testid="stStatusWidget"]')).to_be_hidden(timeout=30_000)
        if serious := violations(themed):
            found[address or "home"] = serious
    assert found == {}


def test_the_sheets_of_the_room_have_no_serious_violation(themed: Page, server: Server, project: Project):
    query = urlencode({"project": str(project.folder), "annotator": "Ada"})
    themed.goto(f"{server.url}/review?{query}")
    expect(themed.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
    for key in ("g", "ArrowDown", "n"):
        themed.keyboard.press(key)
    assert violations(themed) == []
    themed.keyboard.press("Escape")
    themed.keyboard.press("?")
    expect(themed.locator(".keySheet")).to_be_visible()
    assert violations(themed) == []
    themed.keyboard.press("Escape")
    themed.keyboard.press("l")
    expect(themed.locator(".labelSheet")).to_be_visible()
    assert violations(themed) == []
