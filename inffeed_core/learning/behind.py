"""Which corrections are behind a text whose prediction flipped, by the parent's influence through the head.

The gain of a correction for a held-out text is minus what putting the earlier label back would gain, in nats of that
text's loss: above 0 where the correction helps the text towards its gold label.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inffeed_core.influence import HeadInfluence, logits
from inffeed_core.influence.scores import relabel_gains
from inffeed_core.project.encoded import Encoded
from inffeed_core.records import Instance

AT_ONCE = 60
MOST_TEXTS, MOST_CORRECTIONS = 300, 3
"""Held-out texts that are explained, the flipped ones first, and corrections named for each."""


def behind(
    here: HeadInfluence,
    after: Float[Tensor, "k d1"],
    held_out: Encoded,
    changed: Sequence[tuple[int, Instance, Instance]],
    labels: Sequence[str],
) -> dict[str, list[tuple[str, float]]]:
    """By id of a held-out text: (id of the correction, its gain), the strongest first.

    `here` is at the parent's optimum with the data of today, `after` the new head. `changed` has (row, before, now).
    """
    known = [(row, old.label, now) for row, old, now in changed if old.label in labels and old.label != now.label]
    moved = [(row, labels.index(old), now.id) for row, old, now in known]
    if not moved or not len(held_out.instances):
        return {}
    rows, olds = (torch.tensor([one[part] for one in moved]) for part in (0, 1))
    features, weights = here.data.features[rows].double(), here.data.row_weights[rows]
    ids = [id for *_, id in moved]
    told = {}
    for n, solved in _solved(here, held_out, _chosen(here.fit.theta, after, held_out)):
        projections = features @ solved[:, :-1].T + solved[:, -1]
        gains = relabel_gains(weights, projections, here.data.taught[rows], len(here.data.features))
        gain = -gains.gather(1, olds.unsqueeze(1)).squeeze(1)
        order = gain.abs().argsort(descending=True, stable=True)[:MOST_CORRECTIONS].tolist()
        told[held_out.instances[n].id] = [(ids[i], float(gain[i])) for i in order]
    return told


def _solved(
    here: HeadInfluence, held_out: Encoded, chosen: Sequence[int]
) -> Iterator[tuple[int, Float[Tensor, "k d1"]]]:
    """(place of a text, `G⁻¹ ∇L` of its loss), solved for `AT_ONCE` texts together: one alone takes almost as long."""
    for start in range(0, len(chosen), AT_ONCE):
        part = torch.tensor(chosen[start : start + AT_ONCE])
        yield from zip(
            part.tolist(), here.solved(here.loss_gradients(held_out.features[part], held_out.labels[part])), strict=True
        )


def _chosen(before: Float[Tensor, "k d1"], after: Float[Tensor, "k d1"], held_out: Encoded) -> list[int]:
    """The texts whose likeliest label changed first, then those whose logits moved most."""
    first, then = logits(before, held_out.features), logits(after, held_out.features)
    moved = (then - first).abs().amax(1) + 1e6 * (first.argmax(1) != then.argmax(1))
    return moved.argsort(descending=True, stable=True)[:MOST_TEXTS].tolist()
