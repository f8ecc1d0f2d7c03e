"""Which of two versions is better, and on what that judgement rests."""

import json

import pytest
from reviewing import LABELS, Filling, examples

from inffeed_core import store
from inffeed_core.errors import NotReady
from inffeed_core.learning.comparing import PREDICTIONS, all_versions, changes, compare
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Example, Interval, Metrics, ModelVersion, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.analyses import ScoreRow

GIVEN = Filling(validation=60)
TEST = [Example(f"x{n:03}", f"test text {n}", LABELS[n % 2], Split.TEST) for n in range(40)]


def metrics(value: float, spread: float) -> Metrics:
    interval = Interval(value, value - spread, value + spread)
    return Metrics(60, interval, dict.fromkeys(LABELS, interval), 0.1, value)


def version(id: str, parent: str | None = None, validation: Metrics | None = None, **report: object) -> ModelVersion:
    return ModelVersion(id, parent, "", "none", "", "", 0, {}, 0, {}, validation, None, report)


@pytest.fixture
def project(tmp_path) -> Project:
    project = create_project(tmp_path / "p", ProjectSettings("Two versions", LABELS))
    with store.writing(project.db) as db:
        store.add_examples(db, examples(GIVEN))
    return project


def add(project: Project, one: ModelVersion, wrong: int | None = None) -> None:
    """Add a version; with `wrong` also an analysis in which so many validation texts are predicted wrongly."""
    with store.writing(project.db) as db:
        store.add_version(db, one)
        if wrong is None:
            return
        held_out = [e for e in examples(GIVEN) if e.split is Split.VALIDATION]
        rows = [
            ScoreRow(e.id, e.label, LABELS[1 - LABELS.index(e.label)] if n < wrong else e.label, 0.9, 0.1, 0, 0)
            for n, e in enumerate(held_out)
        ]
        store.put_scores(db, store.begin_analysis(db, one.id, 0, {}), rows, {})


def test_two_analysed_versions_are_compared_in_pairs(project):
    add(project, version("v1"), wrong=30)
    add(project, version("v2"), wrong=0)
    result = compare(project, "v1", "v2")
    assert result.difference == pytest.approx(0.5)
    assert result.interval is not None
    assert result.interval.low > 0
    assert result.examples == 60
    assert result.sentence.startswith("Macro-F1 rose significantly")
    assert "paired bootstrap over the 60 validation texts" in result.sentence


def test_the_order_of_comparison_is_the_sign(project):
    add(project, version("v1"), wrong=30)
    add(project, version("v2"), wrong=0)
    back = compare(project, "v2", "v1")
    assert back.difference == pytest.approx(-0.5)
    assert "fell significantly" in back.sentence


def test_a_small_difference_is_no_significant_change(project):
    add(project, version("v1"), wrong=2)
    add(project, version("v2"), wrong=1)
    assert compare(project, "v1", "v2").sentence.startswith("No significant change")


def test_a_stored_difference_from_the_parent_is_taken_as_it_is(project):
    add(project, version("v1", None, metrics(0.5, 0.1)))
    add(project, version("v2", "v1", metrics(0.6, 0.1), difference={"value": 0.1, "low": 0.02, "high": 0.18}))
    result = compare(project, "v1", "v2")
    assert result.interval == Interval(0.1, 0.02, 0.18)
    assert "+0.100" in result.sentence


def test_without_analyses_overlapping_intervals_are_no_significant_change_and_say_so(project):
    add(project, version("v1", None, metrics(0.5, 0.1)))
    add(project, version("v2", None, metrics(0.6, 0.1)))
    result = compare(project, "v1", "v2")
    assert result.interval is None
    assert result.sentence.startswith("No significant change, the intervals overlap")


def test_without_analyses_intervals_that_lie_apart_are_a_change(project):
    add(project, version("v1", None, metrics(0.5, 0.01)))
    add(project, version("v2", None, metrics(0.6, 0.01)))
    assert compare(project, "v1", "v2").sentence.startswith("Macro-F1 rose significantly")


def test_versions_without_validation_cannot_be_compared(project):
    add(project, version("v1"))
    add(project, version("v2"))
    assert "cannot be compared" in compare(project, "v1", "v2").sentence


def test_rolling_back_promotes_the_older_version_and_keeps_both(project):
    add(project, version("v1"))
    add(project, version("v2", "v1"))
    with store.writing(project.db) as db:
        store.promote(db, "v2", "somebody")
        store.promote(db, "v1", "somebody")
    known, active = all_versions(project)
    assert [v.id for v in known] == ["v2", "v1"]
    assert active is not None
    assert active.id == "v1"


