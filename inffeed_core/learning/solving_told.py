"""How the next head's curvature will be solved with, told before it is fitted; imports no torch."""

import json
from pathlib import Path

from inffeed_core.errors import InfFeedError
from inffeed_core.models.sources import local_root
from inffeed_core.project.encoders import words_of
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import base_of
from inffeed_core.records import Split
from inffeed_core.settings import DEFAULT_DIMENSIONS, TrainSettings
from inffeed_core.solving import Plan, plan
from inffeed_core.store import active_version, count_by_split, project_settings, reading

WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")
"""What configurations of encoders call the numbers of a layer."""


def head_plan(project: Project, settings: TrainSettings) -> Plan | None:
    """The plan for a head on the texts to learn from that the project has now; None where the encoder's width is not
    known on this machine. With layers or TF-IDF left open, it is the one for all that may be chosen."""
    with reading(project.db) as db:
        about, version, counts = project_settings(db), active_version(db), count_by_split(db)
    rows = sum(n for split in (Split.TRAIN, Split.SILVER) for label, n in counts[split].items() if label)
    told = None if version is None or base_of(version) != about.model else version.report.get("features")
    width = told if isinstance(told, int) else _width(about.model, settings)
    if width is None or rows == 0:
        return None
    has = version is not None and told is not None and words_of(version) is not None
    asked = settings.tfidf in ("on", "auto") and not has
    words = min(settings.tfidf_dimensions or DEFAULT_DIMENSIONS, rows) if asked else 0
    return plan(rows, len(about.labels), width + words)


def _width(model: str, settings: TrainSettings) -> int | None:
    try:
        root = local_root(model)
        config = {} if root is None else json.loads(Path(root, "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, InfFeedError):
        return None
    found = next((config[name] for name in WIDTHS if isinstance(config.get(name), int)), None)
    return None if found is None else found * (1 if settings.layers == "last" else 2)
