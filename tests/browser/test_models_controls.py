"""Every control of the Models page, and whether what the page says is what the database then holds."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from acting import (
    SECONDS,
    address,
    button,
    choose,
    click_box,
    done,
    eventually,
    jobs,
    number,
    put,
    settings_of_job,
    settled,
)
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.records import JobState, Split
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings


@pytest.fixture
def project(trained: Project) -> Project:
    return trained


def open_models(page: Page, server: Server, project: Project) -> None:
    visit(page, address(server, "models", project))
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)


def active(project: Project) -> str:
    with store.reading(project.db) as db:
        found = store.active_version(db)
    assert found is not None
    return found.id


def add_version(project: Project, promoted: bool = True) -> str:
    """One more version beside the last, as a retrain of equal labels would leave it."""
    with store.writing(project.db) as db:
        last = store.versions(db)[-1]
        id = f"v{len(store.versions(db)) + 1}"
        store.add_version(db, replace(last, id=id, parent=store.active_version(db).id))
        if promoted:
            store.promote(db, id, "test")
    shutil.copytree(project.models / last.id, project.models / id)
    return id


def redraw(page: Page) -> None:
    """Draw the page anew in the same session, as any control does."""
    page.get_by_role("radio", name="LoRA").click()
    settled(page)
    page.get_by_role("radio", name="Instant").click()
    settled(page)


def opened(page: Page, button: str, label: str = "Version") -> tuple[str, str]:
    """(what the select box in this popover shows, the words of the popover)."""
    page.get_by_role("button", name=button).click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_be_visible()
    shown = body.get_by_role("combobox").input_value()
    return shown, body.inner_text()


def test_after_three_retrains_what_is_exported_and_what_is_rolled_back_to_is_what_is_shown(
    server: Server, page: Page, project: Project
):
    open_models(page, server, project)
    for _ in range(3):
        add_version(project)
        redraw(page)
    shown, words = opened(page, "Export a version")
    assert (shown, "Export v4" in words) == ("v4", True)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    shown, words = opened(page, "Use another version")
    assert shown == "v3"
    assert "Roll back to v3" in words
    choose(page.get_by_test_id("stPopoverBody"), "", "v1")
    expect(page.get_by_role("button", name="Roll back to v1")).to_be_visible()
    page.get_by_role("button", name="Roll back to v1").click()
    expect(
        page.get_by_text("v1 (in use)").or_(page.get_by_test_id("stMetricValue").get_by_text("v1")).first
    ).to_be_visible()
    assert active(project) == "v1"


def open_settings(page: Page) -> None:
    page.get_by_text("Settings", exact=True).click()
    expect(number(page, "Tokens read per text")).to_be_visible()


def asked(project: Project, kind: str) -> dict[str, object]:
    """The settings of the latest job of this kind."""
    return settings_of_job(project, jobs(project, kind)[0])


def idle(page: Page) -> None:
    """Until the page has drawn the end of the last job, which would shut an open drop-down."""
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0, timeout=30 * SECONDS)
    settled(page)


def in_use(page: Page, id: str) -> None:
    expect(page.get_by_test_id("stMetric").filter(has_text="Version in use")).to_contain_text(id, timeout=30 * SECONDS)
    settled(page)


KEPT = AnalysisSettings(influencers=4, explained=50)
"""What the person below sets for the analysis."""


def choose_settings(page: Page) -> None:
    open_settings(page)
    choose(page, "Learn from unconfirmed silver labels", "As they are")
    page.get_by_role("slider", name="Weight of unconfirmed silver").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    settled(page)
    put(page, "Regularisation (L2)", "0.01")
    put(page, "Tokens read per text", "16")
    click_box(page, "Encode texts in int8")
    choose(page, "TF-IDF beside the encoder", "on")
    choose(page, "Influence through", "Whole model")
    click_box(page, "Refine the flags")
    choose(page, "Influence through", "Head")
    put(page, "Influencers kept on each side", "4")
    put(page, "Flags explained in advance", "50")


def go_away_and_come_back(page: Page) -> None:
    page.get_by_role("link", name="Data", exact=True).first.click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Models", exact=True).first.click()
    expect(page.get_by_text("Version in use")).to_be_visible()
    redraw(page)
    open_settings(page)
    assert number(page, "Tokens read per text").input_value() == "16"
    assert number(page, "Influencers kept on each side").input_value() == "4"
    expect(page.get_by_role("slider", name="Weight of unconfirmed silver")).to_have_value("0.8")


def retrain_as_chosen(page: Page, project: Project) -> None:
    button(page, "Retrain").click()
    made = done(project, "retrain")
    given = asked(project, "retrain")
    wanted = TrainSettings(recipe="plain", silver_weight=0.8, l2=0.01, max_tokens=16, precision="int8", tfidf="on")
    assert TrainSettings.from_dict(given["train"]) == wanted  # type: ignore[arg-type]
    assert AnalysisSettings.from_dict(given["analysis"]) == KEPT  # type: ignore[arg-type]
    assert made.result == {"version": "v2"}
    idle(page)
    in_use(page, active(project))


def use_another(page: Page, project: Project) -> None:
    before = active(project)
    shown, words = opened(page, "Use another version")
    assert f"{shown} becomes the version in use; {before} is kept." in words
    page.get_by_test_id("stPopoverBody").get_by_role("button").last.click()
    in_use(page, shown)
    assert (active(project), shown != before) == (shown, True)
    page.keyboard.press("Escape")


def export_v2(page: Page, project: Project) -> None:
    shown, words = opened(page, "Export a version")
    assert shown == active(project)
    choose(page.get_by_test_id("stPopoverBody"), "", "v2")
    page.get_by_role("button", name="Export v2").click()
    done(project, "export-model")
    assert asked(project, "export-model")["version"] == "v2"
    assert [folder.name for folder in project.exports.iterdir()] == ["v2"]
    assert (project.exports / "v2" / "tfidf" / "tfidf.json").is_file()
    idle(page)
    page.keyboard.press("Escape")
    settled(page)


def test_every_control_in_the_order_of_a_person(server: Server, page: Page, project: Project):
    open_models(page, server, project)
    choose_settings(page)
    go_away_and_come_back(page)
    retrain_as_chosen(page, project)
    use_another(page, project)
    export_v2(page, project)
    choose(page, "^Before", "v2")
    choose(page, "^After", "v1")
    expect(page.get_by_text("On test: macro-F1")).to_be_visible()
    expect(page.get_by_text("Validation also chose the flags")).to_be_visible()
    button(page, "Analyse again").click()
    done(project, "analyse")
    assert AnalysisSettings.from_dict(asked(project, "analyse")["analysis"]) == KEPT  # type: ignore[arg-type]


def set_up_a_fine_tuning(page: Page) -> None:
    """Of another method first: what both of them have is kept."""
    page.get_by_role("radio", name="Fine-tune with LoRA").click()
    settled(page)
    open_settings(page)
    put(page, "Maximum epochs", "100")
    page.get_by_role("radio", name="Fine-tune", exact=True).click()
    settled(page)
    assert number(page, "Maximum epochs").input_value() == "100"
    put(page, "Texts per batch", "4")
    put(page, "Learning rate", "0.000001")
    click_box(page, "Balance the classes")
    put(page, "Tokens read per text", "32")


def test_every_control_in_an_order_that_nobody_would_choose(server: Server, page: Page, project: Project):
    add_version(project)
    open_models(page, server, project)
    shown, _ = opened(page, "Export a version")
    assert shown == "v2"
    page.keyboard.press("Escape")
    choose(page, "^After", "v1")  # the same on both sides
    expect(page.get_by_text("No significant change: macro-F1 moved by +0.000")).to_be_visible()
    set_up_a_fine_tuning(page)
    button(page, "Measure the time").click()
    done(project, "probe")
    expect(page.get_by_text(re.compile("^(?:.*)by a measurement"))).to_be_visible(timeout=30 * SECONDS)
    settled(page)
    button(page, "Retrain").dblclick()
    eventually(project, lambda job: job.stage == "Fine-tuning" and job.done > 1, "retrain")
    expect(button(page, "Retrain")).to_be_disabled()
    expect(page.get_by_text("Wait for it, or cancel it above")).to_be_visible()
    given = TrainSettings.from_dict(asked(project, "retrain")["train"])  # type: ignore[arg-type]
    tuned = FineTuneSettings(epochs=100, batch_size=4, learning_rate=1e-6, class_weights=True)
    assert given == TrainSettings(method="fine-tune", max_tokens=32, fine_tune=tuned)
    shown, words = opened(page, "Use another version")  # while it runs
    assert (shown, "Roll back to v1" in words) == ("v1", True)
    page.get_by_role("button", name="Roll back to v1").click()
    in_use(page, "v1")
    assert active(project) == "v1"
    page.keyboard.press("Escape")
    button(page, "Cancel").click()
    assert eventually(project, lambda job: job.state.ended, "retrain").state is JobState.CANCELLED
    expect(page.get_by_text("Training was cancelled")).to_be_visible(timeout=20 * SECONDS)
    expect(button(page, "Retrain")).to_be_enabled()
    button(page, "Dismiss").click()
    settled(page)
    with store.reading(project.db) as db:
        assert [one.id for one in store.versions(db)] == ["v1", "v2"]
    shown, words = opened(page, "Use another version")
    assert (shown, "Promote v2" in words, active(project)) == ("v2", True, "v1")


def cell(project: Project, gold: str, predicted: str) -> set[str]:
    """Ids of the validation texts of this gold label that the analysis in use has predicted so."""
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        assert analysis is not None
        texts = {one.id for one in store.instances(db, [Split.VALIDATION]) if one.label == gold}
        return {row.instance for row in store.scored(db, analysis.id, list(texts)) if row.predicted == predicted}


def test_a_cell_of_the_confusions_is_clicked_and_queued_and_a_report_is_saved(
    server: Server, page: Page, project: Project
):
    add_version(project, promoted=False)
    open_models(page, server, project)
    page.get_by_role("button", name="Report", exact=True).click()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download the report of v2").click()
    assert saving.value.suggested_filename == "retrain-v2.html"
    html = saving.value.path().read_text(encoding="utf-8")
    assert "v1" in html
    assert "v2" in html
    page.keyboard.press("Escape")
    plot = page.get_by_test_id("stPlotlyChart").filter(has=page.locator(".heatmaplayer"))
    grid = plot.locator(".nsewdrag").first
    box = grid.bounding_box()
    assert box is not None
    grid.click(position={"x": box["width"] / 4, "y": box["height"] / 4}, force=True)
    gold, predicted = (page.get_by_role("combobox", name=name) for name in ("Gold label of a cell", "Prediction of"))
    expect(gold).not_to_have_value("")
    settled(page)
    texts = cell(project, gold.input_value(), predicted.input_value())
    if not texts:  # then the other cell of its row holds some
        expect(page.get_by_text("No text lies in this cell.")).to_be_visible()
        other = next(label for label in ("negative", "positive") if label != predicted.input_value())
        choose(page, "^Prediction of", other)
        texts = cell(project, gold.input_value(), other)
    page.get_by_role("button", name=re.compile(r"^Review (these \d+ texts|this text)")).click()
    expect(page).to_have_url(re.compile("/review?.*chosen="))
    with store.reading(project.db) as db:
        [kept] = [json.loads(row["ids"]) for row in db.query("SELECT ids FROM selection")]
    assert set(kept) == texts
