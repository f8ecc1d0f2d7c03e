"""Roles, assignments and the lead's page, in English."""

from typing import Any

from inffeed_core.project.roles import Right

WORDS: dict[str, dict[str, Any]] = {
    "rights": {str(right): str(right) for right in Right},
    "team": {
        "you": "You",
        "person": "{name} · {role}",
        "lead": "lead",
        "annotator": "annotator",
        "another_name": "Another name",
        "say_who": "Who are you?",
        "no_lock": "A name is no lock: nobody checks it on this server. Roles prevent slips, not misuse.",
        "go_on": "Go on under this name",
    },
}
