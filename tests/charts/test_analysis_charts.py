"""Figures show the numbers they were given, and never what a text would like to be."""

import json

import pytest

from inffeed_core.charts.analyses import (
    WEBGL_FROM,
    feature_map,
    influence_bars,
    label_colours,
    label_counts,
    plain,
    ranking_bars,
    reach,
    refit_scatter,
)
from inffeed_core.records import Evidence, Influencer, MapPoint, Split

HOSTILE = '<img src=x onerror="alert(1)"> <b>bold</b> <a href="http://evil.example">x</a> & more'
LABELS = ("no", "yes")


def influencer(id: str, influence: float, text: str = "some words", label: str = "yes") -> Influencer:
    return Influencer(id, text, label, Split.TRAIN, influence)


def point(id: str, label: str = "yes", split: Split = Split.SILVER, flagged: bool = False, x: float = 0.0) -> MapPoint:
    return MapPoint(id, f"text of {id}", label, split, flagged, x, -x)


def evidence(shown: str = "some words") -> Evidence:
    supporters = (influencer("a", 0.5, shown), influencer("b", 0.2))
    opposers = (influencer("c", -0.9), influencer("d", -0.1))
    return Evidence("t", supporters, opposers)


def texts_of(figure) -> list[str]:
    trace = figure.data[0]
    return [*figure.layout.yaxis.ticktext, *trace.hovertext]


def test_plain_text_has_no_tags_left_and_keeps_its_words():
    assert plain("a <b>c</b>\n & d") == "a &lt;b&gt;c&lt;/b&gt; &amp; d"


def test_plain_text_wraps_by_breaks_of_its_own_and_is_cut_after_so_many_lines():
    shown = plain("word " * 50 + "<br>", width=20, lines=3)
    assert shown.count("<br>") == 2
    assert shown.endswith("…")


def test_bars_run_from_the_most_helpful_to_the_most_harmful():
    bars = influence_bars(evidence()).data[0]
    assert list(bars.x) == [0.5, 0.2, -0.1, -0.9]
    assert [row[0] for row in bars.customdata] == ["a", "b", "d", "c"]


def test_bars_tell_their_sign_without_colour_too():
    shapes = influence_bars(evidence()).data[0].marker.pattern.shape
    assert shapes[0] == shapes[1] != shapes[2] == shapes[3]


def test_bars_keep_the_strongest_of_each_side():
    many = Evidence("t", tuple(influencer(f"a{n}", 1 / (n + 1)) for n in range(20)), evidence().opposers)
    bars = influence_bars(many).data[0]
    assert list(bars.x) == [*(1 / (n + 1) for n in range(8)), -0.1, -0.9]


def test_panels_that_are_looked_at_together_share_one_scale():
    small = Evidence("t", (influencer("a", 0.028),), (influencer("b", -0.001),))
    large = Evidence("t", (influencer("c", 0.049),), ())
    shared = reach(small, large)
    assert shared == (-0.001, 0.049)
    ranges = {influence_bars(one, scale=shared).layout.xaxis.range for one in (small, large)}
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low < -0.001
    assert high > 0.049
    assert influence_bars(small).layout.xaxis.range[1] < 0.049


@pytest.mark.parametrize("text", ["a word or two, " * 40, "没有空格的一句很长的话" * 20, "x" * 900])
def test_texts_beside_bars_keep_their_room_in_any_script(text):
    shown = influence_bars(Evidence("t", (influencer("a", 0.5, text, text),), ()), 40).layout.yaxis.ticktext[0]
    label, *lines = shown.removeprefix("<b>").replace("</b>", "").split("<br>")
    assert len(lines) == 2
    assert all(20 < sum(2 if c > "\u1100" and c != "…" else 1 for c in line) <= 40 for line in lines)
    assert len(label) <= 20
    assert shown.endswith("…")


def test_no_grid_line_runs_through_the_numbers():
    assert influence_bars(evidence()).layout.xaxis.showgrid is False
    assert ranking_bars({"a": 0.5}, 0.1).layout.xaxis.showgrid is False


def test_zero_is_a_line_beside_each_bar_that_names_inside_the_chart_cannot_hide():
    figure = influence_bars(evidence())
    assert len(figure.layout.shapes) == len(figure.data[0].y)
    for line, n in zip(figure.layout.shapes, figure.data[0].y, strict=True):
        assert (line.x0, line.x1) == (0, 0)
        assert n + 0.1 <= line.y0 < line.y1 <= n + 0.5
    assert figure.layout.xaxis.showticklabels is False  # the numbers stand at the bars
    assert figure.data[0].text


