"""What the health check says of a project's data, and what to do about it: the phrase of each finding and its `-do`.

Pages say it from the section `health` of each language, in which these are the English phrases.
"""

ENGLISH = {
    "no-train": "No text is there to learn from: train is empty.",
    "no-train-do": "Import gold texts for train, or have one gold file split on import.",
    "no-validation": "Validation is empty: nothing decides which silver labels are flagged.",
    "no-validation-do": "Import gold texts for validation, or have one gold file split on import.",
    "no-test": "Test is empty: no score tells how good the model is on texts that chose nothing.",
    "no-test-do": "Keep some gold texts for test, which is used for reports only.",
    "one-label": "All {count:,} {count:text|texts} of {split} {count:has|have} the label {label}.",
    "one-label-do": (
        "Nothing can be learned or measured with one label. Import texts with the other labels into this split, or "
        "split all gold anew."
    ),
    "no-label": "No text of {split} has the label {labels}.",
    "no-label-do": (
        "Without it in train a label is learned from silver alone; without it elsewhere nothing measures it. Import "
        "gold texts with it, or retire a label that nobody needs."
    ),
    "few-texts": "In {split}, fewer than {few} texts have each of these labels: {labels}.",
    "few-texts-do": (
        "Below {few} texts, one text more or less right moves a label’s recall by over 10 points: chance decides. Add "
        "gold texts with these labels, or merge labels that are hard to tell apart."
    ),
    "conflict-gold": "{count:,} gold {count:text has|texts have} another label than an equal gold text.",
    "conflict-gold-do": (
        "One of the two labels is wrong, or the guidelines leave it open. Correct one, or leave one of the texts out; "
        "otherwise the model learns both."
    ),
    "conflict-silver": "{count:,} silver {count:text has|texts have} another label than an equal text.",
    "conflict-silver-do": (
        "Decide about such texts in review, or leave them out: an equal gold text already says what is right."
    ),
    "leak-train": "{count:,} train {count:text is|texts are} also in validation or test.",
    "leak-train-do": "The model has seen such texts, so scores look too good. Leave them out of train.",
    "leak-silver": "{count:,} silver {count:text is|texts are} also in validation or test.",
    "leak-silver-do": "The model learns such texts, so scores look too good. Leave them out of silver.",
    "leak-held-out": "{count:,} validation {count:text is|texts are} also in test.",
    "leak-held-out-do": (
        "Validation chooses flags and settings, so test no longer reports on texts that chose nothing. Leave "
        "such texts out of validation."
    ),
    "near-train": "{count:,} train {count:text has|texts have} nearly the words of a validation or test text.",
    "near-train-do": (
        "Copies with small changes are as good as equal: scores look too good. Look at the texts, and leave out what "
        "is a copy."
    ),
    "near-silver": "{count:,} silver {count:text has|texts have} nearly the words of a validation or test text.",
    "near-silver-do": (
        "Copies with small changes are as good as equal: scores look too good. Look at the texts, and leave out what "
        "is a copy."
    ),
    "near-held-out": "{count:,} validation {count:text has|texts have} nearly the words of a test text.",
    "near-held-out-do": "Look at both texts: what is a copy should be in one of the two splits only.",
    "near-conflict": "{count:,} gold {count:text has|texts have} another label than a gold text with nearly its words.",
    "near-conflict-do": "Look at both texts: either a small change matters, or one of the labels is wrong.",
    "cut": "{count:,} of {all:,} texts {count:is|are} longer than the {limit:,} tokens that training reads.",
    "cut-do": (
        "The model knows nothing of what comes after. Raise the number of tokens, or read long texts whole, in windows "
        "(settings of the training, --max-tokens and --windows)."
    ),
    "unknown": (
        "The tokenizer does not know {share:.0%} of the tokens; in {count:,} {count:text it is|texts these are} more "
        "than {most:.0%}."
    ),
    "unknown-do": (
        "These words say nothing to the model, and above {most:.0%} over all texts no training starts. Choose a model "
        "for the language of the texts, or remove what is no text."
    ),
    "no-encoder": "Tokens were not counted: {reason}",
    "no-encoder-do": (
        "Texts that are cut and words that are unknown can be counted as soon as the encoder is on this machine: the "
        "first training fetches it."
    ),
    "outliers": "{count:,} of {looked:,} texts {count:is|are} unlike all others.",
    "outliers-do": (
        "Look at some: another language, another subject, a broken line. Leave out what does not belong; keep what is "
        "rare and real."
    ),
    "no-features": "Texts that are unlike all others were not looked for: nothing has been encoded yet.",
    "no-features-do": "They can be found after the first training.",
}
