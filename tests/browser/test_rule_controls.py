"""The control of the decision rule on the Models page, and whether what it shows is what the database holds."""

import pytest
from acting import SECONDS, address, settled
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import ModelVersion


@pytest.fixture
def project(trained: Project) -> Project:
    return trained


def stored(project: Project) -> ModelVersion:
    with store.reading(project.db) as db:
        return store.version(db, "v1")


def test_another_rule_is_used_without_training_and_the_figures_follow(server: Server, page: Page, project: Project):
    visit(page, address(server, "models", project))
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)
    before = stored(project)
    page.get_by_role("button", name="Decision rule").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_contain_text("macro-F1 was chosen by training")
    expect(body.get_by_role("button", name="Use ")).to_have_count(0)
    body.get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="argmax", exact=True).click()
    settled(page)
    body.get_by_role("button", name="Use argmax for v1").click()
    expect(page.get_by_text("argmax was chosen by models-page")).to_be_visible(timeout=30 * SECONDS)
    settled(page)
    after = stored(project)
    assert (before.rule, after.rule) == ("macro-f1", "argmax")
    assert after.validation == store.rules_of(before)["argmax"].validation
    assert after.validation.loss != before.validation.loss
    with store.reading(project.db) as db:
        assert [(one.rule, one.by) for one in store.rule_choices(db, "v1")][0] == ("argmax", "models-page")
        assert [one.id for one in store.versions(db)] == ["v1"]
