"""Which encoder the next training uses, and what a classifier's own labels are called in the project."""

from typing import Any

import streamlit as st

from inffeed_core.errors import ModelError
from inffeed_core.models.here import own_labels
from inffeed_core.models.labels import label_mapping
from inffeed_core.models.stronger import DEFAULT, MPNET
from inffeed_core.project.folder import model_reference
from inffeed_core.settings import DEFAULT_MODEL, ProjectSettings
from pages.components.job_panel import duration
from pages.language import say


def encoder_choice(about: ProjectSettings, texts: int) -> dict[str, Any]:
    """Settings of a job: another `model`, and `model_labels` where they were named otherwise; empty for no change.

    `texts` are how many the project has, by which it says what a stronger encoder costs.
    """
    written = st.text_input(
        say("models.encoder"),
        about.model,
        key=f"encoder {about.model}",
        help=say("models.encoder_help"),
        persist_state="session",
    )
    if about.model == DEFAULT_MODEL:
        st.caption(_stronger(texts))
    model = model_reference((written or "").strip() or about.model)
    chosen: dict[str, Any] = {} if model == about.model else {"model": model}
    labels = None if model == DEFAULT_MODEL else own_labels(model)
    if labels is None:
        return chosen
    before = dict(about.model_labels) if model == about.model else {}
    named = _named(model, labels, about.labels, before)
    return chosen | ({"model_labels": named} if named != (before or _matched(labels, about.labels)) else {})


def _stronger(texts: int) -> str:
    last = [gain for gain, _ in MPNET.gains.values()]
    return say(
        "models.stronger",
        model=MPNET.model,
        won=sum(gain > 0 for gain in last),
        sets=len(last),
        low=min(gain for gain in last if gain > 0),
        high=max(last),
        worst=min(last),
        megabytes=MPNET.megabytes,
        licence=MPNET.licence,
        texts=texts,
        time=duration(MPNET.minutes(texts) * 60),
        default=duration(DEFAULT.minutes(texts) * 60),
    )


def _matched(labels: tuple[str, ...], ours: tuple[str, ...]) -> dict[str, str]:
    """By name or position; empty where they do not match."""
    try:
        return dict(label_mapping(labels, ours).mapping)
    except ModelError:
        return {}


def _named(model: str, labels: tuple[str, ...], ours: tuple[str, ...], before: dict[str, str]) -> dict[str, str]:
    start = before or _matched(labels, ours)
    st.caption(say("models.own_labels"))
    columns = st.columns(min(4, len(labels)))
    named = {}
    for n, label in enumerate(labels):
        at = ours.index(start[label]) if start.get(label) in ours else None
        named[label] = columns[n % len(columns)].selectbox(
            label, ours, at, key=f"own_label_{n}_{model}", placeholder=say("models.own_label_empty")
        )
    return {label: ours for label, ours in named.items() if ours is not None} if all(named.values()) else start
