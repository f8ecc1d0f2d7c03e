"""Models: train on the current labels, compare versions, and choose the active one."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from inffeed_core import store
from inffeed_core.flags.carrying import Carried, carried
from inffeed_core.learning.comparing import all_versions
from inffeed_core.learning.layers_said import layers_said, words_said
from inffeed_core.learning.reading import Reading
from inffeed_core.project.encoders import layers_of, words_of
from inffeed_core.project.folder import Project
from inffeed_core.project.gold_coverage import unmeasured
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status, Step, status
from inffeed_core.records import Metrics, ModelVersion
from pages.components.choices import choice
from pages.components.decision_rule import decision_rule, warn_of_shift
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import empty_state
from pages.components.retrain_report import report_button
from pages.components.retraining import training
from pages.components.rights import refused, shut_button, why_not
from pages.components.session import require_project
from pages.components.standing import changes_said, undecided_said
from pages.components.version_comparison import before_after, foretold_and_come, history, training_history
from pages.language import say, told

IMPORTS = (Step.IMPORT_TRAIN, Step.IMPORT_VALIDATION)


def page() -> None:
    """Training on top, then the versions, then two of them side by side."""
    st.title(say("app.models"), anchor=False)
    project = require_project()
    job_panel(project)
    now = status(project)
    if now.next_step.step in IMPORTS:
        advice = told(now.next_step.sentence)
        empty_state(say("models.not_enough"), advice, "pages/data.py", say("app.to_data"))
        return
    versions, active = all_versions(project)
    _state(project, now, active)
    training(project, now)
    if active is None:
        st.text(say("models.first_results"))
        return
    st.header(say("models.versions"), anchor=False)
    _held_back(versions[0], active)
    _table(versions, active)
    with st.container(horizontal=True):
        _choose_active(project, versions, active)
        _export(project, versions, active)
        decision_rule(project, versions, active)
        report_button(project, versions, active)
    foretold_and_come(versions, active)
    history(versions)
    training_history(versions, active)
    before_after(project, versions, active)


def _carried(project: Project) -> list[Carried]:
    """How far the scores of the analysis in use carry, if it went through the training."""
    with store.reading(project.db) as db:
        analysis = store.analysis_in_use(db)
        return [] if analysis is None else carried(db, analysis)


def _state(project: Project, now: Status, active: ModelVersion | None) -> None:
    if active is None:
        return
    agreement = active.report.get("head_agreement")
    cells = st.columns(4)
    cells[0].metric(say("models.in_use"), active.id, border=True)
    cells[1].metric(say("home.macro_f1"), _score(active.validation), border=True)
    cells[2].metric(
        say("models.changed"),
        f"{now.changed:,}",
        border=True,
        help=changes_said(now.changes) or say("models.changed_help"),
    )
    left = undecided_said(now.undecided)
    cells[3].metric(say("models.flags_open"), f"{now.open_flags:,}", border=True, help=left or None)
    if moved := [one for one in (changes_said(now.changes), left) if one]:
        st.caption(" · ".join(moved))
    for left_out in unmeasured(active):
        st.text(told(left_out))
    warn_of_shift(active)
    if (read := Reading.of(active)) is not None:
        *cut, known = (told(sentence) for sentence in read.sentences)
        if cut:
            st.text(" ".join(cut))
        st.caption(known)
    if said := [told(one) for one in (layers_said(active), words_said(active)) if one is not None]:
        st.caption(" ".join(said))
    for carries in _carried(project):
        st.caption(" ".join(map(told, carries.sentences)))
    if reason := active.report.get("not_compared"):
        st.caption(say("models.not_compared", parent=active.parent, reason=reason))
    if note := active.report.get("own_labels"):
        st.caption(say("models.own_labels_note", note=note))
    if agreement is not None:
        st.caption(say("models.head_agreement", share=agreement))


def _score(metrics: Metrics | None) -> str:
    return "–" if metrics is None else f"{metrics.macro_f1.value:.3f}"


def _held_back(newest: ModelVersion, active: ModelVersion) -> None:
    """Training keeps the old version active if the new one is significantly worse; say so."""
    difference = newest.report.get("difference")
    if newest.parent == active.id and isinstance(difference, Mapping) and difference["high"] < 0:
        st.text(say("models.held_back", new=newest.id, old=active.id))


def _table(versions: list[ModelVersion], active: ModelVersion) -> None:
    rows = [
        {
            "version": say("models.marked_in_use", id=v.id) if v.id == active.id else v.id,
            "from": v.parent or "–",
            "created": v.created,
            "gold": v.train_counts.get("gold", 0),
            "confirmed": v.train_counts.get("silver_confirmed", 0),
            "silver": v.train_counts.get("silver", 0),
            "validation": _with_interval(v.validation),
            "test": _with_interval(v.test),
            "encoder": v.encoder.rstrip("/").rpartition("/")[2],
            "layers": say(f"models.layers_{layers_of(v)}") + (" + TF-IDF" if words_of(v) else ""),
        }
        for v in versions
    ]
    columns: dict[str, ColumnConfig | str] = {
        "version": say("models.column_version"),
        "from": say("models.column_parent"),
        "encoder": say("models.column_encoder"),
        "layers": say("models.layers"),
        "created": st.column_config.DatetimeColumn(say("models.column_created"), format="YYYY-MM-DD HH:mm"),
        "gold": st.column_config.NumberColumn(
            say("models.column_gold"), help=say("models.column_gold_help"), format="localized"
        ),
        "confirmed": st.column_config.NumberColumn(say("models.column_confirmed"), format="localized"),
        "silver": st.column_config.NumberColumn(say("models.column_silver"), format="localized"),
        "validation": st.column_config.TextColumn(
            say("models.column_validation"), help=say("models.column_validation_help")
        ),
        "test": st.column_config.TextColumn(say("models.column_test"), help=say("models.column_test_help")),
    }
    frame = pd.DataFrame(rows).assign(created=lambda f: pd.to_datetime(f["created"]))
    st.dataframe(frame, hide_index=True, column_config=columns)


def _with_interval(metrics: Metrics | None) -> str:
    if metrics is None:
        return "–"
    f1 = metrics.macro_f1
    return f"{f1.value:.3f} ({f1.low:.3f}–{f1.high:.3f})"


def _choose_active(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    others = [v.id for v in versions if v.id != active.id]
    if not others:
        return
    with st.popover(say("models.use_another"), icon=":material/swap_vert:", **shut_button(project, Right.VERSION)):
        if why_not(project, Right.VERSION) is not None:
            return
        chosen = choice(say("models.version"), others, name="other_version", default=others[0]) or others[0]
        older = [v.id for v in versions].index(chosen) > [v.id for v in versions].index(active.id)
        st.text(say("models.use_said", new=chosen, old=active.id))
        act = say("models.roll_back" if older else "models.promote", id=chosen)
        if st.button(
            act, type="primary", key=f"use {chosen}"
        ):  # keyed, so that a click on another version's button does nothing
            if refused(project, Right.VERSION):
                return
            with store.writing(project.db) as db:
                store.promote(db, chosen, "models-page")
            st.rerun()


def _export(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    with st.popover(say("models.export"), icon=":material/output:", **shut_button(project, Right.EXPORT)):
        if why_not(project, Right.EXPORT) is not None:
            return
        ids = [v.id for v in versions]
        chosen = choice(say("models.version"), ids, name="exported_version", default=active.id) or active.id
        folder = project.exports / chosen
        if folder.is_dir():
            st.text(say("models.exported", id=chosen))
            st.code(str(folder), language=None)
            return
        st.text(say("models.export_said"))
        if st.button(say("models.export_now", id=chosen), type="primary", key=f"export {chosen}"):
            start_job(project, "export-model", {"version": chosen, "folder": str(folder)})


page()