@pytest.mark.parametrize("count", [10, 13, 40])
def test_more_labels_than_colours_get_a_bar_each(count):
    labels = [f"label {n}" for n in range(count)]
    counts = {Split.TRAIN: dict.fromkeys(labels, 3), Split.SILVER: {labels[-1]: 5}}
    figure = label_counts(counts, labels)
    assert [trace.name for trace in figure.data] == ["train", "silver"]
    assert list(figure.layout.yaxis.ticktext) == labels
    assert list(figure.data[1].x)[-2:] == [0, 5]
    assert figure.layout.height >= 20 * count


@pytest.mark.parametrize("where", ["text", "label", "id"])
def test_hostile_words_stay_words_in_the_bars(where):
    hostile = Influencer(
        **{"id": "a", "text": "t", "label": "l", "split": Split.TRAIN, "influence": 1.0} | {where: HOSTILE}
    )
    shown = " ".join(texts_of(influence_bars(Evidence("t", (hostile,), ()))))
    assert "<img" not in shown
    assert "<a " not in shown
    assert "&lt;img" in shown


def test_bars_without_influencers_are_an_empty_figure():
    assert list(influence_bars(Evidence("t", (), ())).data[0].x) == []


def test_the_map_colours_by_label_and_marks_by_status():
    points = [point("g", "no", Split.TRAIN), point("s", "yes"), point("f", "yes", flagged=True)]
    no, yes = feature_map(points, LABELS).data[:2]
    assert no.marker.color != yes.marker.color
    assert no.marker.symbol == ("square",)
    assert yes.marker.symbol == ("circle", "diamond")
    assert [row[0] for row in yes.customdata] == ["s", "f"]


def test_the_map_draws_lines_to_the_influencers_it_knows():
    points = [point("t", x=1.0), point("a", x=2.0), point("c", x=3.0)]
    lines = {trace.name: trace for trace in feature_map(points, LABELS, "t", evidence()).data if trace.mode == "lines"}
    assert list(lines["helps the target"].x) == [1.0, 2.0, None]
    assert list(lines["harms the target"].x) == [1.0, 3.0, None]
    assert lines["helps the target"].line.dash != lines["harms the target"].line.dash


def test_the_map_rings_the_target_and_nothing_where_it_is_missing():
    def names(target):
        return [t.name for t in feature_map([point("t")], LABELS, target).data]

    assert "target" in names("t")
    assert "target" not in names("elsewhere")


@pytest.mark.parametrize(("count", "kind"), [(10, "scatter"), (WEBGL_FROM, "scattergl")])
def test_the_map_uses_webgl_only_for_many_points(count, kind):
    points = [point(str(i)) for i in range(count)]
    assert {trace.type for trace in feature_map(points, LABELS).data if trace.customdata is not None} == {kind}


def test_counts_are_stacked_by_label_in_the_order_of_the_splits():
    counts = {Split.SILVER: {"yes": 3}, Split.TRAIN: {"no": 1, "yes": 2}, Split.TEST: {}}
    no, yes = label_counts(counts, LABELS).data
    assert list(no.y) == ["train", "silver"]
    assert list(no.x) == [1, 0]
    assert list(yes.x) == [2, 3]


def test_every_label_has_a_colour_however_many_there_are():
    many = [str(i) for i in range(20)]
    assert list(label_colours(many)) == many


def test_figures_are_json_for_the_browser():
    json.loads(influence_bars(evidence()).to_json())


def test_refits_stand_about_the_diagonal_with_ids_as_plain_text():
    figure = refit_scatter({"Without": [("<b>a</b>", -0.1, -0.2)], "Relabelled": [("b", 0.3, 0.1)]})
    line, without, relabelled = figure.data
    assert list(line.x) == list(line.y) == [-0.2, 0.3]
    assert (list(without.x), list(without.y)) == ([-0.1], [-0.2])
    assert "&lt;b&gt;a" in without.hovertext[0]
    assert relabelled.marker.symbol != without.marker.symbol
    assert refit_scatter({}).layout.xaxis.title.text


def test_ranking_bars_name_policies_as_plain_text_and_mark_chance():
    figure = ranking_bars({"Gold <b>loss</b>": 0.75, "Random": 0.1}, 0.05)
    assert list(figure.data[0].y) == ["Gold &lt;b&gt;loss&lt;/b&gt;", "Random"]
    assert list(figure.data[0].text) == ["75%", "10%"]
    assert figure.layout.shapes[0].x0 == 0.05
