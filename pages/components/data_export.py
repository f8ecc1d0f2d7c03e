"""Export: what the file will hold, and the file; and a backup of the project."""

import re
from collections.abc import Callable

import streamlit as st

from inffeed_core.data.export_columns import EXPORT_COLUMNS, PAIR
from inffeed_core.data.formats.known import FORMATS, SUFFIXES
from inffeed_core.project.decision_rows import decision_bytes
from inffeed_core.project.downloads import FORMS, suffix_of, tool_bytes, what_is_missing
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status
from inffeed_core.records import Act, Split
from inffeed_core.store import has_pairs, reading
from pages.components.backup import backup_view
from pages.components.notices import empty_state, problem
from pages.components.rights import guarded, shut_button
from pages.language import say, section, split_name

WRITABLE = tuple(one.suffixes[0] for one in FORMATS if one.write)
PLAIN = "plain"


def export_view(project: Project, now: Status) -> None:
    """For whom, format and splits, a summary, and the download; then the backup of everything."""
    _file(project, now)
    backup_view(project)


def _file(project: Project, now: Status) -> None:
    if not any(now.counts.values()):
        empty_state(say("data.nothing_to_export"), say("data.nothing_to_export_advice"))
        return
    left, right = st.columns(2)
    form = left.selectbox(
        say("data.form"),
        [PLAIN, *FORMS],
        format_func=lambda form: section("forms").get(form) or FORMS[form],
        key="export_form",
        persist_state="session",
    )
    splits = right.multiselect(
        say("data.splits"), list(Split), format_func=split_name, key="export_splits", placeholder=say("data.all")
    ) or list(Split)
    if form == PLAIN:
        _plain(project, now, splits)
    else:
        _for_tool(form, project, now, splits)


def _plain(project: Project, now: Status, splits: list[Split]) -> None:
    format = st.segmented_control(
        say("data.format"),
        WRITABLE,
        format_func=lambda suffix: SUFFIXES[suffix].name,
        default=WRITABLE[0],
        required=True,
        key="export_format",
    )
    with st.container(border=True):
        st.subheader(say("data.in_it"), anchor=False)
        st.text(_summary(now, splits))
        decisions = st.checkbox(say("data.decisions_only"), key="export_decisions", help=say("data.decisions_help"))
        write, what = (decision_bytes, "-decisions") if decisions else (export_bytes, "")
        name = f"{_file_name(now.settings.name)}{what}.{format}"
        _download(project, name, lambda: write(project, format, splits=splits))
    with st.expander(say("data.columns")):
        with reading(project.db) as db:
            names = [*EXPORT_COLUMNS, PAIR] if has_pairs(db) else EXPORT_COLUMNS
        st.text(say("data.columns_said", columns=", ".join(names)))
        st.text(say("data.columns_again"))


def _for_tool(form: str, project: Project, now: Status, splits: list[Split]) -> None:
    """What its file holds, what it has no place for, and the file."""
    with st.container(border=True):
        st.subheader(say("data.in_it"), anchor=False)
        st.text(say(f"data.form_{form}"))
        st.text(_summary(now, splits))
        if missing := what_is_missing(form):
            problem(missing, say("data.form_missing"))
            return
        name = _file_name(now.settings.name)
        _download(project, f"{name}.{suffix_of(form)}", lambda: tool_bytes(form, project, name, splits=splits))


def _download(project: Project, name: str, data: Callable[[], bytes]) -> None:
    st.download_button(
        say("data.download"),
        data=guarded(project, Right.EXPORT, data),
        file_name=name,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        **shut_button(project, Right.EXPORT),
    )


def _summary(now: Status, splits: list[Split]) -> str:
    counts = {split: sum(now.counts[split].values()) for split in splits if now.counts[split]}
    parts = ", ".join(say("data.summary_count", count=n, split=split_name(split)) for split, n in counts.items())
    version = say("data.model_version", id=now.version.id) if now.version else say("data.no_model_version")
    acts = ", ".join(f"{say(f'acts.{act}')} {n:,}" for act in Act if (n := now.decisions.get(act, 0)))
    said = acts or say("data.no_answers")
    return say("data.summary", count=sum(counts.values()), parts=parts, model=version, answers=said)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "export"
