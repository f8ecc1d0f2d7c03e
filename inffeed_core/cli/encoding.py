"""The command that encodes ahead, and the options that say where encoding runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inffeed_core.cli.console import (
    answer,
    cancelled_keeps,
    json_option,
    opened,
    project_argument,
    shown_progress,
)
from inffeed_core.settings import Pooled, Precision

if TYPE_CHECKING:
    from inffeed_core.cli.console import F
    from inffeed_core.learning.encoding_ahead import Ahead
    from inffeed_core.models.encoding import Engine
    from inffeed_core.models.places import Place
    from inffeed_core.models.ray_cluster import Cluster
    from inffeed_core.project.folder import Project

KEPT = "What was encoded is kept: the same command goes on from there."


def ray_options(command: "F") -> "F":
    """Where texts are encoded, as options."""
    workers = click.option("--workers", type=click.IntRange(1), help="Processes that hold the model. [all processors]")
    return workers(cluster_options(command))


def cluster_options(command: "F") -> "F":
    """The same, but for the number of workers."""
    ray = click.option(
        "--ray",
        metavar="ADDRESS",
        help="Encode on Ray: local starts it here; auto, HOST:6379 or ray://HOST:10001 is a running cluster.",
    )
    gpus = click.option(
        "--gpus-per-worker", type=click.FloatRange(0), help="GPUs of each; 0.5 lets two workers share one. [0]"
    )
    shards = click.option(
        "--shards", metavar="URI", help="Folder that every worker reaches, for the texts on their way. [the project's]"
    )
    return ray(gpus(shards(command)))


def cluster_of(
    ray: str | None, workers: int | None, gpus_per_worker: float | None, shards: str | None
) -> "Cluster | None":
    """The cluster that the options name; None for this process. Raises SettingsError, MissingExtra without Ray."""
    if ray is None:
        told = {"--workers": workers, "--gpus-per-worker": gpus_per_worker, "--shards": shards}
        if alone := [name for name, value in told.items() if value is not None]:
            raise click.UsageError(f"{alone[0]} is for Ray; name a cluster too, such as --ray local.")
        return None
    from inffeed_core.models.ray_cluster import Cluster, require_ray

    require_ray()
    return Cluster(address=ray, workers=workers, gpus_per_worker=gpus_per_worker or 0, shards=shards)


@click.command(
    epilog="""
\b
Examples:
  inffeed encode reviews
  inffeed encode reviews --ray local --workers 4
  inffeed encode reviews --ray ray://HOST:10001 --shards s3://bucket/shards
"""
)
@project_argument
@click.option("--model", metavar="ID", help="Hub id or folder of another encoder; the project keeps its own.")
@click.option("--max-tokens", type=int, help="Of a text; longer ones are cut. [as in use]")
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Of encoding. [as in use]")
@click.option("--windows/--no-windows", default=None, help="Read longer texts whole, in windows. [as in use]")
@click.option("--layers", type=click.Choice(get_args(Pooled)), help="Layers of a bare encoder. [as in use]")
@ray_options
@click.option("--dry-run", is_flag=True, help="Only say what would run where.")
@json_option
def encode(
    project: Path,
    model: str | None,
    ray: str | None,
    workers: int | None,
    gpus_per_worker: float | None,
    shards: str | None,
    dry_run: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Encode the texts of the project DIR ahead.

    Training, analyses and `label own` then find their features ready. Texts that were encoded before are skipped, so a
    run that was stopped goes on where it was. With `--ray` worker processes on this machine, or on the machines of a
    cluster, share the work; it needs the extra inffeed[ray], and the result is the same.
    """
    from inffeed_core.learning.encoding_ahead import ahead

    target, cluster = opened(project), cluster_of(ray, workers, gpus_per_worker, shards)
    cancelled_keeps(KEPT)
    given = {name: value for name, value in settings.items() if value is not None}
    with shown_progress() as progress:
        work = ahead(target, given, model, progress)
        missing = work.missing()
        if dry_run:
            found = plan(work, missing, cluster)
        else:
            work.encode(progress, engine_of(cluster))
    if dry_run:
        answer(found, as_json, lambda: found["told"] + "\nNothing was encoded, and nothing was changed.")
        return
    facts = {"model": work.name, "texts": len(work.texts), "encoded": missing}
    answer(facts, as_json, lambda: f"{missing:,} texts were encoded. All {len(work.texts):,} texts are ready.")


