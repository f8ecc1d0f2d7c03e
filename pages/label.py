"""Label: make silver labels with a model, a classifier, or a language model behind an endpoint."""

import os
from typing import Any, get_args

import streamlit as st

from inffeed_core.errors import InfFeedError, SettingsError
from inffeed_core.labelling.planning import Plan, plan
from inffeed_core.labelling.settings import LabelSettings, Means
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status, status
from pages.components.job_panel import duration, job_panel, start_job
from pages.components.notices import as_it_is, empty_state, problem
from pages.components.rights import locked
from pages.components.session import may_type_paths, require_project
from pages.language import say, split_name

KIND = "label"
ENDPOINT = "INFFEED_ENDPOINT"
"""Names the endpoint for those who may not type one."""
DEFAULT = LabelSettings(means="own")
_KEPT: dict[str, Any] = {"persist_state": "session"}


def page() -> None:
    """By what, with which settings, what would be sent where; then the button that starts it."""
    st.title(say("app.label"), anchor=False)
    project = require_project()
    busy = KIND in job_panel(project)
    now = status(project)
    if not any(now.counts.values()):
        empty_state(say("label.no_texts"), say("label.no_texts_advice"), "pages/data.py", say("app.to_data"))
        return
    st.text(say("label.about"))
    means: Means = st.segmented_control(
        say("label.means"),
        get_args(Means),
        default=DEFAULT.means,
        required=True,
        format_func=lambda means: say(f"label.{means}"),
        key="label_means",
        **_KEPT,
    )
    st.text(say(f"label.about_{means}"))
    if means == "rules":
        st.code(say("label.command", folder=project.folder), language=None)
        return
    settings = _settings(now, means)
    if settings is not None:
        _start(project, settings, busy)


def _settings(now: Status, means: Means) -> LabelSettings | None:
    """What the widgets say; None, with the reason on the page, where that cannot work."""
    given: dict[str, Any] = {"own": dict, "llm": _endpoint}.get(means, lambda: _classifier(means))()
    with st.expander(say("label.more"), icon=":material/tune:", key="label_settings"):
        given |= _common()
        if means in ("llm", "zero-shot"):
            given["descriptions"] = _descriptions(now)
        if means == "llm":
            given |= _prompt()
    try:
        return LabelSettings(means=means, **given)
    except SettingsError as error:
        problem(str(error), say("label.incomplete"))
        return None


def _common() -> dict[str, Any]:
    splits = st.multiselect(
        say("label.splits"),
        DEFAULT.splits,
        default=list(DEFAULT.splits),
        format_func=split_name,
        key="label_splits",
        placeholder=say("review.settle_choose"),
        help=say("label.splits_help"),
        **_KEPT,
    )
    left, right = st.columns(2)
    name = left.text_input(say("label.name"), key="label_name", help=say("label.name_help"), **_KEPT)
    limit = right.number_input(say("label.limit"), 0, value=0, key="label_limit", help=say("label.limit_help"), **_KEPT)
    again = st.checkbox(say("label.again"), key="label_again", help=say("label.again_help"), **_KEPT)
    return {"splits": tuple(splits), "name": name.strip(), "limit": limit, "again": again}


def _classifier(means: Means) -> dict[str, Any]:
    given = {"model": st.text_input(say("label.model"), key="label_model", help=say("label.model_help"), **_KEPT)}
    if means == "zero-shot":
        given["hypothesis"] = st.text_input(
            say("label.hypothesis"),
            DEFAULT.hypothesis,
            key="label_hypothesis",
            help=say("label.hypothesis_help"),
            **_KEPT,
        )
    return given


def _endpoint() -> dict[str, Any]:
    named, typing = os.environ.get(ENDPOINT, ""), may_type_paths()
    left, right = st.columns(2)
    endpoint = left.text_input(
        say("label.endpoint"),
        named,
        key="label_endpoint",
        placeholder=say("label.endpoint_like"),
        disabled=not typing,
        help=say("label.endpoint_help" if typing else "label.endpoint_locked"),
        **(_KEPT if typing else {}),
    )
    model = right.text_input(say("label.llm_model"), key="label_llm", help=say("label.llm_model_help"), **_KEPT)
    return {"endpoint": endpoint.strip() if typing else named, "model": model.strip()}


def _descriptions(now: Status) -> dict[str, str]:
    """What each label means, in the project's order; those without words are left out."""
    st.text(say("label.descriptions"))
    cells = st.columns(2)
    said = now.settings.descriptions
    given = {
        label: cells[i % 2]
        .text_input(as_it_is(label), said.get(label, ""), key=f"label_words {label}", **_KEPT)
        .strip()
        for i, label in enumerate(now.settings.labels)
    }
    return {label: words for label, words in given.items() if words}


def _prompt() -> dict[str, Any]:
    prompt = st.text_area(
        say("label.prompt"), DEFAULT.prompt, height=260, key="label_prompt", help=say("label.prompt_help"), **_KEPT
    )
    cells = st.columns(3)
    whole = {
        "examples": (0, 50),
        "samples": (1, 50),
        "workers": (1, 64),
        "per_minute": (0, 1_000_000),
        "retries": (0, 50),
    }
    given: dict[str, Any] = {"prompt": prompt}
    for i, (name, (low, high)) in enumerate(whole.items()):
        given[name] = cells[i % 3].number_input(
            say(f"label.{name}"),
            low,
            high,
            getattr(DEFAULT, name),
            key=f"label_{name}",
            help=say(f"label.{name}_help"),
            **_KEPT,
        )
    for i, name in enumerate(("price_in", "price_out")):
        given[name] = cells[(i + 2) % 3].number_input(
            say(f"label.{name}"), 0.0, 1e6, 0.0, key=f"label_{name}", help=say("label.price_help"), **_KEPT
        )
    return given


def _start(project: Project, settings: LabelSettings, busy: bool) -> None:
    """What the run would do, and the button; where texts leave the machine, only after a tick that says so."""
    try:
        planned = plan(project, settings)
    except InfFeedError as error:
        problem(str(error), say("label.incomplete"))
        return
    if not planned.total:
        st.text(say("label.nothing_left", names=", ".join(planned.sources)))
        return
    _show(planned)
    sure = True
    if planned.endpoint:
        words = say("label.sure", count=planned.total, where=planned.endpoint)
        sure = st.checkbox(as_it_is(words), key=f"sure {planned.endpoint}")
    busy = locked(project, Right.DATA) or busy
    if st.button(say("label.start"), type="primary", icon=":material/sell:", disabled=busy or not sure):
        start_job(project, KIND, {"label": settings.as_dict()})


def _show(planned: Plan) -> None:
    splits = say("app.between").join(f"{n:,} {split_name(split)}" for split, n in planned.texts.items())
    lines = [say("label.plan", count=planned.total, splits=splits, names=", ".join(planned.sources))]
    if not planned.endpoint:
        lines.append(say("label.plan_here"))
    else:
        facts = {"requests": planned.requests, "sent": planned.tokens_in, "received": planned.tokens_out}
        lines.append(say("label.plan_there", where=planned.endpoint, **facts))
        if planned.cost is not None:
            lines.append(say("label.plan_cost", cost=planned.cost))
        if planned.minutes is not None:
            lines.append(say("label.plan_minutes", time=duration(planned.minutes * 60)))
    with st.container(border=True):
        st.text("\n".join(lines))
        if planned.message:
            with st.expander(say("label.message")):
                st.code(planned.message, language=None, wrap_lines=True)


page()
