"""English, but for the review room."""

from typing import Any

from inffeed_core import wording
from inffeed_core.charts.words import CHARTS
from inffeed_core.flags import plain, reasons

WORDS: dict[str, dict[str, Any]] = {
    "app": {
        "name": "InfFeed",
        "claim": "Finds the silver labels that harm your classifier, shows why, and lets you repair them.",
        "home": "Home",
        "data": "Data",
        "label": "Label",
        "review": "Review",
        "explore": "Explore",
        "feedback": "Feedback",
        "models": "Models",
        "team": "Team",
        "language": "Language",
        "project": "Project",
        "no_project": "No project is open",
        "no_project_advice": "On the Home page, open the sample project or create your own.",
        "to_home": "Go to Home",
        "to_data": "Go to Data",
        "to_models": "Go to Models",
        "not_through_gate": "This page was not served by InfFeed's own server. Start it with `make app` or `inffeed app`.",
        "sign_in": "Sign in",
        "sign_in_advice": "Sign in to see the projects on this server.",
        "sign_in_with": "Sign in with {provider}",
        "sign_out": "Sign out",
        "not_named": "Nobody is signed in",
        "not_named_advice": "On this server a proxy says who you are, and it named nobody. Open the app at the proxy's address.",
        "project_unreadable": "The project cannot be opened",
        "unexpected": "Something went wrong",
        "failed": "This did not work",
        "done": "Done",
        "not_found": "Not found",
        "between": ", ",
        "or": " or ",
    },
    "splits": {"train": "train", "validation": "validation", "test": "test", "silver": "silver"},
    "sources": {
        "imported": "imported",
        "model": "model",
        "zero-shot": "zero-shot",
        "llm": "language model",
        "rule": "rule",
    },
    "forms": {"plain": "any program: a table", "cleanlab": "cleanlab: a column per annotator"},
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
        "try_advice": "Short messages to a town, sorted by a keyword list. Ready to review in under a minute.",
        "sample": "Open the sample project",
        "own": "Your own data",
        "own_advice": "A small set of gold texts and many silver labels, in {formats}.",
        "new": "New project",
        "elsewhere": "A project elsewhere",
        "elsewhere_advice": "A project is a folder, so you can move it. To back it up, go to Data, Export.",
        "elsewhere_by_hand": "The person who runs the server can open it: inffeed app DIR",
        "encoder_by_hand": "Give the hub id of an encoder, such as org/name. Only the person who runs the server can use a local folder.",
        "open_folder": "Open a folder",
        "folder": "Folder",
        "open_it": "Open",
        "importing_sample": "Importing the sample",
        "field_name": "Name",
        "field_name_example": "Reviews of my shop",
        "field_labels": "Labels",
        "field_labels_example": "negative, positive",
        "labels_from": "Or take the labels from a file",
        "labels_from_help": "From its column of labels, the most frequent first. The file is not imported yet.",
        "field_labels_help": "Two or more, separated by commas. Put a label that contains a comma in double quotes.",
        "field_encoder": "Encoder",
        "field_encoder_help": (
            "A Hugging Face id, or a local folder with safetensors. The default is small and fast, and works offline."
        ),
        "field_guidelines": "Guidelines for annotators",
        "field_guidelines_example": "What counts as positive, and what does not?",
        "field_lead": "Who leads it",
        "field_lead_help": (
            "Leads set the room, train, export and see everybody’s decisions; others review. Without a lead everybody may do everything."
        ),
        "create": "Create",
        "projects": "Projects",
        "no_projects": "None yet. New projects are kept in {folder}.",
        "where": "Kept in {folder}",
        "project_numbers": "{texts:,} {texts:text|texts}, {decisions:,} {decisions:decision|decisions}",
        "changed": "{time} UTC",
        "more": "More",
        "more_help": "Rename, archive or delete the project",
        "rename": "Rename",
        "archive": "Archive",
        "archive_said": "An archived project is kept whole, but no longer listed. It can be brought back at any time.",
        "delete": "Delete",
        "delete_said": "A deleted project can be brought back until somebody removes it for good.",
        "away": "Archived and deleted ({count})",
        "archived": "Archived",
        "deleted": "Deleted",
        "bring_back": "Bring back",
        "remove": "Remove",
        "remove_said": "{name} is removed with its texts, decisions and models. This cannot be undone.",
        "remove_it": "Remove for good",
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
        "refresh": "Updating the flags",
        "verify": "Checking scores by refitting",
        "map": "Drawing the map",
        "probe": "Measuring the time",
        "export-model": "Exporting the model",
        "propose": "Looking for proposals",
        "feedback": "Trying the proposals",
        "label": "Labelling",
        "health": "Checking the data",
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
    "endings": {words: words for words in wording.ENDINGS.values()},
    "data": {
        "overview": "Overview",
        "import": "Import",
        "texts": "Texts",
        "export": "Export",
        "empty": "There is no data yet",
        "empty_advice": "Go to the Import tab. Upload gold texts first, then silver ones.",
        "for_train": "gold to learn from",
        "for_validation": "gold that decides what is flagged",
        "for_test": "gold for reports only",
        "for_silver": "labels to check",
        "purpose": "{split}: {purpose}",
        "purposes_join": "; ",
        "total": "Total",
        "counts_note": "By current label, corrections included. Texts that were left out are not counted.",
        "unlabelled": (
            "{count:,} silver {count:text has|texts have} no label yet: nothing is learned from {count:it|them}, and "
            "{count:it is|they are} not flagged."
        ),
        "sources": "Sources of silver labels",
        "sources_note": "Agreement with confirmed labels of train and validation texts that the source labelled as well. Labels of sources never change a gold label.",
        "weighing_learned": (
            "How likely each label is to be wrong was learned from {known:,} gold texts that carry silver labels. These "
            "probabilities are off by {error:.1%} on average (expected calibration error, {labels:,} labels)."
        ),
        "weighing_estimated": (
            "How likely each label is to be wrong is estimated from all texts, which did as well as learning it from "
            "{known:,} gold texts that carry silver labels. These probabilities are off by {error:.1%} on average "
            "(expected calibration error, {labels:,} labels)."
        ),
        "weighing_few": (
            "How likely each label is to be wrong is estimated from all texts: {known:,} gold {known:text carries|texts "
            "carry} silver labels, and {enough:,} are needed to learn what each source is worth. Label gold texts with "
            "the same sources to get there."
        ),
        "agreement": "{share:.1%} of {count:,}",
        "use": "Silver texts have the label of",
        "vote": "the vote of all sources",
        "use_help": "By vote, a text has the label that most sources give it; a tie goes to the source listed first. A text that the chosen source did not label has no label yet. Decisions stay as they are.",
        "use_go": "Use it",
        "used": "{count:,} silver {count:text has|texts have} another label now. Retrain to learn from {count:it|them}.",
        "equal": "Equal texts",
        "no_equal": "No split contains a text twice, and no validation or test text is also used for training.",
        "fix_leaks": "Leave them out of train and silver",
        "fixed_leaks": ("{count:,} {count:text of train or silver is|texts of train and silver are} now left out."),
        "fix_duplicates": "Keep the first of each",
        "fixed_duplicates": "{count:,} {count:duplicate is|duplicates are} now left out.",
        "leakage": "Leakage",
        "leakage_said": (
            "{count:,} train or silver {count:text is|texts are} also in validation or test, which "
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
        "no_match_advice": "Try fewer or shorter words, or remove a filter.",
        "page_of": "Page of {pages:,}",
        "found": "{count:,} {count:text|texts}. Select a row to open it in Explore.",
        "explore": "Explore this text",
        "backup": "Backup",
        "backup_advice": "Copies the whole project as it is now: texts, decisions and models. This is safe while others work; copying the folder yourself may produce a damaged copy.",
        "backup_place": "It is written to {folder}. Move backups to another disk from time to time.",
        "backup_make": "Make a backup",
        "backup_made": "{folder} ({size:,.1f} MB). The copy was checked and is complete.",
        "backup_failed": "No backup was made",
        "nothing_to_export": "There is nothing to export",
        "nothing_to_export_advice": "Import data first. You can export the corrected data at any time.",
        "format": "Format",
        "form": "Made for",
        "form_missing": "This form needs another package",
        "form_label-studio": "Tasks as JSON, for a labelling configuration with Choices called label for a Text called text. Labels and skips of every annotator are annotations, labels of sources are predictions.\nFor what Label Studio has no place (unsure and discussed texts, notes, splits), each task has a field of InfFeed.",
        "form_argilla": "Records as JSON, for a data set with the field text and the question label. Labels of every annotator are responses, the surest label of a source is a suggestion.\nFor what Argilla has no place (annotators' names, times, notes, splits), each record has metadata of InfFeed.",
        "form_prodigy": "JSON lines for db-in, a line for each answer of an annotator. Texts without one have their current label.\nFor what Prodigy has no place (unsure and discussed texts, notes, splits, sources), each line has metadata of InfFeed.",
        "form_doccano": "JSON lines: each text with its current label and its note.\nFor what doccano has no place (who labelled a text, when, splits, sources), each line has a field of InfFeed.",
        "form_spacy": "A DocBin whose documents have the current label among their categories.\nFor what spaCy has no place (who labelled a text, when, notes, splits, sources), each document has user data of InfFeed.",
        "form_cleanlab": "A .zip of two files. The CSV file has a column for each annotator, as cleanlab takes it; it cannot hold times, notes, skipped and unsure texts, sources and metadata.\nThe .jsonl file beside it holds them: unpack both into one folder to import them again.",
        "form_datasets": "A .zip of a folder that datasets.load_from_disk opens, once it is unpacked: each split with all columns, the labels as class labels.",
        "in_it": "Contents",
        "download": "Download",
        "decisions_only": "One row for each decision",
        "decisions_help": "Who said what about which text, when, and with which note. Such a file is imported as decisions about texts that the project has.",
        "columns": "Columns",
        "columns_said": "{columns}, followed by the other columns of the imported files.",
        "columns_again": "If you import the file into a new project, it restores the same labels and decisions.",
        "summary_count": "{count:,} {split}",
        "summary": (
            "{count:,} {count:text|texts} ({parts}).\n"
            "For each text: its current and its imported label, who decided it, when and how, and every answer.\n"
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
        "no_label": "no label yet",
        "confirmed": "Confirmed",
        "decided_by": "Decided by",
        "text": "Text",
        "pair": "Second text",
        "source": "Source",
        "kind": "Kind",
        "silver_labels": "Silver texts",
        "gold_labels": "Gold texts",
        "refused": "Without label",
        "agreement": "Agrees, {split}",
        "confidence": "Confidence",
        "instance": "The text …",
        "influence": "Influence, nats",
        "policy": "Policy",
        "rank": "Rank",
        "score": "Score",
        "meaning": "Meaning of the score",
        "when": "When (UTC)",
        "who": "Who",
        "act": "Act",
        "note": "Note",
        "undone": "Undone",
        "row": "Row",
        "file": "File",
        "problem": "Problem",
        "remedy": "What to do",
    },
    "import": {
        "more": "You can import more texts at any time.",
        "labels": "The labels of this project: {labels}.",
        "upload": "{formats}; text formats also as .gz",
        "imported": "Imported",
        "refused": "This file cannot be imported",
        "check": "Please check",
        "reading": "Reading the file",
        "cancel": "Cancel",
        "reading_for": "Reading the file, {seconds} s",
        "encoding": "Encoding",
        "encoding_help": "How the file stores its characters. UTF-8, and UTF-16 with a byte order mark, are recognised; no other encoding can be recognised for certain.",
        "encoding_ask": "This file does not say how its text is encoded. Choose the version that reads correctly:",
        "encoding_choose": "Choose an encoding",
        "layout": "Layout of the file",
        "detected": "(detected)",
        "ask_quotes": "The quotes in this file can be read in two ways. Choose the one that gives the right rows:",
        "ask_header": "The first row may be column names or data. Choose which:",
        "ask_header_row": "The column names may be in a later row. Enter its number:",
        "quotes": "Quotes",
        "quotes_double": "enclose cells",
        "quotes_none": "belong to the texts",
        "header": "First row",
        "header_yes": "column names",
        "header_no": "data",
        "header_row": "Row of the column names",
        "row_help": "Counted from 1, as an editor or spreadsheet shows it. Everything above it is left out.",
        "delimiter": "Separator",
        "delimiter_tab": "tab",
        "delimiter_pipe": "pipe |",
        "delimiter_semicolon": "semicolon ;",
        "delimiter_comma": "comma ,",
        "sheet": "Sheet",
        "conflicts": "{count:,} {count:text has|texts have} another label than an equal text of the same split, such as {id} (equal to {other}). Check which label is right.",
        "none": "(none)",
        "roles": "Meaning of the columns",
        "source": "Source of the label",
        "text_help": "A file without texts can only add labels to texts that are there.",
        "label_help": "If you choose none, the texts must be silver. They have no label until a source or a person gives them one.",
        "brings": "The file brings",
        "brings_texts": "texts",
        "brings_id": "labels for texts that are here, found by id",
        "brings_text": "labels for texts that are here, found by their words",
        "brings_help": "Labels of one more source are added to texts that the project has. No text is added, and no gold label changes.",
        "silver_columns": "Import {columns} as labels of their sources",
        "silver_help": "silver:NAME holds the labels that the source NAME gives, confidence:NAME how sure it is (0 to 1). Otherwise these columns are kept as metadata.",
        "source_name": "Name of the source",
        "source_name_help": "Such as gpt-4o or vader. If you name none, it is called imported.",
        "replace": "Replace labels that the same source gave before",
        "replace_help": "Otherwise a label that contradicts what the same source said before is a problem.",
        "outlook_joined": "{count:,} {count:text|texts} of the project will get labels; no text will be added.",
        "outlook_sources": "Labels by source: {sources}",
        "outlook_unchanged": "{count:,} {count:label is|labels are} known already.",
        "outlook_replaced": "{count:,} {count:earlier label|earlier labels} will be replaced.",
        "left_to_sources": "with the label that their sources give",
        "of_decisions": "Each row is a decision about a text of the project.",
        "of_decisions_new": "{count:,} new {count:decision|decisions}: {whose}",
        "of_decisions_known": "{count:,} {count:row is|rows are} known already and {count:changes|change} nothing.",
        "of_decisions_go": "Import {count:,} {count:decision|decisions}",
        "of_decisions_done": "{name}: {count:,} {count:decision|decisions}.",
        "id_help": "If you choose none, texts get ids such as train-000001.",
        "source_help": "Such as the name of a model.",
        "pair_help": "For texts in pairs, such as a stance’s target, a hypothesis or an answer. Empty cells are allowed.",
        "without_pair": "{count:,} of {total:,} {total:row|rows} {count:has|have} no second text.",
        "in_column": "named in a column",
        "split_help": (
            "Train, validation and test are for labels that people have confirmed, silver for labels to check."
        ),
        "split_column": "Split column",
        "history": "Restore the decisions in the export",
        "history_help": (
            "This file was exported by InfFeed. Restores the imported labels, and the decisions that changed or confirmed "
            "them."
        ),
        "too_many_names": (
            "This column contains {count:,} {count:name that is not a label|names that are not labels} of the project. "
            "Choose another column."
        ),
        "names": "Meaning of the labels",
        "name_is": "{name} ({count:,}×) is",
        "label_of_name": "Label of name {number}",
        "choose_label": "Choose a label",
        "add_labels": "Add the names without a choice to the labels of the project",
        "add_labels_help": "Each becomes a new label when the file is imported. The tab Labels undoes it.",
        "is_new": "New label",
        "outlook": "What will be imported",
        "outlook_label": "{count:,} {label}",
        "outlook_decisions": "{count:,} {count:decision in the export will be|decisions in the export will be} restored.",
        "first_rows": "First {shown} of {total:,} {total:row|rows}",
        "not_yet": "Cannot be imported yet",
        "problems": "{count:,} {count:problem|problems}. Fix the file or choose other columns.",
        "first_problems": "The first {count} {count:is|are} shown.",
        "leave_out_again": "Leave out repeated texts",
        "go": "Import {count:,} {count:row|rows}",
        "progress": "{stage} {done:,} of {total:,}",
        "nothing": "nothing",
        "out_duplicates": "{count:,} {count:duplicate was|duplicates were} left out",
        "out_leaks": "{count:,} leaking {count:row was|rows were} left out",
        "excluded": "{count:,} {count:text of the project is|texts of the project are} now left out",
        "decisions": "{count:,} {count:decision was|decisions were} restored",
        "joined": "{count:,} {count:text that was|texts that were} there got silver labels",
        "changed": "{count:,} silver {count:text has|texts have} another label now",
        "result": "{name}: {parts}",
        "result_join": ". ",
        "result_end": ".",
    },
    "slices": {
        "said": (
            "Macro-F1 of the model in use on parts of the validation gold, the worst first, with 95 % bootstrap "
            "intervals: small parts have wide ones. Beside it stands what repairing the silver labels of the "
            "same part would bring, by the analysis’s own probabilities."
        ),
        "none": "No part has enough validation texts. Bring in more validation gold, or metadata for it.",
        "slice": "Part",
        "metadata": "{name} = {value}",
        "length": "{value} characters",
        "labels": "{value}",
        "macro_f1": "Macro-F1",
        "interval": "95 % interval",
        "from_to": "{low:.3f} to {high:.3f}",
        "errors": "Errors",
        "errors_of": "{errors:,} of {texts:,}",
        "silver": "Silver texts",
        "wrong": "Expected to be wrong",
        "gain": "Gain, nats",
        "gain_help": (
            "How much of the validation loss the suggested labels there are predicted to take off, each weighed "
            "by its probability."
        ),
        "open": "Texts of",
        "choose": "Choose a part, or select its row",
        "repair": (
            "{wrong:.1f} of {silver:,} silver {silver:label is|labels are} expected to be wrong; repairing them is predicted to "
            "take {gain:.2g} nats off the validation loss. Below: the validation errors, then the silver texts, "
            "likeliest wrong first."
        ),
    },
    "explore": {
        "to_card": "Back to the card",
        "way": "The way here",
        "on_the_way": "{text} →",
        "gold_stays": (
            "This is gold: people have confirmed its label, so it is not changed here. The review room can "
            "correct a gold text that stands beside a flag."
        ),
        "new_label": "New label",
        "relabel": "Relabel",
        "confirm": "Confirm the label",
        "discuss": "Discuss",
        "discuss_help": "Marks the text for discussion.",
        "review": "Send to review",
        "review_help": "Opens a queue with this text alone.",
        "undo": "Undo",
        "undo_help": "Takes back: {what}",
        "name": "Your name, stored with what you decide",
        "influence": "Influence",
        "map": "Map",
        "agreement": "How far simple rankings agree with “{policy}”",
        "agreement_said": (
            "How many of the first {count} of {of:,} silver {of:text|texts} each ranking shares with “{policy}”. "
            "If a simple ranking shares nearly all of them, influence adds little on this project."
        ),
        "refits": "Do the scores come true?",
        "refits_advice": (
            "Each score predicts the result of an experiment. Here the experiment is carried out on silver texts drawn at "
            "random: the head is refitted without the text, or with its suggested label, and the validation loss is "
            "measured. Predictions on the dashed line were exact."
        ),
        "refits_count": "Texts",
        "refits_go": "Check by refitting",
        "refits_again": "Check again",
        "refits_running": "A check is under way. Its results will appear here.",
        "refits_newest": "Only the newest analysis of the version in use can be checked.",
        "removal": "Without the text",
        "relabelling": "With the suggested label",
        "refits_said": (
            "{kind}: {count} {count:text|texts}, correlation {correlation}, slope {slope} (1 = the magnitude is right)."
        ),
        "refits_bm25": (
            "Of the {top} strongest influencers of a text, {share:.0%} are among the {top} training texts with the most "
            "similar words (BM25). Near 100 %, a search by words would show the same evidence."
        ),
        "errors": "Errors",
        "rankings": "Rankings",
        "decisions": "Decisions",
        "matches": "Text ({count} {count:match|matches})",
        "first_flags": "Text (the first flags are listed)",
        "analysis": "Analysis",
        "analysis_help": (
            "Analyses differ in the model version, or in the weights that influence goes through. You run them on the Models page."
        ),
        "compare_with": "Compare with",
        "another_analysis": "Another analysis",
        "no_match_advice": "Try fewer or shorter words. A word matches from its beginning.",
        "nothing_flagged": "Nothing is flagged yet",
        "nothing_flagged_advice": (
            "Search for a text above. Once a model has been trained, the first flags are listed here."
        ),
        "confirmed": "confirmed",
        "not_confirmed": "not confirmed",
        "disputed": "disputed",
        "context": "{name}: {value}",
        "label_from": "{id} · label from {source}",
        "predicts": "Model predicts",
        "prediction": "{label} ({probability:.0%})",
        "loss": "Loss",
        "loss_help": (
            "Loss of the label that the text had at the time of the analysis, in nats. 0: the model is certain of it; "
            "0.69: even odds between two labels."
        ),
        "not_computed": "The influencers of this text have not been computed.",
        "newest_only": "They can be computed only for the newest analysis of the version in use.",
        "compute": "Compute influencers",
        "exact": "Solve exactly",
        "replay": "Find influencers through the training",
        "replay_help": "Replays the fine-tuning backwards for this text. It can be cancelled, and goes on after a kill.",
        "replay_cost": "Through the training this takes {time} and {room} of disk.",
        "through_training": "These influencers come through the training: what its loss would be without each of them.",
        "by_head": "These influencers are the head’s: each text needs a replay of its own.",
        "exact_help": (
            "Recomputes these influencers with the exact curvature. This takes dozens of passes over the texts."
        ),
        "influence_said": (
            "The influence of a training text is the target's loss without it minus the loss with it, in nats. "
            "Positive: it helps the model give the target its label. Negative: it works against that label."
        ),
        "whole_texts": "Whole texts",
        "whole_of": "{label} · {influence:+.3g} nats · {id}",
        "walk": "Walk to this text",
        "on_harms": "harms the target",
        "on_helps": "helps the target",
        "by_harmed": "is harmed by the target",
        "by_helped": "is helped by the target",
        "flags_by": "Flags by",
        "flags_marked": "Number of flags to mark",
        "map_by": "Map by",
        "by_pca": "Principal components",
        "by_umap": "UMAP",
        "map_help": (
            "Click a point to make it the target. To list several, choose the lasso or the box in the tool bar of the map "
            "and draw around them; a double click lets them go. A drag moves the map, the wheel zooms. The filter leaves "
            "what the review room would show."
        ),
        "umap_missing": 'UMAP is not installed: run `pip install "inffeed[map]"`, then reload this page.',
        "umap_to_make": (
            "This map has not been drawn yet. It is made once for each model version, which takes minutes "
            "for many texts."
        ),
        "umap_make": "Draw the map",
        "umap_again": "Draw it again",
        "nothing_chosen": "No text lies there.",
        "drawn_pca": "The two main directions of the encoder's features.",
        "drawn_umap": "The encoder's features by UMAP: neighbours lie together; distances between far groups say little.",
        "drawn_dense": (
            "The shading is the density of {total:,} {total:text|texts}; {count:,} of them {count:is|are} drawn. A lasso takes "
            "those that are not drawn as well."
        ),
        "drawn_one": "One text.",
        "drawn_many": "{count:,} texts.",
        "queue_first": "Review the first {count:,} {count:text|texts}",
        "queue_one": "Review this text",
        "queue_many": "Review these {count:,} texts",
        "gold_left_out_one": "One gold text stays as it is.",
        "gold_left_out_many": "{count:,} gold texts stay as they are.",
        "chosen_one": "One text",
        "chosen_many": "{count:,} texts",
        "first_shown": "{told}; the first {count:,} {count:is|are} listed",
        "silver_only": "Only silver texts are ranked.",
        "no_decisions": "Nobody has decided anything about this text.",
        "no_analysis": "There is no analysis yet",
        "no_analysis_advice": "Train a model first. Every training includes an analysis.",
    },
    "label_set": {
        "title": "Labels",
        "note": (
            "A label keeps its colour and shape. The first nine that are given have the keys 1 to 9, in the order shown, "
            "unless others are chosen. "
            "What a label means is shown beside the guidelines (G on the review card) and told to whatever labels texts."
        ),
        "retrain": "Labels or data have changed since {version}: retrain on the Models page before the next review.",
        "column_key": "Key",
        "column_label": "Label",
        "column_texts": "Texts",
        "column_state": "State",
        "column_colour": "Colour",
        "column_description": "What it means",
        "key": "Key on the review card",
        "save_key": "Save the key",
        "colour": "Colour on the review card",
        "colour_help": "Several labels may share a colour: each has a shape too.",
        "save_colour": "Save the colour",
        "by_order": "by the order",
        "key_help": "The key that gives the label on the review card.",
        "texts_help": "Texts that came with the label, or were given it by an annotator or a source.",
        "given": "given",
        "retired": "retired",
        "change": "Change a label",
        "which": "Label to change",
        "choose": "Choose a label to rename, describe, move, merge or retire it.",
        "name": "Name",
        "rename": "Rename",
        "description": "What it means",
        "description_help": "In a few words, with texts that have it. Empty = its name says enough.",
        "describe": "Save what it means",
        "up": "Move up",
        "down": "Move down",
        "merge_into": "Merge into",
        "merge_said": (
            "{texts:,} {texts:text has|texts have} {label}. After the merge they have {into}, and {label} is gone; it can "
            "be undone."
        ),
        "merge": "Merge",
        "retire": "Retire",
        "retire_help": "No further text is given the label. Texts that have it keep it, and models still learn it.",
        "restore": "Give it again",
        "restore_help": "Annotators can choose the label again.",
        "new": "Add a label",
        "new_name": "Name of the new label",
        "add": "Add",
        "history": "What was changed",
        "last": "Latest change: {act}.",
        "undo_last": "Undo the latest change",
        "undone": " (undone)",
        "act": "{at}  {by}: {act}{undone}",
        "did_add": "added {label}",
        "did_rename": "renamed {label} to {into}",
        "did_merge": "merged {label} into {into} ({texts:,} {texts:text|texts})",
        "did_retire": "retired {label}",
        "did_restore": "gave {label} again",
        "did_reorder": "changed the order",
        "did_describe": "described {label}",
        "did_key": "changed the key of {label}",
        "did_colour": "changed the colour of {label}",
        "did_undo": "undid a change of {label}",
        "done_add": "Added {label}.",
        "done_rename": "Renamed {label} to {into}.",
        "done_merge": "Merged {label} into {into}.",
        "done_retire": "Retired {label}.",
        "done_restore": "{label} can be given again.",
        "done_reorder": "Changed the order.",
        "done_describe": "Saved what {label} means.",
        "done_key": "Changed the key of {label}.",
        "done_colour": "Changed the colour of {label}.",
        "done_undo": "Undid the latest change.",
    },
    "rules": {
        "open": "Decision rule",
        "rule": "Decision rule",
        "argmax": "argmax",
        "calibrated": "calibrated",
        "macro-f1": "macro-F1",
        "kept": "As the version in use decides",
        "rule_help": (
            "How probabilities become a label. argmax takes the likeliest. calibrated does too, and its probabilities "
            "mean what they say. macro-F1 decides sooner for rare labels, by offsets that were chosen on validation. "
            "Every version is trained with all three, so you can change this later without training."
        ),
        "said": (
            "argmax and calibrated take the likeliest label; calibrated has better probabilities and thus a lower "
            "loss. macro-F1 decides sooner for rare labels where that gains on validation. Nothing is trained: every "
            "figure and every prediction shown follows the rule in use."
        ),
        "none": "An earlier release trained {id}, without other rules. It decides by argmax; retrain to have the others.",
        "chosen": "{rule} was chosen by {by} on {at} (UTC).",
        "use": "Use {rule} for {id}",
        "loss": "Loss, validation",
        "loss_help": "Mean negative log-likelihood in nats, by cross-fitting",
        "validation_help": "By cross-fitting: no text is judged by a rule that was fitted on it",
        "shift": "Silver is of another kind",
    },
    "models": {
        "not_enough": "There is not enough data to train on",
        "first_results": "The results of the first training will appear here.",
        "versions": "Versions",
        "in_use": "Version in use",
        "changed": "Labels changed since",
        "changed_help": "Relabelled or confirmed since this version was trained.",
        "flags_open": "Flags open",
        "not_compared": "It was not compared with {parent}: {reason}",
        "head_agreement": (
            "The refitted head agrees with the loaded classifier's own head on {share:.1%} of the texts."
        ),
        "train_first": "Train the first model",
        "retrain": "Retrain",
        "analyse": "Analyse again",
        "advice_first": "Trains on gold and silver texts, then computes the flags.",
        "advice_changed": (
            "Retraining turns the changed labels into gold and makes a new version. Existing versions are kept."
        ),
        "advice_same": "Nothing has changed since this version was trained.",
        "gold_thin": "Gold is thin",
        "takes_turn": "Another job is running (see above). A retrain will start when that job ends.",
        "must_wait": "A training or an analysis is running. Wait for it, or cancel it above.",
        "settings": "Settings",
        "recipe": "Learn from unconfirmed silver labels",
        "recipe_auto": "Whichever validation prefers",
        "recipe_plain": "As they are",
        "recipe_noise-aware": "By how probable each one is",
        "recipe_drop-flagged": "As they are, without doubtful ones",
        "recipe_help": (
            "Training by probability weighs each label by what a model trained on gold alone predicts, and by the "
            "errors that the silver method usually makes. In our measurements it did much better when many labels "
            "were wrong. By default, the validation loss decides between it and the labels as they are."
        ),
        "weight": "Weight of unconfirmed silver",
        "weight_help": "1: silver counts as much as gold. 0: only gold and confirmed silver count.",
        "l2": "Regularisation (L2)",
        "l2_empty": "chosen on validation",
        "l2_help": "If empty, the first training chooses it by validation loss, and later ones keep it.",
        "tokens": "Tokens read per text",
        "tokens_help": (
            "Longer texts are cut, unless they are read in windows. If you change this, every text is encoded again."
        ),
        "encoder": "Encoder",
        "encoder_help": (
            "A hub id such as intfloat/e5-small-v2, or a local folder with safetensors. The next training uses it, and "
            "it becomes the project's if a version comes of it."
        ),
        "stronger": (
            "A stronger one: {model} gained {low:.3f} to {high:.3f} macro-F1 on {won} of {sets} sets ({worst:+.3f} on the "
            "worst). It has {megabytes} MB ({licence}), fetched once you name it here, and takes about {time} for the "
            "{texts:,} {texts:text|texts} of this project on one core, where the default takes {default}."
        ),
        "own_labels": "This model is a classifier. Say which of your labels each of its own means:",
        "own_label_empty": "choose a label",
        "own_labels_note": "{note} You can name them in the settings below.",
        "windows": "Read long texts whole, in windows",
        "windows_help": (
            "Splits a long text into windows of that many tokens, encodes each and averages them, so nothing is cut. "
            "Only for the method that refits the head, and for influence through the head. If you change this, every "
            "text is encoded again."
        ),
        "layers": "Layers",
        "layers_auto": "Let validation choose",
        "layers_last": "last",
        "layers_middle+last": "middle + last",
        "layers_help": (
            "The layers of a bare encoder whose token vectors become a text's features. The middle layer beside the "
            "last one costs no further pass over the texts, and often helps. Retraining keeps what was chosen. "
            "Sequence classifiers and int8 have only the last layer."
        ),
        "tfidf": "TF-IDF beside the encoder",
        "tfidf_kept": "As in the version in use",
        "tfidf_auto": "Let validation choose",
        "tfidf_off": "off",
        "tfidf_on": "on",
        "tfidf_help": (
            "Adds which words and pairs of words of this project a text has, which the encoder does not know. It often "
            "helps a little where new texts are like those learned from, and harms where they are not. Only for bare "
            "encoders, the method that refits the head, and influence through the head. A first version has none "
            "unless you ask."
        ),
        "int8": "Encode texts in int8",
        "int8_help": (
            "Two to four times as fast, with nearly the same features. For BERT, RoBERTa and DistilBERT encoders; "
            "needs the Python package ctranslate2. If you change this, every text is encoded again."
        ),
        "scope": "Influence through",
        "scope_help": (
            "The weights that influence goes through. Head: exact, takes seconds. Last block and head, or whole model: "
            "includes the encoder; takes minutes, because each text is run through it forwards and backwards. "
            "This changes the order Negative influence and the influencers. Suggestions and all other orders always "
            "come from the head. The training: repeats the fine-tuning of the version several times, to foretell what "
            "the next one will do if a label is corrected; all orders by influence or gain stand on it, and influencers "
            "come from the head."
        ),
        "refine": "Refine the flags",
        "refine_help": (
            "Beyond the head: computes Negative influence with the exact curvature instead of its main components. "
            "Takes some dozen more passes over all training texts."
        ),
        "influencers": "Influencers kept on each side",
        "influencers_help": "For each flag that is explained in advance.",
        "explained": "Flags explained in advance",
        "explained_help": "For each policy. Influencers of other texts are computed on request.",
        "cannot_work": "These settings do not work",
        "held_back": (
            "{new} scored significantly worse than {old}, so {old} stays in use. "
            "See the comparison below; you can still promote {new}."
        ),
        "marked_in_use": "{id} (in use)",
        "column_version": "Version",
        "column_parent": "After",
        "column_encoder": "Encoder",
        "column_created": "Created (UTC)",
        "column_gold": "Gold",
        "column_gold_help": "Gold texts it learned from",
        "column_confirmed": "Confirmed",
        "column_silver": "Silver",
        "column_validation": "Macro-F1, validation",
        "column_validation_help": "With its 95 % bootstrap interval",
        "column_test": "Macro-F1, test",
        "column_test_help": "For reporting only; no choice depends on it",
        "use_another": "Use another version",
        "version": "Version",
        "use_said": "{new} becomes the version in use; {old} is kept.\nNo label changes. The flags of {new} are shown.",
        "roll_back": "Roll back to {id}",
        "promote": "Promote {id}",
        "export": "Export a version",
        "export_said": "Writes a folder that the transformers library can load, with a model card.",
        "export_now": "Export {id}",
        "exported": "{id} is in this folder. Its README.md explains how to use it.",
        "before_after": "Before and after",
        "history": "History",
        "history_said": ("How each version scored, and how many silver labels people had confirmed by then."),
        "curve": "Training curve",
        "curve_said": "The loss during fine-tuning. Instant versions are fitted directly and have no curve.",
        "foretold": "Foretold and come",
        "foretold_said": (
            "What influence foretold of the labels that were changed before a version, and what its training brought: "
            "the change of the validation loss, of all texts and of those of each label. Below 0 is better."
        ),
        "foretold_others": (
            "Silver was not taught as it is, so changed labels also changed what other texts teach. Both numbers "
            "include that."
        ),
        "curve_kept": (
            "Of {steps:,} {steps:step|steps}, the state after step {best:,} was kept: validation loss {loss:.3f} nats, "
            "macro-F1 {f1:.3f}."
        ),
        "curve_early": "Training stopped early because validation no longer improved.",
        "curve_whole": "Training ran to the last epoch.",
        "cell_gold": "Gold label of a cell",
        "cell_predicted": "Prediction of the cell",
        "cell_choose": "Choose a label",
        "cell_help": (
            "A click on a cell of the chart chooses it. Its texts are those that the earlier or the later "
            "version predicts so, the later one’s first."
        ),
        "cell_empty": "No text lies in this cell.",
        "confusion": "Which predictions changed",
        "confusion_said": (
            "Validation texts by gold label (rows) and prediction (columns), before and after. Blue and ▲: better; "
            "orange and ▼: worse."
        ),
        "flips_one": "The two versions disagree about {count:,} validation text.",
        "flips_many": "The two versions disagree about {count:,} validation texts.",
        "no_flips": "Both versions predict the same for every validation text.",
        "no_predictions": "One version has no stored predictions, so the changed texts cannot be listed.",
        "column_change": "Change",
        "column_gold_label": "Gold label",
        "now_right": "now right",
        "now_wrong": "now wrong",
        "still_wrong": "wrong both times",
        "one_version": "Once there is a second version, the two are compared here. Review some flags, then retrain.",
        "before": "Before",
        "after": "After",
    },
    "retraining": {
        "method": "How to retrain",
        "instant": "Instant",
        "fine-tune": "Fine-tune",
        "lora": "Fine-tune with LoRA",
        "about_instant": "Refits the head on the existing features.",
        "about_fine-tune": (
            "Trains the whole transformer, always starting from the project's model. A version is as large as the model."
        ),
        "about_lora": (
            "Trains small adapters of the transformer, always starting from the project's model. "
            "A version takes a small part of the model's size."
        ),
        "time": "It takes {time} ({basis}).",
        "solved_by_rows": (
            "With so many labels, influence is solved for by a system of the texts: exact, in about {memory} MiB."
        ),
        "solved_by_products": (
            "With so many labels and texts, influence is solved for by conjugate gradient, to a residual of 1e-8."
        ),
        "estimated_pull": (
            "Each text's own pull on the curvature is estimated, and {most} texts at most are explained in advance; "
            "others are when you ask."
        ),
        "time_training": "Training takes {time} ({basis}). The time of the analysis after it has not been measured yet.",
        "retrains": "Trainings to check it by",
        "retrains_help": (
            "Influence through the training: gives other labels to random groups of texts and trains again with each, to "
            "say whether its numbers are sizes, only ranks, or neither. 0: no check."
        ),
        "replay": "Influence through the training of the active version takes {time} and {room} of disk.",
        "replay_unknown": "Influence through the training takes about {times} times as long as the training.",
        "measure": "Measure the time",
        "epochs": "Maximum epochs",
        "epochs_help": "Early stopping may end training sooner.",
        "rate": "Learning rate",
        "rate_empty": "the method's own",
        "batch": "Texts per batch",
        "balance": "Balance the classes",
        "balance_help": "Gives rare classes the same weight as the others.",
    },
    "tiers": {
        "head": "Head",
        "last-block": "Last block and head",
        "all": "Whole model",
        "training": "The training",
        "analysis": "{id} · {version} · {tier} · {time}",
        "refined": "{id} · {version} · {tier}, refined · {time}",
    },
    "core": wording.ENGLISH,
    "charts": CHARTS,
    "reasons": reasons.ENGLISH,
    "plain": plain.ENGLISH,
}
