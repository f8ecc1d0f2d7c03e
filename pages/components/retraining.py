"""The part of the Models page that trains: by which method, with which settings, and how long it will take."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args

import streamlit as st

from inffeed_core.analysis.replay_cost import analysis_cost, analysis_trainings
from inffeed_core.analysis.scopes import require_head_scope
from inffeed_core.analysis.verifying import KIND as VERIFY
from inffeed_core.errors import NotReady, SettingsError
from inffeed_core.learning.estimating import estimate_time
from inffeed_core.learning.solving_told import head_plan
from inffeed_core.project.encoders import trained_with
from inffeed_core.project.folder import Project
from inffeed_core.project.gold_coverage import gold_gaps
from inffeed_core.project.roles import Right
from inffeed_core.project.status import BESIDE, Status
from inffeed_core.settings import (
    LARGEST_TOKENS,
    AnalysisSettings,
    FineTuneSettings,
    Layers,
    Method,
    Recipe,
    Rule,
    Scope,
    TfIdf,
    TrainSettings,
)
from pages.components.data_health import warn_before_training
from pages.components.encoder_choice import encoder_choice
from pages.components.job_panel import duration, start_job
from pages.components.notices import problem
from pages.components.rights import locked, why_not
from pages.components.tiers import tier_name
from pages.language import say, told

Chosen = tuple[TrainSettings, AnalysisSettings, dict[str, Any]]
TRAIN, FINE_TUNE, ANALYSIS = TrainSettings(), FineTuneSettings(), AnalysisSettings()
"""The widgets' initial values."""
_KEPT: dict[str, Any] = {"persist_state": "session"}


def training(project: Project, now: Status) -> None:
    """How to retrain, how long it takes, reasons against it, and the buttons that start it."""
    method = _method()
    chosen = _settings(method, now)
    if chosen is not None:
        _time(project, now, chosen)
    if gaps := gold_gaps(now.settings.labels, now.counts):
        with st.container(border=True):
            st.badge(say("models.gold_thin"), icon=":material/warning:", color="orange")
            st.text("\n".join(told(gap) for gap in gaps))
    warn_before_training(project)
    shut = locked(project, Right.TRAIN)
    with st.container(horizontal=True, vertical_alignment="center"):
        _buttons(project, now, None if shut else chosen)
    if reason := waiting([job.kind for job in now.jobs]):
        st.caption(say(f"models.{reason}"))


def waiting(kinds: Collection[str]) -> str | None:
    """Why training does not start at once while jobs of these kinds are open: a phrase, or None.

    It waits for its turn after small jobs (`takes_turn`), and cannot be started again while another training runs
    (`must_wait`).
    """
    if not kinds:
        return None
    return "takes_turn" if all(kind in (*BESIDE, VERIFY) for kind in kinds) else "must_wait"


def _buttons(project: Project, now: Status, chosen: Chosen | None) -> None:
    off = chosen is None or waiting([job.kind for job in now.jobs]) == "must_wait"
    name = say("models.train_first" if now.version is None else "models.retrain")
    if st.button(name, type="primary", icon=":material/model_training:", disabled=off) and chosen is not None:
        start_job(project, "retrain", {"train": chosen[0].as_dict(), "analysis": chosen[1].as_dict(), **chosen[2]})
    if now.version is not None:
        again = st.button(say("models.analyse"), icon=":material/troubleshoot:", disabled=off)
        if again and chosen is not None:
            start_job(project, "analyse", {"analysis": chosen[1].as_dict()})
    st.text(_advice(now))


def _advice(now: Status) -> str:
    if now.version is None:
        return say("models.advice_first")
    return say("models.advice_changed" if now.changed or now.data_changed else "models.advice_same")


def _method() -> Method:
    chosen: Method = st.segmented_control(
        say("retraining.method"),
        get_args(Method),
        default=TRAIN.method,
        required=True,
        format_func=lambda method: say(f"retraining.{method}"),
        key="method",
        **_KEPT,
    )
    return chosen


