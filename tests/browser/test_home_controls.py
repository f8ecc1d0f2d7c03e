"""Every control of Home, used once: what the page then says is what the rows in SQLite say."""

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from acting import button, eventually, jobs, settings_of_job
from opening import visit
from playwright.sync_api import Page, expect
from reviewing import Filling, make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project, open_project, settings_of
from inffeed_core.records import JobState
from inffeed_core.settings import AnalysisSettings, TrainSettings


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_language_is_always_chosen_and_goes_along(page: Page, server: Server):
    visit(page, server.url)
    page.get_by_role("button", name="New project").click()
    page.get_by_role("textbox", name="Name").fill("Language of a form")
    page.get_by_role("textbox", name="Labels").fill("no, yes")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**project=**")
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


def test_a_project_takes_its_labels_from_a_file(page: Page, server: Server, tmp_path: Path):
    file = tmp_path / "seed.csv"
    file.write_text("text,label\nsunny,warm\nsnow,cold\nfrost,cold\n", encoding="utf-8")
    visit(page, server.url)
    page.get_by_role("button", name="New project").click()
    page.get_by_role("textbox", name="Name").fill("Labels of a file")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("seed.csv")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**project=**")  # "Import a gold seed" stands at every new project of this server
    made = open_project(Path(query(page)["project"][0]))
    assert settings_of(made).labels == ("cold", "warm")
    with store.reading(made.db) as db:
        assert store.count_instances(db) == 0


def test_an_address_with_an_odd_language_or_view_opens_all_the_same(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "project", Filling(silver=4))
    for odd in ("language=None", "language=tlh", "view=None", "view=Texte"):
        visit(page, f"{server.url}/data?{urlencode({'project': str(project.folder)})}&{odd}")
        expect(page.get_by_text("Equal texts")).to_be_visible(timeout=30_000)
        checked = page.get_by_role("radio", checked=True)
        expect(checked).to_have_text("English", timeout=30_000)


def test_a_folder_opens_and_the_next_step_leads_where_it_says(page: Page, server: Server, tmp_path: Path):
    project = make_reviewable(tmp_path / "elsewhere", Filling(silver=4))
    visit(page, server.url)
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
    with store.reading(project.db) as db:
        splits = [one.split for one in store.instances(db)]
        decisions = db.execute("SELECT count(*) FROM decision").fetchone()[0]
    return len(splits) - splits.count("silver"), splits.count("silver"), decisions


def test_a_project_is_made_of_what_its_form_says(page: Page, server: Server):
    visit(page, server.url)
    button(page, "New project").click()
    page.get_by_role("textbox", name="Name").fill("Never made")
    page.keyboard.press("Escape")
    expect(page.get_by_role("textbox", name="Labels")).to_be_hidden()
    assert not (server.folder / "never-made").exists()
    button(page, "New project").click()
    fields = {"Name": "Form: of *a* shop", "Labels": "bad, fair , good", "Guidelines": "Judge it.\nBe <b>fair</b>."}
    page.get_by_role("textbox", name="Name").fill(fields["Name"])
    page.get_by_role("textbox", name="Labels").fill("bad")
    page.get_by_role("textbox", name="Encoder").fill("some/encoder")
    page.get_by_role("textbox", name="Guidelines for annotators").fill(fields["Guidelines"])
    button(page, "Create").click()
    expect(page.get_by_text("This did not work")).to_be_visible(timeout=30_000)  # one label is none to choose from
    page.get_by_role("textbox", name="Labels").fill(fields["Labels"])
    button(page, "Create").click()
    expect(page.get_by_text("The labels of this project: bad, fair, good.")).to_be_visible(timeout=30_000)
    made = settings_of(open_project(Path(query(page)["project"][0])))
    assert (made.name, made.labels) == (fields["Name"], ("bad", "fair", "good"))
    assert (made.model, made.guidelines) == ("some/encoder", fields["Guidelines"])


def test_the_sample_opens_trains_and_opens_again(page: Page, server: Server):
    visit(page, server.url)
    button(page, "Open the sample project").click()
    expect(button(page, "Cancel")).to_be_visible(timeout=90_000)
    sample = Project(server.folder / "sample")
    assert query(page)["project"] == [str(sample.folder)]
    for place, n in enumerate(stored(sample)):
        expect(page.get_by_test_id("stMetricValue").nth(place)).to_have_text(str(n))
    job = jobs(sample)[0]
    assert job.kind == "retrain"
    assert settings_of_job(sample, job) == {
        "train": TrainSettings().as_dict(),
        "analysis": AnalysisSettings().as_dict(),
    }
    page.get_by_text("Log", exact=True).click()
    expect(page.get_by_test_id("stCode").get_by_text("INFO", exact=False).first).to_be_visible(timeout=60_000)
    button(page, "Cancel").click()
    assert eventually(sample, lambda one: one.state.ended).state is JobState.CANCELLED
    expect(page.get_by_text("Training was cancelled")).to_be_visible(timeout=30_000)
    button(page, "Dismiss").click()
    expect(page.get_by_text("Training was cancelled")).to_be_hidden(timeout=30_000)
    before = stored(sample)
    button(page, "Open the sample project").click()  # what is there is opened, and trained as it has no model yet
    assert eventually(sample, lambda one: one.id != job.id).kind == "retrain"
    button(page, "Cancel").click()
    eventually(sample, lambda one: one.state.ended)
    assert stored(sample) == before


def test_a_project_is_renamed_archived_deleted_and_brought_back(page: Page, server: Server):
    project = make_reviewable(server.folder / "put-away", Filling(silver=4))
    visit(page, server.url)
    line = page.get_by_test_id("stLayoutWrapper").filter(has=page.get_by_text("put-away/")).last

    def more() -> None:
        line.get_by_role("button", name="More").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Archive")).to_be_visible(timeout=30_000)

    more()
    page.get_by_role("textbox", name="Name").fill("Shop *one*")
    button(page, "Rename").click()
    expect(page.get_by_text("Shop *one*").first).to_be_visible(timeout=30_000)
    assert settings_of(project).name == "Shop *one*"
    for act, away in (("Archive", ".archived"), ("Delete", ".deleted")):
        expect(page.get_by_role("dialog")).to_be_hidden(timeout=30_000)
        more()
        button(page, act).click()
        page.get_by_text("Archived and deleted (1)").click(timeout=30_000)
        expect(button(page, "Bring back")).to_be_visible(timeout=30_000)
        assert (server.folder / away / "put-away" / "project.db").is_file()
        assert not project.folder.exists()
        if act == "Archive":
            button(page, "Bring back").click()
            expect(page.get_by_text("Archived and deleted")).to_have_count(0, timeout=30_000)
            assert settings_of(project).name == "Shop *one*"
    button(page, "Remove").click()
    button(page, "Remove for good").click()
    expect(page.get_by_text("Archived and deleted")).to_have_count(0, timeout=30_000)
    assert list((server.folder / ".deleted").iterdir()) == []
