"""Slices: their scores are those of scikit-learn, and their expected wrong labels those of the analysis."""

import json

import numpy as np
import pytest
from commands import answer, run
from reviewing import Filling, make_reviewable
from sklearn.metrics import f1_score
from small import make_small

from inffeed_core import store
from inffeed_core.analysis.slices import FEWEST, slices
from inffeed_core.errors import NotReady

LABELS = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """60 validation and 60 silver texts of two forums; the model errs on the first 6 of the second, which are long."""
    made = make_reviewable(
        tmp_path_factory.mktemp("slices") / "project", Filling(silver=60, validation=60, labels=LABELS)
    )
    with store.writing(made.db) as db:
        for split in "vs":
            for n in range(60):
                forum, id = "one" if n < 30 else "two", f"{split}{n:03}"
                metadata = json.dumps({"forum": forum, "number": n, "empty": None})
                text = f"text {n:02}" + "!" * (n % 4) + " and so on" * (30 <= n < 36)
                db.conn.execute("UPDATE instance SET metadata = ?, text = ? WHERE id = ?", [metadata, text, id])
                right = "label" if not 30 <= n < 36 else "CASE label WHEN 'negative' THEN 'neutral' ELSE 'negative' END"
                db.conn.execute(f"UPDATE score SET predicted = {right} WHERE instance = ?", [id])
                chance = 0.6 if n < 30 else 0.1
                db.conn.execute(
                    "UPDATE ranking SET score = ? WHERE policy = 'likely-wrong' AND instance = ?", [chance, id]
                )
    return made


def of(found, kind, value):
    return next(one for one in found if (one.kind, one.value) == (kind, value))


def test_the_worst_slice_comes_first_with_the_score_that_scikit_learn_gives(project):
    found = slices(project)
    two, one = of(found, "metadata", "two"), of(found, "metadata", "one")
    assert [s.macro_f1.value for s in found] == sorted(s.macro_f1.value for s in found)
    with store.reading(project.db) as db:
        sql = "SELECT i.label, s.predicted FROM instance i JOIN score s ON s.instance = i.id"
        rows = db.execute(f"{sql} WHERE i.id BETWEEN 'v030' AND 'v059'").fetchall()
    gold, predicted = zip(*rows, strict=True)
    assert two.macro_f1.value == pytest.approx(f1_score(gold, predicted, average="macro", labels=np.unique(gold)))
    assert (two.name, two.texts, two.errors) == ("forum", 30, 6)
    assert two.macro_f1.low < two.macro_f1.value < two.macro_f1.high
    assert (one.errors, one.macro_f1.value) == (0, 1.0)
    assert {s.name for s in found if s.kind == "metadata"} == {"forum"}  # each number is a text of its own


def test_what_repair_would_bring_is_what_the_analysis_expects(project):
    found = slices(project)
    one, two = of(found, "metadata", "one"), of(found, "metadata", "two")
    assert (one.silver, two.silver) == (30, 30)
    assert (one.wrong, two.wrong) == pytest.approx((18.0, 3.0))
    assert one.gain == pytest.approx(30 * 0.8 * 0.002)
    assert two.listed[:6] == tuple(f"v{n:03}" for n in range(30, 36))
    assert two.listed[6:] == tuple(f"s{n:03}" for n in range(30, 60))


def test_lengths_share_out_the_texts_and_labels_come_in_pairs_that_are_confused(project):
    found = slices(project)
    lengths = [one for one in found if one.kind == "length"]
    assert sorted((one.value, one.texts) for one in lengths) == [
        ("0–8", 28),
        ("10–10", 13),
        ("9–9", 13),
    ]  # the long ones are few
    assert all(one.texts >= FEWEST for one in found)
    assert {one.value for one in found if one.kind == "labels"} == {"negative / neutral", "negative / positive"}
    assert of(found, "labels", "negative / neutral").texts == 40


def test_the_command_tells_the_same(project):
    assert [one["value"] for one in answer("slices", project.folder)] == [one.value for one in slices(project)]
    told = run("slices", project.folder).stdout
    assert "forum = two: 6 of 30 validation texts wrong; 3.0 of 30 silver labels expected to be wrong" in told
    assert len(run("slices", project.folder, "--limit", 2).stdout.splitlines()) == 2


def test_without_texts_enough_or_an_analysis_it_is_said(tmp_path):
    few = make_reviewable(tmp_path / "few", Filling(validation=4))
    assert "more validation gold" in run("slices", few.folder).stdout
    with pytest.raises(NotReady, match="train a model first"):
        slices(make_small(tmp_path / "small"))
