"""Figures of model versions: how each was trained, how they score, and what changed between two.

As in `charts.analyses`, user texts are shown literally, and no meaning depends on colour alone.
"""

from collections.abc import Sequence
from typing import Any

from inffeed_core.charts.analyses import Words, laid_out, plain
from inffeed_core.charts.palette import LABEL_COLOURS, NEGATIVE, NEUTRAL, POSITIVE
from inffeed_core.charts.words import CHARTS
from inffeed_core.errors import brought_by
from inffeed_core.records import CurvePoint, Interval, Metrics, ModelVersion, TrainingCurve

with brought_by("app"):
    import plotly.graph_objects as go

_SHIFT = 0.13  # of a row, so that the intervals of two versions do not cover each other


def training_curve(curve: TrainingCurve, words: Words = CHARTS) -> go.Figure:
    """Loss on train and validation by step; the step that was kept is dashed, an early stop dotted."""
    figure = laid_out(go.Figure(), height=320)
    taught = [(p, p.training_loss) for p in curve.points if p.training_loss is not None]
    figure.add_trace(_losses(taught, words["train"], NEUTRAL, {"symbol": "square-open", "dash": "dot"}, words))
    scored = [(p, p.loss) for p in curve.points]
    figure.add_trace(_losses(scored, words["validation"], POSITIVE, {"symbol": "circle", "dash": "solid"}, words))
    figure.add_vline(x=curve.best_step, line_dash="dash", line_color=POSITIVE, annotation_text=words["kept"])
    if curve.stopped_early:
        figure.add_vline(x=curve.steps, line_dash="dot", line_color=NEGATIVE)
        note = {"text": words["stopped-early"], "xanchor": "right", "yanchor": "top", "yshift": -16}  # below "kept"
        figure.add_annotation(x=curve.steps, y=1, yref="y domain", showarrow=False, **note)
    figure.update_xaxes(title=words["steps-axis"], rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title=words["loss-axis"])
    return figure


