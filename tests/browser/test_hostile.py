"""Whatever a text, a label, a name or a note holds, every page only shows it.

`Watch` fails these tests as well where anything is asked of another machine or an error reaches the console.
"""

from urllib.parse import urlencode

import pytest
from acting import settled
from addresses import every_page, turned_to
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import feedback, store
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Example, Interval, Metrics, ModelVersion, Split
from inffeed_core.settings import FeedbackSettings

EVIL = "http://evil.example"
MARKUP = (
    f'<img src="{EVIL}/x.png" onerror="window.hacked=1"><script>window.hacked=1</script><style>*{{color:red}}</style> '
    f"**bold** _slanted_ `code` [link]({EVIL}) ![picture]({EVIL}/y.png) $x^2$ :material/bug_report: :red[red] "
)
ARABIC = "\u0627\u0644\u0645\u0646\u062a\u062c \u0631\u0627\u0626\u0639 \u062c\u062f\u0627."
TEXT = f"{MARKUP}\u202eright to left\u202c \u2066{ARABIC}\u2069 \U0001f469\u200d\U0001f680 {{label}} %s \x00 \ufeff"
ADDRESSES = f"{EVIL} www.evil.example eve@evil.example :dog: a->b"
NAME = f"<b>Eve</b> **bold** [x]({EVIL}) %{{x}} {ADDRESSES}"
LABELS = (f"<b>no</b> **n** [n]({EVIL}) %{{x}} {ADDRESSES}", "yes & :red[y] </extra>=1+1 {count} %s")
TRACES = (
    f'[src^="{EVIL}"]',
    ':text("\N{DOG FACE}")',
    ':text("\N{RIGHTWARDS ARROW}b")',
    "[onerror]",
    ".katex",
    "strong:has-text('bold')",
    "em:has-text('slanted')",
)
VIEWS = every_page(
    {
        "": "Macro-F1",
        "data": "Equal texts",
        "data?view=Import": "The labels of this project",
        "data?view=Texts": "texts. Select a row",
        "data?view=Export": "Contents",
        "review": "",
        "review?view=discussion": "right to left",
        "explore": "Imported label",
        "explore?explore_view=Map": "main directions",
        "explore?explore_view=Rankings": "Imported label",
        "explore?explore_view=Decisions": "Imported label",
        "models": "Versions",
        "feedback": "Changes by feedback",
    }
)


@pytest.fixture
def hostile(tmp_path) -> Project:
    texts = {"s000": TEXT + "x" * 50_000, "s001": TEXT, "t000": TEXT, "t001": TEXT, "v000": TEXT}
    filling = Filling(silver=12, train=5, validation=3, labels=LABELS, texts=texts, guidelines=TEXT)
    project = make_reviewable(tmp_path / "hostile", filling)
    change_settings(project, name=NAME, warning=TEXT)
    with store.writing(project.db) as db:
        about = {"source": NAME, "metadata": {MARKUP: MARKUP}}
        store.add_examples(db, [Example(id, TEXT, LABELS[0], Split.SILVER, **about) for id in ("<i>id</i>", "=1+1")])
        store.record_decision(db, Decision("n", "s002", NAME, Act.FLAG, note=TEXT))
        at, made = store.last_decision_row(db), FeedbackSettings(method="influence-vote").as_dict()
        proposed = [("t002", LABELS[0], LABELS[1], 0.5), ("s003", LABELS[1], None, 0.4)]
        voters = {id: [("t001", LABELS[1], -0.02, LABELS[0], -0.02)] for id, *_ in proposed}
        proposals = store.add_proposals(db, "v1", at, made, proposed, voters)
        interval = Interval(0.5, 0.4, 0.6)
        scores = Metrics(3, interval, dict.fromkeys(LABELS, interval), 0.5, 0.7)
        for id, parent in (("v2", "v1"), ("v3", "v2")):
            store.add_version(db, ModelVersion(id, parent, "", NAME, "", "", 0, {}, 0, {"gold": 5}, scores, scores))
    feedback.apply(project, proposals, ["t002"], NAME, "act")
    return project


def inert(page: Page) -> list[str]:
    """What the markup left on the page. Links of the app may carry the name; none may lead elsewhere."""
    left = [trace for trace in TRACES if page.locator(trace).count()]
    links = page.locator('[href*="evil.example"]').evaluate_all(
        "(all) => all.map((one) => new URL(one.href, location)).filter((to) => to.host !== location.host).map(String)"
    )
    return left + links + (["a script ran"] if page.evaluate("window.hacked") is not None else [])


