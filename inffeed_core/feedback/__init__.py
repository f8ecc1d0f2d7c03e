"""From influencers to changes of training labels: what has been proposed, applied and undone. Methods lie beside it."""

from inffeed_core.feedback.acts import (
    Preview,
    act_of,
    acts,
    apply,
    latest_trials,
    outcome,
    preview,
    send_to_review,
    undo,
    untouched,
    was_sent,
)

__all__ = [
    "Preview",
    "act_of",
    "acts",
    "apply",
    "latest_trials",
    "outcome",
    "preview",
    "send_to_review",
    "undo",
    "untouched",
    "was_sent",
]
