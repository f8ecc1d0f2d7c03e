"""What the project holds: counts by split and label, and texts that stand in it twice."""

import pandas as pd
import streamlit as st

from inffeed_core.charts import label_counts
from inffeed_core.records import Split
from inffeed_core.workflow.browsing import Twins, doubled
from inffeed_core.workflow.importing import fix_duplicates, fix_leaks
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status
from pages.components.equal_texts import DUPLICATES, DUPLICATES_SAID, LEAKAGE, LEAKAGE_SAID, equal_texts
from pages.components.notices import empty_state, success

ROLES = {
    Split.TRAIN: "gold to learn from",
    Split.VALIDATION: "gold that steers flags",
    Split.TEST: "gold for reports alone",
    Split.SILVER: "labels to be checked",
}


def overview(project: Project, now: Status) -> None:
    """Counts as a table and a chart, then leaks and duplicates with their fixes."""
    if not any(now.counts.values()):
        empty_state("There is no data yet", "Go to the Import tab and upload a gold seed first, then silver labels.")
        return
    left, right = st.columns(2)
    with left:
        _counts(now)
    right.plotly_chart(
        label_counts(now.counts, now.settings.labels), key="label_counts", config={"displayModeBar": False}
    )
    _doubled(project)


def _counts(now: Status) -> None:
    labels = now.settings.labels
    rows = [
        {"Split": split.value, "For": said}
        | {label: now.counts[split].get(label, 0) for label in labels}
        | {"Total": sum(now.counts[split].values())}
        for split, said in ROLES.items()
    ]
    columns = {name: st.column_config.NumberColumn(format="localized") for name in (*labels, "Total")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)
    st.caption("Current labels: corrections are counted, instances that were left out are not.")


def _doubled(project: Project) -> None:
    st.header("Equal texts", anchor=False)
    if said := st.session_state.pop("fixed", None):
        success(said)
    found = doubled(project)
    if not found.total_leaks and not found.total_duplicates:
        st.text("No text stands twice in a split, and no validation or test text is learned from.")
        return
    if found.total_leaks:
        with st.container(border=True):
            equal_texts(LEAKAGE, found.total_leaks, LEAKAGE_SAID, map(_row, found.leaks))
            if st.button("Leave them out of train and silver", key="fix_leaks", type="primary"):
                left_out = fix_leaks(project)
                st.session_state["fixed"] = f"{left_out:,} train and silver instances are left out from now on."
                st.rerun()
    if found.total_duplicates:
        with st.container(border=True):
            equal_texts(DUPLICATES, found.total_duplicates, DUPLICATES_SAID, map(_row, found.duplicates))
            if st.button("Keep the first of each", key="fix_duplicates"):
                st.session_state["fixed"] = f"{fix_duplicates(project):,} duplicates are left out from now on."
                st.rerun()


def _row(pair: Twins) -> tuple[str, str, str]:
    return pair.left_out, pair.kept, pair.text
