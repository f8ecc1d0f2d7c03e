"""Every control of Home, used once: what the page then says is what the rows in SQLite say."""

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core.project.folder import Project, settings_of


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_language_is_always_chosen_and_goes_along(page: Page, server: Server):
    page.goto(server.url)
    page.get_by_role("button", name="New project").click()
    page.get_by_role("textbox", name="Name").fill("Language of a form")
    page.get_by_role("textbox", name="Labels").fill("no, yes")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Import a gold seed")).to_be_visible(timeout=30_000)
    languages = page.get_by_role("radio")
    expect(languages.filter(has_text="English")).to_have_attribute("aria-checked", "true", timeout=30_000)
    assert "language" not in query(page)
    page.get_by_text("中文").click()
    expect(page.get_by_text("导入金标签种子", exact=False).first).to_be_visible(timeout=30_000)
    page.get_by_text("中文").click()  # what is chosen cannot be taken away
    page.wait_for_timeout(1000)
    expect(languages.filter(has_text="中文")).to_have_attribute("aria-checked", "true")
    page.get_by_role("link", name="模型").click()
    expect(page.get_by_role("heading", name="模型")).to_be_visible(timeout=30_000)
    page.wait_for_url("**language=zh**")
    page.reload()
    expect(page.get_by_role("heading", name="模型")).to_be_visible(timeout=30_000)
    page.get_by_text("English").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible(timeout=30_000)


def test_an_address_with_an_odd_language_or_view_opens_all_the_same(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "project", Filling(silver=4))
    for odd in ("language=None", "language=tlh", "view=None", "view=Texte"):
        page.goto(f"{server.url}/data?{urlencode({'project': str(project.folder)})}&{odd}")
        expect(page.get_by_text("Equal texts")).to_be_visible(timeout=30_000)
        checked = page.get_by_role("radio", checked=True)
        expect(checked).to_have_text("English", timeout=30_000)


def test_a_folder_opens_and_the_next_step_leads_where_it_says(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "elsewhere", Filling(silver=4))
    page.goto(server.url)
    page.get_by_text("Open a folder").click()
    page.get_by_role("textbox", name="Folder").fill(str(tmp_path / "nothing"))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text("This did not work")).to_be_visible(timeout=30_000)
    page.get_by_role("textbox", name="Folder").fill(str(project.folder))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open", exact=True).click()
    card = page.locator('[data-testid="stMain"]')
    expect(card.get_by_text(settings_of(project).name, exact=True).first).to_be_visible(timeout=30_000)
    assert query(page)["project"] == [str(project.folder)]
    counts = page.locator('[data-testid="stMetricValue"]')
    for place, n in enumerate(stored(project)):
        expect(counts.nth(place)).to_have_text(str(n), timeout=30_000)
    page.get_by_role("button", name="Retrain").first.click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible(timeout=30_000)


def stored(project: Project) -> tuple[int, int, int]:
    """(gold, silver, decisions)."""
    from inffeed_core import store

    with store.reading(project.db) as db:
        splits = [one.split for one in store.instances(db)]
        decisions = db.execute("SELECT count(*) FROM decision").fetchone()[0]
    return len(splits) - splits.count("silver"), splits.count("silver"), decisions
