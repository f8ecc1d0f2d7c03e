"""Import: a file, what its columns mean, what would happen, and then all of it or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inffeed_core.characters import known_label
from inffeed_core.data.formats.known import FORMATS, upload_types
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused, InfFeedError, RowProblem
from inffeed_core.project.cut_texts import cut_texts
from inffeed_core.project.decision_rows import preview_decisions
from inffeed_core.project.folder import Project
from inffeed_core.project.importing import ImportPreview, ImportResult, commit, preview
from inffeed_core.project.overlaps import SameText
from inffeed_core.project.roles import Right
from inffeed_core.project.status import Status, Step
from inffeed_core.records import VOTE, Split
from pages.components.decision_import import decisions_view, wants_decisions
from pages.components.equal_texts import Kind, equal_texts
from pages.components.file_reading import forget_upload, how_read, read_uploads
from pages.components.gold_split import may_be_split, split_choice, split_outlook
from pages.components.identity import known_name
from pages.components.notices import problem, success
from pages.components.rights import locked, refused
from pages.components.silver_import import brings_labels, silver_outlook, with_sources
from pages.language import any_of, label_name, say, split_name, stage, told

IMPORTS = (Step.IMPORT_TRAIN, Step.IMPORT_VALIDATION, Step.IMPORT_SILVER)
NONE, DIVIDE = "", "divide"
MAPPED_AT_MOST = 40
SHOWN_AT_MOST = 200
PREVIEWS_KEPT = 8


def import_view(project: Project, now: Status) -> None:
    """From the upload to the commit; every choice is checked at once."""
    if said := st.session_state.pop("imported", None):
        success(said, say("import.imported"))
    st.text(f"{_wanted(now)}\n{say('import.labels', labels=', '.join(now.settings.labels))}")
    turn = st.session_state.setdefault("upload_turn", 0)
    formats = any_of([one.name for one in FORMATS])
    shut = locked(project, Right.DATA)
    words = say("import.upload", formats=formats)
    files = st.file_uploader(words, upload_types(), accept_multiple_files=True, key=f"upload {turn}", disabled=shut)
    if not files or shut:
        forget_upload()
        return
    st.button(say("import.cancel"), icon=":material/close:", on_click=_give_up, key=f"cancel {turn}")
    try:
        table = read_uploads(files, now.settings.labels)
        if table is None:
            return
        of = how_read()
        if wants_decisions(table, of):
            _decisions(project, table)
            return
        guessed = _previewed(project, table, of, None)
        options = _roles(guessed, of)
        shown = _previewed(project, table, of, options)
        names, new = _label_names(shown, guessed.options, now.settings.labels, of)
        if names or new:
            shown = _previewed(project, table, of, replace(options, label_names=names, new_labels=new))
    except InfFeedError as error:
        problem(str(error), say("import.refused" if isinstance(error, ImportRefused) else "import.check"))
        return
    _outlook(shown)
    _commit(project, table, shown)


def _decisions(project: Project, table: Table) -> None:
    found = preview_decisions(project, table)
    if found.converted.problems:
        _problems(found.converted.problems, found.converted.total_problems)
    if (done := decisions_view(project, table, found)) is not None:
        count = len(done.converted.decisions)
        st.session_state["imported"] = say("import.of_decisions_done", name=table.name, count=count)
        _give_up()
        st.rerun()


def _give_up() -> None:
    """Remove the file, whatever is being done with it."""
    st.session_state["upload_turn"] += 1
    st.session_state["previews"] = {}
    forget_upload()


def _wanted(now: Status) -> str:
    return told(now.next_step.sentence) if now.next_step.step in IMPORTS else say("import.more")


def _previewed(project: Project, table: Table, file_id: str, options: ImportOptions | None) -> ImportPreview:
    """The preview, made once for each choice of options: a large file takes seconds."""
    of = (project.folder, file_id)
    if st.session_state.get("previews_of") != of:
        st.session_state["previews_of"], st.session_state["previews"] = of, {}
    kept: dict[str, ImportPreview] = st.session_state["previews"]
    if (key := repr(options)) not in kept:
        with st.spinner(say("import.reading")):
            kept[key] = preview(project, table, options)
        for old in list(kept)[:-PREVIEWS_KEPT]:
            del kept[old]
    return kept[key]


def _roles(guessed: ImportPreview, file_id: str) -> ImportOptions:
    st.subheader(say("import.roles"), anchor=False)
    columns, guess = list(guessed.columns), guessed.options
    joins = brings_labels(guess, file_id)
    cells = st.columns(5)
    text = _optional(cells[0], say("columns.text"), columns, guess.text, f"text {file_id}", say("import.text_help"))
    pair = _optional(cells[1], say("columns.pair"), columns, guess.pair, f"pair {file_id}", say("import.pair_help"))
    label_help = say("import.label_help")
    label = _optional(cells[2], say("columns.label"), columns, guess.label, f"label {file_id}", label_help)
    id = _optional(cells[3], say("columns.id"), columns, guess.id, f"id {file_id}", say("import.id_help"))
    source = _optional(
        cells[4], say("import.source"), columns, guess.source, f"source {file_id}", say("import.source_help")
    )
    where = {"split": guess.split or Split.SILVER} if joins else _split(columns, guessed, file_id)
    options = ImportOptions(
        text=text,
        label=label,
        id=id,
        source=source,
        history=not joins and guess.history and _wants_history(file_id),
        join="id" if text is None else None,
        pair=pair,
        **where,
    )
    return with_sources(options, guess, file_id)


def _split(columns: Sequence[str], guessed: ImportPreview, file_id: str) -> dict[str, Any]:
    """One split for all rows, the column that names it, or shares: fields of ImportOptions."""
    guess = guessed.options
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    one_split = left.segmented_control(
        say("columns.split"),
        [*Split, NONE, *([DIVIDE] if may_be_split(guessed) else [])],
        default=guess.split or NONE,
        required=True,
        format_func=_way,
        key=f"split {file_id}",
        help=say("import.split_help"),
    )
    if one_split == DIVIDE:
        return split_choice(file_id)
    if one_split != NONE:
        return {"split": Split(one_split)}
    start = columns.index(guess.split_column) if guess.split_column else 0
    return {"split_column": right.selectbox(say("import.split_column"), columns, start, key=f"split_column {file_id}")}


def _way(split: str) -> str:
    own = {NONE: "import.in_column", DIVIDE: "gold_split.here"}
    return say(own[split]) if split in own else split_name(split)


def _optional(
    cell: DeltaGenerator, name: str, columns: Sequence[str], guess: str | None, key: str, help: str
) -> str | None:
    options = [NONE, *columns]
    chosen = cell.selectbox(name, options, options.index(guess or NONE), _column, key=key, help=help)
    return None if chosen == NONE else chosen


def _column(name: str) -> str:
    return say("import.none") if name == NONE else name


def _wants_history(file_id: str) -> bool:
    return st.checkbox(say("import.history"), True, key=f"history {file_id}", help=say("import.history_help"))


def _label_names(
    shown: ImportPreview, guess: ImportOptions, labels: Sequence[str], file_id: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(the project's label by the file's name for it, names to add as labels); asked for names that are no labels."""
    foreign = {name: n for name, n in shown.file_labels.items() if known_label(name, labels) is None}
    if not foreign:
        return {}, ()
    if len(foreign) > MAPPED_AT_MOST:
        st.text(say("import.too_many_names", count=len(foreign)))
        return {}, ()
    st.subheader(say("import.names"), anchor=False)
    add = st.checkbox(say("import.add_labels"), key=f"add_labels {file_id}", help=say("import.add_labels_help"))
    cells = st.columns(4)
    chosen = {}
    for n, (name, count) in enumerate(foreign.items()):
        start = guess.label_names.get(name)
        with cells[n % 4]:
            st.text(say("import.name_is", name=name, count=count))
            chosen[name] = st.selectbox(
                say("import.label_of_name", number=n + 1),
                labels,
                None if start is None else list(labels).index(start),
                key=f"name {n} {shown.options.label} {file_id}",
                placeholder=say("import.is_new" if add else "import.choose_label"),
                label_visibility="collapsed",
            )
    new = tuple(name for name, label in chosen.items() if label is None and add)
    return {name: label for name, label in chosen.items() if label is not None}, new


