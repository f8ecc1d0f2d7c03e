"""Encoding a project's texts ahead of the work that needs them, here or on a cluster.

What is encoded is what the next training, analysis or labelling by the project's own encoder reads: every text that is
not excluded, labelled or not, through the encoder of the active version or, before the first one, of the project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inffeed_core import store
from inffeed_core.errors import NotReady, OnlyLastLayer
from inffeed_core.learning.layers import is_open
from inffeed_core.models.encoding import Engine, count_missing, features, here
from inffeed_core.models.places import Place, place_of
from inffeed_core.models.sources import resolve
from inffeed_core.project.encoders import located, trained_with, transformer_for
from inffeed_core.project.folder import Project, model_reference
from inffeed_core.records import Passage, Progress, Split
from inffeed_core.settings import Pooled, TrainSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Texts to encode, and how."""

    project: Project
    name: str
    """The encoder, as people know it."""
    model: str
    """Its hub id, or the folder where it is."""
    settings: TrainSettings
    layers: Pooled
    texts: Sequence[Passage]

    @property
    def place(self) -> Place:
        """Where the features lie."""
        chosen = self.settings
        return place_of(
            self.model,
            self.project.features,
            chosen.max_tokens,
            chosen.precision,
            windows=chosen.windows,
            layers=self.layers,
        )

    def missing(self) -> int:
        """How many distinct texts are still to be encoded."""
        return count_missing(
            self.model,
            self.texts,
            self.project.features,
            max_tokens=self.settings.max_tokens,
            precision=self.settings.precision,
            windows=self.settings.windows,
            layers=self.layers,
        )

    def encode(self, progress: Progress, engine: Engine = here) -> int:
        """Encode what is missing; how many texts that were. Raises what `features` and the engine do."""
        missing = self.missing()
        if missing:
            features(
                self.model,
                self.texts,
                self.project.features,
                max_tokens=self.settings.max_tokens,
                batch_tokens=self.settings.batch_tokens,
                precision=self.settings.precision,
                windows=self.settings.windows,
                layers=self.layers,
                progress=progress,
                engine=engine,
            )
        return missing


def ahead(project: Project, given: dict[str, object], model: str | None, progress: Progress) -> Ahead:
    """What to encode for the project.

    `given` are fields of TrainSettings that differ from those of the active version, and `model` another encoder, for
    a trial: the project keeps its own. Raises NotReady for a project without texts, SettingsError, ModelError.
    """
    with store.reading(project.db) as db:
        about, active = store.project_settings(db), store.active_version(db)
        found = list(store.instances(db, tuple(Split)))
    if not found:
        raise NotReady("The project has no texts yet; import gold and silver data first.")
    name = model_reference(model) if model else transformer_for(about.model, active)
    known = TrainSettings() if active is None or model else replace(trained_with(active), method="instant")
    settings = replace(known, **given)  # type: ignore[arg-type] # the command line gives each its type
    path = located(project, name, progress)
    open_layers: Pooled = "middle+last" if is_open(settings, found) else "last"
    layers = open_layers if settings.layers == "auto" else settings.layers
    if settings.layers == "auto":
        try:
            resolve(path, layers)
        except OnlyLastLayer:
            layers = "last"
    return Ahead(
        project=project,
        name=name,
        model=path,
        settings=settings,
        layers=layers,
        texts=[one.passage for one in found],
    )
