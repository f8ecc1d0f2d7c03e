"""What each kind of job does: settings in, as JSON has them, and a result out that JSON can hold.

The functions import what computes, because that needs torch and starting a job does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, TrainSettings

Settings = Mapping[str, Any]
Work = Callable[[Project, Settings, Progress], dict[str, object]]


def train(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """A new version from today's labels, analysed like the last: {"version": id}. Takes {"train": …, "model": …}."""
    from inffeed_core.analysis import analysing
    from inffeed_core.learning import training

    analysis = analysing.settings_in_use(project)
    version = training.train(project, _train_settings(settings), progress, analysis, **_encoder(settings))
    return {"version": version.id}


def analyse(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Scores and flags of the active version: {"analysis": id, "version": id}. Takes {"analysis": AnalysisSettings}."""
    from inffeed_core.analysis import analysing

    analysis = analysing.analyse(project, _analysis_settings(settings), progress)
    return {"analysis": analysis.id, "version": analysis.version}


def retrain(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """A new version with its analysis: {"version": id}. Takes {"train": …, "analysis": …, "model": …}."""
    from inffeed_core.learning import training

    version = training.retrain(
        project, _train_settings(settings), _analysis_settings(settings), progress, **_encoder(settings)
    )
    return {"version": version.id}


def refresh(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Flags of the active version by today's labels: {"analysis": id, "version": id}. Takes {"decisions": row}."""
    from inffeed_core.analysis import analysing

    analysis = analysing.refresh(project, progress)
    return {"analysis": analysis.id, "version": analysis.version}


def explain(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Influencers of single instances: {"explained": n}. Takes {"ids": […]} and perhaps {"exact": true}."""
    from inffeed_core.analysis import analysing

    analysing.explain(project, settings["ids"], progress, exact=settings.get("exact", False))
    return {"explained": len(settings["ids"])}


def verify(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """The latest analysis against real refits: a `Verification` as a dict. Takes {"refits": n}, perhaps "scope"."""
    from inffeed_core.analysis import verifying

    return asdict(verifying.verify(project, settings["refits"], progress, settings.get("scope")))


def map_texts(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """The map of all texts by UMAP: {"texts": n}. Takes nothing."""
    from inffeed_core.analysis import mapping

    return {"texts": mapping.make_map(project, progress)}


def probe(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """How fast this machine fine-tunes: {"seconds_per_text", "method", "model"}. Takes {"train": …}."""
    from inffeed_core.learning import estimating

    return estimating.probe(project, _train_settings(settings), progress)


def export_model(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """A version as a folder for transformers: {"folder": path}. Takes {"version": id, "folder": path}."""
    from inffeed_core.learning import model_export

    folder = model_export.export_model(project, settings["version"], Path(settings["folder"]), progress)
    return {"folder": str(folder)}


def propose(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Proposed changes of training labels: {"set": id, "proposals": n}. Takes {"feedback": FeedbackSettings}."""
    from inffeed_core.feedback import proposing

    found = proposing.propose(project, FeedbackSettings.from_dict(settings.get("feedback", {})), progress)
    return {"set": found.id, "proposals": found.size}


def feedback(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Test proposals on validation and apply what it confirms: {"rounds": n, "confirmed": n}.

    Takes {"set": id, "ids": […] or null for all, "by": name, "rounds": at most}.
    """
    from inffeed_core.feedback import rounds

    given = (settings["set"], settings["ids"], settings["by"], settings["rounds"])
    done = rounds.run_rounds(project, *given, progress)
    return {"rounds": len(done), "confirmed": sum(one.act is not None for one in done)}


def label(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """Silver labels of a source: {"texts": n, "labels": {source: n}, "unlabelled": {source: n}}. Takes {"label": …}."""
    from inffeed_core.labelling import labelling
    from inffeed_core.labelling.settings import LabelSettings

    return labelling.label(project, LabelSettings.from_dict(settings["label"]), progress)


def health(project: Project, settings: Settings, progress: Progress) -> dict[str, object]:
    """What a closer look at the data finds: {"findings": [Finding as a dict], "at": time, "moment": […]}."""
    from inffeed_core.project.closer_look import look_closer

    return look_closer(project, progress)


KINDS: dict[str, Work] = {
    "train": train,
    "analyse": analyse,
    "retrain": retrain,
    "refresh": refresh,
    "explain": explain,
    "verify": verify,
    "map": map_texts,
    "probe": probe,
    "export-model": export_model,
    "propose": propose,
    "feedback": feedback,
    "label": label,
    "health": health,
}


def _train_settings(settings: Settings) -> TrainSettings:
    return TrainSettings.from_dict(settings.get("train", {}))


def _encoder(settings: Settings) -> dict[str, Any]:
    """Another encoder, and the project's label for each of its own."""
    return {name: settings.get(name) for name in ("model", "model_labels")}


def _analysis_settings(settings: Settings) -> AnalysisSettings:
    return AnalysisSettings.from_dict(settings.get("analysis", {}))
