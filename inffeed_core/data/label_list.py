"""Labels as people list them: separated by commas, with quotes around a label that holds one."""

import csv

from inffeed_core.errors import SettingsError


def listed_labels(text: str) -> tuple[str, ...]:
    """The labels in a list such as `"yes, sure",no`. Raises SettingsError for quotes that do not match."""
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        problem = f"The quotes in the list of labels do not match ({error})"
        raise SettingsError(f'{problem}; quote a label with commas, such as "yes, sure",no.') from error
    return tuple(label.strip() for row in rows for label in row)
