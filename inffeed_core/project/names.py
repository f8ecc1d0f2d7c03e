"""Names of people, as roles and assignments store them."""

from inffeed_core.characters import as_label, is_blank
from inffeed_core.errors import SettingsError

LONGEST_NAME = 200
"""Characters."""


def person_name(name: str) -> str:
    """The name without white space around it. Raises SettingsError where it cannot be seen, or is no single line."""
    found = as_label(name)
    if is_blank(found) or not found.isprintable():
        raise SettingsError(f"{ascii(name)} is no name; give one of letters that can be seen, on one line.")
    if len(found) > LONGEST_NAME:
        raise SettingsError(f"A name of {len(found)} characters arrived; give one of at most {LONGEST_NAME}.")
    return found
