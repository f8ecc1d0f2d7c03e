"""Influence through the training from the first fine-tuning to what came of a correction: page, cards and database."""

import re
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, done, put, settled
from opening import visit
from playwright.sync_api import Page, expect
from quiet import quiet
from rooms import decisions, enter, saved, shown
from serving import Server
from small import active, make_small

from inffeed_core import store
from inffeed_core.flags.carrying import carried
from inffeed_core.flags.reasons import ENGLISH, standing
from inffeed_core.learning.foretold_said import foretold_of
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project, change_settings, settings_of
from inffeed_core.records import Act, Analysis
from inffeed_core.review.items import item
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

GENTLE = FineTuneSettings(epochs=6, learning_rate=3e-4, batch_size=32, patience=100)
TUNED = TrainSettings(method="fine-tune", fine_tune=GENTLE, max_tokens=32, recipe="plain", rule="argmax")
FEW = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)


@pytest.fixture
def project(tmp_path: Path, base: Path) -> Project:
    """A small project on a tiny encoder, with a fine-tuned version in use."""
    made = make_small(tmp_path / "project")
    change_settings(made, model=str(base))
    train(made, TUNED, quiet, FEW)
    return made


def in_use(project: Project) -> Analysis:
    with store.reading(project.db) as db:
        found = store.analysis_in_use(db)
    assert found is not None
    return found


def analyse_through_the_training(page: Page, project: Project) -> None:
    """With four trainings that check it, after their cost was told."""
    page.get_by_text("Settings", exact=True).click()
    page.get_by_role("radio", name="Fine-tune", exact=True).click()
    settled(page)
    choose(page, "^Influence through", "The training")
    put(page, "Trainings to check it by", "4")
    expect(page.get_by_text("Influence through the training of the active version takes about")).to_be_visible()
    button(page, "Analyse again").click()
    done(project, "analyse")
    with store.reading(project.db) as db:
        (known,) = carried(db, in_use(project))
    assert known.groups == 4
    expect(page.get_by_text(" ".join(known.sentences))).to_be_visible(timeout=30 * SECONDS)


def correct_the_first(page: Page, server: Server, project: Project) -> None:
    """The card of the largest gain says what the next fine-tuning should bring; then a key gives it that label."""
    with store.reading(project.db) as db:
        rows = [one for one in store.scored(db, in_use(project).id) if one.suggested not in (None, one.label)]
    first = max(rows, key=lambda one: one.relabel_gain or 0.0)
    flag = item(project, first.instance).flag
    foretold = standing(flag)
    assert foretold.code in ("next-retrain", "next-retrain-rank")
    enter(page, server, project, text=first.instance)
    assert shown(page) == first.instance
    page.keyboard.press("i")  # numbers stand behind Details
    expect(page.locator(".room").get_by_text(ENGLISH[foretold.code].format(**foretold.values))).to_be_visible(
        timeout=30 * SECONDS
    )
    assert first.suggested is not None
    page.keyboard.press(str(settings_of(project).labels.index(first.suggested) + 1))
    saved(page)
    assert [(one.instance_id, one.act, one.label) for one in decisions(project)] == [
        (first.instance, Act.RELABEL, first.suggested)
    ]


def test_a_correction_is_foretold_and_comes(server: Server, page: Page, project: Project):
    visit(page, address(server, "models", project))
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)
    analyse_through_the_training(page, project)
    visit(page, address(server, "explore", project, id="validation-1"))
    expect(page.get_by_text("These influencers are the head’s")).to_be_visible(timeout=60 * SECONDS)
    expect(page.get_by_text(re.compile("^Through the training this takes about"))).to_be_visible()
    button(page, "Find influencers through the training").click()
    done(project, "explain")
    expect(page.get_by_text("These influencers come through the training")).to_be_visible(timeout=30 * SECONDS)
    with store.reading(project.db) as db:
        assert store.is_solved(db, in_use(project).id, "validation-1")
    correct_the_first(page, server, project)
    train(project, TUNED, quiet, FEW)
    with store.reading(project.db) as db:
        made = store.versions(db)[-1]
    found = foretold_of(made)
    assert (made.id, made.parent, active(project).id in ("v1", "v2")) == ("v2", "v1", True)
    assert found is not None
    visit(page, address(server, "models", project))
    expect(page.get_by_role("heading", name="Foretold and come")).to_be_visible(timeout=60 * SECONDS)
    expect(page.get_by_text(str(found.sentence))).to_be_visible()
    chart = page.get_by_test_id("stPlotlyChart").filter(has_text="Change of the validation loss, nats")
    expect(chart.get_by_text("all validation texts")).to_be_visible(timeout=30 * SECONDS)
