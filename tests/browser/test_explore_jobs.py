"""Explore's controls that need a model or several analyses: what the page then says is what the rows in SQLite say."""

import re
import shutil
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, done, eventually, put, settings_of_job, settled
from opening import visit
from playwright.sync_api import Locator, Page, expect
from serving import Server

from inffeed_core import store
from inffeed_core.analysis.agreement import agreement
from inffeed_core.analysis.analysing import analyse
from inffeed_core.project.folder import Project
from inffeed_core.records import Analysis, JobState
from inffeed_core.settings import AnalysisSettings

LAST_BLOCK = AnalysisSettings(scope="last-block", influencers=2, harmed=1, folds=2, neighbours=3)


@pytest.fixture(scope="module")
def analysed_twice(analysed_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(shutil.copytree(analysed_once.folder, tmp_path_factory.mktemp("twice") / "project"))
    analyse(project, LAST_BLOCK, lambda *_: None)
    return project


@pytest.fixture
def project(tmp_path: Path, analysed_twice: Project) -> Project:
    """Analysis 1 went through the head, 2 through the last block."""
    return Project(shutil.copytree(analysed_twice.folder, tmp_path / "project"))


def loss(project: Project, analysis: int, id: str) -> str:
    with store.reading(project.db) as db:
        sql = "SELECT loss FROM score WHERE analysis = ? AND instance = ?"
        return f"{db.execute(sql, [analysis, id]).fetchone()[0]:.3f}"


def influences(project: Project, analysis: int, id: str) -> dict[str, float]:
    """Of its influencers."""
    with store.reading(project.db) as db:
        sql = "SELECT instance, influence FROM influencer WHERE analysis = ? AND target = ? AND side != 'harmed'"
        return {row[0]: row[1] for row in db.execute(sql, [analysis, id])}


def bars(page: Page) -> Locator:
    return page.locator(".main-svg .barlayer .point")


def portrayed(page: Page, project: Project, analysis: int, id: str) -> None:
    """The loss, and the bars with their numbers, are those of this analysis."""
    expect(page.get_by_text(loss(project, analysis, id), exact=True)).to_be_visible(timeout=60 * SECONDS)
    found = influences(project, analysis, id)
    expect(bars(page)).to_have_count(len(found), timeout=30 * SECONDS)
    for value in (max(found.values()), min(found.values())):
        expect(page.locator(".main-svg text", has_text=f"{abs(value):.2g}").first).to_be_visible()


def test_the_analysis_that_is_chosen_is_shown_and_another_beside_it(server: Server, page: Page, project: Project):
    visit(page, address(server, "explore", project, id="silver-3"))
    portrayed(page, project, 2, "silver-3")
    choose(page, "^Analysis", re.compile("^1 · v1 · Head"))
    portrayed(page, project, 1, "silver-3")
    choose(page, "^Compare with", re.compile("^2 · v1 · Last block"))
    expect(page.get_by_text(agreement(project, *both(project)).sentence)).to_be_visible(timeout=30 * SECONDS)
    names = page.get_by_role("heading").filter(has_text=re.compile("^[12] · v1"))
    expect(names).to_have_count(2)
    assert [name[0] for name in names.all_inner_texts()] == ["1", "2"]
    count = len(influences(project, 1, "silver-3")) + len(influences(project, 2, "silver-3"))
    expect(bars(page)).to_have_count(count, timeout=30 * SECONDS)
    choose(page, "^Analysis", re.compile("^2 · v1"))  # what stood beside it; it is not offered for both
    portrayed(page, project, 2, "silver-3")
    expect(names).to_have_count(0)
    expect(page.get_by_role("combobox", name=re.compile("^Compare with"))).to_have_value("")


def both(project: Project) -> list[Analysis]:
    with store.reading(project.db) as db:
        return sorted(store.analyses(db), key=lambda one: one.id)


def test_influencers_are_computed_and_solved_exactly_on_request(server: Server, page: Page, project: Project):
    visit(page, address(server, "explore", project, id="test-1"))
    expect(page.get_by_text("have not been computed")).to_be_visible(timeout=60 * SECONDS)
    assert influences(project, 2, "test-1") == {}
    button(page, "Compute influencers").click()
    job = done(project, "explain")
    assert settings_of_job(project, job) == {"ids": ["test-1"]}
    portrayed(page, project, 2, "test-1")
    settled(page)
    button(page, "Solve exactly").click()
    job = eventually(project, lambda one: one.state.ended and one.id != job.id, "explain")
    assert (job.state, job.error) == (JobState.DONE, "")
    assert settings_of_job(project, job) == {"ids": ["test-1"], "exact": True}
    portrayed(page, project, 2, "test-1")


def test_so_many_refits_as_were_asked_for_are_made(server: Server, page: Page, trained: Project):
    visit(page, address(server, "explore", trained, explore_view="Rankings"))
    expect(page.get_by_text("Do the scores come true?")).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    for number in ("5", "4"):
        put(page, "Texts", number)
    button(page, "Check by refitting").click()
    job = done(trained, "verify")
    assert settings_of_job(trained, job) == {"refits": 4}
    counted = [len(refits) for refits in (job.result["removal"], job.result["relabelling"])]  # type: ignore[arg-type]
    assert sum(counted) in (4, 8)
    expect(button(page, "Check again")).to_be_visible(timeout=30 * SECONDS)
    for count in filter(None, counted):
        expect(page.get_by_text(re.compile(rf"\b{count} ")).first).to_be_visible()
