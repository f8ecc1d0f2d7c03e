"""The sentences that the core says to users, stored so that a page can say them in another language.

A `Sentence` is an ordinary English string that remembers the code of its phrase and the values that fill it; the
command line and JSON need nothing more. `reworded` says the same from another table with the same codes.

Translated are: what to do next, why there is nothing to review yet, comparisons, faults of a project's database, and
elsewhere the words of charts (`charts.words`) and why a text is flagged (`flags.reasons`). Other errors and warnings
about files stay English: they quote file names, settings and commands, and people search for and report them.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Self

_PAIRED = (
    "95 % interval {low:+.3f} to {high:+.3f} "
    "(paired bootstrap over the {examples:,} SPLIT {examples:text|texts} that both versions predicted)."
)
_DECISIONS = (
    "{count:,} {count:decision|decisions} MOVED macro-F1 on test from {before:.3f} to {after:.3f} ({change:+.3f}, 95 % "
    "interval {low:+.3f} to {high:+.3f}, paired bootstrap over {examples:,} {examples:text|texts}"
)
ENGLISH = {
    "step-import-train": "Import a gold seed: texts with confirmed labels, into the train split.",
    "step-import-validation": "Import validation gold: texts with confirmed labels that steer what gets flagged.",
    "step-import-silver": "Import silver labels: texts labelled by a model, a lexicon or an LLM.",
    "step-label-silver": (
        "Label the silver texts: none of {count} has a label yet. Import what a source says of them, or have it made."
    ),
    "step-wait": "A job is under way: {job}.",
    "step-wait-stage": "A job is under way: {job} ({stage}).",
    "step-train": "Train the first model.",
    "step-retrain-data": "Retrain: since {version}, texts came or went, or silver labels or the label set changed.",
    "step-retrain-one": "Retrain: {count} label reviewed since {version}.",
    "step-retrain-many": "Retrain: {count} labels reviewed since {version}.",
    "step-analyse": "Analyse: {version} has no flags yet.",
    "step-review": "Review the flags: {count} silver {count:label is|labels are} waiting, the most promising first.",
    "step-export": "Nothing is left to review: export the data.",
    "flags-no-model": "There is no model yet, so nothing is flagged. Import gold and silver texts, then train one.",
    "flags-no-analysis": "Model {version} has not been analysed, so nothing is flagged. Run the analysis.",
    "flags-no-ranking": "The analysis of model {version} has no ranking by '{policy}'. Choose another policy.",
    "flags-nothing": "No silver text waited when model {version} was analysed. Import some, then analyse again.",
    "role-lead-only": "Only a lead may {what}. Lead here: {leads}. You are {person}, an annotator.",
    "role-nameless": "Only a lead may {what}. Lead here: {leads}. Say who you are in the side bar.",
    "role-last-lead": "A project with roles needs a lead; name another one before {person} stops being one.",
    "role-first-lead": "Nobody leads this project yet; name a lead before its annotators.",
    "paired-same": ("No significant change: macro-F1 moved by {change:+.3f}, zero being within the " + _PAIRED).replace(
        "SPLIT", "validation"
    ),
    "paired-rose": "Macro-F1 rose significantly: {change:+.3f}, " + _PAIRED.replace("SPLIT", "validation"),
    "paired-fell": "Macro-F1 fell significantly: {change:+.3f}, " + _PAIRED.replace("SPLIT", "validation"),
    "train-one-label": "All gold texts to learn from are labelled {label}; import gold of the other labels as well.",
    "train-lacks-labels": "No gold text to learn from is labelled {labels}; only silver can teach that.",
    "validation-one-label": (
        "All validation texts are labelled {label}, so scores say little and flags favour it. Import others as well."
    ),
    "validation-lacks-labels": (
        "No validation text is labelled {labels}, so it is not measured whether the model knows that."
    ),
    "validation-unmeasured": "No validation text is labelled {labels}: macro-F1 there is the mean of the other labels.",
    "test-unmeasured": "No test text is labelled {labels}: macro-F1 there is the mean of the other labels.",
    "rule-argmax": "It decides for the likeliest label, as its head was trained to.",
    "rule-calibrated": "It decides for the likeliest label, with calibrated probabilities (temperature {warmth:.2f}).",
    "rule-macro-f1": "It decides for macro-F1, by offsets: {gain:+.3f} against argmax on validation (cross-fitted).",
    "rule-given-up": "It was to decide for macro-F1, but its offsets gain nothing: it takes the likeliest label.",
    "rule-shift": (
        "Unchecked silver may be of another kind than validation: the labels predicted there differ for {distance:.0%} "
        "of the texts (chance explains {chance:.0%}), most of all {label}: {silver:.0%} against {validation:.0%}. What "
        "validation says, and offsets chosen there, may not hold for it."
    ),
    "validation-chose": (
        "Validation also chose the flags and guided feedback, so a rise there may flatter. Test chose nothing."
    ),
    "test-paired": "On test: macro-F1 {change:+.3f}, " + _PAIRED.replace("SPLIT", "test"),
    "decisions-raised": _DECISIONS.replace("MOVED", "raised") + ").",
    "decisions-lowered": _DECISIONS.replace("MOVED", "lowered") + ").",
    "decisions-same": _DECISIONS.replace("MOVED", "took") + "). That may be chance: the interval contains zero.",
    "test-unpaired": "On test: unknown, since the predictions of both versions are not stored; analyse them.",
    "test-none": "On test: unknown, since there are no test texts. Import some that are used for nothing else.",
    "trial-confirmed": (
        "Validation confirmed {count:,} {count:change, and it was|changes, and they were} applied: macro-F1 "
        "{change:+.3f}, 95 % interval {low:+.3f} to {high:+.3f} (paired bootstrap over {examples:,} validation "
        "{examples:text|texts})."
    ),
    "trial-refused": (
        "Validation did not confirm {count:,} {count:change, and it was|changes, and they were} not applied: macro-F1 "
        "{change:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}, not above zero (paired bootstrap over {examples:,} "
        "validation {examples:text|texts})."
    ),
    "reading-cut": (
        "{long:,} of {all:,} {all:text|texts} {long:is|are} longer than {limit:,} tokens and {long:was|were} cut there "
        "(train {train:,}, validation {validation:,}, test {test:,}, silver {silver:,}): the model knows nothing of "
        "what comes after."
    ),
    "reading-windows": (
        "{long:,} of {all:,} {all:text|texts} {long:is|are} longer than {limit:,} tokens and {long:was|were} read "
        "whole, in windows (train {train:,}, validation {validation:,}, test {test:,}, silver {silver:,})."
    ),
    "reading-more": (
        "The model can read up to {most:,} tokens at once: raise the number of tokens (--max-tokens), or read long "
        "texts whole, in windows (--windows)."
    ),
    "reading-whole": "The model can read no more at once; long texts can be read whole in windows (--windows).",
    "layers": "Layers pooled: {layers} (validation loss: middle+last {both:.3f} nats, last alone {last:.3f}).",
    "tfidf-on": "TF-IDF stands beside the encoder (validation loss: {on:.3f} nats with it, {off:.3f} without).",
    "tfidf-off": "TF-IDF was tried and left out (validation loss: {on:.3f} nats with it, {off:.3f} without).",
    "text-common": "Of this text’s influencers (up to {kept:,} kept), both analyses name {common:,}.",
    "text-order": (
        "Of this text’s influencers (up to {kept:,} kept), both analyses name {common:,}; rank correlation of their "
        "influence {correlation:.2f}."
    ),
    "repeated": (
        "The training was repeated with {groups:,} random groups of other labels, up to 5 % of the unchecked texts "
        "each: correlation {correlation:.2f}, slope {slope:.2f} between what was foretold and what came."
    ),
    "repeated-of": (
        "The training was repeated with {groups:,} random groups of other labels, {texts:,} {texts:text|texts} each: "
        "correlation {correlation:.2f}, slope {slope:.2f} between what was foretold and what came."
    ),
    "carries-size": "For so many corrections at once, the numbers of this analysis are sizes.",
    "carries-rank": "For so many corrections at once, trust the order of this analysis, not the sizes.",
    "carries-earlier": (
        "An earlier release trained this version, and the next retrain takes other steps: trust the order of this "
        "analysis, not the sizes."
    ),
    "carries-neither": (
        "For so many corrections at once, trust neither sizes nor order of influence: retrain after fewer, or try a "
        "lower learning rate or more validation gold."
    ),
    "foretold-head": (
        "Influence through the head foretold that {texts:,} changed {texts:label|labels} would change the validation "
        "loss by {predicted:+.2g} nats; it changed by {actual:+.2g}."
    ),
    "foretold-training": (
        "Influence through the training foretold that {texts:,} changed {texts:label|labels} would change the "
        "validation loss by {predicted:+.2g} nats; at step {step:,} it changed by {actual:+.2g}."
    ),
    "reading-unknown": "{share:.1%} of the tokens of the texts are unknown to the tokenizer.",
    "cut-on-import": (
        "{long:,} of the project's {all:,} {all:text|texts} {long:is|are} longer than the {limit:,} tokens that "
        "training reads, and will be cut there (train {train:,}, validation {validation:,}, test {test:,}, silver "
        "{silver:,})."
    ),
    "cut-on-import-about": (
        "About {long:,} of the project's {all:,} texts are longer than the {limit:,} tokens that training reads, and "
        "will be cut there (train {train:,}, validation {validation:,}, test {test:,}, silver {silver:,})."
    ),
    "unpaired-none": "These versions cannot be compared: one of them was trained without validation texts.",
    "unpaired-same": (
        "No significant change, the intervals overlap: {before:.3f} to {after:.3f} (by the two separate intervals; "
        "their predictions are not both stored, so pairs cannot be compared)."
    ),
    "unpaired-rose": (
        "Macro-F1 rose significantly: {before:.3f} to {after:.3f} (by the two separate intervals; "
        "their predictions are not both stored, so pairs cannot be compared)."
    ),
    "unpaired-fell": (
        "Macro-F1 fell significantly: {before:.3f} to {after:.3f} (by the two separate intervals; "
        "their predictions are not both stored, so pairs cannot be compared)."
    ),
    "audit-too-few": (
        "The audit needs {least} texts to estimate how many silver labels are wrong; so far "
        "{checked} {checked:is|are} audited."
    ),
    "audit-rate": (
        "{wrong} of {checked} audited silver {checked:label|labels} {wrong:was|were} wrong: {rate:.1%} of all, 95 % "
        "interval {low:.1%} to {high:.1%}."
    ),
    "audit-left": (
        "About {left:,} wrong {left:label is|labels are} left ({low:,} to {high:,}); at this rate "
        "{hundredth} in 100 further flags "
        "would be, and more where their order is worth anything."
    ),
    "audit-undecided": (
        "{undecided} audited {undecided:text got no label; it is|texts got no label; they are} left out."
    ),
    "time-like-version": "as {version} took",
    "time-at-most": "at most: {version} also chose what this one keeps",
    "time-by-version": "at the pace of {version}; early stopping may end it sooner",
    "time-by-probe": "by a measurement; early stopping may end it sooner",
    "order-unknown": "Their rankings cannot be compared: {silver:,} silver {silver:text is|texts are} ranked by both.",
    "order-same": (
        "They put {silver:,} silver {silver:text|texts} into almost the same order of harm (rank correlation "
        "{correlation:+.2f})."
    ),
    "order-near": (
        "They put {silver:,} silver {silver:text|texts} into much the same order of harm (rank correlation "
        "{correlation:+.2f})."
    ),
    "order-loose": (
        "They put {silver:,} silver {silver:text|texts} into a loosely similar order of harm (rank "
        "correlation {correlation:+.2f})."
    ),
    "order-far": (
        "They put {silver:,} silver {silver:text|texts} into a rather different order of harm (rank "
        "correlation {correlation:+.2f})."
    ),
    "order-unrelated": (
        "They put {silver:,} silver {silver:text|texts} into an unrelated order of harm (rank correlation "
        "{correlation:+.2f})."
    ),
    "order-opposite": (
        "They put {silver:,} silver {silver:text|texts} into an opposite order of harm (rank correlation "
        "{correlation:+.2f})."
    ),
    "store-damaged": (
        "{path} is damaged ({found}). Change nothing in its folder, and open a backup of it, such as `inffeed backup` "
        "makes."
    ),
    "store-no-database": (
        "{path} is not a SQLite database ({found}). If a project was here, its file was overwritten: open a backup."
    ),
    "store-full": (
        "The disk is full. Free some space on the disk of {path} and try again; everything saved before is kept."
    ),
    "store-locked": (
        "{path} is locked by another program ({found}). Wait until it is done, or end it, and try again; "
        "nothing is damaged."
    ),
    "unexpected": (
        "Something unexpected happened ({kind}: {found}). Your data is as it was saved last. {log} tells the details; "
        "please enclose it when you report this."
    ),
    "unexpected-unlogged": (
        "Something unexpected happened ({kind}: {found}). Your data is as it was saved last. No log could be written, "
        "so please report these words."
    ),
    "store-read-only": (
        "{path} is read-only ({found}): it can be read, but nothing can be saved. Make the file and its folder "
        "writable, or copy the folder to a writable disk."
    ),
    "store-read-only-unmerged": (
        "{path} is on a read-only disk, and its newest changes are not merged into it. Copy the "
        "whole folder to a writable disk, and open the copy."
    ),
    "store-denied": (
        "The system denied access to {path} ({found}). Check the permissions of the file and of its folder; nothing "
        "is damaged."
    ),
    "store-vanished": (
        "{path} was moved, replaced or deleted while it was open ({found}). Open the project again where it is now."
    ),
    "store-disk-failed": (
        "The disk reported an error at {path} ({found}). This may pass: check the disk and its connection, and try "
        "again. Do not restore anything over it; make a backup as soon as it can be read."
    ),
    "project-foreign": "{path} is a database of another program; choose a project folder.",
    "project-newer": "{path} was made by a newer InfFeed ({found}); install that release.",
    "project-none": "{path} is not an InfFeed project (no {file}); make one with `inffeed new`.",
    "project-link": "{path} is a link to {target}, which is not there; it may be on a disk that is not connected.",
    "project-unreadable": (
        "{path} cannot be read ({found}). Open a backup of it, and keep this folder until you know what happened."
    ),
    "order-and-overlap": (
        "{order} Of the {top} strongest influencers of a text, {share:.0%} are the same ({targets:,} "
        "{targets:text|texts})."
    ),
}
"""Code to phrase, for `filled`."""

STAGES = (
    "Starting",
    "Cancelling",
    "Waiting for another job",
    "Waiting for another job that encodes texts",
    "Waiting for another job that merges adapters",
    "Waiting for another analysis of the whole model",
    "Waiting for another analysis of the training",
    "Repeating the training",
    "Undoing the training",
    "Drawing the map",
    "Retraining",
    "Loading the model",
    "Encoding texts",
    "Tokenising",
    "Fine-tuning",
    "Merging the adapters",
    "Timing a few batches",
    "Writing the model",
    "Fitting the model",
    "Choosing the layers",
    "Scoring",
    "Refitting",
    "Finding layers",
    "Fitting eigenbases",
    "Fitting eigenvalues",
    "Encoding gradients",
    "Differentiating targets",
    "Averaging gradients",
    "Encoding training texts",
    "Multiplying by training texts",
    "Adding up training texts",
    "Comparing training texts",
    "Reading the training set",
    "Finding influencers",
    "Weighing the labels",
    "Trying the proposals",
    "Saving the analysis",
    "Saving the version",
    "Copying the database",
    "Copying the models",
    "Checking the copy",
    "Stopped by a signal; it goes on when it is continued",
    "Busy: its process lives, but has not reported for a while",
    "Reading the file",
    "Checking the rows",
    "Storing the rows",
    "Writing the rows",
    "Applying the rules",
    "Fitting a model of the gold",
    "Asking the language model",
    "Saving the labels",
    "Comparing texts",
    "Looking for texts unlike all others",
)
"""Every stage that a job reports; other words are shown in English in every language."""

_AGAIN = "Start it again; its log may say more."
ENDINGS = {
    "memory": "This machine ran out of memory. Close other programs, or lower the batch size, and start again.",
    "full": "The disk is full. Free some space and start again; everything saved before is kept.",
    "gone": f"Its process is gone, and nobody saw how it ended. {_AGAIN}",
    "restarted": "The machine was restarted while it ran. Start it again.",
    "never-began": "Its process never began. Start it again.",
    "elsewhere": "It ran in the folder that this one was copied from. Start it again here.",
    "killed": (
        f"Its process was killed (SIGKILL): by a person, or by the system, as happens when memory runs out. {_AGAIN}"
    ),
}
"""Why a job ended, where that is nothing about its data; other reasons are told in English in every language."""


class _Counting(Formatter):
    def format_field(self, value: Any, spec: str) -> Any:
        one, bar, many = spec.partition("|")
        return (one if value == 1 else many) if bar else super().format_field(value, spec)


def filled(phrase: str, **values: object) -> str:
    """The phrase with these values. `{count:text|texts}` is the first word for 1 and the second for other numbers."""
    return _COUNTING.vformat(phrase, (), values)


_COUNTING = _Counting()


class Term(str):
    """A member of a closed set, such as a kind of job, that each language names in a separate section.

    In the core's English it is the member itself.
    """

    __slots__ = ("section",)

    section: str

    def __new__(cls, section: str, member: str) -> Self:
        """A member of the set that this section names."""
        made = super().__new__(cls, member)
        made.section = section
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """What a copy is made from."""
        return self.section, str(self)


class Sentence(str):
    """An English string that remembers how it was made."""

    __slots__ = ("code", "values")

    code: str
    values: Mapping[str, object]

    def __new__(cls, code: str, **values: object) -> Self:
        """The phrase of this code, filled. Raises KeyError for a code that is not in `ENGLISH`."""
        made = super().__new__(cls, filled(ENGLISH[code], **values))
        made.code, made.values = code, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """What a copy is made from."""
        return (self.code,), dict(self.values)


def reworded(sentence: str, phrases: Mapping[str, str], terms: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """The same sentence from another table, with its terms from `terms`: names of members by section.

    A plain string, such as an error message, stays as it is, and so does a member without a name there.
    """
    if isinstance(sentence, Term):
        return (terms or {}).get(sentence.section, {}).get(sentence, str(sentence))
    if not isinstance(sentence, Sentence):
        return sentence
    values = {
        name: reworded(value, phrases, terms) if isinstance(value, str) else value
        for name, value in sentence.values.items()
    }
    return filled(phrases[sentence.code], **values)
