"""The button that backs up, while somebody writes; and Home beside projects that cannot be opened."""

import subprocess
import sys
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from reviewing import make_reviewable
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project, open_project
from inffeed_core.records import Act, Decision
from inffeed_core.settings import ProjectSettings

WRITING = """
import sys, time
from pathlib import Path
from inffeed_core.records import Act, Decision
from inffeed_core.store import record_decision, writing

for n in range(100_000):
    with writing(Path(sys.argv[1])) as db:
        record_decision(db, Decision(f"w{n}", f"s{n % 40:03}", "Writer", Act.SKIP))
    time.sleep(0.01)
"""


@pytest.fixture
def project(mortal_server: Server) -> Project:
    return make_reviewable(mortal_server.folder / "reviews")


def test_a_backup_is_made_by_the_button_while_others_write(mortal_server: Server, page: Page, project: Project) -> None:
    with store.writing(project.db) as db:
        store.record_decision(db, Decision("mine", "s001", "Ana", Act.RELABEL, "positive"))
    writer = subprocess.Popen([sys.executable, "-c", WRITING, str(project.db)])
    try:
        page.goto(f"{mortal_server.url}/data?{urlencode({'project': str(project.folder), 'view': 'Export'})}")
        expect(page.get_by_text("copying the folder yourself may produce a damaged copy")).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="Make a backup").click()
        told = page.get_by_text("The copy was checked and is complete.")
        expect(told).to_be_visible(timeout=30_000)
        first = told.inner_text()
        page.get_by_role("button", name="Make a backup").click()
        expect(told).not_to_have_text(first, timeout=30_000)
        second = told.inner_text()
    finally:
        writer.kill()
        writer.wait()
    copies = sorted((mortal_server.folder / "backups").iterdir())
    assert len(copies) == 2
    assert [copy.name in said for copy, said in zip(copies, (first, second), strict=True)] == [True, True]
    assert all((copy / "project.db").is_file() for copy in copies)
    with store.reading(open_project(copies[-1]).db) as db:
        assert store.answers(db, ["s001"])["s001"][0].token in ("mine", "w1")
        assert store.count_instances(db) == 60
    with store.reading(project.db) as db:
        assert store.count_instances(db) == 60


def test_home_lists_every_project_beside_a_damaged_one(mortal_server: Server, page: Page, project: Project) -> None:
    home = mortal_server.folder
    create_project(home / "a first", ProjectSettings("The first", ("a", "b")))
    bad = create_project(home / "m bad", ProjectSettings("The bad one", ("a", "b")))
    create_project(home / "z last", ProjectSettings("The last", ("a", "b")))
    (home / "n link").symlink_to(home / "gone")
    with bad.db.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (bad.db.stat().st_size - 4096))
    for language, said, headline in (
        ("en", "is damaged", "The project cannot be opened"),
        ("zh", "已损坏", "无法打开该项目"),
    ):
        page.goto(f"{mortal_server.url}/?language={language}")
        for name in ("The first", "The last", "Reviews"):
            expect(page.get_by_text(name, exact=False).first).to_be_visible(timeout=30_000)
        expect(page.get_by_text(said).first).to_be_visible()
        expect(page.get_by_text(headline).first).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0
    with store.reading(project.db) as db:
        assert store.open_jobs(db) == []


def test_the_open_project_is_damaged_and_home_still_offers_the_others(
    mortal_server: Server, page: Page, project: Project
) -> None:
    create_project(mortal_server.folder / "other", ProjectSettings("The other", ("a", "b")))
    page.goto(f"{mortal_server.url}/?{urlencode({'project': str(project.folder)})}")
    expect(page.get_by_text("Reviews").first).to_be_visible(timeout=30_000)
    project.db.write_bytes(b"overwritten by something else" * 1000)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.get_by_text("The other")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("not a SQLite database").first).to_be_visible()
    page.get_by_role("button", name="Import data").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The other").first).to_be_visible()