def test_every_page_shows_hostile_content_as_it_is(page: Page, server: Server, hostile: Project):
    found = {}
    for address, sign in VIEWS.items():
        query = urlencode({"project": str(hostile.folder), "annotator": NAME, "id": "s000"})
        if not turned_to(page, address):
            visit(page, f"{server.url}/{address}{'&' if '?' in address else '?'}{query}")
        if address == "review":
            page.get_by_role("button", name="Show the texts").click(timeout=60_000)
            page.keyboard.press("g")
            expect(page.locator(".room .guide .prose")).to_have_text(TEXT.strip(), use_inner_text=False)
        else:
            expect(page.get_by_text(sign).first).to_be_visible(timeout=60_000)
        expect(page.locator('[data-testid="stStatusWidget"]')).to_be_hidden(timeout=30_000)
        if traces := inert(page):
            found[address] = traces
    assert found == {}


def address(server: Server, view: str, project: Project, annotator: str = NAME) -> str:
    query = urlencode({"project": str(project.folder), "annotator": annotator, "id": "s001"})
    return f"{server.url}/{view}{'&' if '?' in view else '?'}{query}"


def shown(text: str) -> str:
    """Without the joiners that keep signs apart."""
    return " ".join(text.replace("\u2060", "").split())


def test_names_in_labels_and_tooltips_of_widgets_are_words(page: Page, server: Server, hostile: Project):
    change_settings(hostile, warning="")
    visit(page, address(server, "review", hostile))
    expect(page.locator(".room .flagged .text")).to_be_visible(timeout=60_000)
    person = page.locator('[data-testid="stPopover"] button', has_text="Eve")
    assert NAME in shown(person.inner_text())
    page.get_by_role("button", name="Filter").click()
    for choice in ("Sources", "Metadata"):
        settled(page)  # a redraw shuts an open drop-down
        page.get_by_role("combobox", name=choice).click()
        expect(page.get_by_role("option").first).to_be_visible()
        assert inert(page) == []
        page.keyboard.press("Escape")
    visit(page, address(server, "feedback", hostile, "Ada"))
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible(timeout=60_000)
    undo.locator("xpath=ancestor::*[@data-testid='stTooltipHoverTarget'][1]").hover(force=True)
    tooltip = page.locator('[data-testid="stTooltipContent"]')
    expect(tooltip).to_be_visible()
    assert shown(tooltip.inner_text()) == f"Only {NAME} can undo it."
    page.get_by_text("Why", exact=True).first.click()
    expect(page.locator('[data-testid="stDataFrame"]').first).to_be_visible(timeout=30_000)
    assert inert(page) == []


def test_what_charts_say_on_pointing_is_what_stands_in_the_texts(page: Page, server: Server, hostile: Project):
    for view, part, said in (
        ("data", ".barlayer .point", LABELS),
        ("explore", ".barlayer .point", LABELS),
        ("explore?explore_view=Map", ".scatterlayer .point", LABELS),
        ("models", ".heatmaplayer, .scatterlayer .point", ()),
    ):
        visit(page, address(server, view, hostile))
        point = page.locator(f".js-plotly-plot {part}").first
        expect(point).to_be_visible(timeout=60_000)
        point.hover(force=True)
        page.wait_for_timeout(500)
        box = shown(page.locator(".hoverlayer").first.text_content() or "")
        assert not said or any(shown(label)[:9] in box for label in said), (view, box)
        assert inert(page) == [], view
        assert not page.locator(".js-plotly-plot a").count(), view


def test_a_text_of_fifty_thousand_characters_scrolls_inside_the_card(page: Page, server: Server, hostile: Project):
    change_settings(hostile, warning="")
    visit(page, f"{server.url}/review?{urlencode({'project': str(hostile.folder), 'annotator': 'Ada'})}")
    text = page.locator(".room .flagged .text")
    expect(text).to_be_visible(timeout=60_000)
    expect(page.locator(".room .act", has_text="Unsure")).to_be_in_viewport()
    page.wait_for_timeout(500)
    assert text.evaluate("node => node.scrollHeight > 2 * node.clientHeight")


def test_right_to_left_texts_start_at_the_right(page: Page, server: Server, tmp_path):
    texts = {"s000": ARABIC, **{f"t{n:03}": ARABIC for n in range(12)}}
    project = make_reviewable(tmp_path / "rtl", Filling(silver=4, texts=texts))
    visit(page, f"{server.url}/review?{urlencode({'project': str(project.folder), 'annotator': 'Ada'})}")
    for part in (".flagged .text", ".row-text"):
        shown = page.locator(f".room {part}", has_text=ARABIC).first
        expect(shown).to_be_visible(timeout=60_000)
        assert shown.evaluate("node => getComputedStyle(node).direction") == "rtl"
