"""The study of decision rules counts what it says, and trims no more than it says."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from inffeed_core.cli import main
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.rules import Judgement, calibration_error, first, gain, judge, markdown


def judgement(rule: str, decided: list[int], set: str = "one") -> Judgement:
    gold, given = np.array([0, 0, 1, 1]), np.array(decided)
    return Judgement(
        set=set,
        seed=0,
        training="plain",
        rule=rule,  # type: ignore[arg-type]
        offsets=rule == "macro-f1",
        gold=gold,
        decided=given,
        classes=2,
        macro_f1=float((gold == given).mean()),
        validation=0.5,
        loss=0.5,
        calibration=0.1,
    )


def test_the_gain_is_that_over_argmax_on_the_same_heads():
    found = [judgement("argmax", [0, 0, 0, 0]), judgement("calibrated", [0, 0, 0, 0])]
    found += [judgement("macro-f1", [0, 0, 1, 1])]
    mean, by_set = gain(found, "plain", "macro-f1")
    assert mean.value == by_set[0] == pytest.approx(1 - 1 / 3)
    assert gain(found, "plain", "calibrated")[0].value == 0
    said = markdown(found)
    assert "| one | 0.500 | 1.000 | +0.500 | 1 of 1 | 0.100, 0.100 |" in said
    assert "Mean gain +0.6667" in said


def test_calibration_is_measured_by_bins_of_probability():
    sure = np.array([[0.9, 0.1]] * 10)
    assert calibration_error(sure, np.array([0] * 9 + [1])) == pytest.approx(0)
    assert calibration_error(sure, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.4)


def test_every_rule_is_judged_on_every_training_of_a_draw(sample_set: RepairSet):
    found = list(judge(sample_set, 0))
    assert [(one.training, one.rule) for one in found] == [
        (training, rule) for training in ("plain", "auto") for rule in ("argmax", "calibrated", "macro-f1")
    ]
    assert found[0].macro_f1 == found[1].macro_f1
    short = first(sample_set, 20, 20)
    assert (len(short.silver), len(short.test_texts), len(short.gold)) == (20, 20, short.seed_rows + 20)
    assert len(short.validation_texts) == len(sample_set.validation_texts)


def test_a_folder_without_the_set_is_an_error(tmp_path):
    said = CliRunner().invoke(main, ["bench", "rules", "--data", str(tmp_path), "--sets", "none", "--json"])
    assert said.exit_code == 1
    assert "none" in said.output
    assert not said.stdout or json.loads(said.stdout)
