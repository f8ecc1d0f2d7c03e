from dataclasses import replace

import pytest
import torch

from inffeed_core.errors import Cancelled
from inffeed_core.influence import HeadData, HeadFit, Report, choose_l2, losses, probabilities
from inffeed_core.settings import L2_GRID, Recipe, TrainSettings
from inffeed_core.silver import beliefs as believing
from inffeed_core.silver.beliefs import Beliefs, Learned, beliefs, gold_fit
from inffeed_core.silver.recipes import TRUSTS, carried_out, fit_recipe

GOLD, SILVER = 60, 600


def two_clouds(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    return torch.randn(n, 12, generator=generator) + 0.8 * labels.unsqueeze(1), labels


VALIDATION = two_clouds(400, 1)
TEST = two_clouds(2000, 2)


def learned(wrong: float) -> tuple[Learned, torch.Tensor]:
    """Gold, then silver of which this share of class 0 says 1; and the truth of all."""
    features, truth = two_clouds(GOLD + SILVER, 0)
    silver = truth.clone()
    turned = (truth == 0) & (torch.rand(len(truth), generator=torch.Generator().manual_seed(3)) < wrong)
    silver[turned] = 1
    gold = torch.arange(len(truth)) < GOLD
    labels = torch.where(gold, truth, silver)
    data = HeadData(features, labels, 2, torch.ones(len(labels), dtype=torch.float64))
    return Learned(data, gold, torch.where(gold, -1, silver), torch.zeros_like(labels)), truth


def fitter(data: HeadData, report: Report) -> HeadFit:
    return choose_l2(data, *VALIDATION, L2_GRID, report=report)


def loss_on_test(fit: HeadFit) -> float:
    return float(losses(probabilities(fit.theta, TEST[0]), TEST[1]).mean())


@pytest.mark.parametrize("recipe", ["noise-aware", "drop-flagged", "auto"])
def test_much_wrong_silver_harms_less_than_when_taken_as_it_is(recipe: Recipe):
    given, _ = learned(0.6)
    _, plain = fit_recipe(Beliefs(given, VALIDATION), TrainSettings(recipe="plain"), fitter)
    _, fit = fit_recipe(Beliefs(given, VALIDATION), TrainSettings(recipe=recipe), fitter)
    assert loss_on_test(fit) < loss_on_test(plain) - 0.01


def test_auto_takes_what_validation_prefers():
    given, _ = learned(0.6)
    ways = [
        fit_recipe(Beliefs(given, VALIDATION), TrainSettings(recipe=name), fitter)
        for name in ("plain", "noise-aware", "auto")
    ]
    on_validation = [float(losses(probabilities(f.theta, VALIDATION[0]), VALIDATION[1]).mean()) for _, f in ways]
    assert on_validation[2] == min(on_validation[:2])
    assert ways[2][0].recipe == "noise-aware"


def test_confirmed_texts_are_taught_their_label_by_every_recipe():
    given, truth = learned(0.4)
    confirmed = given.confirmed.clone()
    confirmed[GOLD : GOLD + 50] = True
    labels = torch.where(confirmed, truth, given.data.labels)
    reviewed = replace(given, confirmed=confirmed, data=replace(given.data, labels=labels))
    known = Beliefs(reviewed, VALIDATION)
    certain = torch.nn.functional.one_hot(truth[: GOLD + 50], 2).double()
    soft = carried_out(known, "noise-aware").data.targets
    assert soft is not None
    assert torch.equal(soft[: GOLD + 50], certain)
    assert ((soft[GOLD + 50 :] > 0) & (soft[GOLD + 50 :] < 1)).all()
    weights = carried_out(known, "drop-flagged").data.weights
    assert weights is not None
    assert bool((weights[: GOLD + 50] == 1).all())
    assert 0 < int((weights == 0).sum()) < SILVER


def test_dropped_are_those_whose_silver_label_is_not_the_likeliest():
    given, truth = learned(0.5)
    weights = carried_out(Beliefs(given, VALIDATION), "drop-flagged").data.weights
    assert weights is not None
    wrong = given.data.labels != truth
    assert wrong[weights == 0].double().mean() > 0.6 > wrong[weights > 0].double().mean()


def test_without_silver_every_recipe_is_plain():
    given, _ = learned(0.0)
    gold = Learned(
        HeadData(given.data.features[:GOLD], given.data.labels[:GOLD], 2),
        given.confirmed[:GOLD],
        given.silver[:GOLD],
        given.sources[:GOLD],
    )
    way, _ = fit_recipe(Beliefs(gold, VALIDATION), TrainSettings(recipe="noise-aware"), fitter)
    assert way.data is gold.data


def test_what_reviewed_texts_tell_of_their_silver_label_is_not_taken_for_what_their_words_tell():
    """Only texts of silver 1 that read like 0 are reviewed: more of them are of class 0 than of others that read so."""
    given, truth = learned(0.6)
    first = beliefs(given, VALIDATION)
    odd = (given.silver == 1) & (first[:, 0] > 0.5)
    confirmed = given.confirmed | odd
    labels = torch.where(confirmed, truth, given.data.labels)
    reviewed = replace(given, confirmed=confirmed, data=replace(given.data, labels=labels))
    unseen, loss = ~confirmed, {}
    for trust in (1.0, 0.0):
        belief = beliefs(reviewed, VALIDATION, trust)[unseen]
        loss[trust] = float(-belief.gather(1, truth[unseen].unsqueeze(1)).log().mean())
    assert odd.sum() > 30
    assert loss[1.0] < loss[0.0]


@pytest.mark.parametrize("reviewed", [0, 5])
def test_progress_counts_to_the_end_of_all_paths(reviewed: int):
    given, truth = learned(0.3)
    confirmed = given.confirmed.clone()
    confirmed[GOLD : GOLD + reviewed] = True
    labels = torch.where(confirmed, truth, given.data.labels)
    given = replace(given, confirmed=confirmed, data=replace(given.data, labels=labels))
    heard: list[tuple[str, int, int]] = []
    fit_recipe(Beliefs(given, VALIDATION), TrainSettings(), fitter, lambda *one: heard.append(one))
    assert {(stage, of) for stage, _, of in heard} == {("Fitting the model", (8 if reviewed else 5) * len(L2_GRID))}
    done = [number for _, number, _ in heard]
    assert done == sorted(done)
    assert done[0] == 0
    assert done[-1] >= (7 if reviewed else 4) * len(L2_GRID)
    assert len(set(done)) > 20


def test_a_wish_to_cancel_is_heard_within_a_fit():
    given, _ = learned(0.3)

    def stop(stage: str, done: int, of: int) -> None:
        if done == 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fit_recipe(Beliefs(given, VALIDATION), TrainSettings(), fitter, stop)


def test_the_head_of_gold_alone_is_fitted_once_for_all_trusts(monkeypatch: pytest.MonkeyPatch):
    given, _ = learned(0.3)
    fits = []
    monkeypatch.setattr(believing, "gold_fit", lambda *args: fits.append(1) or gold_fit(*args))
    auto = fit_recipe(Beliefs(given, VALIDATION), TrainSettings(), fitter)
    assert fits == [1]
    ways = [TrainSettings(recipe="plain"), *(TrainSettings(recipe="noise-aware", trust=t) for t in TRUSTS)]
    found = [fit_recipe(Beliefs(given, VALIDATION), way, fitter) for way in ways]
    apart = min(found, key=lambda one: loss_on_validation(one[1]))
    assert (auto[0].recipe, auto[0].trust) == (apart[0].recipe, apart[0].trust)
    assert torch.equal(auto[1].theta, apart[1].theta)


def loss_on_validation(fit: HeadFit) -> float:
    return float(losses(probabilities(fit.theta, VALIDATION[0]), VALIDATION[1]).mean())
