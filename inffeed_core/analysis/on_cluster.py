"""What an analysis computes on a cluster: the gradients of all learned texts, for the scopes beyond the head."""

from typing import TYPE_CHECKING

from inffeed_core import store
from inffeed_core.analysis.analysing import load
from inffeed_core.analysis.scopes import require_head_scope
from inffeed_core.errors import NotReady
from inffeed_core.project.encoders import trained_with
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress
from inffeed_core.settings import AnalysisSettings

if TYPE_CHECKING:
    from inffeed_core.models.ray_cluster import Cluster

INDEXED = ("last-block", "all")
"""Scopes that need an index."""


def learned_texts(project: Project) -> int:
    """How many texts the active version learned from, whose gradients an index holds. Raises NotReady without one."""
    with store.reading(project.db) as db:
        version = store.active_version(db)
    if version is None:
        raise NotReady("There is no model version yet; train one first (`inffeed train`, or the Models page).")
    return sum(version.train_counts.values())


def index_on(project: Project, settings: AnalysisSettings, cluster: "Cluster", progress: Progress) -> None:
    """Build the index of the active version on the cluster, for an analysis with these settings to find it.

    Raises what `analyse` does.
    """
    from inffeed_core.analysis.whole_model_tier import make_index  # imports transformers

    state = load(project, settings, progress)
    require_head_scope(trained_with(state.version), settings)
    make_index(project, (state.version, state.transformer), state.learn, settings, progress, cluster)
