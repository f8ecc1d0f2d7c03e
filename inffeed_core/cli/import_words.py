"""What `inffeed import` says of a file, before and after."""

from typing import TYPE_CHECKING

from inffeed_core.cli.console import answer, tell, warn
from inffeed_core.cli.sources import by_source, silver_told
from inffeed_core.records import VOTE
from inffeed_core.wording import filled

if TYPE_CHECKING:
    from inffeed_core.project.importing import ImportPreview, ImportResult
    from inffeed_core.project.overlaps import SameText


def warn_of_overlaps(look: "ImportPreview", leave_out_leaks: bool, leave_out_duplicates: bool) -> None:
    """Tell what the file shows, and warn of equal texts that would stay."""
    for note in (*look.notes, *_pairs_told(look), *silver_told(look), *_split_told(look)):
        tell(note, err=True)
    if look.duplicates and not leave_out_duplicates:
        warn(f"{_first(look.duplicates)} repeat a text of their split; --leave-out-duplicates keeps the first of each.")
    if look.conflicts:
        said = f"{_first(look.conflicts)} have another label than an equal text of their split"
        warn(f"{said}; --leave-out-duplicates keeps the label of the first. Otherwise correct the file.")
    if look.leaks and not leave_out_leaks:
        warn(
            f"{_first(look.leaks)} in train or silver are also in validation or test, which flatters every score; "
            "--leave-out-leaks leaves them out."
        )


def _split_told(look: "ImportPreview") -> list[str]:
    """What the app's own split keeps together, and which labels it could not give to every split."""
    from inffeed_core.project.dividing import lacking

    shares = look.options.shares
    told = []
    if look.options.new_labels:
        told.append(f"Added to the labels of the project: {', '.join(look.options.new_labels)}.")
    if shares is None:
        return told
    if look.together:
        said = "{n:,} {n:text|texts} that repeat or nearly repeat another stay with it in one split."
        told.append(filled(said, n=look.together))
    for split, labels in lacking(look.counts, shares).items():
        told.append(f"No text of {split} has the label {', '.join(labels)}: the file has too few that differ.")
    return told


def _pairs_told(look: "ImportPreview") -> list[str]:
    if look.options.pair is None:
        return []
    told = f"Second texts are in {look.options.pair!r}; --no-pair keeps the column as metadata."
    return (
        [told, f"Without a second text: {look.without_pair:,} of {look.total:,} rows."] if look.without_pair else [told]
    )


def _first(same: "tuple[SameText, ...]") -> str:
    return f"{len(same)} text{'s' if len(same) > 1 else ''} (the first is {same[0].id}, equal to {same[0].other})"


def tell_preview(look: "ImportPreview", as_json: bool) -> None:
    """What the import would do. Raises ImportRefused for a file with problems."""
    facts = {
        "options": look.options,
        "rows": look.total,
        "counts": look.counts,
        "problems": [str(problem) for problem in look.problems],
        "total_problems": look.total_problems,
        "duplicates": look.duplicates,
        "leaks": look.leaks,
        "decisions": look.decisions,
        "without_pair": look.without_pair,
        "together": look.together,
        "silver": look.silver,
        "joined": look.joined,
        "unchanged": look.unchanged,
        "replaced": look.replaced,
    }
    answer(facts, as_json, lambda: f"{_counted(look)}\nNothing was changed (--dry-run).")
    if not look.ready:
        from inffeed_core.errors import ImportRefused

        raise ImportRefused(look.name, look.problems, look.total_problems)


def _counted(look: "ImportPreview") -> str:
    lines = [f"{look.name}: {look.total:,} rows; text in {look.options.text!r}, label in {look.options.label!r}."]
    for split, labels in look.counts.items():
        if labels:
            lines.append(f"  {split}: " + ", ".join(f"{n:,} {_called(label)}" for label, n in labels.items()))
    if look.silver:
        lines.append(f"  labels by source: {by_source(look.silver)}")
    if look.options.join:
        known = f"; {look.unchanged:,} labels are there already" if look.unchanged else ""
        lines.append(f"  for {look.joined:,} texts of the project{known}")
    return "\n".join(lines)


def _called(label: str) -> str:
    return {"": "with no label yet", VOTE: "with the label that their sources give"}.get(label, label)


def imported(result: "ImportResult") -> str:
    """What the import did."""
    parts = [f"{n:,} {split}" for split, n in result.added.items() if n] or ["nothing"]
    lines = [f"Imported {', '.join(parts)}."]
    if result.joined:
        lines = [f"Added silver labels to {result.joined:,} texts that were there, and no texts."]
    if len(result.silver) > 1 or result.joined:
        lines.append(f"Labels by source: {by_source(result.silver) or 'no new ones'}.")
    if result.changed:
        lines.append(filled("{n:,} silver {n:text has|texts have} another label now.", n=result.changed))
    if result.left_out_duplicates or result.left_out_leaks:
        said = "Left out {same:,} {same:duplicate|duplicates} and {leaks:,} {leaks:leak|leaks}."
        lines.append(filled(said, same=result.left_out_duplicates, leaks=result.left_out_leaks))
    if result.excluded:
        lines.append(f"Excluded {result.excluded:,} texts of the project that the file holds as validation or test.")
    if result.decisions:
        lines.append(f"Recreated {result.decisions:,} decisions.")
    return "\n".join(lines)
