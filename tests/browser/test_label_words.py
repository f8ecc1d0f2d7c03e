"""What the Label page tells a model, and what a classifier labels: as chosen, as the job is told, as stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from acting import SECONDS, address, button, choose, done, drop_last, settings_of_job, settled
from labelling.endpoint_server import Server as Endpoint
from labelling.endpoint_server import serving as answering
from opening import visit
from playwright.sync_api import Page, expect
from serving import Server
from small import LABELS
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.labelling.settings import LabelSettings, Means
from inffeed_core.project.folder import Project
from inffeed_core.records import Split


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with answering() as state:
        yield state


def opened(page: Page, server: Server, project: Project, means: str) -> None:
    visit(page, address(server, "label", project))
    expect(page.get_by_text("Makes silver labels")).to_be_visible(timeout=60 * SECONDS)
    page.get_by_role("radio", name=means, exact=True).click()
    settled(page)


def write(page: Page, field: str, value: str) -> None:
    page.get_by_label(field, exact=True).last.fill(value)
    page.keyboard.press("Enter")
    settled(page)


def more(page: Page) -> None:
    page.get_by_text("Settings", exact=True).click()
    expect(page.get_by_label("Name of the source", exact=True)).to_be_visible()


def labelled(page: Page, project: Project) -> LabelSettings:
    """Start it; what the job was told, once it is done."""
    button(page, "Label").click()
    job = done(project, "label")
    expect(button(page, "Cancel")).to_have_count(0, timeout=30 * SECONDS)
    settled(page)
    return LabelSettings.from_dict(settings_of_job(project, job)["label"])  # type: ignore[arg-type]


def test_the_prompt_is_the_message_that_is_shown(server: Server, page: Page, trained: Project, endpoint: Endpoint):
    opened(page, server, trained, "Language model")
    write(page, "Address (URL)", endpoint.url)
    write(page, "Model", "m")
    more(page)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("The labels: {labels} The text: {text}")
    prompt.press("Control+Enter")
    settled(page)
    page.get_by_text("First message", exact=True).click()
    message = page.get_by_test_id("stCode").last
    expect(message).to_contain_text("The text: ")
    assert endpoint.asked == []


@pytest.mark.parametrize(("means", "own"), [("classifier", LABELS), ("zero-shot", ("entailment", "contradiction"))])
def test_a_classifier_labels_the_splits_that_are_chosen(
    server: Server, page: Page, trained: Project, tmp_path: Path, means: Means, own: tuple[str, str]
):
    names = {"id2label": dict(enumerate(own)), "label2id": {name: n for n, name in enumerate(own)}}
    model = str(save_model(tmp_path / "classifier", "BertForSequenceClassification", **names))
    opened(page, server, trained, means.capitalize())
    expect(page.get_by_text("This cannot start yet")).to_be_visible()
    write(page, "Model", model)
    more(page)
    drop_last(page, "Splits to label", "validation", "train")
    choose(page, "Splits to label", "train")
    expect(page.get_by_text("32 texts (12 train, 20 silver) would be labelled")).to_be_visible()
    assert labelled(page, trained) == LabelSettings(means=means, model=model, splits=("silver", "train"))
    with store.reading(trained.db) as db:
        [source] = [one for one in store.sources(db) if one.name != "made"]
        assert store.source_counts(db)[source.name] == {Split.SILVER: 20, Split.TRAIN: 12}