def _time(project: Project, now: Status, chosen: Chosen) -> None:
    """What the method does and how long it takes; if that is unknown, a button that measures it."""
    settings, analysis, _ = chosen
    found = estimate_time(project, settings, analysis)
    words = say(f"retraining.about_{settings.method}")
    if found is not None:
        phrase = "retraining.time" if found.analysis else "retraining.time_training"
        words += " " + say(phrase, time=duration(found.seconds), basis=told(found.basis))
    if analysis.scope == "training":
        words += " " + _replay_cost(project, analysis.retrains)
    words += _solving(project, settings)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(words)
        if found is not None or settings.method == "instant":
            return
        off = waiting([job.kind for job in now.jobs]) == "must_wait" or any(job.kind == "probe" for job in now.jobs)
        off = off or why_not(project, Right.TRAIN) is not None
        if st.button(say("retraining.measure"), icon=":material/timer:", disabled=off):
            start_job(project, "probe", {"train": settings.as_dict()})


def _solving(project: Project, settings: TrainSettings) -> str:
    """How influence is solved for where labels are many; else nothing."""
    found = head_plan(project, settings)
    if found is None or found.way == "factor":
        return ""
    memory = f"{found.memory / 2**20:,.0f}"
    by_rows = found.way == "rows"
    way = say("retraining.solved_by_rows", memory=memory) if by_rows else say("retraining.solved_by_products")
    words = " " + way
    return (
        words if found.leverage else f"{words} {say('retraining.estimated_pull', most=format(found.affordable, ','))}"
    )


def _replay_cost(project: Project, retrains: int) -> str:
    """What influence through the training takes, by that of the active version; what it needs if that has none."""
    try:
        cost = analysis_cost(project, retrains)
    except NotReady:
        return say("retraining.replay_unknown", times=analysis_trainings(project, retrains))
    return say("retraining.replay", time=duration(cost.seconds), room=cost.room())


def _settings(method: Method, now: Status) -> Chosen | None:
    """The settings in the widgets; if they cannot work, None, with the reason on the page."""
    with st.expander(say("models.settings"), icon=":material/tune:"):
        left, right = st.columns(2)
        with left:
            train = _learning(method)
        with right:
            analysis = _analysing()
        encoder = encoder_choice(now.settings, sum(sum(of.values()) for of in now.counts.values()))
        tuned = _fine_tuning() if method != TRAIN.method else {}
        try:
            learning = TrainSettings(method=method, fine_tune=FineTuneSettings(**tuned), **train)
            analysing = AnalysisSettings(**analysis)
            require_head_scope(_kept(learning, now, encoder), analysing)
            return learning, analysing, encoder
        except SettingsError as error:
            problem(str(error), say("models.cannot_work"))
            return None


def _kept(learning: TrainSettings, now: Status, encoder: dict[str, Any]) -> TrainSettings:
    """With the TF-IDF of the version in use, where a retrain keeps that."""
    if now.version is None or learning.method != "instant" or learning.tfidf is not None or "model" in encoder:
        return learning
    return replace(learning, tfidf=trained_with(now.version).tfidf)


def _learning(method: Method) -> dict[str, Any]:
    """Fields of TrainSettings."""
    recipe = st.selectbox(
        say("models.recipe"),
        get_args(Recipe),
        format_func=lambda recipe: say(f"models.recipe_{recipe}"),
        key="recipe",
        help=say("models.recipe_help"),
        **_KEPT,
    )
    weight = st.slider(
        say("models.weight"),
        0.0,
        1.0,
        TRAIN.silver_weight,
        0.05,
        key="silver_weight",
        help=say("models.weight_help"),
        **_KEPT,
    )
    rule = st.selectbox(
        say("rules.rule"),
        (None, *get_args(Rule)),
        format_func=lambda rule: say("rules.kept" if rule is None else f"rules.{rule}"),
        key="rule",
        help=say("rules.rule_help"),
        **_KEPT,
    )
    tokens = _whole("models.tokens", 8, LARGEST_TOKENS, TRAIN.max_tokens, key="max_tokens")
    return {
        "recipe": recipe,
        "silver_weight": weight,
        "rule": rule,
        "l2": _share("models.l2", key="l2", help=say("models.l2_help")),
        "max_tokens": tokens,
        "windows": _windows(method),
        "precision": _precision(method),
        "layers": _layers(method),
        "tfidf": _tfidf(method),
    }


