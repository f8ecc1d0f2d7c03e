"""The experiment that defines every score: on the sample always, on real sets where INFFEED_DATA names their folder."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from quiet import quiet

from inffeed_core.settings import DEFAULT_MODEL
from inffeed_core.studies.draws import RepairSet, load
from inffeed_core.studies.fidelity.refits import Fidelity, check

REFITS = 150
ROWS = 1500
"""Real sets are cut to this many rows, so that 300 refits take seconds."""


@pytest.fixture(scope="module", params=["sample", "irony", "reviews_movies", "questions", "hate"])
def refitted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample_set: RepairSet
) -> Mapping[str, Fidelity]:
    if request.param == "sample":
        found = sample_set
    else:
        folder = Path(os.environ.get("INFFEED_DATA", ""))
        if not os.environ.get("INFFEED_DATA") or not (folder / f"{request.param}.jsonl.gz").is_file():
            pytest.skip(f"INFFEED_DATA names no folder with {request.param}.jsonl.gz")
        found = load(folder, request.param, DEFAULT_MODEL, tmp_path_factory.mktemp("features"), quiet)
    return {one.kind: one for one in check(found, REFITS, ROWS, quiet)}


def test_removal_scores_predict_refits_without_the_row(refitted: Mapping[str, Fidelity]):
    removal = refitted["removal"]
    assert removal.refits == REFITS
    assert removal.pearson >= 0.95
    assert 0.9 <= removal.slope <= 1.1


def test_relabel_gains_predict_refits_with_another_label(refitted: Mapping[str, Fidelity]):
    relabelling = refitted["relabelling"]
    assert relabelling.refits == REFITS
    assert relabelling.pearson >= 0.95
    assert 0.8 <= relabelling.slope <= 1.2


def test_leverage_correction_brings_the_magnitude_closer(refitted: Mapping[str, Fidelity]):
    plain = refitted["removal without leverage correction"]
    assert abs(refitted["removal"].slope - 1) <= abs(plain.slope - 1)
