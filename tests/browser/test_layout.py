"""Home, Data and Explore in small and large windows, with few and many labels: nothing is cut, nothing overlaps."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core.project.folder import Project

SIZES = [(1024, 768), (1280, 800), (1920, 1080)]
LONG = "The battery of this phone lasts two days, the screen is bright, and I would buy it again. "
PAGES = {
    "": "Projects",
    "data?view=Overview": "Equal texts",
    "data?view=Texts": "Select a row",
    "explore": "influence of a training",
    "explore?explore_view=Map": "main directions",
    "explore?explore_view=Rankings": "Do the scores come true?",
}
FAULTS = """() => {
  const inked = e => {  // of words, what they cover: Streamlit gives captions a negative margin
    if (!e.matches('[data-testid="stText"], [data-testid="stCaptionContainer"], h1, h2, h3'))
      return e.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(e.querySelector('p') ?? e);
    return range.getBoundingClientRect();
  };
  const main = document.querySelector('[data-testid="stMain"]').getBoundingClientRect();
  const boxes = [...document.querySelectorAll(
    '[data-testid="stMain"] :is([data-testid="stText"], [data-testid="stCaptionContainer"], [data-testid="stButton"],' +
    ' [data-testid="stDataFrame"], [data-testid="stPlotlyChart"], [data-testid="stMetric"], h1, h2, h3, input)')]
    .filter(e => e.checkVisibility()).map(e => [e, inked(e)]).filter(([, b]) => b.width && b.height);
  const found = [];
  const name = e => (e.dataset.testid || e.tagName) + ' "' + e.innerText.slice(0, 40) + '"';
  for (const [e, b] of boxes) {
    if (b.left < main.left - 1 || b.right > main.right + 1) found.push('outside: ' + name(e));
    if (e.dataset.testid === 'stText' && e.scrollWidth > e.clientWidth + 1) found.push('cut: ' + name(e));
  }
  for (const [i, [e, b]] of boxes.entries()) for (const [f, c] of boxes.slice(i + 1)) {
    if (e.contains(f) || f.contains(e)) continue;
    const scrolls = x => x.closest('[data-testid="stVerticalBlock"]')?.scrollHeight >
      x.closest('[data-testid="stVerticalBlock"]')?.clientHeight + 1;
    if (scrolls(e) || scrolls(f)) continue;
    const wide = Math.min(b.right, c.right) - Math.max(b.left, c.left);
    const high = Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top);
    if (wide > 2 && high > 2) found.push('overlap: ' + name(e) + ' and ' + name(f));
  }
  return found;
}"""
IN_CHARTS = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].flatMap(chart => {
  const box = chart.getBoundingClientRect();
  return [...chart.querySelectorAll('.main-svg text')].filter(t => t.textContent.trim() && t.checkVisibility())
    .filter(t => !t.closest('.legend'))
    .map(t => [t.textContent, t.getBoundingClientRect()])
    .filter(([, b]) => b.width && (b.left < box.left - 1 || b.right > box.right + 1 || b.bottom > box.bottom + 1))
    .map(([words]) => words);
})"""


@pytest.fixture(scope="module", params=[2, 13, 40])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    labels = tuple(f"label {n}" + (" of quite a long name" if n % 4 == 3 else "") for n in range(request.param))
    texts = {f"t{n:03}": f"Buyer {n}. {LONG * 20}" for n in range(0, 80, 3)} | {"s000": LONG * 560}
    filling = Filling(silver=80, train=80, validation=40, labels=labels, texts=texts)
    return make_reviewable(tmp_path_factory.mktemp("layout") / "project", filling)


def settled(page: Page, sign: str) -> None:
    expect(page.get_by_text(sign).first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_be_hidden(timeout=30_000)
    page.wait_for_timeout(800)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}")
def test_nothing_is_cut_and_nothing_overlaps(chromium: Browser, server: Server, project: Project, size):
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    found = {}
    for address, sign in PAGES.items():
        joint = "&" if "?" in address else "?"
        page.goto(f"{server.url}/{address}{joint}{urlencode({'project': str(project.folder)})}")
        settled(page, sign)
        faults = [*page.evaluate(FAULTS), *page.evaluate(IN_CHARTS)]
        if "Overview" in address:  # the whole table fits, its totals as well
            grid = page.locator(".dvn-scroller").first
            faults += ["cut: counts"] * grid.evaluate("e => Number(e.scrollWidth > e.clientWidth + 1)")
        if faults:
            found[address or "home"] = faults
    page.close()
    assert found == {}
