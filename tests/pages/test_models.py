"""Models: train, compare, choose."""

import json
from dataclasses import replace

import pytest
from page_parts import button, metrics, texts, version
from tiny_models import save_model

from inffeed_core import store
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.roles import Role, set_roles
from inffeed_core.records import Act, Decision, Example, JobState, Split
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, ProjectSettings, TrainSettings


@pytest.fixture
def untrained(tmp_path) -> Project:
    project = create_project(tmp_path / "p", ProjectSettings("New", ("a", "b")))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(s.value, f"words {s.value}", "a", s) for s in Split])
    return project


def active(project: Project) -> str:
    with store.reading(project.db) as db:
        version = store.active_version(db)
    assert version is not None
    return version.id


def test_without_data_it_leads_to_the_import(open_page, tmp_path):
    project = create_project(tmp_path / "p", ProjectSettings("Empty", ("a", "b")))
    app = open_page("models", project)
    assert [s.value for s in app.subheader] == ["There is not enough data to train on"]


def test_the_first_training_starts_with_one_click(open_page, untrained, started):
    app = open_page("models", untrained)
    button(app, "Train the first model").click().run()
    assert not app.exception
    assert started == [("retrain", {"train": TrainSettings().as_dict(), "analysis": AnalysisSettings().as_dict()})]


def test_settings_go_into_the_job(open_page, untrained, started):
    app = open_page("models", untrained)
    app.slider(key="silver_weight").set_value(0.5).run()
    app.selectbox(key="recipe").select("noise-aware").run()
    app.number_input(key="max_tokens").set_value(64).run()
    button(app, "Train the first model").click().run()
    asked = TrainSettings(silver_weight=0.5, recipe="noise-aware", max_tokens=64)
    assert TrainSettings.from_dict(started[0][1]["train"]) == asked


@pytest.mark.parametrize("method", ["instant", "lora"])
def test_layers_go_into_the_job_unless_the_transformer_is_trained(open_page, untrained, started, method):
    app = open_page("models", untrained)
    app.selectbox(key="layers").set_value("middle+last").run()
    app.segmented_control(key="method").set_value(method).run()
    assert app.selectbox(key="layers").disabled == (method != "instant")
    button(app, "Train the first model").click().run()
    assert started[0][1]["train"]["layers"] == ("middle+last" if method == "instant" else "auto")


@pytest.mark.parametrize("method", ["instant", "lora"])
def test_tfidf_goes_into_the_job_unless_the_transformer_is_trained(open_page, untrained, started, method):
    app = open_page("models", untrained)
    app.selectbox(key="tfidf").set_value("on").run()
    app.segmented_control(key="method").set_value(method).run()
    assert app.selectbox(key="tfidf").disabled == (method != "instant")
    button(app, "Train the first model").click().run()
    assert started[0][1]["train"]["tfidf"] == ("on" if method == "instant" else None)


def test_tfidf_and_influence_beyond_the_head_are_refused_in_words(open_page, untrained):
    app = open_page("models", untrained)
    app.selectbox(key="tfidf").set_value("on").run()
    app.selectbox(key="scope").select("all").run()
    assert "through the head alone" in texts(app)
    assert button(app, "Train the first model").disabled


def test_tfidf_that_a_retrain_would_keep_is_refused_beyond_the_head(open_page, untrained):
    told = {"dimensions": 300, "width": 9, "terms": 40, "texts": 4}
    with store.writing(untrained.db) as db:
        store.add_version(db, replace(version("v1", None, None), report={"l2": 0.1, "tfidf": told}))
        store.promote(db, "v1", "test")
    app = open_page("models", untrained)
    assert "last + TF-IDF" in app.dataframe[0].value["layers"].tolist()
    app.selectbox(key="scope").select("all").run()
    assert "through the head alone" in texts(app)
    app.selectbox(key="tfidf").set_value("off").run()
    assert "through the head alone" not in texts(app)


def test_a_stronger_encoder_is_named_with_what_it_costs_here(open_page, untrained):
    [said] = [each.value for each in open_page("models", untrained).caption if "all-mpnet-base-v2" in each.value]
    assert "438 MB (Apache-2.0)" in said
    assert "gained 0.005 to 0.071 macro-F1 on 6 of 9 sets (-0.030 on the worst)" in said


