"""Data to plotly figures: pure functions, no Streamlit.

Every text that came from a user passes `plain` first: plotly renders a little HTML (`<b>`, `<a>`, `<br>`) in
labels and hover boxes. Colours are those of `inffeed_core.palette`, and what they tell is also told by a symbol, a
dash, a pattern or a side.
`words` are those of `inffeed_core.wording.CHARTS`, or their translation.
"""

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from inffeed_core.palette import LABEL_COLOURS, NEGATIVE, NEUTRAL, POSITIVE
from inffeed_core.records import Evidence, Influencer, Interval, MapPoint, Metrics, ModelVersion, Split
from inffeed_core.wording import CHARTS

WEBGL_FROM = 4000
"""Points from which the map is drawn by WebGL: faster for many, slower to start and coarser for few."""

_SYMBOLS = {"gold": "square", "silver": "circle", "flagged": "diamond"}
_SIZES = {"gold": 6, "silver": 6, "flagged": 11}
_SHIFT = 0.13  # of a row, so that the intervals of two versions do not cover each other


def plain(text: str, width: int = 0, lines: int = 0) -> str:
    """The text as plotly shows it literally: one line, or wrapped at `width`, cut with … after `lines` of it."""
    flat = " ".join(text.split())
    if not width:
        return html.escape(flat, quote=False)
    wrapped = textwrap.wrap(flat, width, max_lines=lines or None, placeholder=" …")
    return "<br>".join(html.escape(line, quote=False) for line in wrapped)


def label_colours(labels: Sequence[str]) -> dict[str, str]:
    """One colour for each label, by its place in the project's settings; they repeat after nine."""
    return {label: LABEL_COLOURS[i % len(LABEL_COLOURS)] for i, label in enumerate(labels)}


Words = Mapping[str, str]


def influence_bars(evidence: Evidence, shown: int = 8, characters: int = 46, words: Words = CHARTS) -> go.Figure:
    """Signed influence in nats of the strongest `shown` supporters and opposers, the most helpful on top.

    Texts are cut to `characters` beside the bars; pointing at one shows more.
    Each bar's `customdata` is the influencer's id.
    """
    chosen = [*evidence.supporters[:shown], *reversed(evidence.opposers[:shown])]
    bars = go.Bar(
        x=[i.influence for i in chosen],
        y=list(range(len(chosen))),
        orientation="h",
        marker={
            "color": [POSITIVE if i.influence >= 0 else NEGATIVE for i in chosen],
            "pattern": {"shape": ["" if i.influence >= 0 else "/" for i in chosen], "fillmode": "replace"},
        },
        text=[f"{i.influence:+.2g}" for i in chosen],
        textposition="outside",
        cliponaxis=False,
        customdata=[[i.id] for i in chosen],
        hovertext=[_hover(i, words) for i in chosen],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure = go.Figure(bars)
    names = [f"{plain(textwrap.shorten(i.text, characters, placeholder='…'))}  <b>{plain(i.label)}</b>" for i in chosen]
    figure.update_yaxes(tickvals=list(range(len(chosen))), ticktext=names, autorange="reversed", automargin=True)
    figure.update_xaxes(title=words["influence-axis"], zeroline=True, zerolinewidth=1, zerolinecolor=NEUTRAL)
    _pad_range(figure, [i.influence for i in chosen])
    return _laid_out(figure, height=90 + 30 * max(len(chosen), 3), showlegend=False)


def ranking_bars(shared: Mapping[str, float], chance: float, words: Words = CHARTS) -> go.Figure:
    """By policy's name, what share of the first texts its ranking has in common with the one shown; chance dashed."""
    bars = go.Bar(
        x=list(shared.values()),
        y=[plain(name) for name in shared],
        orientation="h",
        marker_color=POSITIVE,
        text=[f"{value:.0%}" for value in shared.values()],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bars)
    figure.add_vline(x=chance, line_dash="dash", line_color=NEUTRAL, layer="below")
    above = {"yref": "paper", "y": 1, "yanchor": "bottom", "xanchor": "left", "showarrow": False}
    figure.add_annotation(x=chance, text=words["chance"], **above)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=words["shared-axis"], range=[0, 1.08], tickformat=".0%")
    return _laid_out(figure, height=130 + 26 * max(len(shared), 3), showlegend=False).update_layout(margin_t=28)


