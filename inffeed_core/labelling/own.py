"""The project's own model of gold as a source: a softmax head on the encoder's features, fitted on train gold alone.

No text is labelled by a model that saw its label: silver texts never enter the fit, and a train text is labelled by a
fit on the other folds. Validation chooses the weight decay and the temperature, so the labels of its own texts look a
little better than they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.influence import HeadData, HeadFit, choose_l2
from inffeed_core.labelling.describing import Described
from inffeed_core.labelling.labellers import Answer
from inffeed_core.labelling.reading import Reading
from inffeed_core.project.encoded import Encoded, encode, usable
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Passage, Progress, Source, Split
from inffeed_core.settings import L2_GRID, AnalysisSettings, TrainSettings
from inffeed_core.silver.posteriors import calibrated, out_of_fold


class OwnModel:
    """A head on train gold, with the encoder that the project names."""

    def __init__(self, project: Project, about: Described, settings: TrainSettings) -> None:
        self._project, self._about, self._settings = project, about.about, settings
        [self._source] = about.sources

    @property
    def sources(self) -> Sequence[Source]:
        """The one source."""
        return [self._source]

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """The likeliest label of each text with its calibrated probability. Raises NotReady without enough gold."""
        gold = self._gold(progress)
        read = self._read([one.passage for one in texts]).features(progress)
        likely = calibrated(gold.fit, gold.validation.features, gold.validation.labels, read)
        held_out = out_of_fold(gold.data, gold.fit, AnalysisSettings().folds, self._about.seed)
        learned = {one.id: i for i, one in enumerate(gold.train.instances)}
        return {
            self._source.name: [
                self._answer(held_out[learned[one.id]] if one.id in learned else likely[i])
                for i, one in enumerate(texts)
            ]
        }

    def reading(self, texts: Sequence[Instance]) -> Reading:
        """See `Reader`: these texts, and the gold that it learns from."""
        with store.reading(self._project.db) as db:
            gold = usable(store.instances(db, (Split.TRAIN, Split.VALIDATION)))
        return self._read([one.passage for one in (*gold, *texts)])

    def _read(self, passages: Sequence[Passage]) -> Reading:
        settings = self._settings
        return Reading(
            model=self._about.model,
            passages=passages,
            cache=self._project.features,
            max_tokens=settings.max_tokens,
            batch_tokens=settings.batch_tokens,
            precision=settings.precision,
            windows=settings.windows,
            layers="last" if settings.layers == "auto" else settings.layers,
        )

    def _gold(self, progress: Progress) -> "_Gold":
        with store.reading(self._project.db) as db:
            as_of, count = store.last_decision_row(db), store.count_by_split(db)
        sizes = [sum(count[split].values()) for split in (Split.TRAIN, Split.VALIDATION)]
        if not all(sizes):
            raise NotReady(_too_little(*sizes))
        data = encode(
            self._project, self._about.model, self._settings, as_of, progress, (Split.TRAIN, Split.VALIDATION)
        )
        progress("Fitting a model of the gold", 0, 0)
        return _fitted(data, len(self._about.labels))

    def _answer(self, likely: Float[Tensor, " c"]) -> Answer:
        best = int(likely.argmax())
        return Answer(label=self._about.labels[best], confidence=float(likely[best]))


@dataclass(frozen=True, slots=True)
class _Gold:
    train: Encoded
    validation: Encoded
    data: HeadData
    fit: HeadFit


def _fitted(data: Encoded, classes: int) -> _Gold:
    train = data.where([i for i, x in enumerate(data.instances) if x.split is Split.TRAIN and x.confirmed])
    validation = data.only(Split.VALIDATION)
    if not validation.instances or len(set(train.labels.tolist())) < 2:
        raise NotReady(_too_little(len(train.instances), len(validation.instances)))
    head_data = HeadData(features=train.features, labels=train.labels, classes=classes)
    fit = choose_l2(head_data, validation.features, validation.labels, L2_GRID)
    return _Gold(train=train, validation=validation, data=head_data, fit=fit)


def _too_little(train: int, validation: int) -> str:
    return (
        f"The project has {train} train and {validation} validation gold texts; a model of the gold needs train texts "
        "of at least two labels, and validation texts. Import them first."
    )
