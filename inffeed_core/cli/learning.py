"""Commands that train, analyse and choose model versions."""

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inffeed_core.cli.console import (
    answer,
    in_words,
    json_option,
    opened,
    project_argument,
    shown_progress,
    tell,
    warn,
)
from inffeed_core.cli.encoding import cluster_of, encode_first, index_first, plan_analysis, ray_options
from inffeed_core.cli.training_options import analysis_options, train_options
from inffeed_core.errors import NotReady
from inffeed_core.models import several
from inffeed_core.settings import AnalysisSettings, FineTuneSettings, TrainSettings

if TYPE_CHECKING:
    from inffeed_core.project.folder import Project
    from inffeed_core.records import Job


@click.command(epilog="Example: inffeed train reviews --model intfloat/e5-small-v2")
@project_argument
@train_options
@json_option
def train(
    project: Path, model: str | None, model_labels: tuple[str, ...], as_json: bool, **settings: float | str | None
) -> None:
    """Train a new model version.

    It learns from the current labels of the project DIR, is analysed with the settings of the latest analysis, and
    becomes the active version together with its flags, unless it is significantly worse on validation. Older versions
    stay. `retrain` goes on with the choices of the active version, and takes settings of the analysis.
    """
    if _followed():
        return
    target = opened(project)
    _warn_of_gold(target)
    _tell_solving(target, _given(TrainSettings, settings))
    _do(target, "train", {"train": _given(TrainSettings, settings)}, model, own_labels(target, model_labels))
    several.hand_out(None)
    _tell_version(target, as_json)


@click.command(epilog="Example: inffeed analyse reviews --scope all")
@project_argument
@analysis_options
@ray_options
@click.option("--dry-run", is_flag=True, help="Only say what would run where.")
@json_option
def analyse(
    project: Path,
    ray: str | None,
    workers: int | None,
    gpus_per_worker: float | None,
    shards: str | None,
    dry_run: bool,
    as_json: bool,
    **settings: float | str | None,
) -> None:
    """Score all texts and flag silver labels.

    Uses the active version of the project DIR. The flags of earlier analyses are kept but no longer shown. The scope
    `training` repeats the version's fine-tuning several times, to foretell what the next one will do; how long that
    takes is told first, and after a kill it goes on from where it was. With `--ray` texts that are not encoded yet are
    encoded as by `inffeed encode`, and for the scopes `last-block` and `all` the gradients of the texts are computed
    there and added up; all else is computed here.
    """
    target, cluster = opened(project), cluster_of(ray, workers, gpus_per_worker, shards)
    given = _given(AnalysisSettings, settings)
    if dry_run:
        planned = plan_analysis(target, cluster, given)
        answer(planned, as_json, lambda: f"{planned['told']}\nNothing was computed, and nothing was changed.")
        return
    if cluster is not None:
        encode_first(target, cluster)
        index_first(target, cluster, given)
    _tell_cost(target, given)
    _tell_solving(target, {})
    job = _do(target, "analyse", {"analysis": given})
    words = f"Analysis {job.result['analysis']} of {job.result['version']} is done."
    found = carried_words(target, int(str(job.result["analysis"])))
    answer(job.result, as_json, lambda: f"{words} {found}`inffeed flags {project}` lists the flags.")


@click.command(epilog="Example: inffeed retrain reviews --method fine-tune --epochs 3")
@project_argument
@train_options
@analysis_options
@click.option("--estimate", is_flag=True, help="Only estimate how long it would take here, at most.")
@json_option
def retrain(
    project: Path,
    model: str | None,
    model_labels: tuple[str, ...],
    estimate: bool,
    as_json: bool,
    **settings: float | str | None,
) -> None:
    """Train on all decisions, then flag again.

    The new version of the project DIR becomes active together with its flags, or not at all. The method `instant`
    refits the head in seconds; `fine-tune` trains the whole transformer, and `lora` small adapters of it, from the
    project's model each time.
    """
    if _followed():
        return
    target = opened(project)
    if estimate:
        analysis = AnalysisSettings.from_dict(_given(AnalysisSettings, settings))
        _tell_time(target, TrainSettings.from_dict(_given(TrainSettings, settings)), analysis, as_json)
        several.hand_out(None)
        return
    both = {"train": _given(TrainSettings, settings), "analysis": _given(AnalysisSettings, settings)}
    _warn_of_gold(target)
    _tell_solving(target, both["train"])
    _do(target, "retrain", both, model, own_labels(target, model_labels))
    several.hand_out(None)
    _tell_version(target, as_json)


