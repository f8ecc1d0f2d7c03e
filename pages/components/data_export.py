"""Export: what the file will hold, and the file; and a backup of the project."""

import re

import streamlit as st

from inffeed_core.data.export_columns import EXPORT_COLUMNS, PAIR
from inffeed_core.data.formats.known import FORMATS, SUFFIXES
from inffeed_core.project.decision_rows import decision_bytes
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project
from inffeed_core.project.status import Status
from inffeed_core.records import Act, Split
from inffeed_core.store import has_pairs, reading
from pages.components.backup import backup_view
from pages.components.notices import empty_state
from pages.language import say, split_name

WRITABLE = tuple(one.suffixes[0] for one in FORMATS if one.write)


def export_view(project: Project, now: Status) -> None:
    """Format and splits, a summary, and the download; then the backup of everything."""
    _file(project, now)
    backup_view(project)


def _file(project: Project, now: Status) -> None:
    if not any(now.counts.values()):
        empty_state(say("data.nothing_to_export"), say("data.nothing_to_export_advice"))
        return
    left, right = st.columns(2)
    format = left.segmented_control(
        say("data.format"),
        WRITABLE,
        format_func=lambda suffix: SUFFIXES[suffix].name,
        default=WRITABLE[0],
        required=True,
        key="export_format",
    )
    splits = right.multiselect(
        say("data.splits"), list(Split), format_func=split_name, key="export_splits", placeholder=say("data.all")
    ) or list(Split)
    with st.container(border=True):
        st.subheader(say("data.in_it"), anchor=False)
        st.text(_summary(now, splits))
        decisions = st.checkbox(say("data.decisions_only"), key="export_decisions", help=say("data.decisions_help"))
        write, what = (decision_bytes, "-decisions") if decisions else (export_bytes, "")
        st.download_button(
            say("data.download"),
            data=lambda: write(project, format, splits=splits),
            file_name=f"{_file_name(now.settings.name)}{what}.{format}",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    with st.expander(say("data.columns")):
        with reading(project.db) as db:
            names = [*EXPORT_COLUMNS, PAIR] if has_pairs(db) else EXPORT_COLUMNS
        st.text(say("data.columns_said", columns=", ".join(names)))
        st.text(say("data.columns_again"))


def _summary(now: Status, splits: list[Split]) -> str:
    counts = {split: sum(now.counts[split].values()) for split in splits if now.counts[split]}
    parts = ", ".join(say("data.summary_count", count=n, split=split_name(split)) for split, n in counts.items())
    version = say("data.model_version", id=now.version.id) if now.version else say("data.no_model_version")
    acts = ", ".join(f"{say(f'acts.{act}')} {n:,}" for act in Act if (n := now.decisions.get(act, 0)))
    said = acts or say("data.no_answers")
    return say("data.summary", count=sum(counts.values()), parts=parts, model=version, answers=said)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "export"
