"""Uploaded files as a table: each read once, in the encoding and layout that it shows or that the user chooses."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from inffeed_core.data.encodings import ENCODINGS
from inffeed_core.data.headers import require_header
from inffeed_core.data.layout import AS_FOUND, Layout
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.several import together
from inffeed_core.data.table import Table
from inffeed_core.errors import EncodingProposal, EncodingUnclear, ImportRefused, LayoutUnclear
from pages.components.layout_choice import chosen_layout, layout_choice
from pages.language import say

KEPT = "read_upload"
MARKED = ("utf-16", "utf-32")
"""What only a byte order mark can say."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The last reading of a file, kept in the session: a large one takes seconds."""

    file_id: str
    proposals: Sequence[EncodingProposal]
    """Empty if the file proves its encoding."""
    proved: str | None
    """The encoding that it proves; also None for formats that state their own."""
    encoding: str | None
    layout: Layout
    outcome: Table | ImportRefused
    sheets: tuple[str, ...] = ()
    """Those of a workbook, as soon as one could be read."""


def read_uploads(files: Sequence[UploadedFile], labels: Sequence[str]) -> Table | None:
    """The rows of all files for a project with these labels, or None until each encoding and layout is chosen.

    Raises ImportRefused.
    """
    known, ids = _all_kept(), [file.file_id for file in files]
    for gone in [id for id in known if id not in ids]:
        del known[gone]
    tables = []
    for file in files:
        if len(files) > 1:
            st.text(file.name)
        tables.append(_table(Upload(file.name, file.getvalue()), file.file_id, labels))
    return None if None in tables else together([table for table in tables if table is not None])


def _table(upload: Upload, file_id: str, labels: Sequence[str]) -> Table | None:
    """The table of one file, or None until its encoding and layout are chosen. Raises ImportRefused."""
    kept = _all_kept().get(file_id)
    if kept is None:
        kept = _first(file_id, _outcome(upload, None, AS_FOUND, labels))
    if kept.proved or kept.proposals:
        chosen = _choice(kept)
        if chosen is None:
            _all_kept()[file_id] = kept
            return None
        if chosen != kept.encoding:
            kept = replace(kept, encoding=chosen, outcome=_outcome(upload, chosen, kept.layout, labels))
    if (layout := chosen_layout(file_id)) != kept.layout:
        kept = replace(kept, layout=layout, outcome=_outcome(upload, kept.encoding, layout, labels))
    sheets = kept.outcome.sheets if isinstance(kept.outcome, Table) else kept.sheets
    kept = _all_kept()[file_id] = replace(kept, sheets=sheets)
    layout_choice(upload.name, file_id, kept.outcome, kept.sheets)
    if isinstance(kept.outcome, LayoutUnclear):
        return None
    if isinstance(kept.outcome, ImportRefused):
        raise kept.outcome
    return kept.outcome


def how_read() -> str:
    """Differs between the ways in which files were read."""
    return " ".join(f"{kept.file_id} {kept.encoding} {kept.layout}" for kept in _all_kept().values())


def _all_kept() -> "dict[str, _Reading]":
    """By file, in the order of the files."""
    found: dict[str, _Reading] = st.session_state.setdefault(KEPT, {})
    return found


def forget_upload() -> None:
    """Let the tables go."""
    st.session_state.pop(KEPT, None)


def _first(file_id: str, found: Table | ImportRefused) -> _Reading:
    proved = found.encoding if isinstance(found, Table) else None
    proposals = found.proposals if isinstance(found, EncodingUnclear) else ()
    return _Reading(
        file_id=file_id, proposals=proposals, proved=proved, encoding=proved, layout=AS_FOUND, outcome=found
    )


def _outcome(upload: Upload, encoding: str | None, layout: Layout, labels: Sequence[str]) -> Table | ImportRefused:
    place = st.empty()
    try:
        table = read(upload, layout, encoding=encoding, waiting=_waiting(place))
        require_header(table, labels)
        return table
    except ImportRefused as error:
        return error
    finally:
        place.empty()


def _waiting(place: DeltaGenerator) -> Callable[[], None]:
    """Say how long it has taken. Writing to the page also ends the run when another one is requested."""
    began = time.monotonic()

    def look() -> None:
        if not _somebody_waits():
            st.stop()
        place.text(say("import.reading_for", seconds=int(time.monotonic() - began)))

    return look


def _somebody_waits() -> bool:
    """Whether the tab is still open; Streamlit itself would give it two minutes to come back."""
    context = get_script_run_ctx()
    return context is None or st.runtime.get_instance().is_active_session(context.session_id)


def _choice(kept: _Reading) -> str | None:
    first = [kept.proved] if kept.proved else [p.encoding for p in kept.proposals]
    if not kept.proved:
        with st.container(border=True):
            st.text(say("import.encoding_ask"))
            for proposal in kept.proposals:
                st.text(f"{say(f'encodings.{proposal.encoding}')}: {proposal.sample}")
    return st.selectbox(
        say("import.encoding"),
        [*first, *(e for e in ENCODINGS if e not in first and e not in MARKED)],
        0 if kept.proved else None,
        lambda encoding: say(f"encodings.{encoding}"),
        key=f"encoding {kept.file_id}",
        help=say("import.encoding_help"),
        placeholder=say("import.encoding_choose"),
    )
