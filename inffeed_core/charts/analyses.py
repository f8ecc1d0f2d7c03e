"""Data to Plotly figures: pure functions, no Streamlit. Figures of model versions are in `charts.versions`.

Every text from a user passes `plain` first: Plotly renders some HTML (`<b>`, `<a>`, `<br>`) in
labels and hover boxes. Colours are those of `charts.palette`, and their meaning is also shown by a symbol, a dash, a
pattern or a side.
`words` are those of `inffeed_core.charts.words.CHARTS`, or their translation.
"""

import html
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from inffeed_core.charts.palette import LABEL_COLOURS, NEGATIVE, NEUTRAL, POSITIVE
from inffeed_core.charts.words import CHARTS
from inffeed_core.errors import brought_by
from inffeed_core.records import Evidence, Influencer, MapPoint, Split

with brought_by("app"):
    import plotly.graph_objects as go

WEBGL_FROM = 4000
"""From this many points on, the map is drawn by WebGL: faster for many, slower to start and coarser for few."""

_SYMBOLS = {"gold": "square", "silver": "circle", "flagged": "diamond"}
_SIZES = {"gold": 6, "silver": 6, "flagged": 11}


def plain(text: str, width: int = 0, lines: int = 0) -> str:
    """The text escaped so that Plotly shows it literally: one line, or wrapped at `width` and cut after `lines`."""
    flat = " ".join(text.split())
    if not width:
        return html.escape(flat, quote=False)
    wrapped = _wrapped(flat, width)
    if lines and len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], _cut(wrapped[lines - 1], width)]
    return "<br>".join(html.escape(line, quote=False) for line in wrapped)


