"""From influencers to changes of training labels: methods, and what was proposed, applied and undone."""

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
