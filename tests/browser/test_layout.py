"""Home, Data and Explore in small and large windows, with few and many labels: nothing is cut, nothing overlaps."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from addresses import turned_to
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core.project.folder import Project

SIZES = [(1024, 768), (1280, 800), (1920, 1080)]
LONG = "The battery of this phone lasts two days, the screen is bright, and I would buy it again. "
PAGES = {
    "": "Projects",
    "data?view=Overview": "Equal texts",
    "data?view=Texts": "Select a row",
    "data?view=Labels": "Change a label",
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
AT_REST = """() => {  // nothing has moved or changed its words for half a second
  const main = document.querySelector('[data-testid="stMain"]');
  const now = innerWidth + main.innerText + [...main.querySelectorAll('*')].map(e => {
    const b = e.getBoundingClientRect();
    return [b.left, b.top, b.width, b.height].map(Math.round);
  }).join(' ');
  const since = window.atRest?.[0] === now ? window.atRest[1] : performance.now();
  window.atRest = [now, since];
  return performance.now() - since > 500;
}"""
IN_CHARTS = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].flatMap(chart => {
  const box = chart.getBoundingClientRect();
  return [...chart.querySelectorAll('.main-svg text')].filter(t => t.textContent.trim() && t.checkVisibility())
    .filter(t => !t.closest('.legend'))
    .map(t => [t.textContent, t.getBoundingClientRect()])
    .filter(([, b]) => b.width && (b.left < box.left - 1 || b.right > box.right + 1 || b.bottom > box.bottom + 1))
    .map(([words]) => words);
})"""


def made(folder: Path, count: int) -> Project:
    """With so many labels, and short and long texts."""
    labels = tuple(f"label {n}" + (" of quite a long name" if n % 4 == 3 else "") for n in range(count))
    texts = {f"t{n:03}": f"Buyer {n}. {LONG * 20}" for n in range(0, 80, 3)} | {"s000": LONG * 560}
    filling = Filling(silver=80, train=80, validation=40, labels=labels, texts=texts)
    return make_reviewable(folder, filling)


def settled(page: Page, sign: str) -> None:
    expect(page.get_by_text(sign).first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_be_hidden(timeout=30_000)
    page.wait_for_function(AT_REST, polling=100, timeout=30_000)


def faults(page: Page, address: str) -> list[str]:
    """What is cut or overlaps on this page."""
    found = [*page.evaluate(FAULTS), *page.evaluate(IN_CHARTS)]
    if "Overview" in address:  # the whole table fits, its totals as well
        grid = page.locator(".dvn-scroller").first
        found += ["cut: counts"] * grid.evaluate("e => Number(e.scrollWidth > e.clientWidth + 1)")
    return found


@pytest.mark.parametrize(("labels", "first"), [(2, 0), (13, 1), (40, 2)])
def test_nothing_is_cut_and_nothing_overlaps(page: Page, server: Server, tmp_path: Path, labels: int, first: int):
    """Each page is opened in a window of one size, which is then given the others."""
    project = made(tmp_path / "project", labels)
    found = {}
    for address, sign in PAGES.items():
        joint = "&" if "?" in address else "?"
        for n, (width, height) in enumerate(SIZES[first:] + SIZES[:first]):
            page.set_viewport_size({"width": width, "height": height})
            if n == 0 and not turned_to(page, address):
                visit(page, f"{server.url}/{address}{joint}{urlencode({'project': str(project.folder)})}")
            settled(page, sign)
            found[address or "home", width] = faults(page, address)
    assert {where: wrong for where, wrong in found.items() if wrong} == {}
