"""The check of the data finds what was planted, says what to do, and is quiet about a sound project."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from commands import run
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import save_model

from inffeed_core import jobs, store
from inffeed_core.models.encoding import features
from inffeed_core.project import closer_look
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.health import FEW, Finding, Severity, health, leave_out
from inffeed_core.project.health_words import ENGLISH
from inffeed_core.project.near_texts import NearTexts, groups
from inffeed_core.records import Example, Split
from inffeed_core.settings import ProjectSettings, TrainSettings
from inffeed_core.store.twins import jaccard, words_of

LABELS = ("negative", "positive")
LONG = "a sentence of ten words that stands here to be"


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def project_of(folder: Path, *examples: tuple[str, str, str, Split], **about: object) -> Project:
    project = create_project(folder / "p", ProjectSettings("Checked", LABELS, **about))  # type: ignore[arg-type]
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(id, text, label, split) for id, text, label, split in examples])
    return project


def sound() -> list[tuple[str, str, str, Split]]:
    """FEW texts of each label in each gold split."""
    return [
        (f"{split}-{n}-{label}", f"{label}{n} {split}{n} alone", label, split)
        for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)
        for label in LABELS
        for n in range(FEW)
    ]


def found(project: Project) -> dict[str, Finding]:
    return {one.code: one for one in health(project).findings}


def test_a_sound_project_has_no_findings_and_an_empty_one_neither(tmp_path: Path):
    assert health(project_of(tmp_path / "sound", *sound())).findings == ()
    empty = health(project_of(tmp_path / "empty"))
    assert (empty.findings, empty.texts, empty.worst) == ((), 0, None)


def test_too_few_texts_and_single_labels_are_told_by_split(tmp_path: Path):
    rows = [row for row in sound() if row[3] is not Split.VALIDATION or row[2] == "positive"][:-1]
    ones = {one.code: one for one in health(project_of(tmp_path, *rows)).findings}
    assert ones["one-label"].severity is Severity.SERIOUS
    assert ones["one-label"].said == f"All {FEW} texts of validation have the label positive."
    assert ones["few-texts"].values["labels"] == f"positive ({FEW - 1})"
    assert ones["few-texts"].values["split"] == "test"
    assert str(FEW) in ones["few-texts"].advice


def test_missing_splits_and_labels_are_told_the_worst_first(tmp_path: Path):
    rows = [(f"t{n}", f"text {n}", "negative", Split.TRAIN) for n in range(2)]
    rows += [("t2", "text two", "positive", Split.TRAIN)]
    project = create_project(tmp_path / "p", ProjectSettings("Three", (*LABELS, "mixed")))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example(*row) for row in rows])
    ones = health(project).findings
    assert [one.code for one in ones] == ["no-validation", "no-label", "few-texts", "no-test"]
    assert ones[1].values["labels"] == "mixed"
    assert health(project).worst == ones[0]


def test_equal_texts_that_contradict_each_other_are_pairs(tmp_path: Path):
    project = project_of(
        tmp_path,
        ("s0", "Same  words", "negative", Split.SILVER),
        ("a", "same words", "positive", Split.TRAIN),
        ("b", "SAME words", "negative", Split.TRAIN),
        ("c", "same words", "positive", Split.TRAIN),
        ("s1", "other words", "negative", Split.SILVER),
        ("s2", "other words", "positive", Split.SILVER),
        ("s3", "other words", "", Split.SILVER),
    )
    ones = found(project)
    assert ones["conflict-gold"].texts == (("b", "a"),)
    assert set(ones["conflict-silver"].texts) == {("s0", "a"), ("s2", "s1")}


def test_exact_leaks_are_told_for_each_pair_of_splits_and_left_out(tmp_path: Path):
    project = project_of(
        tmp_path,
        ("t", "shared one", "positive", Split.TRAIN),
        ("v", "Shared one", "positive", Split.VALIDATION),
        ("v2", "shared two", "positive", Split.VALIDATION),
        ("e", "shared two", "positive", Split.TEST),
        ("s", "shared two", "positive", Split.SILVER),
    )
    ones = found(project)
    assert [ones[code].texts for code in ("leak-train", "leak-silver", "leak-held-out")] == [
        (("t", "v"),),
        (("s", "e"),),
        (("v2", "e"),),
    ]
    assert leave_out(project, "leak-held-out") == 1
    assert leave_out(project, "leak-train") == 2
    assert not {"leak-train", "leak-silver", "leak-held-out"} & set(found(project))
    with store.reading(project.db) as db:
        assert {one.id for one in store.instances(db)} == {"v", "e"}


def test_the_closer_look_finds_near_copies_once_and_not_equal_ones(tmp_path: Path):
    project = project_of(
        tmp_path,
        ("z", f"{LONG} train", "positive", Split.TRAIN),
        ("a", f"{LONG} held", "negative", Split.VALIDATION),
        ("e", f"{LONG} kept", "negative", Split.TEST),
        ("s", f"{LONG} silver", "positive", Split.SILVER),
        ("s2", f"{LONG} held", "positive", Split.SILVER),
        ("far", "nothing of the kind is said in here at all", "positive", Split.TRAIN),
        model="org/not-here",
    )
    jobs.run_here(project, "health", {}, quiet)
    ones = found(project)
    assert set(ones["near-train"].texts) == {("z", "a")}
    assert {id for id, _ in ones["near-silver"].texts} == {"s", "s2"}
    assert ("s2", "a") not in ones["near-silver"].texts
    assert ones["near-held-out"].texts == (("a", "e"),)
    assert [id for id, _ in ones["near-conflict"].texts] == ["a", "e"]
    assert "not on this machine" in ones["no-encoder"].said


def test_a_closer_look_is_known_to_be_of_older_data(tmp_path: Path):
    project = project_of(tmp_path, *sound(), model="org/not-here")
    assert health(project).looked_closer is None
    jobs.run_here(project, "health", {}, quiet)
    assert not health(project).changed_since
    with store.writing(project.db) as db:
        store.add_examples(db, [Example("new", "a new text", "positive", Split.TRAIN)])
    assert health(project).changed_since


def test_texts_that_are_cut_unknown_or_unlike_all_others(tmp_path: Path):
    model = save_model(tmp_path / "model", "BertModel")
    rows = [*sound(), ("long", "word " * 600, "positive", Split.TRAIN)]
    project = project_of(tmp_path, *rows, model=str(model))
    jobs.run_here(project, "health", {}, quiet)
    ones = found(project)
    assert ("long", "") in ones["cut"].texts
    assert "no-features" in ones
    settings = TrainSettings()
    with store.reading(project.db) as db:
        passages = [one.passage for one in store.instances(db)]
    features(
        str(model),
        passages,
        project.features,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        progress=quiet,
    )
    jobs.run_here(project, "health", {}, quiet)
    assert "no-features" not in found(project)


def test_what_lies_far_from_all_others_comes_first():
    noise = np.random.default_rng(0).normal(scale=0.05, size=(80, 6)).astype(np.float32)
    rows = noise + np.array([1, 0, 0, 0, 0, 0], dtype=np.float32)
    rows[17], rows[40] = [-1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]
    assert closer_look._far(rows)[:2].tolist() == [17, 40]
    assert len(closer_look._far(rows)) < 8


def test_a_finding_survives_json():
    one = Finding("cut", Severity.NOTE, 1, {"all": 3, "limit": 256}, (("a", ""),))
    assert Finding.from_dict(json.loads(json.dumps(asdict(one)))) == one
    assert all(f"{code}-do" in ENGLISH for code in ENGLISH if not code.endswith("-do"))


def test_the_command_tells_findings_in_words_and_json(tmp_path: Path):
    project = project_of(tmp_path, ("t", "x", "positive", Split.TRAIN), ("v", "x", "positive", Split.VALIDATION))
    said = run("health", project.folder, "--quick").stdout
    assert "SERIOUS: 1 train text is also in validation or test." in said
    assert "t and v" in said
    told = json.loads(run("health", project.folder, "--quick", "--json").stdout)
    assert told["findings"][0]["texts"] == []
    assert {"code", "severity", "advice"} <= set(told["findings"][0])
    assert "has no texts yet" in run("health", project_of(tmp_path / "empty").folder).stdout


words = st.sampled_from("abcdefghijkl")
passages = st.lists(st.lists(words, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(passages)
def test_no_near_text_is_missed(texts):
    index = NearTexts(texts)
    for n, text in enumerate(texts):
        own = words_of(text)
        near = {
            k
            for k, other in enumerate(texts)
            if other == text or (min(len(own), len(words_of(other))) >= 5 and jaccard(own, words_of(other)) >= 0.8)
        }
        assert set(index.near(text)) == near
        assert n in near


def test_groups_connect_what_is_near_through_others():
    one, two, three = (" ".join("abcdefghijklmnop"[n : n + 12]) for n in range(3))
    assert groups([one, "quite another text", three, two, "quite another text"]) == [[0, 2, 3], [1, 4]]


@pytest.mark.parametrize(("pair", "other", "near"), [("x", "x", True), ("x", "y", False), (None, "x", False)])
def test_second_texts_must_be_near_as_well(pair, other, near):
    first, second = ((f"{LONG} one", pair) if pair else f"{LONG} one"), (f"{LONG} two", other)
    assert (NearTexts([first]).near(second) == [0]) is near
