"""Change the labels of a project: add, rename, merge, retire, reorder, describe. Each is one act with an undo."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlite_utils import Database

from inffeed_core.characters import as_label, is_blank, label_key
from inffeed_core.charts.palette import COLOUR_NAMES
from inffeed_core.errors import SettingsError
from inffeed_core.project.folder import Project
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import (
    LabelAct,
    LabelChange,
    LabelSet,
    change_labels,
    label_counts,
    label_set,
    reading,
    undo_label_change,
    writing,
)

LONGEST_DESCRIPTION = 5_000
"""Characters."""
DIGITS = 9
"""So many labels have a key of their own on the review card."""


def add_label(project: Project, label: str, by: str) -> str:
    """Add a label after the others; returns it as it is stored. The next training learns it.

    As all verbs here, raises SettingsError for what cannot be done, and NotReady while a job is under way.
    """
    with writing(project.db) as db:
        return add_label_in(db, label, by)


def add_label_in(db: Database, label: str, by: str) -> str:
    """`add_label` as a part of a larger change."""
    now = label_set(db)
    new = _new(now, label)
    after = replace(now, labels=(*now.labels, new), classes=(*now.classes, now.next_class))
    change_labels(db, LabelAct.ADD, after, by, new)
    return new


def rename_label(project: Project, label: str, name: str, by: str) -> str:
    """Give a label another name, everywhere; returns the name as it is stored. Versions and their flags stay valid."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        old = _known(now, label)
        new = _new(now.without(old), name)
        if new == old:
            raise SettingsError(f"The label is called {old!r} already; give it another name.")
        return now.named(old, new), old, new

    return _change(project, LabelAct.RENAME, by, changed)[1]


def merge_labels(project: Project, label: str, into: str, by: str) -> None:
    """Give every text of one label the other, which stays; the next training tells one class fewer apart."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        old, kept = _known(now, label), _known(now, into)
        if old == kept:
            raise SettingsError(f"{old!r} cannot be merged into itself; name two labels.")
        _require_two(now, [one for one in now.labels if one != old and one not in now.retired])
        return replace(now.without(old), model_labels=now.named(old, kept).model_labels), old, kept

    _change(project, LabelAct.MERGE, by, changed)


def retire_label(project: Project, label: str, by: str) -> None:
    """Give a label to no further text; those that have it keep it."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        old = _known(now, label)
        if old in now.retired:
            raise SettingsError(f"{old!r} has been retired already.")
        _require_two(now, [one for one in now.labels if one not in (*now.retired, old)])
        return replace(now, retired=(*now.retired, old)), old, ""

    _change(project, LabelAct.RETIRE, by, changed)


def restore_label(project: Project, label: str, by: str) -> None:
    """Offer a retired label again."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        old = _known(now, label)
        if old not in now.retired:
            raise SettingsError(f"{old!r} has not been retired, so there is nothing to restore.")
        return replace(now, retired=tuple(one for one in now.retired if one != old)), old, ""

    _change(project, LabelAct.RESTORE, by, changed)


def reorder_labels(project: Project, order: Sequence[str], by: str) -> None:
    """Show the labels in this order, which also gives the first nine their keys. Every label is named once."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        wanted = tuple(_known(now, label) for label in order)
        if sorted(wanted) != sorted(now.labels):
            missing = [label for label in now.labels if label not in wanted]
            twice = sorted({label for label in wanted if wanted.count(label) > 1})
            problem = f"misses {', '.join(missing)}" if missing else f"names {', '.join(twice)} more than once"
            raise SettingsError(f"The order {problem}; name each label once.")
        return replace(now, label_order=wanted), "", ""

    _change(project, LabelAct.REORDER, by, changed)


