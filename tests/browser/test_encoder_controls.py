"""Another encoder, its own labels, and long texts read whole: as chosen on Models, as the job is told, as stored."""

from pathlib import Path

from acting import SECONDS, address, button, choose, click_box, done, settings_of_job, settled
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.settings import TrainSettings


def test_a_classifiers_own_labels_are_named_and_long_texts_read_whole(
    server: Server, page: Page, trained: Project, tmp_path: Path
):
    names = {"id2label": {0: "angry", 1: "glad"}, "label2id": {"angry": 0, "glad": 1}}
    model = str(save_model(tmp_path / "classifier", "BertForSequenceClassification", **names))
    visit(page, address(server, "models", trained))
    expect(page.get_by_text("Version in use")).to_be_visible(timeout=60 * SECONDS)
    page.get_by_text("Settings", exact=True).click()
    encoder = page.get_by_label("Encoder", exact=True)
    encoder.fill(model)
    encoder.press("Enter")
    settled(page)
    expect(page.get_by_text("This model is a classifier.")).to_be_visible()
    for label, own in (("negative", "glad"), ("positive", "angry")):  # the other way round than by their order
        choose(page, f"{own}$", label)
    click_box(page, "Read long texts whole, in windows")
    button(page, "Retrain").click()
    told = settings_of_job(trained, done(trained, "retrain"))
    assert TrainSettings.from_dict(told["train"]).windows  # type: ignore[arg-type]
    assert (told["model"], told["model_labels"]) == (model, {"angry": "positive", "glad": "negative"})
    with store.reading(trained.db) as db:
        newest = store.versions(db)[-1]
    assert (newest.id, newest.encoder) == ("v2", model)