@pytest.mark.parametrize("method", ["instant", "fine-tune"])
def test_int8_goes_into_the_job_unless_the_transformer_is_trained(open_page, untrained, started, method):
    app = open_page("models", untrained)
    app.checkbox(key="int8").check().run()
    app.segmented_control(key="method").set_value(method).run()
    assert app.checkbox(key="int8").disabled == (method != "instant")
    button(app, "Train the first model").click().run()
    expected = TrainSettings(method=method, precision="int8" if method == "instant" else "float32")
    assert TrainSettings.from_dict(started[0][1]["train"]) == expected


@pytest.mark.parametrize("method", ["instant", "lora"])
def test_windows_go_into_the_job_unless_the_transformer_is_trained(open_page, untrained, started, method):
    app = open_page("models", untrained)
    app.checkbox(key="windows").check().run()
    app.segmented_control(key="method").set_value(method).run()
    assert app.checkbox(key="windows").disabled == (method != "instant")
    button(app, "Train the first model").click().run()
    assert TrainSettings.from_dict(started[0][1]["train"]).windows == (method == "instant")


def test_windows_and_influence_beyond_the_head_are_refused_in_words(open_page, untrained):
    app = open_page("models", untrained)
    app.checkbox(key="windows").check().run()
    app.selectbox(key="scope").select("all").run()
    assert "through the head alone" in texts(app)
    assert button(app, "Train the first model").disabled


def test_another_encoder_and_the_names_of_its_labels_go_into_the_job(open_page, untrained, started, tmp_path):
    model = save_model(tmp_path / "classifier", "BertForSequenceClassification", num_labels=3)
    app = open_page("models", untrained)
    app.text_input[0].set_value(str(model)).run()
    for n, label in enumerate(("a", "b", "b")):
        app.selectbox(key=f"own_label_{n}_{model}").select(label).run()
    button(app, "Train the first model").click().run()
    assert not app.exception
    asked = started[0][1]
    assert (asked["model"], asked["model_labels"]) == (str(model), {"LABEL_0": "a", "LABEL_1": "b", "LABEL_2": "b"})


def test_cut_texts_and_what_was_not_compared_are_told(open_page, project_with_two_versions):
    reading = {"unknown": 0.013, "limit": 256, "most": 512, "windows": False, "texts": {"train": 10}}
    long = {"train": 2, "validation": 0, "test": 0, "silver": 0}
    with store.writing(project_with_two_versions.db) as db:
        report = {"reading": reading | {"long": long}, "not_compared": "its encoder is gone"}
        store.add_version(db, replace(version("v4", "v2", None), report=report))
        store.promote(db, "v4", by="test")
    app = open_page("models", project_with_two_versions)
    shown = " ".join([*(c.value for c in app.caption), texts(app)])
    assert "2 of 10 texts are longer than 256 tokens and were cut there (train 2" in shown
    assert "up to 512 tokens" in shown
    assert "1.3% of the tokens" in shown
    assert "its encoder is gone" in shown


def test_a_tier_is_chosen_for_the_next_analysis(open_page, reviewable_project, started):
    app = open_page("models", reviewable_project)
    assert app.checkbox(key="refine").disabled
    app.selectbox(key="scope").select("all").run()
    app.checkbox(key="refine").check().run()
    button(app, "Analyse again").click().run()
    assert started == [("analyse", {"analysis": AnalysisSettings(scope="all", refine=True).as_dict()})]


def test_settings_that_cannot_work_are_refused_in_words(open_page, untrained):
    app = open_page("models", untrained)
    app.number_input(key="l2").set_value(0.0).run()
    assert "l2 is 0.0" in texts(app)
    assert button(app, "Train the first model").disabled


def test_buttons_rest_while_a_job_runs_and_it_can_be_cancelled(open_page, untrained, started):
    app = open_page("models", untrained)
    button(app, "Train the first model").click().run()
    assert button(app, "Train the first model").disabled
    button(app, "Cancel").click().run()
    with store.reading(untrained.db) as db:
        assert store.cancel_asked(db, "job1")


def test_versions_are_listed_with_their_intervals(open_page, project_with_two_versions):
    table = open_page("models", project_with_two_versions).dataframe[0].value
    assert table["version"].tolist() == ["v3", "v2 (in use)", "v1"]
    assert table["validation"].tolist()[1] == "0.810 (0.760–0.860)"
    assert table["test"].tolist() == ["–"] * 3