def _losses(
    points: Sequence[tuple[CurvePoint, float]], name: str, colour: str, style: dict[str, Any], words: Words
) -> go.Scatter:
    return go.Scatter(
        x=[point.step for point, _ in points],
        y=[loss for _, loss in points],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2, "dash": style["dash"]},
        marker={"symbol": style["symbol"], "size": 8, "color": colour},
        hovertext=[
            words["curve-point"].format(split=name, step=point.step, epoch=point.epoch, loss=loss)
            for point, loss in points
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def f1_dumbbell(
    before: Metrics, after: Metrics, names: tuple[str, str] = ("before", "after"), words: Words = CHARTS
) -> go.Figure:
    """F1 of each label and their mean under two model versions, with bootstrap intervals as bars.

    A label without gold has a row without a mark.
    """
    rows = [*dict.fromkeys([*after.f1, *before.f1, *after.without_gold]), None]
    figure = go.Figure(_links(before, after, rows))
    for metrics, name, colour, symbol, shift in (
        (before, names[0], NEUTRAL, "circle-open", _SHIFT),
        (after, names[1], POSITIVE, "circle", -_SHIFT),
    ):
        scored = [(i, v) for i, r in enumerate(rows) if (v := _f1_of(metrics, r)) is not None]
        values = [v for _, v in scored]
        figure.add_trace(
            go.Scatter(
                x=[v.value for v in values],
                y=[i + shift for i, _ in scored],
                mode="markers",
                name=plain(name),
                marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}},
                error_x={
                    "array": [v.high - v.value for v in values],
                    "arrayminus": [v.value - v.low for v in values],
                    "color": colour,
                    "thickness": 1.5,
                    "width": 4,
                },
                hovertext=[
                    words["f1"].format(version=plain(name), value=v.value, low=v.low, high=v.high) for v in values
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    absent = [r for r in rows if _f1_of(before, r) is None and _f1_of(after, r) is None]
    ticks = [f"<b>{words['mean']}</b>" if r is None else f"{plain(r)} –" if r in absent else plain(r) for r in rows]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=ticks, range=[len(rows) - 0.5, -0.5], automargin=True)
    figure.update_xaxes(title=words["f1-axis"])
    return laid_out(figure, height=110 + 46 * len(rows))


def _links(before: Metrics, after: Metrics, rows: Sequence[str | None]) -> go.Scatter:
    pairs = [(i, b, a) for i, r in enumerate(rows) if (b := _f1_of(before, r)) and (a := _f1_of(after, r))]
    return go.Scatter(
        x=[x for _, b, a in pairs for x in (b.value, a.value, None)],
        y=[y for i, _, _ in pairs for y in (i + _SHIFT, i - _SHIFT, None)],
        mode="lines",
        line={"color": NEUTRAL, "width": 2},
        opacity=0.5,
        showlegend=False,
        hoverinfo="skip",
    )


def foretold_dumbbell(parts: Sequence[tuple[str | None, tuple[float, float]]], words: Words = CHARTS) -> go.Figure:
    """Change of the validation loss that was foretold (hollow) and that came (filled), nats, by label.

    The label None stands for all validation texts. 0 is drawn; below it is better.
    """
    names = [f"<b>{words['all-texts']}</b>" if label is None else plain(label) for label, _ in parts]
    pairs, rows = [pair for _, pair in parts], list(range(len(parts)))
    ends = {
        "x": [x for pair in pairs for x in (*pair, None)],
        "y": [y for n in rows for y in (n + _SHIFT, n - _SHIFT, None)],
    }
    line = {"color": NEUTRAL, "width": 2}
    figure = go.Figure(go.Scatter(**ends, mode="lines", line=line, opacity=0.5, hoverinfo="skip", showlegend=False))
    said = [
        words["foretold-point"].format(label=n, predicted=p, actual=a) for n, (p, a) in zip(names, pairs, strict=True)
    ]
    looks = (("foretold", "circle-open", NEUTRAL, _SHIFT), ("came", "circle", POSITIVE, -_SHIFT))
    for place, (word, symbol, colour, shift) in enumerate(looks):
        marker = {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}}
        points = {"x": [pair[place] for pair in pairs], "y": [n + shift for n in rows], "marker": marker}
        hover = {"hovertext": said, "hovertemplate": "%{hovertext}<extra></extra>"}
        figure.add_trace(go.Scatter(**points, **hover, mode="markers", name=words[word]))
    figure.add_vline(x=0, line_color=NEUTRAL, line_width=1, layer="below")
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(parts) - 0.5, -0.5], automargin=True)
    figure.update_xaxes(title=words["foretold-axis"], tickformat=".2~g", zeroline=False)
    return laid_out(figure, height=110 + 46 * len(parts))


def _f1_of(metrics: Metrics, label: str | None) -> Interval | None:
    return metrics.macro_f1 if label is None else metrics.f1.get(label)


def learning_curve(versions: Sequence[ModelVersion], words: Words = CHARTS) -> go.Figure:
    """Macro-F1 of each version on validation, with its interval, against how many labels people had confirmed by then.

    `versions` come oldest first; the line follows them. Those without validation metrics are left out.
    """
    scored = [(v, v.validation.macro_f1) for v in versions if v.validation is not None]
    figure = laid_out(go.Figure(), height=320)
    figure.add_trace(_marks(scored, None, NEUTRAL, words))
    methods = [str(v.settings.get("method", "instant")) for v, _ in scored]
    for number, method in enumerate(dict.fromkeys([*METHOD_SYMBOLS, *methods])):
        chosen = [pair for pair, its in zip(scored, methods, strict=True) if its == method]
        if chosen:
            kind = (method, METHOD_SYMBOLS.get(method, "cross"))
            figure.add_trace(_marks(chosen, kind, LABEL_COLOURS[number % len(LABEL_COLOURS)], words))
    figure.update_xaxes(title=words["confirmed-axis"], rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title=words["macro-f1-axis"])
    return figure


METHOD_SYMBOLS = {"instant": "circle", "fine-tune": "square", "lora": "diamond"}
"""By how a version was trained."""


