"""Import: a file, what its columns mean, what would happen, and then all of it or nothing."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload
from inffeed_core.errors import ImportRefused, InfFeedError
from inffeed_core.records import Split
from inffeed_core.workflow.importing import ImportPreview, ImportResult, commit, preview
from inffeed_core.workflow.overlaps import SameText
from inffeed_core.workflow.projects import Project
from inffeed_core.workflow.status import Status, Step
from pages.components.equal_texts import DUPLICATES, DUPLICATES_SAID, LEAKAGE, LEAKAGE_SAID, equal_texts
from pages.components.notices import problem, success

IMPORTS = (Step.IMPORT_TRAIN, Step.IMPORT_VALIDATION, Step.IMPORT_SILVER)
TYPES = ["csv", "tsv", "jsonl", "gz", "parquet", "xlsx"]
NONE = "(none)"
MAPPED_AT_MOST = 40
SHOWN_AT_MOST = 200
PREVIEWS_KEPT = 8
NUMBERS_GIVEN = "Without one, ids such as train-000001 are given."


def import_view(project: Project, now: Status) -> None:
    """From the upload to the commit; every choice is checked at once."""
    if said := st.session_state.pop("imported", None):
        success(said, "Imported")
    st.text(f"{_wanted(now)}\nThe labels of this project: {', '.join(now.settings.labels)}.")
    turn = st.session_state.setdefault("upload_turn", 0)
    file = st.file_uploader(
        "CSV, TSV, JSON lines, Parquet or Excel; text formats also as .gz", TYPES, key=f"upload {turn}"
    )
    if file is None:
        return
    upload = Upload(file.name, file.getvalue())
    try:
        guessed = _previewed(project, upload, file.file_id, None)
        options = _roles(guessed, file.file_id)
        shown = _previewed(project, upload, file.file_id, options)
        if names := _label_names(shown, guessed.options, now.settings.labels, file.file_id):
            shown = _previewed(project, upload, file.file_id, replace(options, label_names=names))
    except InfFeedError as error:
        problem(str(error), "This file cannot be imported" if isinstance(error, ImportRefused) else "Please check")
        return
    _outlook(shown)
    _commit(project, upload, shown)


def _wanted(now: Status) -> str:
    return now.next_step.sentence if now.next_step.step in IMPORTS else "More texts can be imported at any time."


def _previewed(project: Project, upload: Upload, file_id: str, options: ImportOptions | None) -> ImportPreview:
    """The preview, read once for each choice of options: a large file takes seconds."""
    of = (project.folder, file_id)
    if st.session_state.get("previews_of") != of:
        st.session_state["previews_of"], st.session_state["previews"] = of, {}
    kept = st.session_state["previews"]
    if (key := repr(options)) not in kept:
        with st.spinner("Reading the file"):
            kept[key] = preview(project, upload, options)
        for old in list(kept)[:-PREVIEWS_KEPT]:
            del kept[old]
    return kept[key]


def _roles(guessed: ImportPreview, file_id: str) -> ImportOptions:
    st.subheader("What the columns mean", anchor=False)
    columns, guess = list(guessed.columns), guessed.options
    cells = st.columns(4)
    text = cells[0].selectbox("Text", columns, columns.index(guess.text), key=f"text {file_id}")
    label = cells[1].selectbox("Label", columns, columns.index(guess.label), key=f"label {file_id}")
    id = _optional(cells[2], "Id", columns, guess.id, f"id {file_id}", NUMBERS_GIVEN)
    source = _optional(
        cells[3], "Source of the label", columns, guess.source, f"source {file_id}", "Such as a model's name."
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    one_split = left.segmented_control(
        "Split",
        [*Split, NONE],
        default=guess.split or NONE,
        required=True,
        format_func=lambda s: "named in a column" if s == NONE else s,
        key=f"split {file_id}",
        help="Train, validation and test hold labels that a human has confirmed; silver those to be checked.",
    )
    split_column = None
    if one_split == NONE:
        start = columns.index(guess.split_column) if guess.split_column else 0
        split_column = right.selectbox("Split column", columns, start, key=f"split_column {file_id}")
    return ImportOptions(
        text=text,
        label=label,
        split=None if split_column else Split(one_split),
        split_column=split_column,
        id=id,
        source=source,
        history=guess.history and _wants_history(file_id),
    )


def _optional(
    cell: DeltaGenerator, name: str, columns: Sequence[str], guess: str | None, key: str, help: str
) -> str | None:
    options = [NONE, *columns]
    chosen = cell.selectbox(name, options, options.index(guess or NONE), key=key, help=help)
    return None if chosen == NONE else chosen


def _wants_history(file_id: str) -> bool:
    help = (
        "The file is an export of InfFeed: recreates imported labels, and the decisions that changed or confirmed them."
    )
    return st.checkbox("Restore the decisions of the export", True, key=f"history {file_id}", help=help)


def _label_names(shown: ImportPreview, guess: ImportOptions, labels: Sequence[str], file_id: str) -> dict[str, str]:
    """The project's label by the file's name for it, asked for every name that is no label of the project."""
    foreign = {name: n for name, n in shown.file_labels.items() if name not in labels}
    if not foreign:
        return {}
    if len(foreign) > MAPPED_AT_MOST:
        st.text(f"This column holds {len(foreign):,} names that are no labels of the project; choose another one.")
        return {}
    st.subheader("What the labels mean", anchor=False)
    cells = st.columns(4)
    chosen = {}
    for n, (name, count) in enumerate(foreign.items()):
        start = guess.label_names.get(name)
        with cells[n % 4]:
            st.text(f"{name} ({count:,}×) is")
            chosen[name] = st.selectbox(
                f"Label of name {n + 1}",
                labels,
                None if start is None else list(labels).index(start),
                key=f"name {n} {shown.options.label} {file_id}",
                placeholder="Choose a label",
                label_visibility="collapsed",
            )
    return {name: label for name, label in chosen.items() if label is not None}


def _outlook(shown: ImportPreview) -> None:
    st.subheader("What would be imported", anchor=False)
    if shown.problems:
        _problems(shown)
    else:
        counts = {split: labels for split, labels in shown.counts.items() if labels}
        for split, labels in counts.items():
            st.text(f"{split}: " + ", ".join(f"{n:,} {label}" for label, n in labels.items()))
        if shown.decisions:
            st.text(f"{shown.decisions:,} decisions of the export are restored.")
    for note in shown.notes:
        st.text(note)
    with st.expander(f"First {len(shown.rows)} of {shown.total:,} rows", expanded=not shown.problems):
        st.dataframe(pd.DataFrame(shown.rows, columns=list(shown.columns)).astype(str), hide_index=True, height=260)


def _problems(shown: ImportPreview) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge("Not importable yet", icon=":material/error:", color="red")
            st.text(f"{shown.total_problems:,} problems. Repair the file or choose other columns.")
        rows = [{"Row": p.row, "Problem": p.problem, "What to do": p.remedy} for p in shown.problems[:SHOWN_AT_MOST]]
        st.dataframe(pd.DataFrame(rows), hide_index=True)
        if shown.total_problems > len(rows):
            st.text(f"The first {len(rows)} are shown.")


def _commit(project: Project, upload: Upload, shown: ImportPreview) -> None:
    leaks = _overlap(LEAKAGE, LEAKAGE_SAID, shown.leaks, "Leave them out of train and silver", default=True)
    again = _overlap(DUPLICATES, DUPLICATES_SAID, shown.duplicates, "Leave the repetitions out", default=False)
    if not st.button(
        f"Import {shown.total:,} rows", type="primary", icon=":material/upload:", disabled=not shown.ready
    ):
        return
    bar = st.progress(0.0)

    def progress(stage: str, done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, text=f"{stage} {done:,} of {total:,}" if total else stage)

    try:
        result = commit(
            project, upload, shown.options, leave_out_leaks=leaks, leave_out_duplicates=again, progress=progress
        )
    except InfFeedError as error:
        problem(str(error))
        return
    st.session_state["imported"] = _words(shown.name, result)
    st.session_state["upload_turn"] += 1
    st.session_state["previews"] = {}
    st.rerun()


def _overlap(name: str, said: str, found: Sequence[SameText], remedy: str, *, default: bool) -> bool:
    if not found:
        return False
    with st.container(border=True):
        equal_texts(name, len(found), said, ((s.id, s.other, s.text) for s in found))
        return st.checkbox(remedy, default, key=f"leave out {name}")


def _words(name: str, result: ImportResult) -> str:
    parts = ", ".join(f"{n:,} {split}" for split, n in result.added.items() if n)
    more = [
        (result.left_out_duplicates, "duplicates were left out"),
        (result.left_out_leaks, "leaking rows were left out"),
        (result.excluded, "texts of the project are left out from now on"),
        (result.decisions, "decisions were restored"),
    ]
    return ". ".join([f"{name}: {parts or 'nothing'}", *(f"{n:,} {said}" for n, said in more if n)]) + "."