def refit_scatter(refits: Mapping[str, Sequence[tuple[str, float, float]]], words: Words = CHARTS) -> go.Figure:
    """Scores against the experiment that they predict: by kind, (id, predicted, actual) in nats, and the diagonal."""
    values = [value for points in refits.values() for _, *pair in points for value in pair]
    ends = [min(values, default=0.0), max(values, default=0.0)]
    line = {"color": NEUTRAL, "width": 1, "dash": "dash"}
    figure = go.Figure(go.Scatter(x=ends, y=ends, mode="lines", line=line, showlegend=False, hoverinfo="skip"))
    for (kind, points), colour, symbol in zip(refits.items(), LABEL_COLOURS, ("circle", "diamond"), strict=False):
        figure.add_trace(
            go.Scatter(
                x=[predicted for _, predicted, _ in points],
                y=[actual for _, _, actual in points],
                mode="markers",
                name=kind,
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.8},
                customdata=[[id] for id, _, _ in points],
                hovertext=[
                    words["refit"].format(id=plain(id), predicted=predicted, actual=actual)
                    for id, predicted, actual in points
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    figure.update_xaxes(title=words["predicted-axis"], tickformat=".2~g")
    figure.update_yaxes(title=words["actual-axis"], tickformat=".2~g")
    return _laid_out(figure, height=380)


def _hover(i: Influencer, words: Words) -> str:
    effect = words["helpful" if i.influence >= 0 else "harmful"]
    what = f"{plain(i.label)} · {words[i.split]} · {plain(i.id)}"
    said = words["influence"].format(influence=i.influence, effect=effect)
    return f"{plain(i.text, 60, 8)}<br><br>{what}<br>{said}"


def _pad_range(figure: go.Figure, values: Sequence[float]) -> None:
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.18 * (high - low or 1.0)
    figure.update_xaxes(range=[low - room if low < 0 else 0, high + room if high > 0 else 0])


def feature_map(
    points: Sequence[MapPoint],
    labels: Sequence[str],
    target: str | None = None,
    evidence: Evidence | None = None,
    words: Words = CHARTS,
) -> go.Figure:
    """The features in two dimensions: colour = label, symbol = gold, silver or flagged.

    The target is ringed; lines lead to its influencers, solid to supporters and dashed to opposers.
    `customdata` of each point is [id].
    """
    figure = _laid_out(go.Figure(), height=600, dragmode="pan", hoverdistance=12)
    places = {p.id: p for p in points}
    if target in places and evidence is not None:
        _add_lines(figure, places, target, evidence, words)
    scatter = go.Scattergl if len(points) >= WEBGL_FROM else go.Scatter
    for label, colour in label_colours(labels).items():
        figure.add_trace(_points(scatter, [p for p in points if p.label == label], label, colour, words))
    for status, symbol in _SYMBOLS.items():
        marker = {"symbol": symbol, "size": _SIZES[status], "color": NEUTRAL}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=words[status], marker=marker, hoverinfo="skip")
        )
    if target in places:
        figure.add_trace(_ring(places[target], words))
    figure.update_xaxes(showgrid=False, zeroline=False, showticklabels=False)
    figure.update_yaxes(showgrid=False, zeroline=False, showticklabels=False)
    figure.update_layout(margin_t=64)  # the tool bar lies above the legend
    return figure


