"""The pages of the app by their addresses, as the navigation lists them."""

from collections.abc import Mapping
from pathlib import Path

from pages.components.navigation import PAGES
from pages.languages import LANGUAGES


def every_page(signs: Mapping[str, str]) -> dict[str, str]:
    """By address a text that shows that the page is drawn: the sign for it, else its title; then the other signs."""
    titles = {}
    for number, (file, title, _) in enumerate(PAGES):
        section, _, name = title.partition(".")
        titles[Path(file).stem if number else ""] = LANGUAGES["en"].words[section][name]
    return titles | dict(signs)
