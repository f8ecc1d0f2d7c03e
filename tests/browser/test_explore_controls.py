"""Every control of Explore, used once: what the page then says is what the rows in SQLite say."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from acting import choose, settled
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "project", Filling(silver=20))


def shown(page: Page, project: Project, id: str) -> None:
    """The text, its labels and its loss are those of the row."""
    with store.reading(project.db) as db:
        one = store.instance(db, id)
        loss = db.execute("SELECT loss FROM score WHERE instance = ?", [id]).fetchone()[0]
    main = page.locator('[data-testid="stMain"]')
    expect(main.locator('[data-testid="stText"]', has_text=one.text).first).to_be_visible(timeout=30_000)
    expect(main.get_by_text(one.label, exact=True).first).to_be_visible()
    expect(main.get_by_text(f"{loss:.3f}", exact=True)).to_be_visible()


def opened(page: Page, server: Server, project: Project) -> None:
    visit(page, f"{server.url}/explore?{urlencode({'project': str(project.folder)})}")
    shown(page, project, "s000")


def test_each_view_tells_of_the_text_that_was_chosen(page: Page, server: Server, project: Project):
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("t", "s005", "Ada", Act.KEEP, "positive", note="plain"))
    opened(page, server, project)
    page.get_by_role("searchbox", name="Search").fill("s005")
    page.keyboard.press("Enter")
    shown(page, project, "s005")
    for view, sign in (("Decisions", None), ("Rankings", "Do the scores come true?"), ("Map", "main directions")):
        page.get_by_role("tab", name=view).click()
        if sign:
            expect(page.get_by_text(sign).first).to_be_visible(timeout=30_000)
        shown(page, project, "s005")
    choose(page, "Flags by", "Negative influence")
    page.get_by_label("Number of flags to mark").fill("3")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    shown(page, project, "s005")
    page.get_by_role("tab", name="Influence").click()
    expect(page.locator('[data-testid="stPlotlyChart"]').first).to_be_visible(timeout=30_000)
    with store.reading(project.db) as db:
        sql = "SELECT influence FROM influencer WHERE target = 's005' AND side = 'supporter' ORDER BY influence DESC"
        strongest = db.execute(sql).fetchone()[0]
    expect(page.locator(".main-svg text", has_text=f"{strongest:+.2g}").first).to_be_visible(timeout=30_000)


def test_what_is_searched_after_a_choice_takes_its_place(page: Page, server: Server, project: Project):
    opened(page, server, project)
    page.get_by_role("tab", name="Map").click()
    choose(page, "^Text", re.compile("silver text 3,"))
    with store.reading(project.db) as db:
        sql = "SELECT instance FROM ranking WHERE policy = ? ORDER BY rank"
        fourth = [row[0] for row in db.execute(sql, [POLICIES[0]])][3]
    shown(page, project, fourth)
    assert f"id={fourth}" in page.url
    page.get_by_role("searchbox", name="Search").fill("t001")
    page.keyboard.press("Enter")
    shown(page, project, "t001")
    page.get_by_role("searchbox", name="Search").fill("")
    page.keyboard.press("Enter")
    shown(page, project, "s000")


PLACE = """([trace, n]) => {
  const { _fullData, _fullLayout: { xaxis, yaxis } } = document.querySelector('.js-plotly-plot');
  const box = document.querySelector('.js-plotly-plot').getBoundingClientRect(), { x, y } = _fullData[trace];
  return [box.left + xaxis._offset + xaxis.c2p(x[n]), box.top + yaxis._offset + yaxis.c2p(y[n])];
}"""
DRAWN = (
    "document.querySelector('.js-plotly-plot')._fullData.map((trace) => trace.customdata?.map((own) => own[0]) ?? [])"
)


def click_drawn(page: Page, id: str, aside: float = 0) -> None:
    """On the bar or the point of this text, or so many pixels to the right of it."""
    chart = page.locator(".js-plotly-plot")
    expect(chart).to_have_count(1, timeout=30_000)
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(800)  # it grows to its width
    trace, n = next((t, own.index(id)) for t, own in enumerate(page.evaluate(DRAWN)) if id in own)
    x, y = page.evaluate(PLACE, [trace, n])
    page.mouse.click(x + aside, y)
    settled(page)


def test_a_click_on_a_bar_or_a_point_opens_its_text(page: Page, server: Server, project: Project):
    with store.writing(project.db) as db:
        sql = "SELECT instance FROM influencer WHERE target = ? AND side != 'harmed' ORDER BY influence"
        (against, *_), (*_, strongest) = ([row[0] for row in db.execute(sql, [id])] for id in ("s000", "s001"))
        db.execute("UPDATE influencer SET influence = -1e-9 WHERE target = 's000' AND instance = ?", [against])
    opened(page, server, project)
    click_drawn(page, against, aside=150)  # a bar too thin to be hit
    shown(page, project, against)
    visit(page, f"{server.url}/explore?{urlencode({'project': str(project.folder), 'id': 's001'})}")
    shown(page, project, "s001")
    click_drawn(page, strongest, aside=-5)
    shown(page, project, strongest)
    page.get_by_role("tab", name="Map").click()
    expect(page.get_by_text("main directions")).to_be_visible(timeout=30_000)
    for id in ("v005", "s010"):
        click_drawn(page, id)
        shown(page, project, id)
        assert f"id={id}" in page.url
