"""Commands that archive and delete projects, and bring them back."""

from pathlib import Path

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, tell


@click.command(epilog="Example: inffeed archive reviews")
@project_argument
def archive(project: Path) -> None:
    """Put the project DIR away, whole.

    It is no longer listed; `inffeed restore` brings it back.
    """
    from inffeed_core.project.putting_away import Away, put_away

    target = opened(project)
    put_away(target, Away.ARCHIVED)
    tell(f"Archived {target.folder.name}; `inffeed restore {target.folder.name}` brings it back.")


@click.command(epilog="Example: inffeed delete reviews")
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--for-good", is_flag=True, help="Remove a project that was deleted before, which cannot be undone.")
def delete(project: Path, for_good: bool) -> None:
    """Delete the project DIR.

    `inffeed restore` brings it back, until it is deleted --for-good.
    """
    from inffeed_core.project.places import home
    from inffeed_core.project.putting_away import Away, named, put_away, put_away_ones, remove

    if for_good:
        gone = named([one for one in put_away_ones(home().folder) if one.away is Away.DELETED], project.name)
        remove(gone)
        tell(f"Removed {gone.name} for good.")
        return
    target = opened(project)
    put_away(target, Away.DELETED)
    tell(f"Deleted {target.folder.name}; `inffeed restore {target.folder.name}` brings it back.")


@click.command(epilog="Example: inffeed restore reviews")
@click.argument("name", required=False)
@json_option
def restore(name: str | None, as_json: bool) -> None:
    """Bring back an archived or deleted project.

    NAME is that of its folder; without it, those that can be brought back are listed.
    """
    from inffeed_core.project.places import home
    from inffeed_core.project.putting_away import bring_back, named, put_away_ones

    ones = put_away_ones(home().folder)
    if name is None:
        lines = [f"{one.folder.name:<24} {one.away.value:<9} {one.since[:16]}  {one.name}" for one in ones]
        answer(ones, as_json, lambda: "\n".join(lines) or "No project was archived or deleted.")
        return
    back = bring_back(home().folder, named(ones, name))
    answer({"folder": back.folder}, as_json, lambda: f"Brought back: {back.folder}")


COMMANDS = (archive, delete, restore)
