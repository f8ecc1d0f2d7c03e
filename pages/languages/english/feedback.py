"""English: the Feedback page."""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "feedback": {
        "about": (
            "Finds labels that the version in use learned from and that should perhaps change: gold to learn from, and "
            "silver; never validation or test. Nothing changes until you apply it."
        ),
        "retrain_first": (
            "Texts were added or left out since {version} was trained. Retrain first: then proposals can be made "
            "and tried."
        ),
        "takes_turn": "Other work is under way above: what you ask for here waits for its turn and starts after it.",
        "must_wait": (
            "A training or an analysis is under way above: nothing can be proposed or applied until it ends. Your ticks "
            "are kept."
        ),
        "no_model": "There is no model yet",
        "no_model_advice": "Train one first: feedback is about what a model has learned from.",
        "method": "Method",
        "discard": "Leave out",
        "relabel-harmful": "Relabel what harms",
        "confident-learning": "Confident learning",
        "influence-vote": "Influence vote",
        "about_discard": (
            "Leaves out the texts without which the validation loss should be lowest. It did best when we "
            "measured it on "
            "gold labels: macro-F1 on test rose by 0.030 on irony, and by 0.005 on hate speech. Half of the validation "
            "texts choose here, and the other half confirm."
        ),
        "about_relabel-harmful": (
            "Gives the texts that harm validation the likeliest other label. When we measured it on gold labels, "
            "macro-F1 on test rose by 0.015 on irony and fell by 0.014 on hate speech. Half of the validation texts "
            "choose here, and the other half confirm."
        ),
        "about_confident-learning": (
            "Relabels the texts whose label models doubt that never learned from them. When we measured it, "
            "macro-F1 on "
            "test rose by 0.004 on irony and 0.010 on hate speech; the check confirmed one round in eighteen."
        ),
        "about_influence-vote": (
            "The strongest influencers of each text vote on its label. On real data this lowered macro-F1 when we "
            "measured it, by 0.036 on irony and 0.066 on hate speech, and the check refused every round. Use it "
            "to look "
            "at texts, not to accept all."
        ),
        "new": "New proposals",
        "cap": "Changes at most, % of a label",
        "cap_help": "Of the texts of each label, in one round.",
        "influencers": "Influencers (K)",
        "influencers_help": "The strongest of each text: they vote, or with other methods are shown.",
        "vote": "How they vote",
        "vote_help": "Influence vote alone.",
        "signed": "By sign and size",
        "own-label": "For their own label, by size",
        "count": "For their own label, one each",
        "margin": "Least lead",
        "margin_help": "Influence vote alone: of the winner over the present label, as a share of all votes.",
        "propose": "Look for proposals",
        "proposals": "Proposals",
        "none_yet": "None yet.",
        "nothing": "Nothing is proposed",
        "nothing_advice": "By this method and these settings every label may stay as it is.",
        "set": "Set of proposals",
        "summary_one": "{method}: {count:,} proposal for {version}.",
        "summary_many": "{method}: {count:,} proposals for {version}.",
        "open_ones_one": "{count:,} can be applied.",
        "open_ones_many": "{count:,} can be applied.",
        "stale": "Out of date",
        "stale_said": (
            "Made for {made}; now {now} is in use, and {changed:,} {changed:label has|labels have} changed. "
            "Texts that somebody decided about "
            "since stay untouched. Look for new proposals."
        ),
        "tick_all": "Tick all",
        "tick_all_help": "All but the texts that somebody has decided: tick these one by one.",
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
        "why_discard": (
            "The lead is the predicted fall of the validation loss without this text, in nats. Its strongest "
            "influencers, "
            "with their influence on its own loss (positive: helps the label):"
        ),
        "why_relabel-harmful": (
            "The lead is the predicted fall of the validation loss without this text, in nats. Its strongest "
            "influencers, "
            "with their influence on its own loss (positive: helps the label):"
        ),
        "why_confident-learning": (
            "The lead is the probability of the proposed label minus that of the present one, by models without "
            "this text. "
            "Its strongest influencers, with their influence on its own loss (positive: helps the label):"
        ),
        "why_influence-vote": (
            "The lead is the share of all votes by which the proposed label beats the present one. The voters, "
            "with their "
            "influence on the loss of this text (positive: helps the label):"
        ),
        "voted": "Vote",
        "voted_for": "for {label}",
        "voted_against": "against {label}",
        "label_then": "Its label",
        "rounds": "Rounds at most",
        "rounds_help": "After a confirmed round new proposals are made and tried, as long as validation confirms them.",
        "apply_one": "Check and apply {count:,}",
        "apply_many": "Check and apply {count:,}",
        "apply_help": (
            "Fits the model with and without the ticked changes. They are applied, and a version is trained, "
            "only where the "
            "95 % interval of the gain in validation macro-F1 lies above zero. Each counts as your decision."
        ),
        "unchecked": "Apply without the check",
        "unchecked_said": (
            "Applies what is ticked whatever validation says, and trains nothing.\n"
            "Each change counts as your decision; all are undone as one."
        ),
        "unchecked_now_one": "Apply {count:,} change",
        "unchecked_now_many": "Apply {count:,} changes",
        "send": "Send to review",
        "send_help": "Puts the ticked texts before annotators, in an order of their own on the Review page.",
        "sent_said_one": "{count:,} text was sent to review.",
        "sent_said_many": "{count:,} texts were sent to review.",
        "to_review": "Review what was sent",
        "to_retrain": "Retrain on the Models page",
        "name": "Your name, kept with what you apply",
        "name_missing": "Give your name first: what you apply counts as your decision.",
        "acts": "What feedback changed",
        "acts_said": "An undo takes back the changes of one act and nothing else: what people decided since stands.",
        "act": "{relabelled:,} relabelled, {left_out:,} left out (set {set})",
        "undone": "undone",
        "undo": "Undo",
        "undo_foreign": "Only {annotator} can undo it.",
        "undone_said": (
            "The labels are as if this had never been applied. If the version in use was trained on it, the one "
            "before is "
            "in use again."
        ),
    },
}
