"""Sequence classifiers as sources: one that knows the labels, or one of entailment that is asked about each label.

Both read texts through the feature cache, so a run that was stopped goes on where it ended, and their logits come from
the head that the model brought.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.errors import ModelError
from inffeed_core.labelling.describing import Described, classifier, entailment, hypotheses
from inffeed_core.labelling.labellers import Answer
from inffeed_core.labelling.prompting import fields_of
from inffeed_core.labelling.reading import Reading
from inffeed_core.labelling.settings import LabelSettings
from inffeed_core.models.encoding import own_head
from inffeed_core.models.labels import label_mapping
from inffeed_core.models.sources import ModelFiles
from inffeed_core.project.folder import Project
from inffeed_core.records import Instance, Passage, Progress, Source
from inffeed_core.settings import TrainSettings


class Classifier:
    """A sequence classifier whose labels are the project's, by name, by position, or by a mapping."""

    def __init__(self, project: Project, about: Described, asked: LabelSettings, settings: TrainSettings) -> None:
        self._project, self._labels, self._settings = project, about.about.labels, settings
        [self._source] = about.sources
        self._files, own = classifier(asked.model)
        self._mapped = label_mapping(own, self._labels, asked.labels or None).mapping

    @property
    def sources(self) -> Sequence[Source]:
        """The one source."""
        return [self._source]

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """The likeliest of the project's labels with its probability; model labels that share one add up."""
        if not texts:
            return {self._source.name: []}
        passages = [one.passage for one in texts]
        logits = _logits(self._read(passages), progress)
        own = torch.softmax(logits.double(), 1)
        sums = torch.zeros(len(texts), len(self._labels), dtype=torch.float64)
        for column, label in enumerate(self._mapped.values()):
            sums[:, self._labels.index(label)] += own[:, column]
        return {self._source.name: _likeliest(sums, self._labels)}

    def reading(self, texts: Sequence[Instance]) -> Reading:
        """See `Reader`."""
        return self._read([one.passage for one in texts])

    def _read(self, passages: Sequence[Passage]) -> Reading:
        return _reading(self._project, self._files, self._settings, passages)


class ZeroShot:
    """A classifier of entailment: does the text entail "This text is about …"? (Yin et al., EMNLP 2019)."""

    def __init__(self, project: Project, about: Described, asked: LabelSettings, settings: TrainSettings) -> None:
        self._project, self._labels, self._settings = project, about.about.labels, settings
        [self._source] = about.sources
        self._files, own = classifier(asked.model)
        self._entailment = entailment(asked.model, own)
        self._hypotheses = hypotheses(about.about, asked)

    @property
    def sources(self) -> Sequence[Source]:
        """The one source."""
        return [self._source]

    def label(self, texts: Sequence[Instance], progress: Progress) -> Mapping[str, Sequence[Answer | None]]:
        """The label whose hypothesis has the highest logit of entailment; confidence by softmax over the labels."""
        if not texts:
            return {self._source.name: []}
        columns = []
        for asked in self._hypotheses:
            passages = [(fields_of(one), asked) for one in texts]
            columns.append(_logits(self._read(passages), progress)[:, self._entailment])
        likely = torch.softmax(torch.stack(columns, 1).double(), 1)
        return {self._source.name: _likeliest(likely, self._labels)}

    def reading(self, texts: Sequence[Instance]) -> Reading:
        """See `Reader`: each text with each hypothesis."""
        return self._read([(fields_of(one), asked) for asked in self._hypotheses for one in texts])

    def _read(self, passages: Sequence[Passage]) -> Reading:
        return _reading(self._project, self._files, self._settings, passages)


def _reading(project: Project, files: ModelFiles, settings: TrainSettings, passages: Sequence[Passage]) -> Reading:
    return Reading(
        model=files.name,
        passages=passages,
        cache=project.features,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
    )


def _logits(read: Reading, progress: Progress) -> Float[Tensor, "n k"]:
    """The classifier's own logits; what was encoded before comes from the cache."""
    found = read.features(progress)
    head = own_head(read.model, read.cache, max_tokens=read.max_tokens, progress=progress)
    if head is None:
        raise ModelError(f"{read.model!r} has no head of its own; choose a sequence classifier.")
    return head.logits(found)


def _likeliest(likely: Float[Tensor, "n c"], labels: Sequence[str]) -> list[Answer | None]:
    best = likely.argmax(1)
    sure = likely.gather(1, best.unsqueeze(1)).squeeze(1)
    return [Answer(label=labels[c], confidence=p) for c, p in zip(best.tolist(), sure.tolist(), strict=True)]