def _outlook(shown: ImportPreview) -> None:
    st.subheader(say("import.outlook"), anchor=False)
    if shown.problems:
        _problems(shown.problems, shown.total_problems)
    else:
        counts = {split: labels for split, labels in shown.counts.items() if labels}
        for split, labels in counts.items():
            said = (say("import.outlook_label", count=n, label=_called(label)) for label, n in labels.items())
            st.text(f"{split_name(split)}: " + ", ".join(said))
        silver_outlook(shown)
        split_outlook(shown)
        if shown.decisions:
            st.text(say("import.outlook_decisions", count=shown.decisions))
    if shown.without_pair:
        st.text(say("import.without_pair", count=shown.without_pair, total=shown.total))
    for note in shown.notes:
        st.text(note)
    with st.expander(say("import.first_rows", shown=len(shown.rows), total=shown.total), expanded=not shown.problems):
        st.dataframe(pd.DataFrame(shown.rows, columns=list(shown.columns)).astype(str), hide_index=True, height=260)


def _called(label: str) -> str:
    return say("import.left_to_sources") if label == VOTE else label_name(label)


def _problems(problems: Sequence[RowProblem], total: int) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(say("import.not_yet"), icon=":material/error:", color="red")
            st.text(say("import.problems", count=total))
        names = [say("columns.row"), say("columns.problem"), say("columns.remedy")]
        frame = pd.DataFrame([(p.row, p.problem, p.remedy) for p in problems[:SHOWN_AT_MOST]], columns=names)
        if any(p.file for p in problems):
            frame.insert(0, say("columns.file"), [p.file for p in problems[:SHOWN_AT_MOST]])
        st.dataframe(frame, hide_index=True)
        if total > len(frame):
            st.text(say("import.first_problems", count=len(frame)))


