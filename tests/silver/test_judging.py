"""Judging silver labels from all gold, for rankings."""

import pytest
import torch

from inffeed_core.influence import HeadData
from inffeed_core.silver.beliefs import Beliefs, Learned
from inffeed_core.silver.channel import UNKNOWN
from inffeed_core.silver.judging import Known, judge
from inffeed_core.silver.said import Said

CLASSES, WIDTH, GOLD, SILVER, VALIDATION = 3, 8, 150, 800, 150
SOURCES = 6


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor, Said]:
    """Features, truths, and what the sources say: the first takes class 0 for 1 in two fifths of its texts,
    and the others copy it with the same errors."""
    generator = torch.Generator().manual_seed(5)
    count = GOLD + SILVER + VALIDATION
    truth = torch.randint(CLASSES, (count,), generator=generator)
    features = torch.randn(count, WIDTH, generator=generator)
    features[:, :CLASSES] += 1.3 * torch.nn.functional.one_hot(truth, CLASSES)
    features = torch.nn.functional.normalize(features, dim=1)
    chance = torch.rand(count, 2, generator=generator)
    first = torch.where((truth == 0) & (chance[:, 0] < 0.4), 1, truth)
    second = torch.where(chance[:, 1] < 0.1, (truth + 1) % CLASSES, first)
    labels = torch.stack([first, *[second] * (SOURCES - 1)], 1)
    return features, truth, Said(labels=labels, confidence=torch.full(labels.shape, torch.nan, dtype=torch.float64))


def known_of(drawn: tuple[torch.Tensor, torch.Tensor, Said]) -> Known:
    features, truth, said = drawn
    rows = torch.cat([torch.arange(GOLD), torch.arange(GOLD + SILVER, len(truth))])
    return Known(
        features=features[rows],
        said=said.where(rows),
        truth=truth[rows],
        reviewed=torch.zeros(len(rows), dtype=torch.bool),
        classes=CLASSES,
    )


def test_wrong_labels_come_first_and_their_probability_holds(drawn: tuple[torch.Tensor, torch.Tensor, Said]):
    features, truth, said = drawn
    silver = slice(GOLD, GOLD + SILVER)
    found = judge(known_of(drawn), features[silver], said.where(torch.arange(len(truth))[silver]))
    given, gold = said.labels[silver, 0], truth[silver]
    doubt = 1 - found.posterior.gather(1, given.unsqueeze(1)).squeeze(1)
    wrong = given != gold
    assert float(wrong[doubt.argsort(descending=True)[:40]].double().mean()) > 0.8 > 4 * float(wrong.double().mean())
    assert float(doubt.mean()) == pytest.approx(float(wrong.double().mean()), abs=0.03)
    assert found.calibration.error < 0.06
    assert found.calibration.labels == SOURCES * (GOLD + VALIDATION)
    assert torch.allclose(found.posterior.sum(1), torch.ones(SILVER, dtype=torch.float64))


def test_is_the_same_every_time(drawn: tuple[torch.Tensor, torch.Tensor, Said]):
    features, _, said = drawn
    first, again = (judge(known_of(drawn), features, said).posterior for _ in range(2))
    assert torch.equal(first, again)


def test_calibration_is_measured_on_texts_that_were_not_seen(drawn: tuple[torch.Tensor, torch.Tensor, Said]):
    """With truths at random there is nothing to learn, so nothing may seem certain."""
    known = known_of(drawn)
    lots = torch.randint(CLASSES, known.truth.shape, generator=torch.Generator().manual_seed(1))
    shuffled = Known(known.features, known.said, lots, known.reviewed, CLASSES)
    found = judge(shuffled, drawn[0], drawn[2])
    assert found.calibration.error < 0.1
    assert float(found.posterior.max()) < 0.6


def test_labels_are_ranked_by_all_gold_and_the_report_tells_how_well(drawn: tuple[torch.Tensor, torch.Tensor, Said]):
    features, truth, said = drawn
    count = GOLD + SILVER
    silver = torch.where(torch.arange(count) < GOLD, UNKNOWN, said.labels[:count, 0])
    labels = torch.where(silver == UNKNOWN, truth[:count], silver)
    confirmed = torch.arange(count) < GOLD
    learned = Learned(
        data=HeadData(features[:count], labels, CLASSES),
        confirmed=confirmed,
        silver=silver,
        sources=torch.zeros_like(silver),
        said=said.where(torch.arange(count)),
    )
    beliefs = Beliefs(learned, (features[count:], truth[count:]), said.where(torch.arange(count, len(truth))))
    ranked, taught = beliefs.judged(), beliefs.posterior()
    assert torch.equal(ranked[confirmed], taught[confirmed])
    own = truth[GOLD:count].unsqueeze(1)
    losses = [float(-one[GOLD:].gather(1, own).log().mean()) for one in (ranked, taught)]
    assert losses[0] < losses[1]
    report = beliefs.report()
    assert report is not None
    assert report["labels"] == SOURCES * (GOLD + VALIDATION)
