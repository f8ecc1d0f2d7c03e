"""The part of the Models page that trains: by which method, with which settings, and how long it will take."""

from typing import get_args

import streamlit as st

from inffeed_core.errors import SettingsError
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, Method, Recipe, Scope, TrainSettings
from inffeed_core.workflow.estimating import estimate
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status
from pages.components.job_panel import duration, start_job
from pages.components.notices import problem
from pages.components.tiers import tier_name
from pages.language import say, told


def training(project: Project, now: Status) -> None:
    """How to retrain, how long it takes, and the buttons that start it."""
    method = _method()
    chosen = _settings(now, method)
    if chosen is not None:
        _time(project, now, chosen[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        name = say("models.train_first" if now.version is None else "models.retrain")
        if st.button(name, type="primary", icon=":material/model_training:", disabled=chosen is None or bool(now.jobs)):
            train, analysis = chosen
            start_job(project, "retrain", {"train": train.as_dict(), "analysis": analysis.as_dict()})
        can_analyse = now.version is not None and chosen is not None and not now.jobs
        if now.version is not None and st.button(
            say("models.analyse"), icon=":material/troubleshoot:", disabled=not can_analyse
        ):
            start_job(project, "analyse", {"analysis": chosen[1].as_dict()})
        st.text(_advice(now))


def _method() -> Method:
    chosen: Method = st.segmented_control(
        say("retraining.method"),
        get_args(Method),
        default="instant",
        required=True,
        format_func=lambda method: say(f"retraining.{method}"),
        persist_state="session",
        key="method",
    )
    return chosen


def _time(project: Project, now: Status, settings: TrainSettings) -> None:
    """What the method does and how long it takes; where that is unknown, a button that measures it."""
    found = estimate(project, settings)
    words = say(f"retraining.about_{settings.method}")
    if found is not None:
        words += " " + say("retraining.time", time=duration(found.seconds), basis=told(found.basis))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(words)
        measurable = found is None and settings.method != "instant"
        if measurable and st.button(say("retraining.measure"), icon=":material/timer:", disabled=bool(now.jobs)):
            start_job(project, "probe", {"train": settings.as_dict()})


def _fine_tune_settings() -> FineTuneSettings:
    columns = st.columns(4, vertical_alignment="bottom")
    epochs = columns[0].number_input(
        say("retraining.epochs"), 1, 100, 4, persist_state="session", key="epochs", help=say("retraining.epochs_help")
    )
    rate = columns[1].number_input(
        say("retraining.rate"),
        min_value=0.0,
        value=None,
        format="%.1e",
        placeholder=say("retraining.rate_empty"),
        persist_state="session",
        key="learning_rate",
    )
    batch = columns[2].number_input(say("retraining.batch"), 1, 1024, 16, persist_state="session", key="batch_size")
    balanced = columns[3].checkbox(
        say("retraining.balance"), persist_state="session", key="class_weights", help=say("retraining.balance_help")
    )
    return FineTuneSettings(epochs=epochs, learning_rate=rate, batch_size=batch, class_weights=balanced)


def _advice(now: Status) -> str:
    if now.version is None:
        return say("models.advice_first")
    return say("models.advice_changed" if now.changed or now.data_changed else "models.advice_same")


def _settings(now: Status, method: Method) -> tuple[TrainSettings, AnalysisSettings] | None:
    with st.expander(say("models.settings"), icon=":material/tune:"):
        left, right = st.columns(2)
        recipe: Recipe = left.selectbox(
            say("models.recipe"),
            get_args(Recipe),
            format_func=lambda recipe: say(f"models.recipe_{recipe}"),
            persist_state="session",
            key="recipe",
            help=say("models.recipe_help"),
        )
        weight = left.slider(
            say("models.weight"),
            0.0,
            1.0,
            1.0,
            0.05,
            persist_state="session",
            key="silver_weight",
            help=say("models.weight_help"),
        )
        l2 = left.number_input(
            say("models.l2"),
            min_value=0.0,
            value=None,
            format="%.1e",
            placeholder=say("models.l2_empty"),
            persist_state="session",
            key="l2",
            help=say("models.l2_help"),
        )
        tokens = left.number_input(
            say("models.tokens"),
            8,
            8192,
            256,
            persist_state="session",
            key="max_tokens",
            help=say("models.tokens_help"),
        )
        int8 = left.checkbox(
            say("models.int8"),
            disabled=method != "instant",
            persist_state="session",
            key="int8",
            help=say("models.int8_help"),
        )
        scope = right.selectbox(
            say("models.scope"),
            get_args(Scope),
            format_func=tier_name,
            persist_state="session",
            key="scope",
            help=say("models.scope_help"),
        )
        refine = right.checkbox(
            say("models.refine"),
            disabled=scope == "head",
            persist_state="session",
            key="refine",
            help=say("models.refine_help"),
        )
        influencers = right.number_input(
            say("models.influencers"),
            1,
            100,
            10,
            persist_state="session",
            key="influencers",
            help=say("models.influencers_help"),
        )
        explained = right.number_input(
            say("models.explained"),
            1,
            100_000,
            2000,
            persist_state="session",
            key="explained",
            help=say("models.explained_help"),
        )
        try:
            return (
                TrainSettings(
                    method=method,
                    fine_tune=_fine_tune_settings() if method != "instant" else FineTuneSettings(),
                    l2=l2,
                    silver_weight=weight,
                    recipe=recipe,
                    max_tokens=tokens,
                    batch_tokens=max(TrainSettings().batch_tokens, tokens),
                    precision="int8" if int8 and method == "instant" else "float32",
                ),
                AnalysisSettings(
                    influencers=influencers, explained=explained, scope=scope, refine=refine and scope != "head"
                ),
            )
        except SettingsError as error:
            problem(str(error), say("models.cannot_work"))
            return None
