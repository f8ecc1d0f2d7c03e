"""The words of the app, for files that the command line writes for readers of another language.

The core speaks English and imports no page. What a page says lies in tables beside the app, which are loaded from there
as they are asked for.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from inffeed_core.project.places import app_folder

Words = Mapping[str, Mapping[str, Any]]
CODES = ("en", "zh")


def words_of(code: str) -> Words:
    """The table of a language, by section. Raises ProjectError if an installation lost the app."""
    folder = str(app_folder())
    sys.path.insert(0, folder)
    try:
        words: Words = import_module("pages.languages").LANGUAGES[code].words
    finally:
        sys.path.remove(folder)
    return words