def _followed() -> bool:
    """Whether this is one of several processes that only take part in fine-tuning; they have then done so."""
    if not several.follows():
        return False
    from inffeed_core.models.fine_tuning import follow

    follow()
    return True


def _tell_cost(project: "Project", analysis: dict[str, Any]) -> None:
    """What influence through the training takes, before it begins."""
    from inffeed_core.analysis.replay_cost import analysis_cost

    if analysis["scope"] == "training":
        said = analysis_cost(project, analysis["retrains"]).said()
        tell(f"Influence through the training takes {said}.", err=True)


def carried_words(project: "Project", analysis: int) -> str:
    """How far the scores of an analysis carry, and a space; nothing where nobody knows."""
    from inffeed_core.flags.carrying import carried
    from inffeed_core.store import analyses, reading

    with reading(project.db) as db:
        found = next((carried(db, one) for one in analyses(db) if one.id == analysis), [])
    return "".join(f"{sentence} " for one in found for sentence in one.sentences)


def _warn_of_gold(project: "Project") -> None:
    """Warn of labels without gold before long work begins."""
    from inffeed_core.project.gold_coverage import gold_gaps
    from inffeed_core.store import count_by_split, project_settings, reading

    with reading(project.db) as db:
        gaps = gold_gaps(project_settings(db).labels, count_by_split(db))
    for gap in gaps:
        warn(gap)


def _tell_solving(project: "Project", train: dict[str, Any]) -> None:
    """How influence is solved for where labels are many, before it begins."""
    from inffeed_core.learning.solving_told import head_plan

    found = head_plan(project, TrainSettings.from_dict(train))
    if found is not None and found.said():
        tell(found.said(), err=True)


def _tell_time(project: "Project", settings: TrainSettings, analysis: AnalysisSettings, as_json: bool) -> None:
    from inffeed_core.learning import estimating

    found = estimating.estimate_time(project, settings, analysis)
    if found is None and settings.method != "instant":
        _do(project, "probe", {"train": settings.as_dict()})
        found = estimating.estimate_time(project, settings, analysis)
    if found is None:
        raise NotReady(
            "Nothing similar has been trained yet, so there is nothing to estimate from; run `inffeed train` first."
        )
    _tell_solving(project, settings.as_dict())
    more = "" if found.analysis else f" {_analysis_words(project, analysis)}"
    answer(found, as_json, lambda: f"About {in_words(found.seconds)} ({found.basis}).{more}")


def _analysis_words(project: "Project", analysis: AnalysisSettings) -> str:
    """What is known of the time of an analysis after a training, where none like it was measured."""
    from inffeed_core.analysis.replay_cost import analysis_cost, analysis_trainings

    if analysis.scope != "training":
        return "The analysis afterwards takes extra time."
    try:
        said = analysis_cost(project, analysis.retrains).said()
    except NotReady:  # the active version was not fine-tuned
        times = analysis_trainings(project, analysis.retrains)
        return f"Influence through the training afterwards takes about {times} times as long as the training."
    return f"Influence through the training of the active version takes {said}; that of the next takes as much."


def _given(kind: type[TrainSettings] | type[AnalysisSettings], values: dict[str, float | str | None]) -> dict[str, Any]:
    """Validated settings as a job takes them: what the user gave, and defaults for the rest."""
    given: dict[str, Any] = {k: v for k, v in values.items() if v is not None}
    if kind is TrainSettings:
        given["fine_tune"] = FineTuneSettings(**_known(FineTuneSettings, given))
    return kind(**_known(kind, given)).as_dict()


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {k: v for k, v in values.items() if k in names}


