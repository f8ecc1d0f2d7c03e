"""The labels of the project: what each means, how many texts have it, and every way to change them."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from inffeed_core import store
from inffeed_core.charts.palette import COLOUR_NAMES
from inffeed_core.errors import InfFeedError
from inffeed_core.project import labels
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import LabelAct, LabelChange
from pages.components.choices import choice
from pages.components.identity import known_name
from pages.components.notices import problem, success
from pages.components.rights import locked, refused
from pages.language import called, say

SHOWN_ACTS = 50


def label_view(project: Project, now: Status) -> None:
    """A table of the labels, the ways to change one of them, a new one, and what was changed."""
    if said := st.session_state.pop("labels_said", None):
        success(said)
    if wrong := st.session_state.pop("labels_wrong", None):
        problem(wrong)
    counts = labels.texts_by_label(project)
    _table(now, counts)
    st.caption(say("label_set.note"))
    if now.version is not None and now.data_changed:
        st.text(say("label_set.retrain", version=now.version.id))
    off = locked(project, Right.LABELS)
    left, right = st.columns(2, gap="large")
    with left:
        _one(project, now, counts, off)
    with right:
        _new(project, off)
        _history(project, off)


def _table(now: Status, counts: dict[str, int]) -> None:
    about = now.settings
    keys = {label: str(n) for n, label in enumerate(labels.numbered(about), 1) if n <= labels.DIGITS}
    rows = [
        {
            "key": keys.get(label, ""),
            "label": label,
            "texts": counts.get(label, 0),
            "state": say("label_set.retired") if label in about.retired else say("label_set.given"),
            "colour": called(f"colours.{about.colours[label]}") if label in about.colours else "",
            "description": about.descriptions.get(label, ""),
        }
        for label in about.shown_labels
    ]
    shown = {name: say(f"label_set.column_{name}") for name in rows[0]}
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            **{name: st.column_config.TextColumn(said) for name, said in shown.items()},
            "key": st.column_config.TextColumn(shown["key"], help=say("label_set.key_help"), width=60),
            "texts": st.column_config.NumberColumn(
                shown["texts"], help=say("label_set.texts_help"), format="localized"
            ),
        },
    )


def _one(project: Project, now: Status, counts: dict[str, int], off: bool) -> None:
    about = now.settings
    st.header(say("label_set.change"), anchor=False)
    label = choice(
        say("label_set.which"), about.shown_labels, name="label_to_change", placeholder=say("review.settle_choose")
    )
    if label is None:
        st.text(say("label_set.choose"))
        return
    with st.form("rename_label", border=False):
        name = st.text_input(say("label_set.name"), label, key=f"name {label}")
        if st.form_submit_button(say("label_set.rename"), disabled=off):
            _do(
                project,
                LabelAct.RENAME,
                lambda by: labels.rename_label(project, label, name, by),
                label=label,
                into=name,
            )
    with st.form("describe_label", border=False):
        words = st.text_area(
            say("label_set.description"),
            about.descriptions.get(label, ""),
            key=f"description {label}",
            help=say("label_set.description_help"),
        )
        if st.form_submit_button(say("label_set.describe"), disabled=off):
            _do(project, LabelAct.DESCRIBE, lambda by: labels.describe_label(project, label, words, by), label=label)
    _looks(project, about, label, off)
    _place(project, about.shown_labels, label, off)
    _merge(project, now, label, counts.get(label, 0), off)
    _retire(project, label, retired=label in about.retired, off=off)


def _looks(project: Project, about: ProjectSettings, label: str, off: bool) -> None:
    """The key and the colour on the review card."""
    free = [None, *(digit for digit in range(1, labels.DIGITS + 1) if digit not in _taken(about, label))]
    names = ["", *COLOUR_NAMES]
    left, right = st.columns(2)
    with left.form("key_of_label", border=False):
        start = free.index(about.keys.get(label)) if about.keys.get(label) in free else 0
        key = st.selectbox(say("label_set.key"), free, start, _key_said, key=f"key {label} {about.keys}")
        if st.form_submit_button(say("label_set.save_key"), disabled=off):
            _do(project, LabelAct.KEY, lambda by: labels.choose_key(project, label, key, by), label=label)
    with right.form("colour_of_label", border=False):
        now = about.colours.get(label, "")
        start = names.index(now) if now in names else 0
        colour = st.selectbox(
            say("label_set.colour"),
            names,
            start,
            _colour_said,
            key=f"colour {label}",
            help=say("label_set.colour_help"),
        )
        if st.form_submit_button(say("label_set.save_colour"), disabled=off):
            _do(project, LabelAct.COLOUR, lambda by: labels.choose_colour(project, label, colour, by), label=label)


def _taken(about: ProjectSettings, label: str) -> set[int]:
    """The keys that were chosen for other labels."""
    return {digit for one, digit in about.keys.items() if one != label}


def _key_said(key: int | None) -> str:
    return say("label_set.by_order") if key is None else str(key)


def _colour_said(colour: str) -> str:
    return say(f"colours.{colour}") if colour else say("label_set.by_order")


def _place(project: Project, shown: tuple[str, ...], label: str, off: bool) -> None:
    at = shown.index(label)
    with st.container(horizontal=True):
        for step, word in ((-1, "up"), (1, "down")):
            end = not 0 <= at + step < len(shown)
            if st.button(say(f"label_set.{word}"), key=f"label_{word}", disabled=off or end):
                order = list(shown)
                order[at], order[at + step] = order[at + step], order[at]
                _do(project, LabelAct.REORDER, partial(labels.reorder_labels, project, order), label=label)


def _merge(project: Project, now: Status, label: str, texts: int, off: bool) -> None:
    others = [one for one in now.settings.shown_labels if one != label]
    into = choice(say("label_set.merge_into"), others, name=f"merge {label}", placeholder=say("review.settle_choose"))
    if into is None:
        return
    st.text(say("label_set.merge_said", texts=texts, label=label, into=into))
    if st.button(say("label_set.merge"), key="merge_label", icon=":material/merge:", disabled=off):
        _do(project, LabelAct.MERGE, lambda by: labels.merge_labels(project, label, into, by), label=label, into=into)


def _retire(project: Project, label: str, *, retired: bool, off: bool) -> None:
    act, verb = (LabelAct.RESTORE, labels.restore_label) if retired else (LabelAct.RETIRE, labels.retire_label)
    help = say(f"label_set.{act}_help")
    if st.button(say(f"label_set.{act}"), key="retire_label", help=help, disabled=off):
        _do(project, act, lambda by: verb(project, label, by), label=label)


def _new(project: Project, off: bool) -> None:
    st.header(say("label_set.new"), anchor=False)
    with st.form("add_label", border=False, clear_on_submit=True):
        name = st.text_input(say("label_set.new_name"), key="new_label")
        if st.form_submit_button(say("label_set.add"), disabled=off):
            _do(project, LabelAct.ADD, lambda by: labels.add_label(project, name, by), label=name)


def _history(project: Project, off: bool) -> None:
    with store.reading(project.db) as db:
        acts = store.label_changes(db)
    standing = [one for one in acts if one.act is not LabelAct.UNDO and not one.undone]
    if not acts:
        return
    st.header(say("label_set.history"), anchor=False)
    if standing:
        st.text(say("label_set.last", act=_said(standing[0])))
        if st.button(say("label_set.undo_last"), key="undo_labels", icon=":material/undo:", disabled=off):
            _do(project, LabelAct.UNDO, lambda by: labels.undo_labels(project, by), label=standing[0].label)
    for one in acts[:SHOWN_ACTS]:
        undone = say("label_set.undone") if one.undone else ""
        st.text(say("label_set.act", at=one.at[:16].replace("T", " "), by=one.by, act=_said(one), undone=undone))


def _said(one: LabelChange) -> str:
    return say(f"label_set.did_{one.act}", label=one.label, into=one.into, texts=one.texts)


def _do(project: Project, act: LabelAct, change: Callable[[str], object], **told: str) -> None:
    """Do it, and say on the redrawn page that it is done, or why not."""
    if refused(project, Right.LABELS):
        return
    try:
        change(known_name() or "data-page")
    except InfFeedError as error:
        st.session_state["labels_wrong"] = str(error)
    else:
        st.session_state["labels_said"] = say(f"label_set.done_{act}", **{"into": "", **told})
    st.rerun()
