"""Commands for other programs: the web API, its keys, and webhooks."""

from pathlib import Path

import click

from inffeed_core.cli.console import answer, json_option, opened, project_argument, tell, warn
from inffeed_core.errors import require

PORT = 8502
EVENTS = ("decision", "version", "job")


@click.command("serve-api", epilog="Example: inffeed serve-api reviews --port 8502")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port to listen on.")
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A name, or NAME:PORT, that the server answers to besides this machine's own, such as a proxy's; repeatable.",
)
def serve_api(folder: Path | None, host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Serve the web API.

    DIR is a project, or a folder that holds projects; without it, all projects that the app keeps. Who asks needs a
    key (`inffeed api-key`). /openapi.json describes the routes. Ctrl-C ends it; running jobs go on.
    """
    import os

    from inffeed_core.project.hosts import ALLOWED, allowed_hosts
    from inffeed_core.project.places import by_name, home

    require("api", "fastapi", "uvicorn")
    from inffeed_core.api.serving import serve

    place = home().folder if folder is None else by_name(folder)
    more = (*allowed_hosts(os.environ.get(ALLOWED, "")), *allowed_hosts(hosts))
    if host not in ("127.0.0.1", "::1", "localhost"):
        warn(
            f"The API listens on {host}, where other machines reach it without encryption: put a proxy with TLS in "
            "front, and name it by --allow-host."
        )
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1/projects"
    serve(place, host, port, more, lambda: tell(f"The API of {place} is at {address}; Ctrl-C ends it."))


@click.command(
    "api-key",
    epilog="""
\b
Examples:
  inffeed api-key reviews Ada --new
  inffeed api-key reviews Ada --revoke
""",
)
@project_argument
@click.argument("name", required=False)
@click.option("--new", is_flag=True, help="Make a key for NAME, which replaces their last one.")
@click.option("--revoke", "gone", is_flag=True, help="Make the key of NAME invalid.")
@json_option
def api_key(project: Path, name: str | None, new: bool, gone: bool, as_json: bool) -> None:
    """Give people keys for the web API.

    A key is for one person and the project DIR; what they decide is stored under NAME. It is shown once: the project
    keeps only its hash. Without options, who has one is listed.
    """
    from inffeed_core.api.keys import holders, new_key, revoke

    if new and gone:
        raise click.UsageError("Give only one of --new and --revoke.")
    if (name is None) is (new or gone):
        raise click.UsageError("Give a NAME together with --new or --revoke, or neither to list who has a key.")
    target = opened(project)
    if name is None:
        found = holders(target)
        facts = [{"person": one.person, "created": one.created} for one in found]
        lines = [f"{one.person}  since {one.created[:16]}" for one in found]
        answer(facts, as_json, lambda: "\n".join(lines) or "Nobody has a key.")
    elif gone:
        revoke(target, name)
        answer({"person": name.strip(), "revoked": True}, as_json, lambda: f"The key of {name} is no longer valid.")
    else:
        key, replaced = new_key(target, name)
        told = " It replaces the last one." if replaced else ""
        words = f"{key}\nKeep it now: it is not shown again.{told}"
        answer({"person": name.strip(), "key": key, "replaced": replaced}, as_json, lambda: words)


@click.command(
    epilog="""
\b
Examples:
  inffeed webhooks reviews --add https://example.org/hook --on decision,job
  inffeed webhooks reviews --test
  inffeed webhooks reviews --remove https://example.org/hook
"""
)
@project_argument
@click.option("--add", metavar="URL", help="Tell this URL from now on.")
@click.option("--on", "kinds", default=",".join(EVENTS), show_default=True, help="With --add: of what, with commas.")
@click.option("--private", is_flag=True, help="With --add: its name may lead to an address that is not public.")
@click.option("--remove", metavar="URL", help="Tell this URL nothing more.")
@click.option("--test", is_flag=True, help="Send every webhook an event that tells nothing.")
@click.option("--deliver", "now", is_flag=True, help="Send now all that waits or was given up.")
@json_option
def webhooks(
    project: Path, add: str | None, kinds: str, private: bool, remove: str | None, test: bool, now: bool, as_json: bool
) -> None:
    """Tell other programs of decisions, versions and ended jobs.

    Without options, the webhooks of the project DIR are listed, with what waits for them and why. Whatever serves the
    app or the API delivers, as does each job when it ends.
    """
    chosen = {"--add": add, "--remove": remove, "--test": test, "--deliver": now}
    if len(given := [option for option, value in chosen.items() if value]) > 1:
        raise click.UsageError(f"Give only one of {', '.join(given)}.")
    if private and not add:
        raise click.UsageError("--private is for --add.")
    if add:
        _add(project, add, kinds, private, as_json)
    elif remove:
        from inffeed_core.webhooks.registering import remove as forget

        forget(opened(project), remove)
        answer({"url": remove, "removed": True}, as_json, lambda: f"{remove} is told nothing more.")
    elif test:
        _test(project, as_json)
    else:
        _list(project, as_json, deliver_first=now)


def _add(project: Path, url: str, kinds: str, private: bool, as_json: bool) -> None:
    from inffeed_core.store.webhooks import Event
    from inffeed_core.webhooks.registering import add, is_open

    named = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    if unknown := [kind for kind in named if kind not in EVENTS]:
        raise click.UsageError(f"--on {unknown[0]!r} is no kind of event; choose from {', '.join(EVENTS)}.")
    made = add(opened(project), url, [event for event in Event if event in named], private=private)
    if is_open(url):
        warn(f"{url} is without encryption: names and notes of annotators can be read on the way.")
    words = f"{made.secret}\nKeep this secret now: it checks the signatures, and is not shown again."
    answer({"url": url, "on": made.on, "secret": made.secret}, as_json, lambda: words)


def _test(project: Path, as_json: bool) -> None:
    from inffeed_core.webhooks.registering import test

    found = test(opened(project))
    lines = [f"{hook.url}: {problem or 'taken'}" for hook, problem in found]
    facts = [{"url": hook.url, "taken": not problem, "problem": problem} for hook, problem in found]
    answer(facts, as_json, lambda: "\n".join(lines) or "No webhook yet; --add makes one.")
    if any(problem for _, problem in found):
        click.get_current_context().exit(1)


def _list(project: Path, as_json: bool, *, deliver_first: bool) -> None:
    from inffeed_core import store
    from inffeed_core.store.webhooks import outbox, send_now
    from inffeed_core.store.webhooks import webhooks as known
    from inffeed_core.webhooks.delivering import deliver

    target = opened(project)
    if deliver_first:
        with store.writing(target.db) as db:
            send_now(db)
        deliver(target)
    with store.reading(target.db) as db:
        found = [(hook, outbox(db, hook.url)) for hook in known(db)]
    lines = []
    for hook, state in found:
        lines.append(f"{hook.url}  on {', '.join(hook.on)}")
        lines.append(f"  {state.delivered:,} delivered, {state.waiting:,} waiting, {state.given_up:,} given up")
        if hook.problem:
            lines.append(f"  {hook.problem} Next attempt: {hook.wait_until[:19]}Z")
    facts = [
        {"url": hook.url, "on": hook.on, "private": hook.private, "problem": hook.problem, "failures": hook.failures}
        | {"delivered": state.delivered, "waiting": state.waiting, "given_up": state.given_up}
        for hook, state in found
    ]
    answer(facts, as_json, lambda: "\n".join(lines) or "No webhook yet; --add makes one.")


COMMANDS = (serve_api, api_key, webhooks)
