"""Figures of versions show the numbers they were given."""

import colorsys

import pytest

from inffeed_core.charts.palette import NEGATIVE, POSITIVE
from inffeed_core.charts.versions import (
    confusion_change,
    f1_dumbbell,
    foretold_dumbbell,
    learning_curve,
    training_curve,
)
from inffeed_core.records import CurvePoint, Interval, Metrics, ModelVersion, TrainingCurve
from pages.languages import LANGUAGES


def test_the_dumbbell_shows_each_label_and_the_mean_with_intervals():
    def metrics(value: float) -> Metrics:
        interval = Interval(value, value - 0.1, value + 0.05)
        return Metrics(10, interval, {"no": interval, "yes": interval}, 0.1, value)

    figure = f1_dumbbell(metrics(0.5), metrics(0.7), ("v1", "v2"))
    points = {t.name: t for t in figure.data if t.mode == "markers"}
    assert list(points["v1"].x) == [0.5] * 3
    assert list(points["v2"].x) == [0.7] * 3
    assert points["v2"].error_x.array == pytest.approx([0.05] * 3)
    assert points["v2"].error_x.arrayminus == pytest.approx([0.1] * 3)
    assert "macro-F1" in figure.layout.yaxis.ticktext[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_foretold_stands_beside_what_came(language: str):
    figure = foretold_dumbbell(
        [("<b>no</b>", (-0.02, -0.01)), (None, (0.01, 0.03))], LANGUAGES[language].words["charts"]
    )
    hollow, filled = [trace for trace in figure.data if trace.mode == "markers"]
    assert (list(hollow.x), list(filled.x)) == ([-0.02, 0.01], [-0.01, 0.03])
    assert hollow.marker.symbol.endswith("-open")
    assert not filled.marker.symbol.endswith("-open")
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;no&lt;/b&gt;"
    assert "-0.02" in hollow.hovertext[0]
    assert "-0.01" in hollow.hovertext[0]


def test_a_label_without_gold_has_a_row_and_no_mark():
    interval = Interval(0.5, 0.4, 0.6)
    whole = Metrics(10, interval, {"no": interval, "yes": interval}, 0.1, 0.5, ("maybe",))
    part = Metrics(4, interval, {"no": interval}, 0.1, 0.5, ("yes", "maybe"))
    figure = f1_dumbbell(whole, part, ("v1", "v2"))
    points = {t.name: list(t.y) for t in figure.data if t.mode == "markers"}
    assert [round(y) for y in points["v1"]] == [0, 1, 3]
    assert [round(y) for y in points["v2"]] == [0, 3]
    assert figure.layout.yaxis.ticktext[:3] == ("no", "yes", "maybe –")


def test_a_change_for_the_better_is_positive_on_and_off_the_diagonal():
    figure = confusion_change([[5, 3], [2, 9]], [[7, 1], [4, 7]], ("<b>no</b>", "yes"))
    heat, cells = figure.data
    assert [list(row) for row in heat.z] == [[2, 2], [-2, -2]]
    assert [list(row) for row in heat.text] == [["5 → 7 ▲", "3 → 1 ▲"], ["2 → 4 ▼", "9 → 7 ▼"]]
    assert figure.layout.xaxis.ticktext[0] == "&lt;b&gt;no&lt;/b&gt;"
    assert "&lt;b&gt;no&lt;/b&gt; predicted as yes: 3 → 1" in cells.hovertext[1]
    assert [(cells.x[1], cells.y[1]), tuple(cells.customdata[1])] == [(1, 0), ("<b>no</b>", "yes")]


def test_of_many_labels_only_what_changed_is_written():
    labels = [f"label {n}" for n in range(13)]
    before = [[1 if g == p else 0 for p in range(13)] for g in range(13)]
    after = [row.copy() for row in before]
    after[3][3], after[3][4] = 0, 1
    heat, _ = confusion_change(before, after, labels).data
    assert [text for row in heat.text for text in row if text] == ["-1▼", "+1▼"]
    assert all(colour.startswith("#") for _, colour in heat.colorscale)  # opaque: else words are dark on a dark page


COLOURS = {"blue": (190, 240), "orange": (10, 45), "green": (80, 170), "red": (345, 370)}


def named(colour: str) -> str:
    """What people call the colour."""
    hue = 360 * colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]
    return next(name for name, (low, high) in COLOURS.items() if low <= hue <= high or low <= hue + 360 <= high)


CHINESE = {"blue": "蓝色", "orange": "橙色", "green": "绿色", "red": "红色"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_captions_name_the_colours_that_charts_have(code):
    said = LANGUAGES[code].words["models"]["confusion_said"].lower()
    better, worse = named(POSITIVE), named(NEGATIVE)
    names = CHINESE if code == "zh" else {name: f" {name}" for name in COLOURS}
    assert said.index(names[better]) < said.index(names[worse])
    assert [name for name in COLOURS if names[name] in said and name not in (better, worse)] == []
    assert "▲" in said
    assert "▼" in said


def test_the_learning_curve_follows_the_versions_over_what_was_confirmed():
    interval = Interval(0.7, 0.6, 0.75)
    scores = Metrics(8, interval, {}, 0.5, 0.7)
    made = [
        ModelVersion("v1", None, "", "", "", "", 0, {}, 0, {"gold": 10, "silver": 90}, scores, None),
        ModelVersion("v2", "v1", "", "", "", "", 0, {}, 0, {"gold": 10, "silver_confirmed": 5}, None, None),
        ModelVersion(
            "v3", "v1", "", "", "", "", 0, {"method": "lora"}, 0, {"gold": 10, "silver_confirmed": 9}, scores, None
        ),
    ]
    line, instant, lora = learning_curve(made).data
    assert list(line.x) == [10, 19]
    assert list(instant.text) == ["v1"]
    assert (list(lora.text), list(lora.x)) == (["v3"], [19])
    assert list(lora.error_y.arrayminus) == pytest.approx([0.1])


POINTS = (CurvePoint(5, 0.5, None, 0.7, 0.5), CurvePoint(10, 1.0, 0.6, 0.5, 0.8), CurvePoint(15, 1.5, 0.4, 0.6, 0.7))


@pytest.mark.parametrize("early", [True, False])
def test_the_training_curve_marks_the_step_that_was_kept_and_an_early_stop(early: bool):
    figure = training_curve(TrainingCurve(POINTS, 10, 16, early))
    train, validation = figure.data
    assert (list(train.x), list(train.y)) == ([10, 15], [0.6, 0.4])
    assert (list(validation.x), list(validation.y)) == ([5, 10, 15], [0.7, 0.5, 0.6])
    assert train.marker.symbol != validation.marker.symbol
    assert [line.x0 for line in figure.layout.shapes] == [10, 16][: 1 + early]
    assert [note.text for note in figure.layout.annotations] == ["kept", "stopped early"][: 1 + early]
    assert validation.hovertext[1] == "validation, step 10 (epoch 1.0): 0.5000"
