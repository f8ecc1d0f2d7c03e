"""What a file says of silver labels: whose they are, and whether it brings texts or labels for those that are there."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from inffeed_core.data.options import ImportOptions
from inffeed_core.project.importing import ImportPreview
from inffeed_core.project.joining import for_joining
from inffeed_core.records import Split
from pages.language import say

TEXTS = "texts"
WAYS = (TEXTS, "id", "text")
"""What a file may bring: texts, or labels for texts that are found so."""


def brings_labels(guess: ImportOptions, file_id: str) -> bool:
    """Ask whether the file adds labels to texts that are there, where it might; the answer stays with the session."""
    if not (guess.join or guess.brings_silver or guess.split is Split.SILVER):
        return False
    chosen = st.segmented_control(
        say("import.brings"),
        [way for way in WAYS if way != "id" or guess.id],
        default=guess.join or TEXTS,
        required=True,
        format_func=lambda how: say(f"import.brings_{how}"),
        key=f"brings {file_id}",
        help=say("import.brings_help"),
    )
    return chosen != TEXTS


def with_sources(options: ImportOptions, guess: ImportOptions, file_id: str) -> ImportOptions:
    """The options with the sources that the file names, and the name of the label column's own where it names none."""
    taken = {options.text, options.label, options.id, options.source, options.split_column, options.pair}
    silver = tuple(one for one in guess.silver if not taken & set(one.columns))
    objects = None if guess.silver_object in taken else guess.silver_object
    columns = [column for one in silver for column in one.columns] + ([objects] if objects else [])
    if columns and st.checkbox(
        say("import.silver_columns", columns=", ".join(columns)),
        True,
        key=f"silver {file_id}",
        help=say("import.silver_help"),
    ):
        options = replace(options, silver=silver, silver_object=objects)
    how = st.session_state.get(f"brings {file_id}", TEXTS)
    if options.label and not options.source and (options.split is Split.SILVER or how != TEXTS):
        name = st.text_input(
            say("import.source_name"), key=f"source_name {file_id}", help=say("import.source_name_help")
        )
        options = replace(options, source_name=name.strip())
    if options.label == guess.label and guess.confidence not in taken:
        options = replace(options, confidence=guess.confidence)
    if how == TEXTS:
        return options
    again = st.checkbox(say("import.replace"), False, key=f"replace {file_id}", help=say("import.replace_help"))
    return replace(for_joining(options, "id" if how == "id" else "text"), replace=again)


def silver_outlook(shown: ImportPreview) -> None:
    """What will come of the labels of sources."""
    if shown.options.join:
        st.text(say("import.outlook_joined", count=shown.joined))
    if shown.silver and (shown.options.join or len(shown.silver) > 1):
        st.text(say("import.outlook_sources", sources=_by_source(shown.silver)))
    if shown.unchanged:
        st.text(say("import.outlook_unchanged", count=shown.unchanged))
    if shown.replaced:
        st.text(say("import.outlook_replaced", count=shown.replaced))


def _by_source(silver: Mapping[str, int]) -> str:
    return ", ".join(say("import.outlook_label", count=n, label=name) for name, n in silver.items())