def describe_label(project: Project, label: str, description: str, by: str) -> None:
    """Say what a label means, with examples, for annotators and for `inffeed label`; an empty text removes it."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        known, said = _known(now, label), description.strip()
        if len(said) > LONGEST_DESCRIPTION:
            raise SettingsError(f"The description has {len(said):,} characters; up to {LONGEST_DESCRIPTION:,} fit.")
        others = {one: words for one, words in now.descriptions.items() if one != known}
        return replace(now, descriptions=others | ({known: said} if said else {})), known, ""

    _change(project, LabelAct.DESCRIBE, by, changed)


def choose_key(project: Project, label: str, key: int | None, by: str) -> None:
    """Give a label this digit (1 to 9) on the review card; None lets the order decide again."""

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        known = _known(now, label)
        if key is not None and not 1 <= key <= DIGITS:
            raise SettingsError(f"The key is {key}; choose a digit from 1 to {DIGITS}.")
        others = {one: digit for one, digit in now.keys.items() if one != known}
        if holder := next((one for one, digit in others.items() if digit == key), None):
            raise SettingsError(f"{key} is the key of {holder!r}; choose another, or give that label another first.")
        return replace(now, keys=others | ({known: key} if key else {})), known, str(key or "")

    _change(project, LabelAct.KEY, by, changed)


def choose_colour(project: Project, label: str, colour: str, by: str) -> None:
    """Show a label in this colour on the review card, by its name; an empty one lets the order decide again.

    Several labels may share a colour: each has a shape too.
    """

    def changed(now: LabelSet) -> tuple[LabelSet, str, str]:
        known, name = _known(now, label), colour.strip()
        if name and name not in COLOUR_NAMES:
            raise SettingsError(f"{name!r} is no colour for labels; choose one of {', '.join(COLOUR_NAMES)}.")
        others = {one: given for one, given in now.colours.items() if one != known}
        return replace(now, colours=others | ({known: name} if name else {})), known, name

    _change(project, LabelAct.COLOUR, by, changed)


def numbered(about: ProjectSettings) -> list[str | None]:
    """The labels that can be given by their number on the review card: the label of number 1, 2, … in turn.

    The first nine are keys; None is a key that no label has. Labels without a chosen key take what is left in the order
    in which they are shown.
    """
    chosen = {digit: label for label, digit in about.keys.items() if label in about.offered}
    rest = iter([label for label in about.offered if label not in chosen.values()])
    first = [chosen[digit] if digit in chosen else next(rest, None) for digit in range(1, DIGITS + 1)]
    while first and first[-1] is None:
        first.pop()
    return [*first, *rest]


def undo_labels(project: Project, by: str) -> LabelChange:
    """Undo the latest act on the labels that stands, and return it. Raises NotReady if none is left, or it cannot be
    undone: a label that was added is in use."""
    with writing(project.db) as db:
        return undo_label_change(db, by)


Changed = tuple[LabelSet, str, str]
"""The labels afterwards, the label that the act is about, and its new name or the one that takes it in."""


def _change(project: Project, act: LabelAct, by: str, changed: Callable[[LabelSet], Changed]) -> tuple[str, str]:
    with writing(project.db) as db:
        after, label, into = changed(label_set(db))
        change_labels(db, act, after, by, label, into)
    return label, into


def texts_by_label(project: Project) -> dict[str, int]:
    """How many texts came with each label, or were given it by somebody; one text may count for several."""
    with reading(project.db) as db:
        return label_counts(db)


def _known(now: LabelSet, label: str) -> str:
    found = [one for one in now.labels if one == label] or [
        one for one in now.labels if label_key(one) == label_key(label)
    ]
    if not found:
        raise SettingsError(f"{label!r} is not a label of this project; it has {', '.join(now.labels)}.")
    return found[0]


def _new(now: LabelSet, label: str) -> str:
    if is_blank(label):
        raise SettingsError(f"The label {ascii(label)} holds nothing that can be seen; give it a name.")
    for one in now.labels:
        if label_key(one) == label_key(label):
            raise SettingsError(f"The project has the label {one!r} already; to join two labels, merge them.")
    return as_label(label)


def _require_two(now: LabelSet, left: Sequence[str]) -> None:
    if len(left) < 2:
        raise SettingsError(
            f"Of {', '.join(now.labels)} only {len(left)} would be left to give; a classifier needs at least two."
        )