def _windows(method: Method) -> bool:
    off = method != "instant"
    whole = st.checkbox(say("models.windows"), disabled=off, key="windows", help=say("models.windows_help"), **_KEPT)
    return whole and not off


def _layers(method: Method) -> Layers:
    off = method != "instant"
    chosen: Layers = st.selectbox(
        say("models.layers"),
        get_args(Layers),
        format_func=lambda layers: say(f"models.layers_{layers}"),
        disabled=off,
        key="layers",
        help=say("models.layers_help"),
        **_KEPT,
    )
    return TRAIN.layers if off else chosen


def _tfidf(method: Method) -> TfIdf | None:
    off = method != "instant"
    chosen: TfIdf | None = st.selectbox(
        say("models.tfidf"),
        (None, *get_args(TfIdf)),
        format_func=lambda tfidf: say("models.tfidf_kept" if tfidf is None else f"models.tfidf_{tfidf}"),
        disabled=off,
        key="tfidf",
        help=say("models.tfidf_help"),
        **_KEPT,
    )
    return TRAIN.tfidf if off else chosen


def _precision(method: Method) -> str:
    off = method != "instant"
    int8 = st.checkbox(say("models.int8"), disabled=off, key="int8", help=say("models.int8_help"), **_KEPT)
    return "int8" if int8 and not off else TRAIN.precision


def _analysing() -> dict[str, Any]:
    """Fields of AnalysisSettings."""
    scope = st.selectbox(
        say("models.scope"),
        get_args(Scope),
        format_func=tier_name,
        key="scope",
        help=say("models.scope_help"),
        **_KEPT,
    )
    exact = scope == "head"
    refine = st.checkbox(say("models.refine"), disabled=exact, key="refine", help=say("models.refine_help"), **_KEPT)
    return {
        "scope": scope,
        "refine": refine and not exact,
        "retrains": _retrains() if scope == "training" else ANALYSIS.retrains,
        "influencers": _whole("models.influencers", 1, 100, ANALYSIS.influencers, key="influencers"),
        "explained": _whole("models.explained", 1, 100_000, ANALYSIS.explained, key="explained"),
    }


def _retrains() -> int:
    return _whole("retraining.retrains", 0, 1000, ANALYSIS.retrains, key="retrains")


def _fine_tuning() -> dict[str, Any]:
    """Fields of FineTuneSettings."""
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        epochs = _whole("retraining.epochs", 1, 100, FINE_TUNE.epochs, key="epochs")
    with columns[1]:
        rate = _share("retraining.rate", key="learning_rate")
    with columns[2]:
        batch = _whole("retraining.batch", 1, 1024, FINE_TUNE.batch_size, key="batch_size", helped=False)
    balanced = columns[3].checkbox(
        say("retraining.balance"),
        FINE_TUNE.class_weights,
        key="class_weights",
        help=say("retraining.balance_help"),
        **_KEPT,
    )
    return {"epochs": epochs, "learning_rate": rate, "batch_size": batch, "class_weights": balanced}


def _whole(phrase: str, low: int, high: int, start: int, *, key: str, helped: bool = True) -> int:
    """A whole number; its help is the phrase with `_help`."""
    told_more = say(f"{phrase}_help") if helped else None
    number: int = st.number_input(say(phrase), low, high, start, key=key, help=told_more, **_KEPT)
    return number


def _share(phrase: str, *, key: str, help: str | None = None) -> float | None:
    """A small number, or none for the method's own choice."""
    number: float | None = st.number_input(
        say(phrase),
        min_value=0.0,
        value=None,
        format="%.1e",
        placeholder=say(f"{phrase}_empty"),
        key=key,
        help=help,
        **_KEPT,
    )
    return number