def _commit(project: Project, table: Table, shown: ImportPreview) -> None:
    leaks = _overlap(Kind.LEAKAGE, shown.leaks, say("data.fix_leaks"), default=True)
    if shown.conflicts:
        first = shown.conflicts[0]
        st.text(say("import.conflicts", count=len(shown.conflicts), id=first.id, other=first.other))
    again = _overlap(Kind.DUPLICATES, shown.duplicates, say("import.leave_out_again"), default=False)
    if not st.button(
        say("import.go", count=shown.total), type="primary", icon=":material/upload:", disabled=not shown.ready
    ):
        return
    if refused(project, Right.DATA):
        return
    bar = st.progress(0.0)

    def progress(doing: str, done: int, total: int) -> None:
        said = stage(doing)
        words = say("import.progress", stage=said, done=done, total=total) if total else said
        bar.progress(done / total if total else 0.0, text=words)

    try:
        result = commit(
            project,
            table,
            shown.options,
            leave_out_leaks=leaks,
            leave_out_duplicates=again,
            by=known_name() or "data-page",
            progress=progress,
        )
    except InfFeedError as error:
        problem(str(error))
        return
    cut = cut_texts(project)
    st.session_state["imported"] = " ".join([_words(shown.name, result), *([told(cut)] if cut else [])])
    _give_up()
    st.rerun()


def _overlap(kind: Kind, found: Sequence[SameText], remedy: str, *, default: bool) -> bool:
    if not found:
        return False
    with st.container(border=True):
        equal_texts(kind, len(found), ((s.id, s.other, s) for s in found))
        return st.checkbox(remedy, default, key=f"leave_out_{kind}")


def _words(name: str, result: ImportResult) -> str:
    added = {split: n for split, n in result.added.items() if n}
    parts = ", ".join(say("data.summary_count", count=n, split=split_name(split)) for split, n in added.items())
    more = {
        "out_duplicates": result.left_out_duplicates,
        "out_leaks": result.left_out_leaks,
        "excluded": result.excluded,
        "decisions": result.decisions,
        "joined": result.joined,
        "changed": result.changed,
    }
    said = [say("import.result", name=name, parts=parts or say("import.nothing"))]
    said += [say(f"import.{what}", count=n) for what, n in more.items() if n]
    return say("import.result_join").join(said) + say("import.result_end")