def _marks(
    scored: Sequence[tuple[ModelVersion, Interval]], kind: tuple[str, str] | None, colour: str, words: Words
) -> go.Scatter:
    """The line through all versions (without a kind), or the marks of those trained by one method."""
    confirmed = [v.train_counts.get("gold", 0) + v.train_counts.get("silver_confirmed", 0) for v, _ in scored]
    places = {"x": confirmed, "y": [f1.value for _, f1 in scored]}
    if kind is None:
        line = {"color": colour, "width": 1.5, "dash": "dot"}
        return go.Scatter(**places, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    method, symbol = kind
    return go.Scatter(
        **places,
        mode="markers+text",
        name=words.get(method, method),
        text=[v.id for v, _ in scored],
        textposition="bottom right",  # elsewhere the interval or the line would run through the name
        marker={"symbol": symbol, "size": 11, "color": colour},
        error_y={
            "array": [f1.high - f1.value for _, f1 in scored],
            "arrayminus": [f1.value - f1.low for _, f1 in scored],
            "color": colour,
            "thickness": 1.5,
            "width": 4,
        },
        hovertext=[
            words["f1"].format(version=plain(v.id), value=f1.value, low=f1.low, high=f1.high) for v, f1 in scored
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def confusion_change(
    before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], labels: Sequence[str], words: Words = CHARTS
) -> go.Figure:
    """How many texts of each gold label (rows) got each prediction (columns), before → after.

    Coloured by whether the change is an improvement: more on the diagonal, less elsewhere. A heat map takes no clicks,
    so an unseen point lies on each cell, whose `customdata` is [gold label, prediction].
    """
    size = range(len(labels))
    crowded = len(labels) > CROWDED
    better = [[(after[g][p] - before[g][p]) * (1 if g == p else -1) for p in size] for g in size]
    reach = max((abs(value) for row in better for value in row), default=0) or 1
    names = [plain(label, 24, 1) for label in labels]
    heat = go.Heatmap(
        z=better,
        x=list(size),
        y=list(size),
        zmin=-reach,
        zmax=reach,
        colorscale=[(0.0, NEGATIVE), (0.5, UNCHANGED), (1.0, POSITIVE)],
        showscale=False,
        xgap=2,
        ygap=2,
        text=[[_cell(before[g][p], after[g][p], better[g][p], crowded) for p in size] for g in size],
        texttemplate="%{text}",
        hoverinfo="skip",
    )
    cells = [(g, p) for g in size for p in size]
    said = [_moved(labels[g], labels[p], before[g][p], after[g][p], words) for g, p in cells]
    figure = go.Figure([heat, _clickable(cells, [[labels[g], labels[p]] for g, p in cells], said)])
    ticks = {"tickvals": list(size), "ticktext": names, "showgrid": False, "zeroline": False}
    figure.update_yaxes(title=words["gold-label"], autorange="reversed", automargin=True, **ticks)
    figure.update_xaxes(title=words["prediction"], side="bottom", automargin=True, **ticks)
    return laid_out(figure, height=max(220, 150 + (26 if crowded else 46) * (len(labels) + 1)))


def _clickable(cells: Sequence[tuple[int, int]], own: Sequence[Sequence[str]], said: Sequence[str]) -> go.Scatter:
    """Unseen points at (row, column) cells."""
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        mode="markers",
        marker={"size": 40, "symbol": "square", "opacity": 0},
        selected=unseen,
        unselected=unseen,
        customdata=own,
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )


UNCHANGED = "#D5DAE0"
"""Opaque, because Plotly picks dark or light text for a cell by its colour and ignores the page below it."""
CROWDED = 9
"""With more labels than this, only the change is written into a cell, and nothing if there is none."""


def _cell(before: int, after: int, better: int, crowded: bool) -> str:
    """Both counts, with a triangle that shows whether it is an improvement."""
    mark = "▲" if better > 0 else "▼" if better < 0 else ""
    if crowded:
        return f"{after - before:+,}{mark}" if mark else ""
    return f"{before:,} → {after:,} {mark}".rstrip()


def _moved(gold: str, predicted: str, before: int, after: int, words: Words) -> str:
    said = words["confusion"].format(gold=plain(gold), predicted=plain(predicted), change=f"{before:,} → {after:,}")
    return str(said)
