"""English, but for the review room."""

from typing import Any

from inffeed_core import wording
from inffeed_core.flags import reasons

WORDS: dict[str, dict[str, Any]] = {
    "app": {
        "name": "InfFeed",
        "claim": "Finds the silver labels that harm your classifier, shows why, and lets you repair them.",
        "home": "Home",
        "data": "Data",
        "review": "Review",
        "explore": "Explore",
        "feedback": "Feedback",
        "models": "Models",
        "language": "Language",
        "project": "Project",
        "no_project": "No project is open",
        "no_project_advice": "Open the sample project, or make one of your own, on the Home page.",
        "to_home": "Go to Home",
        "to_data": "Go to Data",
        "to_models": "Go to Models",
        "not_through_gate": "This page did not come from InfFeed's own server. Start it with `make app` or `inffeed app`.",
        "sign_in": "Sign in",
        "sign_in_advice": "Sign in to see the projects on this server.",
        "sign_in_with": "Sign in with {provider}",
        "sign_out": "Sign out",
        "not_named": "Nobody is signed in",
        "not_named_advice": "This server learns from a proxy who its users are, and the proxy named nobody. Open the app at the proxy's address.",
        "project_unreadable": "The project cannot be opened",
        "failed": "This did not work",
        "done": "Done",
        "not_found": "Not found",
        "between": ", ",
        "or": " or ",
    },
    "splits": {"train": "train", "validation": "validation", "test": "test", "silver": "silver"},
    "encodings": {
        "utf-8": "UTF-8",
        "utf-16": "UTF-16 with a byte order mark",
        "utf-16-le": "UTF-16, little-endian",
        "utf-16-be": "UTF-16, big-endian",
        "utf-32": "UTF-32",
        "cp1250": "Central European (Windows-1250)",
        "cp1251": "Cyrillic (Windows-1251)",
        "cp1252": "Western European (Windows-1252)",
        "cp1253": "Greek (Windows-1253)",
        "cp1254": "Turkish (Windows-1254)",
        "cp1255": "Hebrew (Windows-1255)",
        "cp1256": "Arabic (Windows-1256)",
        "cp1257": "Baltic (Windows-1257)",
        "cp1258": "Vietnamese (Windows-1258)",
        "cp874": "Thai (Windows-874)",
        "gb18030": "Simplified Chinese (GB 18030, GBK)",
        "big5": "Traditional Chinese (Big5)",
        "big5hkscs": "Traditional Chinese (Big5-HKSCS)",
        "cp950": "Traditional Chinese (Windows-950)",
        "shift_jis": "Japanese (Shift_JIS)",
        "cp932": "Japanese (Shift_JIS, Windows-932)",
        "euc_jp": "Japanese (EUC-JP)",
        "iso2022_jp": "Japanese (ISO-2022-JP)",
        "euc_kr": "Korean (EUC-KR)",
        "cp949": "Korean (Windows-949)",
        "iso8859-1": "Western European (ISO 8859-1)",
        "iso8859-2": "Central European (ISO 8859-2)",
        "iso8859-5": "Cyrillic (ISO 8859-5)",
        "iso8859-7": "Greek (ISO 8859-7)",
        "iso8859-9": "Turkish (ISO 8859-9)",
        "iso8859-15": "Western European (ISO 8859-15)",
        "koi8-r": "Russian (KOI8-R)",
        "koi8-u": "Ukrainian (KOI8-U)",
        "mac-roman": "Western European (Mac)",
        "cp437": "English (DOS 437)",
        "cp850": "Western European (DOS 850)",
        "cp852": "Central European (DOS 852)",
        "cp866": "Cyrillic (DOS 866)",
    },
    "acts": {
        "relabel": "relabel",
        "keep": "keep",
        "unsure": "unsure",
        "skip": "skip",
        "flag": "discuss",
        "leave-out": "leave out",
        "undo": "undo",
    },
    "standing": {
        "between": ", ",
        "corrections_one": "1 correction",
        "corrections_many": "{count:,} corrections",
        "confirmations_one": "1 confirmation",
        "confirmations_many": "{count:,} confirmations",
        "withdrawals_one": "1 withdrawn",
        "withdrawals_many": "{count:,} withdrawn",
        "skip": "{count:,} skipped",
        "unsure": "{count:,} unsure",
        "flag": "{count:,} in discussion",
        "flags": "Flags open: {open:,}",
        "answers": "Answers: {answers}",
        "waiting": "For the next retrain: {changes}",
    },
    "home": {
        "open": "Open project",
        "gold": "Gold",
        "silver": "Silver",
        "decisions": "Decisions",
        "macro_f1": "Macro-F1, validation",
        "try": "Try it",
        "try_advice": "Short product reviews with labels from a lexicon. Ready to review in under a minute.",
        "sample": "Open the sample project",
        "own": "Your own data",
        "own_advice": "A small gold seed and a pile of silver labels, in {formats}.",
        "new": "New project",
        "elsewhere": "A project elsewhere",
        "elsewhere_advice": "A project is a folder, which can be moved; Data, Export makes a backup of it.",
        "elsewhere_by_hand": "It is opened by whoever runs the server: inffeed app DIR",
        "encoder_by_hand": "Name an encoder by its id on the hub, such as org/name; folders of this machine are for who runs the server.",
        "open_folder": "Open a folder",
        "folder": "Folder",
        "open_it": "Open",
        "importing_sample": "Importing the sample",
        "field_name": "Name",
        "field_name_example": "Reviews of my shop",
        "field_labels": "Labels",
        "field_labels_example": "negative, positive",
        "field_labels_help": "Two or more, separated by commas.",
        "field_encoder": "Encoder",
        "field_encoder_help": (
            "A Hugging Face id or a local folder with safetensors. The default is small, fast and works offline."
        ),
        "field_guidelines": "Guidelines for annotators",
        "field_guidelines_example": "What counts as positive, and what does not?",
        "create": "Create",
        "projects": "Projects",
        "no_projects": "None yet. New projects are kept in {folder}.",
        "where": "Kept in {folder}",
        "project_numbers": "{texts:,} {texts:text|texts}, {decisions:,} {decisions:decision|decisions}",
        "changed": "{time} UTC",
    },
    "steps": {
        "import-train": "Import data",
        "import-validation": "Import data",
        "import-silver": "Import data",
        "wait": "See progress",
        "train": "Train",
        "analyse": "Analyse",
        "review": "Review",
        "retrain": "Retrain",
        "export": "Export",
    },
    "jobs": {
        "train": "Training",
        "retrain": "Training",
        "analyse": "Analysis",
        "explain": "Computing influencers",
        "refresh": "Ranking the flags anew",
        "verify": "Checking scores by refits",
        "probe": "Measuring the time",
        "export-model": "Exporting the model",
        "propose": "Looking for proposals",
        "feedback": "Trying the proposals",
        "not_started": "{job} was not started",
        "finished": "{job} has finished.",
        "failed": "{job} failed",
        "cancelled": "{job} was cancelled",
        "starting": "Starting",
        "cancel": "Cancel",
        "log": "Log",
        "empty_log": "Nothing yet.",
        "dismiss": "Dismiss",
        "done_of": "{done:,} of {total:,}",
        "left": "{time} left",
        "seconds": "about {count} s",
        "minutes": "about {count} min",
        "hours": "about {count:.1f} h",
    },
    "stages": {stage: stage for stage in wording.STAGES},
    "data": {
        "overview": "Overview",
        "import": "Import",
        "texts": "Texts",
        "export": "Export",
        "empty": "There is no data yet",
        "empty_advice": "Go to the Import tab and upload a gold seed first, then silver labels.",
        "for_train": "gold to learn from",
        "for_validation": "gold that steers flags",
        "for_test": "gold for reports alone",
        "for_silver": "labels to be checked",
        "purpose": "{split}: {purpose}",
        "purposes_join": "; ",
        "total": "Total",
        "counts_note": "Current labels: corrections are counted, texts that were left out are not.",
        "equal": "Equal texts",
        "no_equal": "No text stands twice in a split, and no validation or test text is learned from.",
        "fix_leaks": "Leave them out of train and silver",
        "fixed_leaks": (
            "{count:,} {count:text of train or silver is|texts of train and silver are} left out from now on."
        ),
        "fix_duplicates": "Keep the first of each",
        "fixed_duplicates": "{count:,} {count:duplicate is|duplicates are} left out from now on.",
        "leakage": "Leakage",
        "leakage_said": (
            "{count:,} train or silver {count:text also stands|texts also stand} in validation or test, which "
            "makes scores look too good."
        ),
        "duplicates": "Duplicates",
        "duplicates_said": (
            "{count:,} {count:text repeats an earlier one of its split and counts|texts repeat an earlier one of "
            "their split and count} twice."
        ),
        "show_them": "Show them",
        "leave_out": "Leave out",
        "keep": "Keep",
        "search": "Search",
        "search_example": "Words or an id",
        "splits": "Splits",
        "all": "All",
        "no_match": "No text matches",
        "no_match_advice": "Try fewer or shorter words, or take a filter away.",
        "page_of": "Page of {pages:,}",
        "found": "{count:,} {count:text|texts}. Choose a row to look at it in Explore.",
        "explore": "Explore this text",
        "backup": "Backup",
        "backup_advice": "A copy of the whole project as it is now: texts, decisions and models. It can be made while others work; a copied folder may come out damaged.",
        "backup_place": "It goes into {folder}. Move backups to another disk now and then.",
        "backup_make": "Make a backup",
        "backup_made": "{folder} ({size:,.1f} MB). The copy was checked, and is whole.",
        "backup_failed": "No backup was made",
        "nothing_to_export": "There is nothing to export",
        "nothing_to_export_advice": "Import data first; a corrected data set can be exported at any time.",
        "format": "Format",
        "in_it": "What is in it",
        "download": "Download",
        "columns": "Columns",
        "columns_said": "{columns}, then the columns that were kept from the imported files.",
        "columns_again": "Importing the file into a new project gives the same labels and decisions again.",
        "summary_count": "{count:,} {split}",
        "summary": (
            "{count:,} {count:text|texts} ({parts}).\n"
            "For each: its current and its imported label, who decided that, when and how, and every answer to it.\n"
            "Answers in the project so far: {answers}; {model}."
        ),
        "no_answers": "none",
        "model_version": "model version {id}",
        "no_model_version": "no model version yet",
    },
    "columns": {
        "id": "Id",
        "split": "Split",
        "label": "Label",
        "label_now": "Label now",
        "labels_now": "Labels now",
        "imported_label": "Imported label",
        "confirmed": "Confirmed",
        "decided_by": "Decided by",
        "text": "Text",
        "instance": "The text …",
        "influence": "Influence, nats",
        "policy": "Policy",
        "rank": "Rank",
        "score": "Score",
        "meaning": "What the score is",
        "when": "When (UTC)",
        "who": "Who",
        "act": "Act",
        "note": "Note",
        "undone": "Undone",
        "row": "Row",
        "problem": "Problem",
        "remedy": "What to do",
    },
    "import": {
        "more": "More texts can be imported at any time.",
        "labels": "The labels of this project: {labels}.",
        "upload": "{formats}; text formats also as .gz",
        "imported": "Imported",
        "refused": "This file cannot be imported",
        "check": "Please check",
        "reading": "Reading the file",
        "cancel": "Cancel",
        "reading_for": "Reading the file, {seconds} s",
        "encoding": "Encoding",
        "encoding_help": "How the characters of the file are stored. UTF-8, and UTF-16 with its mark, are recognised; nothing else can be told for certain.",
        "encoding_ask": "Nothing in this file says how its text is encoded. Choose the reading that is right:",
        "encoding_choose": "Choose an encoding",
        "none": "(none)",
        "roles": "What the columns mean",
        "source": "Source of the label",
        "id_help": "Without one, ids such as train-000001 are given.",
        "source_help": "Such as a model's name.",
        "in_column": "named in a column",
        "split_help": (
            "Train, validation and test hold labels that a human has confirmed; silver those to be checked."
        ),
        "split_column": "Split column",
        "history": "Restore the decisions of the export",
        "history_help": (
            "The file is an export of InfFeed: recreates imported labels, and the decisions that changed or confirmed "
            "them."
        ),
        "too_many_names": (
            "This column holds {count:,} {count:name that is no label|names that are no labels} of the project; "
            "choose another one."
        ),
        "names": "What the labels mean",
        "name_is": "{name} ({count:,}×) is",
        "label_of_name": "Label of name {number}",
        "choose_label": "Choose a label",
        "outlook": "What would be imported",
        "outlook_label": "{count:,} {label}",
        "outlook_decisions": "{count:,} {count:decision of the export is|decisions of the export are} restored.",
        "first_rows": "First {shown} of {total:,} {total:row|rows}",
        "not_yet": "Not importable yet",
        "problems": "{count:,} {count:problem|problems}. Repair the file or choose other columns.",
        "first_problems": "The first {count} {count:is|are} shown.",
        "leave_out_again": "Leave the repetitions out",
        "go": "Import {count:,} {count:row|rows}",
        "progress": "{stage} {done:,} of {total:,}",
        "nothing": "nothing",
        "out_duplicates": "{count:,} {count:duplicate was|duplicates were} left out",
        "out_leaks": "{count:,} leaking {count:row was|rows were} left out",
        "excluded": "{count:,} {count:text of the project is|texts of the project are} left out from now on",
        "decisions": "{count:,} {count:decision was|decisions were} restored",
        "result": "{name}: {parts}",
        "result_join": ". ",
        "result_end": ".",
    },
    "explore": {
        "influence": "Influence",
        "map": "Map",
        "agreement": "How simple rankings agree with “{policy}”",
        "agreement_said": (
            "How many of the first {count} of {of:,} silver {of:text|texts} each ranking has in common with “{policy}”. "
            "Where a simple one agrees with it nearly always, influence tells little that is new about this project."
        ),
        "refits": "Do the scores come true?",
        "refits_advice": (
            "Each score predicts an experiment. Draw silver texts at random and do it: refit the head without the "
            "text, or with the suggested label for it, and measure the validation loss. On the dashed line the "
            "prediction was exact."
        ),
        "refits_count": "Texts",
        "refits_go": "Check by refitting",
        "refits_again": "Check again",
        "refits_running": "A check is under way; what it finds is shown here.",
        "refits_newest": "Only the newest analysis of the version in use can be checked.",
        "removal": "Without the text",
        "relabelling": "With the suggested label",
        "refits_said": (
            "{kind}: {count} {count:text|texts}, correlation {correlation}, slope {slope} (1 = the magnitude is right)."
        ),
        "refits_bm25": (
            "Of a text’s {top} strongest influencers, {share:.0%} are among the {top} learned texts most alike "
            "by words "
            "(BM25). Near 100 %, a search by words would show the same evidence."
        ),
        "rankings": "Rankings",
        "decisions": "Decisions",
        "matches": "Text ({count} {count:match|matches})",
        "first_flags": "Text (the first flags are listed)",
        "analysis": "Analysis",
        "analysis_help": (
            "Analyses differ by model version, or by whose weights influence goes through. The Models page makes them."
        ),
        "compare_with": "Compare with",
        "another_analysis": "Another analysis",
        "no_match_advice": "Try fewer or shorter words: each word matches from its beginning.",
        "nothing_flagged": "Nothing is flagged yet",
        "nothing_flagged_advice": (
            "Search for a text above. Once a model has been trained, the first flags are listed here."
        ),
        "confirmed": "confirmed",
        "not_confirmed": "not confirmed",
        "disputed": "disputed",
        "label_from": "{id} · label from {source}",
        "predicts": "Model predicts",
        "prediction": "{label} ({probability:.0%})",
        "loss": "Loss",
        "loss_help": (
            "Of its label at the time of the analysis, in nats: 0 = the model is certain of it, 0.69 = even odds "
            "of two."
        ),
        "not_computed": "The influencers of this text have not been computed.",
        "newest_only": "They can be for the newest analysis of the version in use alone.",
        "compute": "Compute influencers",
        "exact": "Solve exactly",
        "exact_help": (
            "Compute these influencers anew with the exact curvature. It takes dozens of passes over the texts."
        ),
        "influence_said": (
            "Influence of a training text is the target's loss without it minus the loss with it, in nats. "
            "Positive: it helps the model give the target its label. Negative: it works against that label."
        ),
        "on_harms": "harms the target",
        "on_helps": "helps the target",
        "by_harmed": "is harmed by the target",
        "by_helped": "is helped by the target",
        "flags_by": "Flags by",
        "flags_marked": "How many flags to mark",
        "drawn": (
            "The two main directions of the encoder's features; {count:,} {count:text|texts}. "
            "Click a point to make it the target."
        ),
        "drawn_part": (
            "The two main directions of the encoder's features; {count:,} {count:text|texts}, evenly chosen. "
            "Click a point to make it the target."
        ),
        "silver_only": "Only silver texts are ranked.",
        "no_decisions": "Nobody has decided anything about this text.",
        "no_analysis": "There is no analysis yet",
        "no_analysis_advice": "Train a model first; every training is followed by an analysis.",
    },
    "models": {
        "not_enough": "There is not enough data to train on",
        "first_results": "The first training shows its results here.",
        "versions": "Versions",
        "in_use": "Version in use",
        "changed": "Labels changed since",
        "changed_help": "Relabelled or confirmed after it was trained.",
        "flags_open": "Flags open",
        "head_agreement": (
            "The refitted head predicts what the loaded classifier's own head does on {share:.1%} of the texts."
        ),
        "train_first": "Train the first model",
        "retrain": "Retrain",
        "analyse": "Analyse again",
        "advice_first": "Trains on gold and silver, then finds the flags.",
        "advice_changed": (
            "Retraining turns the changed labels into gold and makes a new version; none is overwritten."
        ),
        "advice_same": "Nothing has changed since this version was trained.",
        "gold_thin": "Gold is thin",
        "takes_turn": "Other work is under way above: a retrain waits for its turn and starts after it.",
        "must_wait": "A training or an analysis is under way: wait for it, or cancel it above.",
        "settings": "Settings",
        "recipe": "What unconfirmed silver teaches",
        "recipe_auto": "Whichever validation prefers",
        "recipe_plain": "Its label, as it is",
        "recipe_noise-aware": "How probable each label is",
        "recipe_drop-flagged": "Its label, unless doubtful",
        "recipe_help": (
            "Noise-aware training weighs each label by what a model of gold alone, and the silver method’s usual "
            "errors, "
            "make of it. Where we measured it, it did much better when many labels were wrong; by default the "
            "validation "
            "loss chooses between it and the labels as they are."
        ),
        "weight": "Weight of unconfirmed silver",
        "weight_help": "1: silver counts as much as gold. 0: learn from gold and confirmed silver alone.",
        "l2": "Regularisation (L2)",
        "l2_empty": "chosen on validation",
        "l2_help": "Empty: chosen by validation loss at the first training, and kept from then on.",
        "tokens": "Tokens of a text that are read",
        "tokens_help": "Longer texts are cut. Another value means encoding every text again.",
        "int8": "Encode texts in int8",
        "int8_help": (
            "Two to four times as fast, features nearly the same. For encoders of BERT's, RoBERTa's and "
            "DistilBERT's kind; "
            "needs the Python package ctranslate2. Switching means encoding every text again."
        ),
        "scope": "Influence through",
        "scope_help": (
            "Whose weights influence goes through. Head: seconds, exact. Last block and head, or whole model: "
            "also what "
            "the encoder made of the texts; minutes instead, since each text is run through it forwards and backwards. "
            "It changes the order Negative influence and the influencers; suggestions and all other orders are always "
            "the head's."
        ),
        "refine": "Refine the flags",
        "refine_help": (
            "Beyond the head: Negative influence by the exact curvature instead of its main components. Some "
            "dozen more "
            "passes over all training texts."
        ),
        "influencers": "Influencers kept on each side",
        "influencers_help": "For each flag that is explained in advance.",
        "explained": "Flags explained in advance",
        "explained_help": "By each policy. The influencers of others are computed when asked for.",
        "cannot_work": "These settings cannot work",
        "held_back": (
            "{new} scored significantly worse than {old}, which therefore stays in use. "
            "Look at the comparison below; it can still be promoted."
        ),
        "marked_in_use": "{id} (in use)",
        "column_version": "Version",
        "column_parent": "Trained after",
        "column_encoder": "Encoder",
        "column_created": "Created (UTC)",
        "column_gold": "Gold",
        "column_gold_help": "Texts it learned from",
        "column_confirmed": "Confirmed silver",
        "column_silver": "Silver",
        "column_validation": "Macro-F1, validation",
        "column_validation_help": "With its 95 % bootstrap interval",
        "column_test": "Macro-F1, test",
        "column_test_help": "For report only: nothing is chosen by it",
        "use_another": "Use another version",
        "version": "Version",
        "use_said": "{new} becomes the version in use; {old} is kept.\nNo label changes. Flags are those of {new}.",
        "roll_back": "Roll back to {id}",
        "promote": "Promote {id}",
        "export": "Export a version",
        "export_said": "Writes a folder that the transformers library loads, with a card that tells what the model is.",
        "export_now": "Export {id}",
        "exported": "{id} lies in this folder; its README.md tells how to use it.",
        "before_after": "Before and after",
        "history": "History",
        "history_said": (
            "From silver to confirmed labels: how each version scored, and how many were confirmed by then."
        ),
        "curve": "Training curve",
        "curve_said": "The loss in the course of fine-tuning. Instant versions are fitted in one go and have no curve.",
        "curve_kept": (
            "Of {steps:,} {steps:step|steps}, the state after step {best:,} was kept: validation loss {loss:.3f} nats, "
            "macro-F1 {f1:.3f}."
        ),
        "curve_early": "Training stopped early, since validation no longer got better.",
        "curve_whole": "Training ran to its last epoch.",
        "confusion": "Which predictions changed",
        "confusion_said": (
            "Validation texts of each gold label (rows) by their prediction (columns), before and after. Blue "
            "and ▲: for "
            "the better; orange and ▼: for the worse."
        ),
        "flips_one": "The two versions disagree about {count:,} validation text.",
        "flips_many": "The two versions disagree about {count:,} validation texts.",
        "no_flips": "Both versions predict the same for every validation text.",
        "no_predictions": "One of them has no stored predictions, so the texts that changed cannot be listed.",
        "column_change": "Change",
        "column_gold_label": "Gold label",
        "now_right": "now right",
        "now_wrong": "now wrong",
        "still_wrong": "wrong both times",
        "one_version": "With a second version, this compares them: review some flags, then retrain.",
        "before": "Before",
        "after": "After",
    },
    "retraining": {
        "method": "How to retrain",
        "instant": "Instant",
        "fine-tune": "Fine-tune",
        "lora": "Fine-tune with LoRA",
        "about_instant": "Refits the head on the features there are.",
        "about_fine-tune": (
            "Trains the whole transformer, from the project's model each time; a version takes its full size."
        ),
        "about_lora": (
            "Trains small adapters of the transformer, from the project's model each time; "
            "a version takes a small part of its size."
        ),
        "time": "It takes {time} ({basis}).",
        "time_training": "Training takes {time} ({basis}); how long the analysis after it takes is not measured yet.",
        "measure": "Measure the time",
        "epochs": "Epochs at most",
        "epochs_help": "Early stopping may end it sooner.",
        "rate": "Learning rate",
        "rate_empty": "the method's own",
        "batch": "Texts in a batch",
        "balance": "Balance the classes",
        "balance_help": "Let rare classes count as much as the others.",
    },
    "tiers": {
        "head": "Head",
        "last-block": "Last block and head",
        "all": "Whole model",
        "analysis": "{id} · {version} · {tier} · {time}",
        "refined": "{id} · {version} · {tier}, refined · {time}",
    },
    "core": wording.ENGLISH,
    "charts": wording.CHARTS,
    "reasons": reasons.ENGLISH,
}
