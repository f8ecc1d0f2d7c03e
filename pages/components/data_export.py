"""Export: what the file will hold, and the file."""

import re
from collections.abc import Mapping

import streamlit as st

from inffeed_core.data.export_columns import EXPORT_COLUMNS
from inffeed_core.records import Act, Split
from inffeed_core.workflow.exporting import export_bytes
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status
from pages.components.notices import empty_state

FORMATS: Mapping[str, str] = {"CSV": "csv", "JSON lines": "jsonl", "Parquet": "parquet"}


def export_view(project: Project, now: Status) -> None:
    """Format and splits, a summary, and the download."""
    if not any(now.counts.values()):
        empty_state(
            "There is nothing to export", "Import data first; a corrected data set can be exported at any time."
        )
        return
    left, right = st.columns(2)
    format = FORMATS[left.segmented_control("Format", list(FORMATS), default="CSV", required=True, key="export_format")]
    splits = right.multiselect("Splits", list(Split), key="export_splits", placeholder="All") or list(Split)
    with st.container(border=True):
        st.subheader("What is in it", anchor=False)
        st.text(_summary(now, splits))
        st.download_button(
            "Download",
            data=lambda: export_bytes(project, format, splits=splits),
            file_name=f"{_file_name(now.settings.name)}.{format}",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    with st.expander("Columns"):
        st.text(", ".join(EXPORT_COLUMNS) + ", then the columns that were kept from the imported files.")
        st.text("Importing the file into a new project gives the same labels and decisions again.")


def _summary(now: Status, splits: list[Split]) -> str:
    counts = {split: sum(now.counts[split].values()) for split in splits if now.counts[split]}
    parts = ", ".join(f"{n:,} {split.value}" for split, n in counts.items())
    decided = [f"{now.decisions.get(act, 0):,} {act.value}" for act in (Act.RELABEL, Act.KEEP)]
    model = f"model version {now.version.id}" if now.version else "no model version yet"
    return (
        f"{sum(counts.values()):,} texts ({parts}).\n"
        f"For each: its current and its imported label, and who decided that, when and how.\n"
        f"In the project so far: {' and '.join(decided)} decisions; {model}."
    )


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "export"
