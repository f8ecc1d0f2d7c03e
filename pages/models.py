"""Models: train on today's labels, compare versions, and choose the one in use."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from inffeed_core.charts import f1_dumbbell
from inffeed_core.errors import SettingsError
from inffeed_core.records import Metrics, ModelVersion
from inffeed_core.settings import AnalysisSettings, TrainSettings
from inffeed_core.workflow.comparing import all_versions, compare, make_active
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status, Step, status
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import empty_state, problem
from pages.components.session import require_project
from pages.components.tiers import HELP, REFINE_HELP, TIERS

IMPORTS = (Step.IMPORT_TRAIN, Step.IMPORT_VALIDATION)


def page() -> None:
    """Training on top, then the versions, then two of them side by side."""
    st.title("Models", anchor=False)
    project = require_project()
    job_panel(project)
    now = status(project)
    if now.next_step.step in IMPORTS:
        empty_state("There is not enough data to train on", now.next_step.sentence, "pages/data.py", "Go to Data")
        return
    versions, active = all_versions(project)
    _state(now, active)
    _training(project, now)
    if active is None:
        st.text("The first training shows its results here.")
        return
    st.header("Versions", anchor=False)
    _held_back(versions[0], active)
    _table(versions, active)
    _choose_active(project, versions, active)
    _before_after(project, versions, active)


def _state(now: Status, active: ModelVersion | None) -> None:
    if active is None:
        return
    agreement = active.report.get("head_agreement")
    cells = st.columns(4)
    cells[0].metric("Version in use", active.id, border=True)
    cells[1].metric("Macro-F1, validation", _score(active.validation), border=True)
    cells[2].metric(
        "Labels changed since", f"{now.changed:,}", border=True, help="Relabelled or confirmed after it was trained."
    )
    cells[3].metric("Flags open", f"{now.open_flags:,}", border=True)
    if agreement is not None:
        st.caption(
            f"The refitted head predicts what the loaded classifier's own head does on {agreement:.1%} of the texts."
        )


def _score(metrics: Metrics | None) -> str:
    return "–" if metrics is None else f"{metrics.macro_f1.value:.3f}"


def _training(project: Project, now: Status) -> None:
    chosen = _settings(now)
    with st.container(horizontal=True, vertical_alignment="center"):
        name = "Train the first model" if now.version is None else "Retrain"
        if st.button(name, type="primary", icon=":material/model_training:", disabled=chosen is None or bool(now.jobs)):
            train, analysis = chosen
            start_job(project, "retrain", {"train": train.as_dict(), "analysis": analysis.as_dict()})
        can_analyse = now.version is not None and chosen is not None and not now.jobs
        if now.version is not None and st.button(
            "Analyse again", icon=":material/troubleshoot:", disabled=not can_analyse
        ):
            start_job(project, "analyse", {"analysis": chosen[1].as_dict()})
        st.text(_advice(now))


def _advice(now: Status) -> str:
    if now.version is None:
        return "Trains on gold and silver, then finds the flags."
    if now.changed or now.data_changed:
        return "Retraining turns the changed labels into gold and makes a new version; none is overwritten."
    return "Nothing has changed since this version was trained."


def _settings(now: Status) -> tuple[TrainSettings, AnalysisSettings] | None:
    with st.expander("Settings", icon=":material/tune:"):
        left, right = st.columns(2)
        weight = left.slider(
            "Weight of unconfirmed silver",
            0.0,
            1.0,
            1.0,
            0.05,
            persist_state="session",
            key="silver_weight",
            help="1: silver counts as much as gold. 0: learn from gold and confirmed silver alone.",
        )
        l2 = left.number_input(
            "Regularisation (L2)",
            min_value=0.0,
            value=None,
            format="%.1e",
            placeholder="chosen on validation",
            persist_state="session",
            key="l2",
            help="Empty: chosen by validation loss at the first training, and kept from then on.",
        )
        tokens = left.number_input(
            "Tokens of a text that are read",
            8,
            8192,
            256,
            persist_state="session",
            key="max_tokens",
            help="Longer texts are cut. Another value means encoding every text again.",
        )
        scope = right.selectbox(
            "Influence through", list(TIERS), format_func=TIERS.get, persist_state="session", key="scope", help=HELP
        )
        refine = right.checkbox(
            "Refine the flags", disabled=scope == "head", persist_state="session", key="refine", help=REFINE_HELP
        )
        influencers = right.number_input(
            "Influencers kept on each side",
            1,
            100,
            10,
            persist_state="session",
            key="influencers",
            help="For each flag that is explained in advance.",
        )
        explained = right.number_input(
            "Flags explained in advance",
            1,
            100_000,
            2000,
            persist_state="session",
            key="explained",
            help="By each policy. The influencers of others are computed when asked for.",
        )
        try:
            return (
                TrainSettings(
                    l2=l2,
                    silver_weight=weight,
                    max_tokens=tokens,
                    batch_tokens=max(TrainSettings().batch_tokens, tokens),
                ),
                AnalysisSettings(
                    influencers=influencers, explained=explained, scope=scope, refine=refine and scope != "head"
                ),
            )
        except SettingsError as error:
            problem(str(error), "These settings cannot work")
            return None


def _held_back(newest: ModelVersion, active: ModelVersion) -> None:
    """Training keeps the old version in use where the new one is significantly worse; say so."""
    difference = newest.report.get("difference")
    if newest.parent == active.id and isinstance(difference, Mapping) and difference["high"] < 0:
        st.text(
            f"{newest.id} scored significantly worse than {active.id}, which therefore stays in use. "
            "Look at the comparison below; it can still be promoted."
        )


def _table(versions: list[ModelVersion], active: ModelVersion) -> None:
    rows = [
        {
            "version": v.id + (" (in use)" if v.id == active.id else ""),
            "from": v.parent or "–",
            "created": v.created,
            "gold": v.train_counts.get("gold", 0),
            "confirmed": v.train_counts.get("silver_confirmed", 0),
            "silver": v.train_counts.get("silver", 0),
            "validation": _with_interval(v.validation),
            "test": _with_interval(v.test),
            "encoder": v.encoder.rstrip("/").rpartition("/")[2],
        }
        for v in versions
    ]
    columns = {
        "version": "Version",
        "from": "Trained after",
        "encoder": "Encoder",
        "created": st.column_config.DatetimeColumn("Created (UTC)", format="YYYY-MM-DD HH:mm"),
        "gold": st.column_config.NumberColumn("Gold", help="Instances it learned from", format="localized"),
        "confirmed": st.column_config.NumberColumn("Confirmed silver", format="localized"),
        "silver": st.column_config.NumberColumn("Silver", format="localized"),
        "validation": st.column_config.TextColumn("Macro-F1, validation", help="With its 95 % bootstrap interval"),
        "test": st.column_config.TextColumn("Macro-F1, test", help="For report only: nothing is chosen by it"),
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
    with st.popover("Use another version", icon=":material/swap_vert:"):
        chosen = st.selectbox("Version", others, key="other_version")
        older = [v.id for v in versions].index(chosen) > [v.id for v in versions].index(active.id)
        st.text(
            f"{chosen} becomes the version in use; {active.id} is kept.\nNo label changes. Flags are those of {chosen}."
        )
        if st.button(f"{'Roll back to' if older else 'Promote'} {chosen}", type="primary", key="use_version"):
            make_active(project, chosen, by="models page")
            st.rerun()


def _before_after(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    st.header("Before and after", anchor=False)
    if len(versions) < 2:
        st.text("With a second version, this compares them: review some flags, then retrain.")
        return
    ids = [v.id for v in versions]
    left, right = st.columns(2)
    earlier = active.parent or ids[-1]
    before = left.selectbox("Before", ids, index=ids.index(earlier), key="before")
    after = right.selectbox("After", ids, index=ids.index(active.id if active.id != earlier else ids[0]), key="after")
    result = compare(project, before, after)
    st.text(result.sentence)
    if result.before.validation is not None and result.after.validation is not None:
        st.plotly_chart(
            f1_dumbbell(result.before.validation, result.after.validation, (before, after)),
            key="dumbbell",
            config={"displayModeBar": False},
        )


page()
