"""The words of a report of a retrain in English; pages say them in their language."""

ENGLISH = {
    "language": "en",
    "title": "Retrain of {project}: {parent} → {version}",
    "made": "{version} was trained at {created} UTC from {parent}; this report shows the project as of now.",
    "gained": "What the model gained",
    "caveat": "Validation chose what was flagged, so its score flatters; test chose nothing.",
    "split": "Split",
    "label": "Label",
    "before": "Before",
    "after": "After",
    "change": "Change",
    "mean": "macro-F1",
    "score": "{value:.3f} ({low:.3f} to {high:.3f})",
    "scores": "F1 of each label, with 95 % bootstrap intervals. The bars run from 0 to 1.",
    "corrected": "What was corrected",
    "counts": (
        "{moved:,} {moved:text has|texts have} another label, and {rest:,} {rest:was|were} confirmed or withdrawn, by "
        "{decisions:,} {decisions:decision|decisions}."
    ),
    "by": "{person}: {count:,}",
    "none": "No label changed between the two versions.",
    "more": "{count:,} more {count:is|are} not listed.",
    "text": "Text",
    "decided": "Decided by",
    "decision": "{person}: {act}{label}, {at}",
    "feedback": "feedback",
    "no_label": "no label",
    "unconfirmed": "{label}, unconfirmed",
    "flips": "Predictions that flipped",
    "flips_none": "No prediction of a held-out text flipped.",
    "flips_unknown": "The predictions of both versions for {split} texts are not known, so flips are not either.",
    "now_right": "now right",
    "now_wrong": "now wrong",
    "still_wrong": "wrong both times",
    "gold": "Gold",
    "behind": "Corrections behind it",
    "behind_said": (
        "By the influence of each correction on the text’s loss, in nats: above 0 it helps the text towards its gold "
        "label. A dash: not known, as the text hardly moved or another decision rule turned it."
    ),
    "behind_unknown": (
        "Which corrections are behind a flip is known only after an instant retrain with the settings of its parent."
    ),
    "foretold": "What was foretold, and what came",
    "foretold_none": (
        "The parent foretold nothing of this retrain: more than labels differs, or it is of an earlier release."
    ),
    "foretold_said": "Changes of the validation loss in nats; below 0 is better.",
    "foretold_others": "The recipe taught other texts differently too; the prediction includes that.",
    "predicted": "Foretold",
    "came": "Came",
    "all": "all validation texts",
}
"""By code; some are phrases that values fill."""
