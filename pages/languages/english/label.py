"""English: the Label page."""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "label": {
        "no_texts": "There is nothing to label yet",
        "no_texts_advice": "Import texts first. Texts for the silver split need no label.",
        "about": (
            "Makes silver labels, each under the name of its source. Gold texts are labelled too, which shows what a "
            "source is worth; their gold label stays."
        ),
        "means": "Label with",
        "own": "Own model",
        "rules": "Rules",
        "classifier": "Classifier",
        "zero-shot": "Zero-shot",
        "llm": "Language model",
        "about_own": (
            "A model is trained on this project's gold alone. No text is labelled by a model that saw its label."
        ),
        "about_rules": (
            "Rules are functions in a Python file. They run as a program, so they start from the command line only."
        ),
        "command": "inffeed label {folder} --with rules --rules rules.py",
        "about_classifier": "A sequence classifier of transformers whose labels are those of this project.",
        "about_zero-shot": (
            "A classifier of entailment (NLI) that is asked about every label in turn. It needs no training."
        ),
        "about_llm": (
            "A language model behind an OpenAI-compatible address. Texts are sent there. Answers are kept as they "
            "arrive, and nothing is asked twice."
        ),
        "more": "Settings",
        "incomplete": "This cannot start yet",
        "splits": "Splits to label",
        "splits_help": "Test texts are never labelled: test is only for reports.",
        "name": "Name of the source",
        "name_help": "Empty = made from the model.",
        "limit": "At most this many texts",
        "limit_help": "0 = all. Try a few first: what is labelled once is not asked again.",
        "again": "Replace labels of this source",
        "again_help": "Otherwise only texts without a label of this source are labelled.",
        "model": "Model",
        "model_help": "Hub id, or a folder on this machine.",
        "hypothesis": "Statement about the text",
        "hypothesis_help": "With {{label}} where the label, or its description, stands.",
        "endpoint": "Address (URL)",
        "endpoint_like": "http://127.0.0.1:8000/v1",
        "endpoint_help": (
            "Such as http://127.0.0.1:8000/v1. The key is read from INFFEED_API_KEY in the environment of the server, "
            "and is never stored."
        ),
        "endpoint_locked": (
            "Only someone at the machine itself may type an address. INFFEED_ENDPOINT names one for everybody."
        ),
        "llm_model": "Model",
        "llm_model_help": "The name by which the address knows it.",
        "descriptions": "What each label means, where its name does not say it:",
        "prompt": "Prompt",
        "prompt_help": "{{guidelines}}, {{labels}}, {{examples}} and {{text}} are filled in for every text.",
        "examples": "Gold texts of each label",
        "examples_help": "The prompt shows them with their labels.",
        "samples": "Answers per text",
        "samples_help": "With several the majority counts, and its share is the confidence.",
        "workers": "Requests at once",
        "workers_help": "More are faster where the address allows it.",
        "per_minute": "Requests a minute, at most",
        "per_minute_help": "0 = no limit.",
        "retries": "Repetitions",
        "retries_help": "Of a request that failed for a passing reason, with growing pauses.",
        "price_in": "Price of a million tokens sent",
        "price_out": "Price of a million tokens received",
        "price_help": "For the estimate of costs; 0 = unknown.",
        "nothing_left": "Every text has a label of {names} already. Replace them in the settings, or name a new source.",
        "plan": "{count:,} {count:text|texts} ({splits}) would be labelled by {names}.",
        "plan_here": "Everything is computed on this machine.",
        "plan_there": (
            "They would be sent to {where}: at most {requests:,} {requests:request|requests}, about {sent:,} tokens "
            "sent and {received:,} received."
        ),
        "plan_cost": "Estimated cost at these prices: {cost:,.2f}.",
        "plan_minutes": "With the limit of requests it takes at least {time}.",
        "message": "First message",
        "sure": "Send {count:,} {count:text|texts} to {where}",
        "start": "Label",
    }
}