def own_labels(project: "Project", entries: tuple[str, ...]) -> dict[str, str] | None:
    """The project's label for each of a classifier's own, as `--model-labels` names them; None for no entry.

    An entry is split where a label of the project follows the =, so that labels may hold one themselves.
    """
    from inffeed_core.project.folder import settings_of

    labels = settings_of(project).labels
    found: dict[str, str] = {}
    for entry in entries:
        if entry.lstrip().startswith("{"):
            found |= _json_pairs(entry, labels)
            continue
        ends = [label for label in labels if entry.endswith(f"={label}") and len(entry) > len(label) + 1]
        if not ends:
            raise click.UsageError(
                f"--model-labels {entry!r} names no pair; write it as OWN=PROJECT, such as LABEL_0={labels[0]}, with "
                f"one of the project's labels: {', '.join(labels)}."
            )
        longest = max(ends, key=len)
        found[entry[: -len(longest) - 1]] = longest
    return found or None


def _json_pairs(entry: str, labels: tuple[str, ...]) -> dict[str, str]:
    try:
        told = json.loads(entry)
    except ValueError as error:
        raise click.UsageError(f"--model-labels {entry!r} cannot be read as JSON ({error}).") from error
    if not isinstance(told, dict) or not all(label in labels for label in told.values()):
        raise click.UsageError(
            f"--model-labels {entry!r} is no object from the model's labels to the project's: {', '.join(labels)}."
        )
    return told


def _do(
    project: "Project",
    kind: str,
    settings: dict[str, Any],
    model: str | None = None,
    model_labels: dict[str, str] | None = None,
) -> "Job":
    """Run a job. `model` is another encoder, which the project keeps if the job makes a version; `model_labels` are the
    project's label for each of its own."""
    from inffeed_core.jobs import run_here
    from inffeed_core.project.folder import model_reference

    if model is not None:
        settings = settings | {"model": model_reference(model)}
    if model_labels is not None:
        settings = settings | {"model_labels": model_labels}
    with shown_progress() as progress:
        return run_here(project, kind, settings, progress)


def _tell_version(project: "Project", as_json: bool) -> None:
    from inffeed_core.cli.version_words import trained_words
    from inffeed_core.store import active_version, reading, versions

    with reading(project.db) as db:
        made, active = versions(db)[-1], active_version(db)
    is_active = active is not None and active.id == made.id
    kept = active if not is_active else None
    answer({"version": made, "active": is_active}, as_json, lambda: trained_words(project, made, kept))


@click.command(epilog="Example: inffeed versions reviews")
@project_argument
@json_option
def versions(project: Path, as_json: bool) -> None:
    """List the model versions of the project DIR.

    The newest comes first; * marks the active one.
    """
    from inffeed_core.cli.version_words import f1_words, layers_words
    from inffeed_core.learning.comparing import all_versions

    found, active = all_versions(opened(project))
    facts = {"active": active.id if active else None, "versions": found}
    lines = [
        f"{'*' if active and v.id == active.id else ' '} {v.id:<5} {v.created[:16]}  {f1_words(v)}{layers_words(v)}"
        for v in found
    ]
    answer(facts, as_json, lambda: "\n".join(lines) or "No version yet; `inffeed train` makes one.")


@click.command(epilog="Example: inffeed promote reviews v1")
@project_argument
@click.argument("version")
@click.option("--by", default="command line", show_default=True, help="Who decided it; stored in the project.")
def promote(project: Path, version: str, by: str) -> None:
    """Make VERSION the active one of the project DIR.

    To roll back, promote an older one.
    """
    from inffeed_core import store

    with store.writing(opened(project).db) as db:
        store.promote(db, version, by)
    tell(f"{version} is the active version.")


@click.command("export-model", epilog="Example: inffeed export-model reviews v2 reviews-classifier")
@project_argument
@click.argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def export_model(project: Path, version: str, folder: Path, as_json: bool) -> None:
    """Write VERSION of the project DIR as a model for transformers.

    FOLDER must not exist. A version whose transformer was fine-tuned, or was a classifier from the start, loads with
    `pipeline("text-classification", model=FOLDER)`; for a version on a bare encoder, README.md says how to load it.
    """
    target = folder.expanduser().resolve()
    job = _do(opened(project), "export-model", {"version": version, "folder": str(target)})
    answer(job.result, as_json, lambda: f"{version} is in {target}; its README.md says how to use it.")


COMMANDS = (train, analyse, retrain, versions, promote, export_model)
