"""Splitting one file of gold texts on import: shares, near copies, and what cannot be in every split."""

from typing import Any

import streamlit as st

from inffeed_core.data.options import split_of_name
from inffeed_core.project.dividing import GOLD, lacking
from inffeed_core.project.importing import ImportPreview
from inffeed_core.records import Split
from pages.language import say, split_name

USUAL = (70, 15, 15)
"""Percent for train, validation and test."""


def may_be_split(guess: ImportPreview) -> bool:
    """Whether the file holds gold texts and says nothing of splits."""
    options = guess.options
    is_gold = options.split is Split.TRAIN and options.label is not None
    return is_gold and not options.history and options.join is None and split_of_name(guess.name) is None


def split_choice(file_id: str) -> dict[str, Any]:
    """The shares, and whether near copies stay together: fields of ImportOptions."""
    cells = st.columns([1, 1, 1, 3], vertical_alignment="bottom")
    shares = tuple(
        float(
            cell.number_input(
                say("gold_split.share", split=split_name(split)), 0, 100, usual, 5, key=f"share {split} {file_id}"
            )
        )
        for cell, split, usual in zip(cells, GOLD, USUAL, strict=False)
    )
    near = cells[3].checkbox(
        say("gold_split.together"), True, key=f"near {file_id}", help=say("gold_split.together_help")
    )
    return {"split": None, "split_column": None, "shares": shares, "near_together": near}


def split_outlook(shown: ImportPreview) -> None:
    """What near copies keep together, and the labels that a split will lack."""
    if shown.options.shares is None:
        return
    if shown.together:
        st.text(say("gold_split.kept", count=shown.together))
    for split, labels in lacking(shown.counts, shown.options.shares).items():
        st.text(say("gold_split.lacks", split=split_name(split), labels=", ".join(labels)))