def test_unknown_versions_are_refused(project):
    add(project, version("v1"))
    with pytest.raises(NotReady, match="v9"):
        compare(project, "v1", "v9")


def test_flips_and_confusions_tell_what_changed(project):
    add(project, version("v1"), wrong=3)
    add(project, version("v2"), wrong=1)
    found = changes(project, "v1", "v2")
    assert found is not None
    assert [(flip.before == flip.gold, flip.after == flip.gold) for flip in found.flips] == [(False, True)] * 2
    assert sum(map(sum, found.before)) == sum(map(sum, found.after)) == len(found.texts) == 60
    flip = found.flips[0]
    cell = found.of_cell(flip.gold, flip.before)
    assert flip in cell
    assert all(one.gold == flip.gold and flip.before in (one.before, one.after) for one in cell)
    assert [one.after == flip.before for one in cell] == sorted(
        (one.after == flip.before for one in cell), reverse=True
    )
    assert sum(found.before[c][c] for c in range(len(LABELS))) == 57
    assert sum(found.after[c][c] for c in range(len(LABELS))) == 59


def test_what_got_worse_stands_first(project):
    add(project, version("v1"), wrong=2)
    add(project, version("v2"))
    folder = project.models / "v2"
    folder.mkdir()
    right = [e for e in examples(GIVEN) if e.split is Split.VALIDATION]
    said = {e.id: e.label if n != 5 else LABELS[1 - LABELS.index(e.label)] for n, e in enumerate(right)}
    (folder / PREDICTIONS).write_text(json.dumps(said))
    found = changes(project, "v1", "v2")
    assert found is not None
    assert [flip.id for flip in found.flips] == [right[5].id, right[0].id, right[1].id]
    assert compare(project, "v1", "v2").examples == 60


def test_without_predictions_nothing_is_made_up(project):
    add(project, version("v1"), wrong=0)
    add(project, version("v2"))
    assert changes(project, "v1", "v2") is None


def test_without_a_test_set_it_says_that_nothing_confirms_a_rise(project):
    add(project, version("v1"), wrong=30)
    add(project, version("v2"), wrong=0)
    result = compare(project, "v1", "v2")
    assert (result.test, result.test_examples) == (None, 0)
    assert "there are no test texts" in result.test_sentence
    assert "Validation also chose the flags" in result.caveat


def test_the_change_on_test_is_told_beside_the_one_on_the_validation_that_chose(project):
    with store.writing(project.db) as db:
        store.add_examples(db, TEST)
    add(project, version("v1", None, metrics(0.5, 0.1)))
    add(project, version("v2", "v1", metrics(0.9, 0.1), difference={"value": 0.4, "low": 0.2, "high": 0.5}))
    assert "not stored; analyse them" in compare(project, "v1", "v2").test_sentence
    right = {one.id: one.label for one in TEST}
    other = {id: LABELS[1 - LABELS.index(label)] if n < 6 else label for n, (id, label) in enumerate(right.items())}
    for id, said in (("v1", right), ("v2", other)):
        (project.models / id).mkdir(parents=True)
        (project.models / id / PREDICTIONS).write_text(json.dumps(said))
    result = compare(project, "v1", "v2")
    assert "rose significantly: +0.400" in result.sentence
    assert result.test is not None
    assert result.test.value == pytest.approx(-6 / 40)
    assert result.test.low <= result.test.value <= result.test.high < 0
    assert result.test_sentence.startswith("On test: macro-F1 -0.150, 95 % interval -")
    assert "over the 40 test texts" in result.test_sentence


def test_predictions_of_the_folder_and_of_the_analysis_are_one_or_the_other(project):
    """A version of an earlier release keeps its validation predictions alone; its analysis predicted test as well."""
    with store.writing(project.db) as db:
        store.add_examples(db, TEST)
    for id in ("v1", "v2"):
        with store.writing(project.db) as db:
            store.add_version(db, version(id))
            rows = [ScoreRow(e.id, e.label, e.label, 0.9, 0.1, 0, 0) for e in TEST]
            store.put_scores(db, store.begin_analysis(db, id, 0, {}), rows, {})
        (project.models / id).mkdir(parents=True)
        (project.models / id / PREDICTIONS).write_text(json.dumps({"v000": "negative"}))
    result = compare(project, "v1", "v2")
    assert (result.examples, result.test_examples) == (1, 40)
