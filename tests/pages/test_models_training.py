"""Models: what the page tells of a fine-tuning, and of influence through it."""

from dataclasses import replace

from page_parts import button, texts, version

from inffeed_core import store
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.store.analyses import RetrainedGroup


def test_the_training_of_a_fine_tuned_version_is_told_and_drawn(open_page, project_with_two_versions):
    assert "curve" not in [chart.key for chart in open_page("models", project_with_two_versions).get("plotly_chart")]
    point = {"step": 2, "epoch": 1.0, "training_loss": 0.7, "loss": 0.6, "macro_f1": 0.5}
    curve = [point, point | {"step": 4, "epoch": 2.0, "loss": 0.65}]
    told = {"curve": curve, "best_step": 2, "steps": 4, "seconds": 1.0, "seconds_per_text": 0.1, "device": "cpu"}
    tuned = replace(
        version("v4", "v2", None), settings=TrainSettings(method="fine-tune").as_dict(), report={"fine_tuning": told}
    )
    with store.writing(project_with_two_versions.db) as db:
        store.add_version(db, tuned)
    app = open_page("models", project_with_two_versions)
    assert app.selectbox(key="curve_version").options == ["v4"]
    assert "Of 4 steps, the state after step 2 was kept: validation loss 0.600 nats, macro-F1 0.500." in texts(app)
    assert "Training stopped early" in texts(app)
    assert "curve" in [chart.key for chart in app.get("plotly_chart")]


def test_what_influence_through_a_training_takes_is_told_before(open_page, project_with_two_versions, started):
    point = {"step": 100, "epoch": 1.0, "training_loss": 0.7, "loss": 0.6, "macro_f1": 0.5}
    told = {"curve": [point], "best_step": 100, "steps": 100, "seconds": 1.0, "seconds_per_text": 0.01, "device": "cpu"}
    told |= {"course": 2, "parameters": 10_000_000}
    came = {"texts": 1, "predicted": 0.00123, "actual": 0.0015, "step": 100}
    report = {"fine_tuning": told, "foretold": came}
    settings = TrainSettings(method="fine-tune")
    tuned = replace(version("v4", "v2", None), settings=settings.as_dict(), report=report)
    app = open_page("models", project_with_two_versions)
    app.selectbox(key="scope").select("training").run()
    assert "the method is instant" in texts(app)
    app.segmented_control(key="method").set_value("fine-tune").run()
    assert "about 17 times as long as the training" in texts(app)
    with store.writing(project_with_two_versions.db) as db:
        store.add_version(db, tuned)
        store.promote(db, "v4", "test")
    assert " of disk." in texts(app.run())
    assert "would change the validation loss by -0.0012 nats; at step 100 it changed by -0.0015." in texts(app)
    assert "foretold" in [chart.key for chart in app.get("plotly_chart")]
    app.number_input(key="retrains").set_value(3).run()
    button(app, "Analyse again").click().run()
    assert started == [("analyse", {"analysis": AnalysisSettings(scope="training", retrains=3).as_dict()})]


def test_how_far_scores_carry_is_said_for_groups_of_each_size(open_page, reviewable_project):
    slopes = {None: -1, 3: 1, 15: 5}
    with store.writing(reviewable_project.db) as db:
        analysis = store.analysis_in_use(db)
        groups = [
            RetrainedGroup(name=f"check {n} of {size}", texts=size, predicted=n / 10, actual=slope * n / 10)
            for size, slope in slopes.items()
            for n in range(4)
        ]
        store.put_retrained_groups(db, analysis.id, groups)
    said = [one.value for one in open_page("models", reviewable_project).caption if "was repeated" in one.value]
    for told, *parts in zip(
        said,
        ("up to 5 % of the unchecked texts each", "3 texts each", "15 texts each"),
        ("trust neither", "are sizes", "trust the order"),
        strict=True,
    ):
        assert all(part in told for part in parts)
