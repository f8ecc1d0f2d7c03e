"""Whether TF-IDF of the project's own texts stands beside a version's encoder: as its settings say, or by validation.

Where that is left open (`auto`), a head on both is judged as the layers are (`layers.judged_by_loss`) beside one on the
encoder's features alone, which stay where the two are equal. The vectorizer is fitted on the texts to learn from: never
on validation or test, which stand for texts to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from inffeed_core.errors import ModelError, NotReady
from inffeed_core.learning.layers import MOST_TEXTS, LayerChoice, judged_by_loss, preferred
from inffeed_core.models.sources import resolve
from inffeed_core.models.tfidf import Vectorizer, fitted
from inffeed_core.project.encoded import Encoded, Material, with_words
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.records import Progress
from inffeed_core.settings import DEFAULT_DIMENSIONS, DEFAULT_TFIDF, AnalysisSettings, Pooled, TrainSettings

STAGE = "Fitting the model"


@dataclass(frozen=True, slots=True)
class WordChoice:
    """The vectorizer beside a version's encoder, and how validation judged it."""

    vectorizer: Vectorizer | None = None
    asked: int = DEFAULT_DIMENSIONS
    """Dimensions asked for; a small project has fewer."""
    tried: Mapping[str, float] = field(default_factory=dict)
    """Mean calibrated validation loss in nats with it (`on`) and without (`off`); empty where nothing was open."""

    @property
    def told(self) -> dict[str, object]:
        """As a version's report holds it: `tfidf`, None without one, and `tfidf_tried`."""
        made = self.vectorizer
        about = made and {
            "dimensions": self.asked,
            "width": made.dimension,
            "terms": len(made.terms),
            "texts": made.texts,
        }
        return {"tfidf": about, "tfidf_tried": dict(self.tried)}


def require_place_for_words(model: str, settings: TrainSettings) -> None:
    """Raise ModelError where words are asked for beside a model that has no place for them."""
    if settings.tfidf == "on" and resolve(model).pooling is None:
        raise ModelError(
            f"{model!r} is a sequence classifier: it is exported with its own last layer, which takes nothing beside "
            "its own features. Choose TF-IDF off (--tfidf off), or a bare encoder."
        )


def for_scope(settings: TrainSettings, analysis: AnalysisSettings | None) -> TrainSettings:
    """These settings, with TF-IDF that is left open given up where influence is to go through more than the head."""
    beyond = analysis is not None and analysis.scope != "head"
    return replace(settings, tfidf="off") if beyond and settings.tfidf == "auto" else settings


def chosen_features(
    project: Project, model: str, settings: TrainSettings, read: Mapping[Pooled, Encoded], progress: Progress
) -> tuple[LayerChoice, WordChoice, Material]:
    """What a version learns from: with the layers that validation prefers, and TF-IDF beside them where the settings or
    validation say so.

    Raises NotReady where the texts share too few words, ModelError, Cancelled.
    """
    classes = len(settings_of(project).labels)
    layers, material = preferred(read, classes, settings.silver_weight, progress)
    words, material = _chosen(project, model, settings, (layers, material), progress)
    return layers, words, material


def _chosen(
    project: Project, model: str, settings: TrainSettings, found: tuple[LayerChoice, Material], progress: Progress
) -> tuple[WordChoice, Material]:
    layers, material = found
    wanted, asked = settings.tfidf or DEFAULT_TFIDF, settings.tfidf_dimensions or DEFAULT_DIMENSIONS
    if wanted == "off" or (wanted == "auto" and not _is_open(model, settings, material)):
        return WordChoice(), material
    progress(STAGE, 0, 0)
    texts = [one.passage for one in material.learn.instances]
    vectorizer = fitted(texts, asked, project.features, lambda: progress(STAGE, 0, 0))
    if vectorizer is None:
        if wanted == "auto":
            return WordChoice(), material
        raise NotReady(
            "TF-IDF has nothing to count: hardly a word stands in two of the texts to learn from. Import more texts, "
            "or choose TF-IDF off (--tfidf off)."
        )
    both = replace(material, data=with_words(project, material.data, vectorizer, progress))
    if wanted == "on":
        return WordChoice(vectorizer, asked), both
    before = layers.tried.get(layers.layers)
    tried = {
        "off": judged_by_loss(material.learned.data, material.steering, progress) if before is None else before,
        "on": judged_by_loss(both.learned.data, both.steering, progress),
    }
    if tried["on"] < tried["off"]:
        return WordChoice(vectorizer, asked, tried), both
    return WordChoice(None, asked, tried), material


def _is_open(model: str, settings: TrainSettings, material: Material) -> bool:
    few = len(material.learn.instances) <= MOST_TEXTS
    return few and settings.method == "instant" and resolve(model).pooling is not None
