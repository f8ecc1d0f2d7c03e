"""Label: by what, with which settings, what would be sent where."""

import pytest
from page_parts import button, texts

from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.project.folder import create_project
from inffeed_core.settings import ProjectSettings
from pages.components.notices import as_it_is

LOCAL = "http://127.0.0.1:8000/v1"


def asked(started):
    [(kind, settings)] = started
    assert kind == "label"
    return LabelSettings.from_dict(settings["label"])


@pytest.fixture
def at_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.components.session.at_the_machine", lambda: True)


def test_without_texts_it_leads_to_the_import(open_page, tmp_path):
    app = open_page("label", create_project(tmp_path / "p", ProjectSettings("Empty", ("a", "b"))))
    assert [s.value for s in app.subheader] == ["There is nothing to label yet"]


def test_the_own_model_starts_with_one_click(open_page, project, started):
    app = open_page("label", project)
    assert "40 texts (12 train, 8 validation, 20 silver) would be labelled by gold model." in texts(app)
    assert "Everything is computed on this machine." in texts(app)
    button(app, "Label").click().run()
    assert not app.exception
    assert asked(started) == LabelSettings(means="own")


def test_rules_start_from_the_command_line_only(open_page, project, started):
    app = open_page("label", project)
    app.segmented_control(key="label_means").set_value("rules").run()
    assert [code.value for code in app.code] == [f"inffeed label {project.folder} --with rules --rules rules.py"]
    assert not [b for b in app.button if b.label == "Label"]


def test_texts_are_sent_only_after_a_tick_that_says_how_many_and_where(open_page, project, started, at_machine):
    app = open_page("label", project)
    app.segmented_control(key="label_means").set_value("llm").run()
    app.text_input(key="label_endpoint").set_value(LOCAL).run()
    app.text_input(key="label_llm").set_value("m").run()
    app.number_input(key="label_limit").set_value(5).run()
    app.number_input(key="label_samples").set_value(3).run()
    app.number_input(key="label_price_in").set_value(2.0).run()
    assert f"sent to {LOCAL}: at most 15 requests" in texts(app)
    assert button(app, "Label").disabled
    [sure] = [box for box in app.checkbox if box.label.startswith("Send")]
    assert sure.label == as_it_is(f"Send 5 texts to {LOCAL}")
    sure.check().run()
    button(app, "Label").click().run()
    assert not app.exception
    expected = LabelSettings(means="llm", endpoint=LOCAL, model="m", limit=5, samples=3, price_in=2.0)
    assert asked(started) == expected


def test_only_who_sits_at_the_machine_may_type_an_address(open_page, project, started, monkeypatch):
    monkeypatch.setattr("pages.components.session.at_the_machine", lambda: False)
    monkeypatch.setenv("INFFEED_ENDPOINT", LOCAL)
    app = open_page("label", project)
    app.segmented_control(key="label_means").set_value("llm").run()
    assert app.text_input(key="label_endpoint").disabled
    app.text_input(key="label_llm").set_value("m").run()
    next(box for box in app.checkbox if box.label.startswith("Send")).check().run()
    button(app, "Label").click().run()
    assert asked(started).endpoint == LOCAL


def test_what_cannot_work_is_told(open_page, project, started, at_machine):
    app = open_page("label", project)
    app.segmented_control(key="label_means").set_value("classifier").run()
    assert "Labelling by classifier needs model." in texts(app)
    app.text_input(key="label_model").set_value("no/such").run()
    assert "neither a folder nor in this machine's hub cache" in texts(app)
    app.segmented_control(key="label_means").set_value("llm").run()
    app.text_input(key="label_llm").set_value("m").run()
    app.text_input(key="label_endpoint").set_value("ftp://x").run()
    assert "expected a URL" in texts(app)
    assert started == []
