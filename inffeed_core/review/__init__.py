"""The review room without its page: what is shown, handing out flags, deciding, progress."""

from inffeed_core.review.deciding import answers, decide, history, last_row, texts, twins, undo
from inffeed_core.review.handing_out import Handed, held, held_ahead, queue, release, take
from inffeed_core.review.items import ReviewItem, item, most_incompatible
from inffeed_core.review.progress import ReviewProgress, Sitting, analysis_for, exposure, facets, progress

__all__ = [
    "Handed",
    "ReviewItem",
    "ReviewProgress",
    "Sitting",
    "analysis_for",
    "answers",
    "decide",
    "exposure",
    "facets",
    "held",
    "held_ahead",
    "history",
    "item",
    "last_row",
    "most_incompatible",
    "progress",
    "queue",
    "release",
    "take",
    "texts",
    "twins",
    "undo",
]
