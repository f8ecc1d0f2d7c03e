"""Model versions over time, how one was trained, and two side by side: which is better, for what labels and texts."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from inffeed_core.charts.versions import (
    confusion_change,
    f1_dumbbell,
    foretold_dumbbell,
    learning_curve,
    training_curve,
)
from inffeed_core.learning.comparing import Comparison, Flip, changes, compare
from inffeed_core.learning.foretold_said import foretold_of
from inffeed_core.learning.training_curve import training_curve_of
from inffeed_core.project.folder import Project
from inffeed_core.project.gold_coverage import unmeasured
from inffeed_core.records import ModelVersion
from pages.components.choices import choice
from pages.components.confusion_cell import confusion_cell, take_cell
from pages.components.shown_text import any_pair
from pages.language import counted, say, section, told

BARE = {"displayModeBar": False}


def before_after(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    """Choose two of the versions, newest first, and see what changed between them."""
    st.header(say("models.before_after"), anchor=False)
    if len(versions) < 2:
        st.text(say("models.one_version"))
        return
    ids = [v.id for v in versions]
    left, right = st.columns(2)
    earlier = active.parent or ids[-1]
    later = active.id if active.id != earlier else ids[0]
    before = choice(say("models.before"), ids, name="before", default=earlier, place=left) or earlier
    after = choice(say("models.after"), ids, name="after", default=later, place=right) or later
    result = compare(project, before, after)
    st.text(told(result.sentence))
    st.text(told(result.test_sentence))
    st.caption(told(result.caveat))
    _scores(result)
    _changes(project, before, after)


def history(versions: list[ModelVersion]) -> None:
    """The learning curve over all versions, newest first; nothing before there are two."""
    if sum(v.validation is not None for v in versions) < 2:
        return
    st.header(say("models.history"), anchor=False)
    st.caption(say("models.history_said"))
    st.plotly_chart(learning_curve(versions[::-1], section("charts")), key="history", config=BARE)


def training_history(versions: list[ModelVersion], active: ModelVersion) -> None:
    """How a fine-tuned version was trained, the active one first; nothing if all are instant."""
    curves = {v.id: curve for v in versions if (curve := training_curve_of(v)) is not None}
    if not curves:
        return
    st.header(say("models.curve"), anchor=False)
    st.caption(say("models.curve_said"))
    ids = list(curves)
    start = active.id if active.id in curves else ids[0]
    chosen = choice(say("models.version"), ids, name="curve_version", default=start) or start
    curve, kept = curves[chosen], curves[chosen].kept
    end = say("models.curve_early" if curve.stopped_early else "models.curve_whole")
    words = say("models.curve_kept", steps=curve.steps, best=kept.step, loss=kept.loss, f1=kept.macro_f1)
    st.text(f"{words} {end}")
    st.plotly_chart(training_curve(curve, section("charts")), key="curve", config=BARE)


def foretold_and_come(versions: list[ModelVersion], active: ModelVersion) -> None:
    """What influence foretold of the labels changed before a version, and what came; nothing where it foretold none."""
    known = {v.id: found for v in versions if (found := foretold_of(v)) is not None}
    if not known:
        return
    st.header(say("models.foretold"), anchor=False)
    st.caption(say("models.foretold_said"))
    start = active.id if active.id in known else next(iter(known))
    chosen = choice(say("models.version"), list(known), name="foretold_version", default=start) or start
    found = known[chosen]
    st.text(told(found.sentence))
    if found.others:
        st.caption(say("models.foretold_others"))
    parts = [*found.by_label.items(), (None, (found.predicted, found.actual))]
    st.plotly_chart(foretold_dumbbell(parts, section("charts")), key="foretold", config=BARE)


def _scores(result: Comparison) -> None:
    if result.before.validation is None or result.after.validation is None:
        return
    names = (result.before.id, result.after.id)
    figure = f1_dumbbell(result.before.validation, result.after.validation, names, section("charts"))
    st.plotly_chart(figure, key="dumbbell", config=BARE)
    for left_out in dict.fromkeys([*unmeasured(result.before), *unmeasured(result.after)]):
        st.text(told(left_out))


def _changes(project: Project, before: str, after: str) -> None:
    st.subheader(say("models.confusion"), anchor=False)
    found = changes(project, before, after)
    if found is None:
        st.text(say("models.no_predictions"))
        return
    st.caption(say("models.confusion_said"))
    figure = confusion_change(found.before, found.after, found.labels, section("charts"))
    st.plotly_chart(
        figure, key="confusion", on_select=lambda: take_cell("confusion"), selection_mode="points", config=BARE
    )
    confusion_cell(project, found)
    if not found.flips:
        st.text(say("models.no_flips"))
        return
    st.text(counted("models.flips", len(found.flips)))
    frame = pd.DataFrame([_row(flip, any_pair(found.flips)) for flip in found.flips])
    columns: dict[str, ColumnConfig | str] = {
        "change": say("models.column_change"),
        "text": st.column_config.TextColumn(say("columns.text"), width="large"),
        "pair": say("columns.pair"),
        "gold": say("models.column_gold_label"),
        "before": before,
        "after": after,
        "id": say("columns.id"),
    }
    st.dataframe(frame, hide_index=True, column_config=columns, key="flips")


def _row(flip: Flip, paired: bool) -> dict[str, str]:
    change = "now_right" if flip.after == flip.gold else "now_wrong" if flip.before == flip.gold else "still_wrong"
    values = {
        "text": flip.text,
        **({"pair": flip.pair or ""} if paired else {}),
        "gold": flip.gold,
        "before": flip.before,
        "after": flip.after,
        "id": flip.id,
    }
    return {"change": say(f"models.{change}"), **values}
