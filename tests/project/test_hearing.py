import pytest

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.project.hearing import said_of
from inffeed_core.records import Instance, SilverLabel, Source, SourceKind, Split
from inffeed_core.silver.said import Said

LABELS = ("negative", "positive")


def heard(project: Project) -> tuple[list[Instance], Said | None]:
    with store.reading(project.db) as db:
        found = list(store.instances(db))
        return found, said_of(db, found, LABELS)


def say(project: Project, *labels: SilverLabel) -> None:
    with store.writing(project.db) as db:
        for name in dict.fromkeys(one.source for one in labels):
            if name not in {one.name for one in store.sources(db)}:
                store.add_source(db, Source(name, SourceKind.LLM))
        store.record_silver_labels(db, labels)


def first(project: Project, split: Split) -> str:
    with store.reading(project.db) as db:
        return next(iter(store.instances(db, [split]))).id


def test_one_label_of_each_silver_text_says_no_more_than_the_text_itself(project: Project):
    assert heard(project)[1] is None


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION])
def test_a_label_of_gold_is_heard(project: Project, split: Split):
    gold = first(project, split)
    say(project, SilverLabel("judge", gold, "positive"))
    found, said = heard(project)
    assert said is not None
    row = [one.id for one in found].index(gold)
    assert int(said.spoken[row]) == 1
    assert sorted(said.labels[row].tolist()) == [-1, 1]
    assert int(said.spoken.sum()) == 1 + sum(one.split is Split.SILVER for one in found)


def test_what_is_said_of_test_gold_teaches_nothing(project: Project):
    say(project, SilverLabel("judge", first(project, Split.TEST), "positive"))
    assert heard(project)[1] is None
    say(project, SilverLabel("judge", first(project, Split.TRAIN), "positive"))
    found, said = heard(project)
    assert said is not None
    assert all(int(n) == 0 for one, n in zip(found, said.spoken, strict=True) if one.split is Split.TEST)


def test_a_second_label_and_a_confidence_are_heard(project: Project):
    silver = first(project, Split.SILVER)
    say(project, SilverLabel("judge", silver, "negative", 0.7))
    found, said = heard(project)
    assert said is not None
    row = [one.id for one in found].index(silver)
    assert int(said.spoken[row]) == 2
    assert said.confidence[row].nan_to_num(0).tolist() == [0, pytest.approx(0.7)]


def test_a_refusal_says_nothing(project: Project):
    say(project, SilverLabel("judge", first(project, Split.TRAIN), None, answer="I would rather not"))
    assert heard(project)[1] is None
