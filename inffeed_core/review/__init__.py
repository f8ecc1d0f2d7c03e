"""The review room without its page: what is shown, handing out flags, deciding, progress."""

from inffeed_core.review.deciding import answers, decide, twins, undo
from inffeed_core.review.handing_out import Asked, Handed, hand_out, queue
from inffeed_core.review.items import ReviewItem, item, most_incompatible
from inffeed_core.review.progress import ReviewProgress, Sitting, analysis_for, progress

__all__ = [
    "Asked",
    "Handed",
    "ReviewItem",
    "ReviewProgress",
    "Sitting",
    "analysis_for",
    "answers",
    "decide",
    "hand_out",
    "item",
    "most_incompatible",
    "progress",
    "queue",
    "twins",
    "undo",
]