def _wrapped(flat: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at spaces, or within words if these are wide or long."""
    lines, line = [], ""
    for word in re.findall(r"[^\u1100-\uffdc\s]+|\S|\s", flat):
        for piece in [word[i : i + width] for i in range(0, len(word), width)]:
            if line and _columns(line + piece) > width:
                lines.append(line.rstrip())
                line = ""
            line += piece if line or piece != " " else ""
    return [*lines, line.rstrip()] if line.strip() else lines


def _cut(line: str, width: int) -> str:
    while _columns(line) > width - 2:
        line = line[:-1]
    return f"{line.rstrip()} …"


def _columns(text: str) -> int:
    """How wide the text is: 1 for a Latin character, 2 for a Chinese one."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def label_colours(labels: Sequence[str]) -> dict[str, str]:
    """One colour for each label, by its place in the project's settings; they repeat after nine."""
    return {label: LABEL_COLOURS[i % len(LABEL_COLOURS)] for i, label in enumerate(labels)}


Words = Mapping[str, str]


SHOWN = 8
"""How many influencers of each side are drawn."""


SHIFT = 14
"""Pixels by which texts stand above the middle of their row, whose lower part is the bar's."""


def reach(*drawn: Evidence) -> tuple[float, float]:
    """(least, greatest) influence drawn of these, including 0: the scale that they share."""
    values = [i.influence for one in drawn for i in drawn_of(one)]
    return min([0.0, *values]), max([0.0, *values])


def drawn_of(evidence: Evidence) -> list[Influencer]:
    """The influencers that are drawn, most helpful first."""
    return [*evidence.supporters[:SHOWN], *reversed(evidence.opposers[:SHOWN])]


def influence_bars(
    evidence: Evidence, columns: int = 120, words: Words = CHARTS, scale: tuple[float, float] | None = None
) -> go.Figure:
    """Signed influence in nats of the strongest supporters and opposers, the most helpful on top.

    Bars take the whole width, and texts two lines of at most `columns` above them; hovering shows more. Each bar's
    `customdata` is
    the influencer's id. `scale` is the `reach` of all figures shown together, so that equally long bars
    mean the same.
    """
    chosen = drawn_of(evidence)
    bars = go.Bar(
        x=[i.influence for i in chosen],
        y=list(range(len(chosen))),
        orientation="h",
        width=0.26,
        offset=0.16,
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
    names = [f"<b>{plain(i.label, columns // 2, 1)}</b><br>{_named(i, columns)}" for i in chosen]
    figure.update_yaxes(tickvals=list(range(len(chosen))), ticktext=names, range=[len(chosen) - 0.4, -0.6])
    figure.update_yaxes(ticklabelposition="inside", ticklabelshift=SHIFT, showgrid=False)
    figure.update_xaxes(title=words["influence-axis"], showgrid=False)  # lines would run through the numbers
    # Plotly hides an axis's numbers and zero where names of the other stand inside; every bar says its number itself.
    figure.update_xaxes(showticklabels=False, zeroline=False)
    for n in range(len(chosen)):  # beside the bars alone: it would run through the names
        figure.add_shape(type="line", x0=0, x1=0, y0=n + 0.1, y1=n + 0.48, line={"width": 1, "color": NEUTRAL})
    _pad_range(figure, scale or reach(evidence))
    figure.update_layout(hovermode="y")  # the whole row answers: the shortest bars are too thin to point at
    return laid_out(figure, height=70 + 72 * max(len(chosen), 2), showlegend=False)


def ranking_bars(shared: Mapping[str, float], chance: float, words: Words = CHARTS) -> go.Figure:
    """By policy: the share of first texts that its ranking has in common with the one shown; chance is dashed."""
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
    figure.update_xaxes(title=words["shared-axis"], range=[0, 1.08], tickformat=".0%", showgrid=False)
    return laid_out(figure, height=130 + 26 * max(len(shared), 3), showlegend=False).update_layout(margin_t=28)


def refit_scatter(refits: Mapping[str, Sequence[tuple[str, float, float]]], words: Words = CHARTS) -> go.Figure:
    """Scores against the refits that they predict, with the diagonal; by kind, (id, predicted, actual) in nats."""
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
    return laid_out(figure, height=380)


def _hover(i: Influencer, words: Words) -> str:
    effect = words["helpful" if i.influence >= 0 else "harmful"]
    what = f"{plain(i.label)} · {words[i.split]} · {plain(i.id)}"
    said = words["influence"].format(influence=i.influence, effect=effect)
    return f"{_both(i.text, i.pair, 8, words)}<br><br>{what}<br>{said}"


def _both(text: str, pair: str | None, lines: int, words: Words) -> str:
    """A text of at most so many lines, and below it the second one, named."""
    shown = plain(text, 60, lines)
    return shown if pair is None else f"{shown}<br><br>{words['second-text'].format(text=plain(pair, 60, lines))}"


def _named(i: Influencer, columns: int) -> str:
    """Two lines of the text, or one of it and one of its second text."""
    if i.pair is None:
        return plain(i.text, columns, 2)
    return f"{plain(i.text, columns, 1)}<br><i>{plain(i.pair, columns, 1)}</i>"


def _pad_range(figure: go.Figure, scale: tuple[float, float]) -> None:
    low, high = scale
    room = 0.18 * (high - low or 1.0)
    figure.update_xaxes(range=[low - room if low < 0 else 0, high + room if high > 0 else 0])


Cells = tuple[Sequence[float], Sequence[float], Sequence[Sequence[float]]]
"""x of the cells, y of the cells, and how many texts lie in each, [y][x]."""


def feature_map(
    points: Sequence[MapPoint],
    labels: Sequence[str],
    target: str | None = None,
    evidence: Evidence | None = None,
    words: Words = CHARTS,
    behind: Cells | None = None,
) -> go.Figure:
    """The features in two dimensions: colour = label, symbol = gold, silver or flagged.

    The target is ringed; lines lead to its influencers, solid to supporters and dashed to opposers. `behind` is the
    density of more texts than are drawn. `customdata` of each point is [id].
    """
    figure = laid_out(go.Figure(), height=620, dragmode="pan", hoverdistance=12)
    if behind is not None:
        figure.add_trace(_density(behind))
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
    figure.update_layout(margin_t=40, legend={"y": 0, "yanchor": "top"})  # the tool bar lies above
    if len(labels) > len(LABEL_COLOURS):  # below the map they would leave it no room; beside it they scroll
        figure.update_layout(legend={"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top"})
    return figure


def _density(cells: Cells) -> go.Heatmap:
    """The more texts, the darker, by the logarithm; empty cells let the page through."""
    x, y, counts = cells
    return go.Heatmap(
        x=x,
        y=y,
        z=[[round(math.log1p(count), 2) if count else None for count in row] for row in counts],
        colorscale=[(0.0, "rgba(127, 140, 153, 0.12)"), (1.0, "rgba(127, 140, 153, 0.75)")],
        showscale=False,
        hoverinfo="skip",
        zsmooth=False,
    )


def _points(scatter: type, points: Sequence[MapPoint], label: str, colour: str, words: Words) -> Any:
    states = ["flagged" if p.flagged else "silver" if p.split is Split.SILVER else "gold" for p in points]
    return scatter(
        x=[p.x for p in points],
        y=[p.y for p in points],
        mode="markers",
        name=plain(label, 24, 1),
        marker={
            "color": colour,
            "symbol": [_SYMBOLS[s] for s in states],
            "size": [_SIZES[s] for s in states],
            "opacity": [1.0 if s == "flagged" else 0.6 for s in states],
        },
        customdata=[[p.id] for p in points],
        hovertext=[
            f"{_both(p.text, p.pair, 6, words)}<br><br>{plain(p.label)} · {words[s]} · {plain(p.id)}"
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


def label_counts(counts: Mapping[Split, Mapping[str, int]], labels: Sequence[str], words: Words = CHARTS) -> go.Figure:
    """Texts of each split by current label: stacked bars, one per split, or one per label if there are many labels."""
    splits = [s for s in Split if counts.get(s)]
    if len(labels) > len(LABEL_COLOURS):
        return _split_counts(counts, splits, labels, words)
    figure = go.Figure(
        [
            go.Bar(
                x=[counts[s].get(label, 0) for s in splits],
                y=[words[s] for s in splits],
                orientation="h",
                name=plain(label),
                marker={"color": colour},
                hovertemplate="%{y}: %{x:,}<extra>%{fullData.name}</extra>",  # a label could hold %{…} itself
            )
            for label, colour in label_colours(labels).items()
        ]
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=words["instances"])
    return laid_out(figure, height=110 + 40 * len(splits), barmode="stack")


_SPLIT_LOOKS = {
    Split.TRAIN: (LABEL_COLOURS[5], ""),
    Split.VALIDATION: (LABEL_COLOURS[0], "/"),
    Split.TEST: (LABEL_COLOURS[3], "."),
    Split.SILVER: (NEUTRAL, ""),
}
"""(colour, pattern)."""


def _split_counts(
    counts: Mapping[Split, Mapping[str, int]], splits: Sequence[Split], labels: Sequence[str], words: Words
) -> go.Figure:
    """A bar per label, stacked by split, for more labels than there are colours."""
    rows = list(range(len(labels)))
    figure = go.Figure(
        [
            go.Bar(
                x=[counts[s].get(label, 0) for label in labels],
                y=rows,
                orientation="h",
                name=words[s],
                marker={"color": _SPLIT_LOOKS[s][0], "pattern": {"shape": _SPLIT_LOOKS[s][1], "fillmode": "replace"}},
                hovertext=[plain(label) for label in labels],
                hovertemplate="%{hovertext}: %{x:,}<extra>" + words[s] + "</extra>",
            )
            for s in splits
        ]
    )
    names = [plain(label, 24, 1) for label in labels]
    figure.update_yaxes(autorange="reversed", automargin=True, tickvals=rows, ticktext=names)
    figure.update_xaxes(title=words["instances"])
    return laid_out(figure, height=110 + 24 * len(labels), barmode="stack")


def laid_out(figure: go.Figure, **layout: Any) -> go.Figure:
    """The figure with the layout that all share, and its own."""
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "xanchor": "left", "x": 0, "traceorder": "normal"},
        bargap=0.3,
        hoverlabel={"align": "left"},
        **layout,
    )
    return figure
