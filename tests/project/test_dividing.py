"""The app divides one gold file: by the shares, each label alike, near copies on one side, the same every time."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from commands import answer, run, write
from hypothesis import given, settings
from hypothesis import strategies as st

from inffeed_core import store
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused, SettingsError
from inffeed_core.project.dividing import GOLD, _targets, lacking
from inffeed_core.project.folder import Project, create_project
from inffeed_core.project.importing import commit, preview
from inffeed_core.project.near_texts import groups
from inffeed_core.records import Example, Instance, Split
from inffeed_core.settings import ProjectSettings

SHARES = (70.0, 15.0, 15.0)
OPTIONS = ImportOptions(text="text", label="label", shares=SHARES)


def project_at(folder: Path, labels: tuple[str, ...] = ("a", "b"), seed: int = 0) -> Project:
    return create_project(folder / f"p{seed}", ProjectSettings("Gold", labels, seed=seed))


def table(*rows: tuple[str, str]) -> Table:
    return Table("gold.csv", ("text", "label"), rows)


def different(label: str, count: int) -> list[tuple[str, str]]:
    """Texts that share no word."""
    return [(f"{label}{n}one {label}{n}two {label}{n}three {label}{n}four {label}{n}five", label) for n in range(count)]


def stored(project: Project) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


def test_each_label_is_divided_by_the_shares_and_the_preview_says_what_is_stored(tmp_path: Path):
    project, given = project_at(tmp_path), table(*different("a", 100), *different("b", 20))
    look = preview(project, given, OPTIONS)
    assert [look.counts[split] for split in GOLD] == [{"a": 70, "b": 14}, {"a": 15, "b": 3}, {"a": 15, "b": 3}]
    assert stored(project) == []
    commit(project, given, OPTIONS)
    assert Counter((one.split, one.label) for one in stored(project)) == {
        (split, label): n for split in GOLD for label, n in look.counts[split].items()
    }
    assert {one.id for one in stored(project)} >= {"train-000001", "validation-000018", "test-000018"}


def test_the_same_seed_gives_the_same_splits_and_another_seed_others(tmp_path: Path):
    given = table(*different("a", 40), *different("b", 40))
    found = []
    for folder, seed in (("one", 0), ("two", 0), ("three", 1)):
        project = project_at(tmp_path / folder, seed=seed)
        commit(project, given, OPTIONS)
        found.append({one.text: one.split for one in stored(project)})
    assert found[0] == found[1] != found[2]


def test_near_copies_stay_together_unless_one_says_otherwise(tmp_path: Path):
    long = "this text of ten words has a copy with another"
    rows = [*different("a", 30), *((f"{long} {end}", "a") for end in ("end", "ending", "tail")), *different("b", 30)]
    look = preview(project_at(tmp_path), table(*rows), OPTIONS)
    assert look.together == 3
    project = project_at(tmp_path, seed=5)
    commit(project, table(*rows), OPTIONS)
    splits = {one.text: one.split for one in stored(project)}
    assert len({splits[text] for text, _ in rows if text.startswith(long)}) == 1
    apart = ImportOptions(text="text", label="label", shares=SHARES, near_together=False)
    assert preview(project_at(tmp_path, seed=6), table(*rows, rows[0]), apart).together == 2


def test_a_copy_of_what_is_there_goes_where_that_is(tmp_path: Path):
    project = project_at(tmp_path)
    with store.writing(project.db) as db:
        store.add_examples(db, [Example("kept", "This is held out", "a", Split.TEST)])
    commit(project, table(("this is  held out", "a"), *different("a", 10), *different("b", 10)), OPTIONS)
    assert {one.split for one in stored(project) if "held" in one.text} == {Split.TEST}


def test_few_texts_of_a_label_are_spread_and_what_is_lacking_is_told(tmp_path: Path):
    rows = [*different("a", 30), *different("b", 3), *different("c", 2), *different("d", 1)]
    look = preview(project_at(tmp_path, ("a", "b", "c", "d")), table(*rows), OPTIONS)
    assert [look.counts[split].get("b") for split in GOLD] == [1, 1, 1]
    assert [look.counts[split].get("c") for split in GOLD] == [1, 1, None]
    assert lacking(look.counts, SHARES) == {Split.VALIDATION: ["d"], Split.TEST: ["c", "d"]}


def test_two_texts_of_a_label_go_to_train_and_validation_though_most_should_go_to_test(tmp_path: Path):
    options = replace(OPTIONS, shares=(25, 25, 50))
    look = preview(project_at(tmp_path), table(*different("a", 20), *different("b", 2)), options)
    assert [look.counts[split].get("a") for split in GOLD] == [5, 5, 10]
    assert [look.counts[split].get("b") for split in GOLD] == [1, 1, None]


@given(st.integers(0, 500), st.tuples(*[st.floats(0, 100)] * 3).filter(lambda s: s[0] > 0.01 and s[1] + s[2] > 0.01))
def test_targets_add_up_and_leave_no_split_empty_that_could_have_one(texts, shares):
    found = _targets(texts, dict(zip(GOLD, shares, strict=True)))
    assert sum(found.values()) == texts
    used = [split for split, share in zip(GOLD, shares, strict=True) if share]
    assert all(found[split] > 0 for split in used[:texts])
    assert not any(found[split] for split in GOLD if split not in used)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.text("xyz ", min_size=1, max_size=25).filter(str.strip), st.sampled_from("ab")), min_size=1)
)
def test_no_text_is_near_one_of_another_split(tmp_path_factory, rows):
    project = project_at(tmp_path_factory.mktemp("any"))
    commit(project, table(*rows), OPTIONS)
    found = stored(project)
    assert len(found) == len(rows)
    for group in groups([one.text for one in found]):
        assert len({found[n].split for n in group}) == 1


@pytest.mark.parametrize(
    "shares", [(0, 1, 1), (1, 0, 0), (1, -1, 1), (1, 1), (float("nan"), 1, 1), (1, float("inf"), 1)]
)
def test_shares_that_divide_nothing_are_refused(shares):
    with pytest.raises(SettingsError, match="70/15/15"):
        ImportOptions(text="text", label="label", shares=shares)


def test_options_survive_json_and_exclude_each_other():
    assert ImportOptions.from_dict({**OPTIONS.as_dict(), "shares": [70, 15, 15]}) == OPTIONS
    with pytest.raises(SettingsError, match="one split"):
        ImportOptions(text="text", label="label", split=Split.TRAIN, shares=SHARES)


def test_a_text_without_a_label_refuses_the_file_whole(tmp_path: Path):
    project = project_at(tmp_path)
    with pytest.raises(ImportRefused, match="Row 2: The label"):
        commit(project, table(("one", "a"), ("two", "")), OPTIONS)
    assert stored(project) == []


def test_the_command_splits_and_says_so(tmp_path: Path):
    rows = [f"{text},{label}" for text, label in (*different("a", 20), *different("b", 2))]
    gold = write(tmp_path / "gold.csv", ["text,label", *rows])
    folder = project_at(tmp_path).folder
    said = run("import", folder, gold, "--split-gold", "70/15/15", "--dry-run")
    assert "train: 14 a, 1 b" in said.stdout
    assert "No text of test has the label b" in said.stderr
    made = answer("import", folder, gold, "--split-gold", "70/15/15")
    assert made["added"] == {"train": 15, "validation": 4, "test": 3, "silver": 0}  # type: ignore[index]
    assert "three numbers" in run("import", folder, gold, "--split-gold", "most", code=2).stderr
    assert "contradict" in run("import", folder, gold, "--split-gold", "1/1/1", "--split", "test", code=2).stderr
    assert "--split-gold" in run("import", folder, gold, "--near-apart", code=2).stderr
    says = write(tmp_path / "all.csv", ["text,label,split", "one,a,train"])
    assert "in column split" in run("import", folder, says, "--split-gold", "1/1/1", code=2).stderr
