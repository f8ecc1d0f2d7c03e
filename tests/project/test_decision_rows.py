"""A row for each decision: written, read into another copy, and read again without doubling anything."""

from pathlib import Path

import pytest
from commands import answer, run

from inffeed_core import review
from inffeed_core.data.reading import Upload, read
from inffeed_core.data.table import Table
from inffeed_core.errors import ImportRefused
from inffeed_core.project.decision_rows import ORDERS, commit_decisions, export_decisions, preview_decisions
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, Split
from inffeed_core.review.handing_out import HANDED_OUT_BY
from inffeed_core.settings import SENT
from inffeed_core.store import find, history, instances, reading, record_decision, writing

HEADER = "id,annotator,act,label,decided_at,note"
T = "2026-03-0{}T12:00:00.000Z"


def table(*rows: str, header: str = HEADER) -> Table:
    return read(Upload("said.csv", "\n".join([header, *rows]).encode()))


def said(project: Project) -> list[tuple[object, ...]]:
    with reading(project.db) as db:
        told = reversed(history(db))
        return [(d.instance_id, d.annotator, d.act, d.label, d.at, d.note, d.policy, d.suggested) for d in told]


@pytest.fixture
def answered(project: Project) -> Project:
    with writing(project.db) as db:
        for n, (id, who, act, label) in enumerate(
            [
                ("silver-0", "Ana", Act.RELABEL, "positive"),
                ("silver-0", "Bo", Act.KEEP, "negative"),
                ("silver-0", "Ana", Act.UNSURE, None),
                ("silver-1", "Bo", Act.LEAVE_OUT, None),
                ("train-1", "Ana", Act.FLAG, None),
            ],
            start=1,
        ):
            how = {"policy": ORDERS[-n], "suggested": "positive" if n == 1 else None}
            record_decision(
                db, Decision(f"t{n}", id, who, act, label=label, note=f"note {n}, so", at=T.format(n), **how)
            )
    review.undo(project, "Ana", "u")
    return project


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_decisions_come_back_in_another_copy_and_only_once(answered: Project, tmp_path: Path, format: str) -> None:
    from small import make_small

    path = tmp_path / f"said.{format}"
    assert export_decisions(answered, path) == 4
    other = make_small(tmp_path / "other")
    found = commit_decisions(other, read(path))
    assert (len(found.converted.decisions), found.known, found.by_annotator) == (4, 0, {"Ana": 2, "Bo": 2})
    assert said(other) == said(answered)
    with reading(answered.db) as a, reading(other.db) as b:
        assert list(instances(a)) == list(instances(b))
        assert find(b, ["silver-1"]) == {}, "left out there, left out here"
    for project in (answered, other):
        again = commit_decisions(project, read(path))
        assert (again.converted.decisions, again.known) == ([], 4)
    assert said(other) == said(answered)


def test_how_a_text_was_handed_out_is_told_and_checked(answered: Project, tmp_path: Path) -> None:
    assert set(ORDERS) == set(HANDED_OUT_BY)
    export_decisions(answered, tmp_path / "said.csv")
    written = read(tmp_path / "said.csv")
    told = [list(row[-2:]) for row in written.rows]
    assert told == [["again", "positive"], ["audit", ""], [SENT, ""], [ORDERS[-4], ""]]
    odd = table("silver-2,Ana,keep,negative,,,best,joy", header=f"{HEADER},handed_out_by,suggested_label")
    problems = "\n".join(map(str, preview_decisions(answered, odd).converted.problems))
    assert "'best' is not an order of flags" in problems
    assert "'joy' is not a label" in problems


def test_only_these_splits(answered: Project, tmp_path: Path) -> None:
    assert export_decisions(answered, tmp_path / "said.csv", splits=[Split.TRAIN]) == 0
    assert export_decisions(answered, tmp_path / "said.csv", splits=[Split.SILVER]) == 4


def test_several_annotators_labels_of_one_text(project: Project) -> None:
    rows = table("silver-0,Ana,negative", "silver-0,Bo,positive", header="id,worker,label")
    found = commit_decisions(project, rows)
    assert [d.act for d in found.converted.decisions] == [Act.KEEP, Act.RELABEL]
    with reading(project.db) as db:
        assert find(db, ["silver-0"])["silver-0"].disputed
    assert commit_decisions(project, rows).known == 2


def test_texts_are_found_by_their_words(project: Project) -> None:
    with reading(project.db) as db:
        one = find(db, ["silver-2"])["silver-2"]
    commit_decisions(project, table(f'"{one.text.upper()}",positive', header="text,label"), annotator="Ana")
    assert said(project)[0][:4] == ("silver-2", "Ana", Act.RELABEL, "positive")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("nobody,Ana,keep,negative,,", "no text with the id 'nobody'"),
        ("silver-0,Ana,approve,negative,,", "'approve' is not an act"),
        ("silver-0,Ana,undo,,,", "'undo' is not an act"),
        ("silver-0,Ana,keep,neutral,,", "'neutral' is not a label"),
        ("silver-0,Ana,keep,,,", "needs a label"),
        ("silver-0,Ana,unsure,negative,,", "carries no label"),
        ("silver-0,Ana,,,,", "neither an act nor a label"),
        ("silver-0,,keep,negative,,", "Nobody is named"),
        ("silver-0,Ana,keep,negative,yesterday,", "'yesterday' is not a time"),
        ("silver-0,Ana,keep,negative,2026-03-01T12:00:00,", "is not a time"),
        ("test-0,Ana,leave-out,,,", "measures the model"),
    ],
)
def test_a_wrong_row_refuses_all_and_is_named(project: Project, row: str, says: str) -> None:
    rows = table("silver-5,Ana,keep,negative,,", row)
    problems = preview_decisions(project, rows).converted.problems
    assert [p.row for p in problems] == [2]
    assert says in problems[0].problem
    with pytest.raises(ImportRefused):
        commit_decisions(project, rows)
    assert said(project) == []


def test_an_older_answer_does_not_take_the_place_of_a_newer_one(answered: Project) -> None:
    rows = table(f"silver-0,Bo,relabel,positive,{T.format(1)},late")
    assert "Bo answered about 'silver-0' later" in preview_decisions(answered, rows).converted.problems[0].problem


def test_rows_in_any_order_are_told_in_the_order_of_time(project: Project) -> None:
    rows = (f"silver-0,Ana,unsure,,{T.format(2)},", f"silver-0,Ana,keep,negative,{T.format(1)},")
    commit_decisions(project, table(*rows))
    assert [one[2] for one in said(project)] == [Act.KEEP, Act.UNSURE]


def test_columns_that_tell_too_little_are_refused(project: Project) -> None:
    problems = preview_decisions(project, table("x", header="what")).converted.problems
    assert [p.row for p in problems] == [None, None, None]


def test_the_command_line_writes_and_reads_them(answered: Project, tmp_path: Path) -> None:
    assert "4 decisions written" in run("export", answered.folder, tmp_path / "said.csv", "--decisions").stdout
    assert answer("import", answered.folder, tmp_path / "said.csv") == {"decisions": 0, "known": 4, "by_annotator": {}}
    (tmp_path / "more.csv").write_text("id,label\nsilver-7,pos\n", encoding="utf-8")
    how = ("--decisions", "--annotator", "Cy", "--map", "pos=positive")
    assert "1 new decision (1 of Cy)" in run("import", answered.folder, tmp_path / "more.csv", *how, "--dry-run").stdout
    assert len(said(answered)) == 4
    run("import", answered.folder, tmp_path / "more.csv", *how)
    assert said(answered)[-1][:4] == ("silver-7", "Cy", Act.KEEP, "positive")