def test_labels_without_gold_are_named_beside_the_scores(open_page, project_with_two_versions, home):
    scores = replace(metrics(0.8), without_gold=("*mixed*",))
    with store.writing(project_with_two_versions.db) as db:
        store.add_version(db, version("v9", "v2", scores))
        store.promote(db, "v9", "test")
    for name in ("models", "home"):
        shown = texts(open_page(name, project_with_two_versions))
        assert "No validation text is labelled *mixed*: macro-F1 there is the mean of the other labels." in shown


def test_labels_changed_since_are_counted(open_page, project_with_two_versions):
    with store.writing(project_with_two_versions.db) as db:
        store.record_decision(db, Decision("t", "s000", "anna", Act.RELABEL, "positive"))
        store.record_decision(db, Decision("u", "s001", "anna", Act.SKIP))
    shown = {m.label: m.value for m in open_page("models", project_with_two_versions).metric}
    assert shown["Labels changed since"] == "1"


@pytest.mark.parametrize(("chosen", "label"), [("v3", "Promote v3"), ("v1", "Roll back to v1")])
def test_another_version_is_used_after_a_second_click(open_page, project_with_two_versions, chosen, label):
    app = open_page("models", project_with_two_versions)
    app.selectbox(key="other_version").select(chosen).run()
    assert active(project_with_two_versions) == "v2"
    button(app, label).click().run()
    assert not app.exception
    assert active(project_with_two_versions) == chosen


def test_a_version_that_was_held_back_is_explained(open_page, project_with_two_versions):
    worse = replace(version("v4", "v2", None), report={"difference": {"value": -0.2, "low": -0.3, "high": -0.1}})
    with store.writing(project_with_two_versions.db) as db:
        store.add_version(db, worse)
    assert "v4 scored significantly worse than v2" in texts(open_page("models", project_with_two_versions))


def test_two_versions_are_compared_in_words_and_in_a_chart(open_page, project_with_two_versions):
    app = open_page("models", project_with_two_versions)
    app.selectbox(key="before").select("v1")
    app.selectbox(key="after").select("v2").run()
    assert "paired bootstrap over the 8 validation texts" in texts(app)
    app.selectbox(key="before").select("v2")
    app.selectbox(key="after").select("v3").run()
    assert "No significant change, the intervals overlap" in texts(app)
    assert "On test: unknown, since there are no test texts" in texts(app)
    assert any("Validation also chose the flags" in one.value for one in app.caption)
    assert "has no stored predictions" in texts(app)
    assert [chart.key for chart in app.get("plotly_chart")] == ["history", "dumbbell"]


def test_the_texts_that_two_versions_disagree_about_are_listed(open_page, project_with_two_versions):
    app = open_page("models", project_with_two_versions)
    assert "disagree about" in texts(app)
    flips = app.dataframe[1].value
    assert set(flips.columns) == {"change", "text", "gold", "before", "after", "id"}
    assert (flips["before"] != flips["after"]).all()
    assert [chart.key for chart in app.get("plotly_chart")] == ["history", "confusion"]  # v1 has no scores


def test_a_cell_of_the_confusions_opens_its_texts_and_queues_them(open_page, project_with_two_versions):
    app = open_page("models", project_with_two_versions)
    app.selectbox(key="cell_gold").select("negative")
    app.selectbox(key="cell_predicted").select("positive").run()
    table = app.dataframe[1].value
    assert table["Label now"].unique().tolist() == ["negative"]
    button(app, f"Review these {len(table)} texts").click().run()
    assert not app.exception
    with store.reading(project_with_two_versions.db) as db:
        (kept,) = db.query("SELECT ids FROM selection")
    assert json.loads(kept["ids"]) == table["Id"].tolist()


def test_one_version_alone_says_how_to_get_a_second(open_page, reviewable_project):
    assert "Once there is a second version" in texts(open_page("models", reviewable_project))


def test_the_whole_transformer_is_retrained_where_it_is_chosen(open_page, reviewable_project, started):
    app = open_page("models", reviewable_project)
    app.segmented_control(key="method").set_value("fine-tune").run()
    app.number_input(key="epochs").set_value(2).run()
    app.checkbox(key="class_weights").check().run()
    button(app, "Retrain").click().run()
    expected = TrainSettings(method="fine-tune", fine_tune=FineTuneSettings(epochs=2, class_weights=True))
    assert TrainSettings.from_dict(started[0][1]["train"]) == expected