def _points(scatter: type, points: Sequence[MapPoint], label: str, colour: str, words: Words) -> Any:
    states = ["flagged" if p.flagged else "silver" if p.split is Split.SILVER else "gold" for p in points]
    return scatter(
        x=[p.x for p in points],
        y=[p.y for p in points],
        mode="markers",
        name=plain(label),
        marker={
            "color": colour,
            "symbol": [_SYMBOLS[s] for s in states],
            "size": [_SIZES[s] for s in states],
            "opacity": [1.0 if s == "flagged" else 0.6 for s in states],
        },
        customdata=[[p.id] for p in points],
        hovertext=[
            f"{plain(p.text, 60, 6)}<br><br>{plain(p.label)} · {words[s]} · {plain(p.id)}"
            for p, s in zip(points, states, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_lines(
    figure: go.Figure, places: Mapping[str, MapPoint], target: str, evidence: Evidence, words: Words
) -> None:
    start = places[target]
    sides = (
        (words["helps"], evidence.supporters, POSITIVE, "solid"),
        (words["harms"], evidence.opposers, NEGATIVE, "dash"),
    )
    for name, influencers, colour, dash in sides:
        ends = [places[i.id] for i in influencers if i.id in places]
        figure.add_trace(
            go.Scatter(
                x=[v for end in ends for v in (start.x, end.x, None)],
                y=[v for end in ends for v in (start.y, end.y, None)],
                mode="lines",
                name=name,
                line={"color": colour, "width": 1.4, "dash": dash},
                hoverinfo="skip",
            )
        )


def _ring(point: MapPoint, words: Words) -> go.Scatter:
    marker = {"symbol": "circle-open", "size": 20, "color": NEGATIVE, "line": {"width": 3}}
    return go.Scatter(x=[point.x], y=[point.y], mode="markers", name=words["target"], marker=marker, hoverinfo="skip")


def f1_dumbbell(
    before: Metrics, after: Metrics, names: tuple[str, str] = ("before", "after"), words: Words = CHARTS
) -> go.Figure:
    """F1 of each label and their mean under two model versions, with bootstrap intervals as bars."""
    rows = [*after.f1, None]
    figure = go.Figure(_links(before, after, rows))
    for metrics, name, colour, symbol, shift in (
        (before, names[0], NEUTRAL, "circle-open", _SHIFT),
        (after, names[1], POSITIVE, "circle", -_SHIFT),
    ):
        values = [metrics.macro_f1 if r is None else metrics.f1[r] for r in rows]
        figure.add_trace(
            go.Scatter(
                x=[v.value for v in values],
                y=[i + shift for i in range(len(rows))],
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
    ticks = [plain(r) if r is not None else f"<b>{words['mean']}</b>" for r in rows]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=ticks, range=[len(rows) - 0.5, -0.5], automargin=True)
    figure.update_xaxes(title=words["f1-axis"])
    return _laid_out(figure, height=110 + 46 * len(rows))


def _links(before: Metrics, after: Metrics, rows: Sequence[str | None]) -> go.Scatter:
    pairs = [(before.macro_f1, after.macro_f1) if r is None else (before.f1[r], after.f1[r]) for r in rows]
    return go.Scatter(
        x=[x for b, a in pairs for x in (b.value, a.value, None)],
        y=[y for i in range(len(rows)) for y in (i + _SHIFT, i - _SHIFT, None)],
        mode="lines",
        line={"color": NEUTRAL, "width": 2},
        opacity=0.5,
        showlegend=False,
        hoverinfo="skip",
    )


def learning_curve(versions: Sequence[ModelVersion], words: Words = CHARTS) -> go.Figure:
    """Macro-F1 of each version on validation, with its interval, against how many labels people had confirmed by then.

    `versions` come oldest first; the line follows them. Those without validation metrics are left out.
    """
    scored = [(v, v.validation.macro_f1) for v in versions if v.validation is not None]
    figure = _laid_out(go.Figure(), height=320)
    figure.add_trace(_curve(scored, None, NEUTRAL, words))
    for number, (method, symbol) in enumerate(_METHOD_SYMBOLS.items()):
        chosen = [pair for pair in scored if pair[0].settings.get("method", "instant") == method]
        if chosen:
            figure.add_trace(_curve(chosen, (method, symbol), LABEL_COLOURS[number], words))
    figure.update_xaxes(title=words["confirmed-axis"], rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title=words["macro-f1-axis"])
    return figure


_METHOD_SYMBOLS = {"instant": "circle", "fine-tune": "square", "lora": "diamond"}


def _curve(
    scored: Sequence[tuple[ModelVersion, Interval]], kind: tuple[str, str] | None, colour: str, words: Words
) -> go.Scatter:
    """The line through all versions (without a kind), or the marks of those of one method and symbol."""
    confirmed = [v.train_counts.get("gold", 0) + v.train_counts.get("silver_confirmed", 0) for v, _ in scored]
    places = {"x": confirmed, "y": [f1.value for _, f1 in scored]}
    if kind is None:
        line = {"color": colour, "width": 1.5, "dash": "dot"}
        return go.Scatter(**places, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    method, symbol = kind
    return go.Scatter(
        **places,
        mode="markers+text",
        name=words[method],
        text=[v.id for v, _ in scored],
        textposition="top center",
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

    Coloured by whether the change is for the better: more on the diagonal, less elsewhere.
    """
    size = range(len(labels))
    better = [[(after[g][p] - before[g][p]) * (1 if g == p else -1) for p in size] for g in size]
    reach = max((abs(value) for row in better for value in row), default=0) or 1
    names = [plain(label) for label in labels]
    heat = go.Heatmap(
        z=better,
        x=names,
        y=names,
        zmin=-reach,
        zmax=reach,
        colorscale=[(0.0, NEGATIVE), (0.5, "rgba(124,136,148,0.12)"), (1.0, POSITIVE)],
        showscale=False,
        xgap=2,
        ygap=2,
        text=[[f"{before[g][p]:,} → {after[g][p]:,}" for p in size] for g in size],
        texttemplate="%{text}",
        hovertemplate=words["confusion"] + "<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_yaxes(title=words["gold-label"], autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(title=words["prediction"], type="category", side="bottom")
    return _laid_out(figure, height=max(220, 110 + 46 * (len(labels) + 1)))


def label_counts(counts: Mapping[Split, Mapping[str, int]], labels: Sequence[str], words: Words = CHARTS) -> go.Figure:
    """How many instances of each split carry each label now: stacked bars, one a split."""
    splits = [s for s in Split if counts.get(s)]
    figure = go.Figure(
        [
            go.Bar(
                x=[counts[s].get(label, 0) for s in splits],
                y=[words[s] for s in splits],
                orientation="h",
                name=plain(label),
                marker={"color": colour},
                hovertemplate="%{y}: %{x:,}<extra>" + plain(label) + "</extra>",
            )
            for label, colour in label_colours(labels).items()
        ]
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=words["instances"])
    return _laid_out(figure, height=110 + 40 * len(splits), barmode="stack")


def _laid_out(figure: go.Figure, **layout: Any) -> go.Figure:
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "xanchor": "left", "x": 0, "traceorder": "normal"},
        bargap=0.3,
        hoverlabel={"align": "left"},
        **layout,
    )
    return figure
