"""English: setting a project up, and the check of its data."""

from typing import Any

from inffeed_core.project import health_words

WORDS: dict[str, dict[str, Any]] = {
    "check": {
        "title": "Check",
        "about": "What may be wrong with the data, the worst first. Nothing is changed by looking.",
        "nothing": "Nothing was found",
        "nothing_more": "Take the closer look below as well: near copies are not looked for by this one.",
        "serious": "Serious",
        "warning": "Check",
        "note": "Note",
        "other_id": "Compared with",
        "other_text": "Its text",
        "other_label": "Its label",
        "first_texts": "The first {shown:,} of {count:,}. Select a row to open its text.",
        "select": "Select a row to open its text.",
        "leave_out": "Leave them out",
        "left_out": "{count:,} {count:text is|texts are} left out now.",
        "closer": "Closer look",
        "closer_said": (
            "Looks for near copies across splits, texts that training cuts, words that the model does not know and "
            "texts unlike all others. It takes seconds for thousands of texts and minutes for a million."
        ),
        "closer_go": "Look closer",
        "closer_done": "Last taken {time} UTC.",
        "closer_old": "Last taken {time} UTC. Texts or labels have changed since: look again.",
        "before_training": "The check of the data found: {said}",
        "to_check": "See the check of the data",
    },
    "colours": {
        "violet": "violet",
        "green": "green",
        "rose": "rose",
        "ochre": "ochre",
        "slate": "slate",
        "teal": "teal",
        "brown": "brown",
        "pink": "pink",
        "olive": "olive",
    },
    "gold_split": {
        "here": "split here",
        "share": "{split}, %",
        "together": "Keep near copies in one split",
        "together_help": "Texts with at least 80 % of their words in common. A model that has seen one has seen the other. Equal texts always stay together.",
        "kept": "{count:,} {count:text that repeats or nearly repeats another stays|texts that repeat or nearly repeat another stay} with it in one split.",
        "lacks": "No text of {split} has the label {labels}: the file has too few that differ.",
    },
    "health": health_words.ENGLISH,
}