def engine_of(cluster: "Cluster | None") -> "Engine":
    """What encodes: this process, or the cluster."""
    from inffeed_core.models.encoding import here
    from inffeed_core.models.on_ray import on

    return here if cluster is None else on(cluster)


def encode_first(project: "Project", cluster: "Cluster") -> None:
    """Encode what the active version has not read yet, on the cluster."""
    from inffeed_core.learning.encoding_ahead import ahead

    cancelled_keeps(KEPT)
    with shown_progress() as progress:
        ahead(project, {}, None, progress).encode(progress, engine_of(cluster))


def index_first(project: "Project", cluster: "Cluster", analysis: dict[str, Any]) -> None:
    """Build the index that the analysis needs on the cluster, if it needs one."""
    from inffeed_core.analysis.on_cluster import INDEXED, index_on
    from inffeed_core.settings import AnalysisSettings

    settings = AnalysisSettings.from_dict(analysis)
    if settings.scope in INDEXED:
        with shown_progress() as progress:
            index_on(project, settings, cluster, progress)


def plan_analysis(project: "Project", cluster: "Cluster | None", analysis: dict[str, Any]) -> dict[str, Any]:
    """What of an analysis would run where."""
    from inffeed_core.analysis.on_cluster import INDEXED, learned_texts
    from inffeed_core.learning.encoding_ahead import ahead

    learned = learned_texts(project)
    with shown_progress() as progress:
        work = ahead(project, {}, None, progress)
        facts = plan(work, work.missing(), cluster) | {"gradients": learned if analysis["scope"] in INDEXED else 0}
    told = [facts["told"]]
    if facts["gradients"]:
        where = "in this process" if cluster is None else "by the same workers, in blocks"
        told.append(
            f"The gradients of {learned:,} texts would be computed {where}, but for those that are there already."
        )
    return facts | {"told": "\n".join([*told, "All else would be computed in this process."])}


def plan(work: "Ahead", missing: int, cluster: "Cluster | None") -> dict[str, Any]:
    """What would run where. A running cluster is asked what it has; a local one is not started."""
    chosen = work.settings
    how = f"{chosen.precision}, {work.layers} layer{'s' if '+' in work.layers else ''}, {chosen.max_tokens} tokens"
    facts: dict[str, Any] = {
        "model": work.name,
        "texts": len(work.texts),
        "missing": missing,
        "layers": work.layers,
        "precision": chosen.precision,
        "max_tokens": chosen.max_tokens,
    }
    told = f"{missing:,} of {len(work.texts):,} texts are still to be encoded with {work.name} ({how})."
    if cluster is None:
        return facts | {"where": "here", "told": f"{told} They would be encoded in this process."}
    where = placed(cluster, missing, work.place)
    return facts | where | {"told": f"{told}\n{where['told']}"}


def placed(cluster: "Cluster", missing: int, place: "Place") -> dict[str, Any]:
    """Where on a cluster so many texts would be encoded."""
    from inffeed_core.models.on_ray import shards_of, share
    from inffeed_core.models.ray_cluster import joined_to, local_room

    if cluster.is_local:
        room = local_room(cluster)
    else:
        with joined_to(cluster) as room:
            pass
    count = room.workers(cluster)
    size = share(missing, count)
    name = "Ray, started on this machine" if cluster.is_local else f"Ray at {cluster.address}, {room.nodes} nodes"
    uri = shards_of(cluster, place).uri
    each = f"1 processor and {cluster.gpus_per_worker:g} GPUs each"
    told = f"On {name}: {count} workers of {each}, blocks of {size:,} texts at most, by way of {uri}."
    return {"where": cluster.address, "workers": count, "shards": uri, "told": told}


COMMANDS = (encode,)
