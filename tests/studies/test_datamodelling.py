import gzip
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from inffeed_core.cli import main
from inffeed_core.errors import NotReady
from inffeed_core.studies.fidelity import datamodelling
from inffeed_core.studies.fidelity.datamodelling import (
    linear_datamodelling_score,
    random_halves,
    read_problem,
    resampled_scores,
)

WORDS = ("good fine bright kind", "bad dull sad cruel")


@pytest.fixture
def folder(tmp_path):
    """A set whose label is told by its words."""
    generator = np.random.default_rng(0)
    rows = []
    for split, count in (("extension", 40), ("test", 12), ("seed", 4)):
        for i in range(count):
            words = generator.choice(WORDS[i % 2].split(), 3)
            rows.append({"id": f"{split}-{i}", "text": " ".join(words), "gold": "+-"[i % 2], "split": split})
    with gzip.open(tmp_path / "moods.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def test_the_score_is_1_for_scores_that_foretell_every_half_and_minus_1_for_their_opposite():
    generator = np.random.default_rng(0)
    scores, halves = generator.normal(size=(5, 30)), random_halves(30, 20, seed=1)
    losses = 3.0 - halves @ scores.T  # more help, less loss
    assert linear_datamodelling_score(scores, halves, losses).value == pytest.approx(1)
    assert linear_datamodelling_score(-scores, halves, losses).value == pytest.approx(-1)


def test_scores_that_know_nothing_get_about_0_and_an_interval_around_it():
    generator = np.random.default_rng(1)
    halves = random_halves(60, 80, seed=1)
    losses = generator.normal(size=(80, 40))
    found = linear_datamodelling_score(generator.normal(size=(40, 60)), halves, losses)
    assert found.low < found.value < found.high
    assert abs(found.value) < 0.1


def test_samples_of_two_methods_are_of_the_same_halves():
    generator = np.random.default_rng(2)
    scores, halves = generator.normal(size=(6, 30)), random_halves(30, 16, seed=1)
    losses = generator.normal(size=(16, 6))
    one, double = (resampled_scores(found, halves, losses) for found in (scores, 2 * scores))
    np.testing.assert_allclose(one, double)
    found = linear_datamodelling_score(scores, halves, losses)
    assert (one[0], *np.quantile(one[1:], [0.025, 0.975])) == (found.value, found.low, found.high)


def test_a_target_on_which_all_halves_agree_counts_as_nothing():
    halves = random_halves(10, 6, seed=0)
    scores = np.stack([np.arange(10.0), np.arange(10.0)])
    losses = np.stack([-(halves @ scores[0]), np.zeros(6)], axis=1)
    assert linear_datamodelling_score(scores, halves, losses).value == pytest.approx(0.5)


def test_halves_are_halves_and_repeat_with_their_seed():
    halves = random_halves(11, 4, seed=3)
    assert (halves.sum(1) == 5).all()
    assert (halves == random_halves(11, 4, seed=3)).all()
    assert (halves != random_halves(11, 4, seed=4)).any()


def test_training_is_determined_by_seed_and_rows(folder):
    problem = read_problem(folder, "moods")
    first, again, other = (problem.trained(seed) for seed in (0, 0, 1))
    half = problem.trained(0, random_halves(40, 1, seed=0)[0])
    weights = [next(model.parameters()).detach() for model in (first, again, other, half)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])


def test_the_command_tells_every_kind_of_score(folder, monkeypatch):
    monkeypatch.setattr(datamodelling, "EPOCHS", 1)
    arguments = [
        "bench",
        "fidelity",
        "--scope",
        "all",
        "--data",
        str(folder),
        "--halves",
        "3",
        "--seeds",
        "1",
        "--json",
    ]
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    kinds = ["index (default)", "EK-FAC alone", "exact (dual)", "gradient products", "chance"]
    assert [one["method"] for one in found if "damping" not in one["method"]] == kinds
    assert all(-1 <= one["score"]["low"] <= one["score"]["high"] <= 1 for one in found)


def test_a_missing_set_is_told(tmp_path):
    with pytest.raises(NotReady, match="nothing.jsonl.gz does not exist"):
        read_problem(tmp_path, "nothing")