def test_the_time_of_a_fine_tuning_is_measured_once_and_then_told(open_page, reviewable_project, started):
    app = open_page("models", reviewable_project)
    app.segmented_control(key="method").set_value("lora").run()
    button(app, "Measure the time").click().run()
    assert started[0][0] == "probe"
    with store.writing(reviewable_project.db) as db:
        model = store.project_settings(db).model
        result = {"seconds_per_text": 1.0, "method": "lora", "model": model}
        store.end_job(db, "job1", JobState.DONE, result=result)
        count = sum(len(list(store.instances(db, [split]))) for split in (Split.TRAIN, Split.SILVER))
    app.run()
    assert f"about {round(4 * count / 60)} min" in texts(app)
    assert "Measure the time" not in [b.label for b in app.button]


def test_a_version_is_exported_into_the_project_s_folder(open_page, reviewable_project, started):
    app = open_page("models", reviewable_project)
    button(app, "Export v1").click().run()
    folder = reviewable_project.exports / "v1"
    assert started == [("export-model", {"version": "v1", "folder": str(folder)})]
    folder.mkdir(parents=True)
    assert "README.md explains how to use it" in texts(app.run())


def test_what_the_head_foretold_stands_beside_what_came_also_for_an_earlier_version(
    open_page, project_with_two_versions
):
    parts = {"hate": [-0.01, -0.02], "none": [0.001, 0.002]}
    told = {"scope": "head", "texts": 3, "predicted": -0.0045, "actual": -0.009, "by_class": parts, "others": True}
    with store.writing(project_with_two_versions.db) as db:
        for id, parent in (("v4", "v2"), ("v5", "v4")):
            store.add_version(db, replace(version(id, parent, None), report={"foretold": told, "l2": 0.01}))
            told = told | {"texts": 4, "others": False}
        store.promote(db, "v5", "test")
    app = open_page("models", project_with_two_versions)
    said = "Influence through the head foretold that {} changed labels would change the validation loss by -0.0045"
    assert said.format(4) in texts(app)
    assert not any("Silver was not taught as it is" in one.value for one in app.caption)
    app.selectbox(key="foretold_version").select("v4").run()
    assert said.format(3) in texts(app)
    assert any("Silver was not taught as it is" in one.value for one in app.caption)


@pytest.mark.parametrize("kind", ["refresh", "explain", "export-model", "propose", "verify"])
def test_a_retrain_waits_its_turn_behind_small_work_and_the_page_says_so(open_page, reviewable_project, started, kind):
    with store.writing(reviewable_project.db) as db:
        store.enqueue(db, "small", kind, {})
    app = open_page("models", reviewable_project)
    assert any("will start when that job ends" in one.value for one in app.caption)
    button(app, "Retrain").click().run()
    assert not app.exception
    assert [one for one, _ in started] == ["retrain"]
    assert button(app, "Retrain").disabled
    assert any("Wait for it, or cancel it" in one.value for one in app.caption)


@pytest.mark.parametrize("kind", ["retrain", "analyse", "feedback"])
def test_where_a_retrain_must_wait_the_page_says_why(open_page, reviewable_project, kind):
    with store.writing(reviewable_project.db) as db:
        store.enqueue(db, "long", kind, {})
    app = open_page("models", reviewable_project)
    assert button(app, "Retrain").disabled
    assert any("Wait for it, or cancel it" in one.value for one in app.caption)


def test_thin_gold_is_told_before_the_training(open_page, untrained, reviewable_project):
    assert "All gold texts to learn from are labelled a" in texts(open_page("models", untrained))
    assert "All validation texts are labelled a" in texts(open_page("models", untrained))
    assert "labelled" not in texts(open_page("models", reviewable_project))


def test_a_version_with_a_parent_has_a_report_for_leads(open_page, project_with_two_versions: Project):
    set_roles(project_with_two_versions, {"Ada": Role.LEAD}, "Ada")
    for who, off in (("Ada", False), ("Bob", True)):
        app = open_page("models", project_with_two_versions, annotator=who)
        (found,) = [one.proto for one in app.get("download_button") if "report" in one.proto.label]
        assert (found.label, found.disabled) == ("Download the report of v2", off)
