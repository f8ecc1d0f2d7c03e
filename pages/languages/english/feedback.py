"""English: the Feedback page."""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "feedback": {
        "about": (
            "Finds train gold and silver labels that the version in use learned from and that perhaps should change. "
            "Validation and test labels are never changed. Nothing changes until you apply it."
        ),
        "retrain_first": (
            "Texts were added or left out since {version} was trained. Retrain before you make or try proposals."
        ),
        "takes_turn": "Another job is running (see above). What you start here will start when that job ends.",
        "must_wait": (
            "A training or an analysis is running (see above). You can make and apply proposals when it ends. Your "
            "ticks are kept."
        ),
        "no_model": "There is no model yet",
        "no_model_advice": "Train one first. Feedback is about the labels that a model has learned from.",
        "method": "Method",
        "discard": "Leave out",
        "relabel-harmful": "Relabel what harms",
        "confident-learning": "Confident learning",
        "influence-vote": "Influence vote",
        "about_discard": (
            "Leaves out the texts whose removal should lower the validation loss most. It did best in our measurements "
            "on gold labels: macro-F1 on test rose by 0.030 on irony and by 0.005 on hate speech. One half of the "
            "validation texts chooses, the other half confirms."
        ),
        "about_relabel-harmful": (
            "Gives the texts that harm validation their likeliest other label. In our measurements on gold labels, "
            "macro-F1 on test rose by 0.015 on irony and fell by 0.014 on hate speech. One half of the validation "
            "texts chooses, the other half confirms."
        ),
        "about_confident-learning": (
            "Relabels the texts whose label is doubted by models that never saw them. In our measurements, macro-F1 on "
            "test rose by 0.004 on irony and by 0.010 on hate speech; validation confirmed one round in eighteen."
        ),
        "about_influence-vote": (
            "The strongest influencers of each text vote on its label. In our measurements on real data this lowered "
            "macro-F1 by 0.036 on irony and by 0.066 on hate speech, and validation refused every round. Use it to "
            "find texts worth a look, not to accept all changes."
        ),
        "new": "New proposals",
        "cap": "Maximum changes, % of each label",
        "cap_help": "Of the texts of each label, in one round.",
        "influencers": "Influencers (K)",
        "influencers_help": "The strongest of each text. They vote; with other methods they are only shown.",
        "vote": "How they vote",
        "vote_help": "Only for the influence vote.",
        "signed": "By sign and size",
        "own-label": "For their own label, by size",
        "count": "For their own label, one each",
        "margin": "Minimum lead",
        "margin_help": "Only for the influence vote: lead of the winner over the current label, as a share of all votes.",
        "propose": "Look for proposals",
        "proposals": "Proposals",
        "none_yet": "None yet.",
        "nothing": "Nothing is proposed",
        "nothing_advice": "This method, with these settings, finds no label to change.",
        "set": "Set of proposals",
        "summary_one": "{method}: {count:,} proposal for {version}.",
        "summary_many": "{method}: {count:,} proposals for {version}.",
        "open_ones_one": "{count:,} can be applied.",
        "open_ones_many": "{count:,} can be applied.",
        "stale": "Out of date",
        "stale_said": (
            "Made for {made}. Now {now} is in use, and {changed:,} {changed:label has|labels have} changed. "
            "Texts that somebody has decided since stay as they are. Look for new proposals."
        ),
        "tick_all": "Tick all",
        "tick_all_help": "All except texts that somebody has decided. Tick those one by one.",
        "tick_none": "Tick none",
        "number": "No. {rank}",
        "leave_out": "leave out",
        "change": "{label} → {change}",
        "lead": "lead {lead:.3g}",
        "open": "open",
        "applied": "applied",
        "overtaken": "decided since",
        "sent": "sent to review",
        "decided": "decided by {annotator} on {day}",
        "why": "Why",
        "why_discard": "The lead is the predicted fall of the validation loss without this text, in nats.",
        "why_relabel-harmful": "The lead is the predicted fall of the validation loss without this text, in nats.",
        "why_confident-learning": (
            "The lead is the probability of the proposed label minus that of the current one, under models trained "
            "without this text."
        ),
        "why_influence-vote": "The lead is the share of all votes by which the proposed label beats the current one.",
        "shown_influencers": (
            "Its strongest influencers, with their influence on its own loss (positive: helps the label):"
        ),
        "shown_voters": "The voters, with their influence on the loss of this text (positive: helps the label):",
        "shown_further": (
            "Influencers are stored with the most certain proposals only. Explore finds those of this text."
        ),
        "voted": "Vote",
        "voted_for": "for {label}",
        "voted_against": "against {label}",
        "label_then": "Its label",
        "rounds": "Maximum rounds",
        "rounds_help": "After a confirmed round, new proposals are made and tried, for as long as validation confirms them.",
        "apply_one": "Check and apply {count:,}",
        "apply_many": "Check and apply {count:,}",
        "apply_help": (
            "Fits the model with and without the ticked changes. They are applied, and a version is trained, only if "
            "the 95 % interval of the gain in validation macro-F1 lies above zero. Each change counts as your "
            "decision."
        ),
        "unchecked": "Apply without the check",
        "unchecked_said": (
            "Applies the ticked changes whatever validation says, and trains nothing.\n"
            "Each change counts as your decision. They are undone together."
        ),
        "unchecked_now_one": "Apply {count:,} change",
        "unchecked_now_many": "Apply {count:,} changes",
        "send": "Send to review",
        "send_help": "Shows the ticked texts to annotators, in a separate order on the Review page.",
        "sent_said_one": "{count:,} text was sent to review.",
        "sent_said_many": "{count:,} texts were sent to review.",
        "to_review": "Review the texts that were sent",
        "to_retrain": "Retrain on the Models page",
        "name": "Your name, stored with the changes you apply",
        "name_missing": "Enter your name first. The changes you apply count as your decisions.",
        "acts": "Changes by feedback",
        "acts_said": "Undo takes back the changes of one act and nothing else. Decisions that people made since then stand.",
        "act": "{relabelled:,} relabelled, {left_out:,} left out (set {set})",
        "undone": "undone",
        "undo": "Undo",
        "undo_foreign": "Only {annotator} can undo it.",
        "undone_said": (
            "The labels are as if these changes had never been applied. If the version in use was trained on them, the "
            "previous version is in use again."
        ),
    },
}
