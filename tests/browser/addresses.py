"""The pages of the app by their addresses, as the navigation lists them."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from acting import settled
from playwright.sync_api import Page, expect

from pages.components.navigation import PAGES
from pages.languages import LANGUAGES


def every_page(signs: Mapping[str, str]) -> dict[str, str]:
    """By address a text that shows that the page is drawn: the sign for it, else its title; each before its tabs."""
    titles = {}
    for number, (file, title, _) in enumerate(PAGES):
        section, _, name = title.partition(".")
        titles[Path(file).stem if number else ""] = LANGUAGES["en"].words[section][name]
    return dict(sorted((titles | dict(signs)).items(), key=lambda one: one[0].partition("?")[0]))


def turned_to(page: Page, address: str) -> bool:
    """Whether a tab of the page that is open led there: opening a page takes a processor more than a second."""
    path, _, view = address.partition("?")
    tab = page.get_by_role("tab", name=view.partition("=")[2], exact=True)
    if not view or urlsplit(page.url).path != f"/{path}" or not tab.count():
        return False
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    settled(page)
    return True
