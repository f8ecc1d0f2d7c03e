"""`inffeed import` of files whose layout has to be said: refused with the option, read as it says, unchanged before."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import run, write

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.data.layout import Layout
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import LayoutUnclear
from inffeed_core.project.folder import Project, create_project, open_project, settings_of
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Instance, Split
from inffeed_core.settings import ProjectSettings


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def stored(project: Project) -> list[Instance]:
    with store.reading(project.db) as db:
        return list(store.instances(db))


def contents(project: Project) -> list[tuple[str, str]]:
    return [(i.text, i.label) for i in stored(project)]


def test_a_stray_quote_is_refused_with_both_counts_and_then_read_as_it_is_said(empty: Project, tmp_path: Path) -> None:
    rows = ['"What a day\tpositive', "meh\tnegative", "no\tnegative", 'they said"\tpositive', "well\tnegative"]
    path = write(tmp_path / "a.tsv", ["text\tlabel", *rows])
    refused = run("import", empty.folder, path, code=1).stderr
    assert "--quotes none: 5 rows" in refused
    assert "--quotes double: RFC 4180 quoting: 2 rows" in refused
    assert contents(empty) == []
    run("import", empty.folder, path, "--quotes", "none")
    assert contents(empty) == [tuple(row.split("\t")) for row in rows]


def test_a_file_without_a_header_is_refused_and_then_read_by_number(empty: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["I love it,positive", "I hate it,negative"])
    refused = run("import", empty.folder, path, code=1).stderr
    assert "'positive' is a label of the project" in refused
    assert "--header yes" in refused
    assert "--header no" in refused
    named = run("import", empty.folder, path, "--text", "I love it", "--label", "positive", code=1).stderr
    assert "--header no" in named
    assert contents(empty) == []
    run("import", empty.folder, path, "--header", "no", "--text", "1", "--label", "2")
    assert contents(empty) == [("I love it", "positive"), ("I hate it", "negative")]


def test_the_library_asks_as_well_and_takes_columns_by_number(empty: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["7,I love it,positive", "8,I hate it,negative"])
    options = ImportOptions("2", "3", split=Split.TRAIN, id="1")
    for act in (lambda: preview(empty, path), lambda: commit(empty, path, options)):
        with pytest.raises(LayoutUnclear):
            act()
    table = read(path, Layout(header=False))
    assert preview(empty, table).options.label == "column 3"
    commit(empty, table, options)
    assert [(i.id, i.text, i.metadata) for i in stored(empty)] == [("7", "I love it", {}), ("8", "I hate it", {})]


NASTY = ("a,b", "x=1", 'say "so"', "né🙂", "NA", "two\nlines")


def test_labels_may_hold_any_character(tmp_path: Path) -> None:
    once = ",".join('"' + label.replace('"', '""') + '"' for label in NASTY)
    for name, options in (
        ("one", ["--labels", once]),
        ("many", [part for label in NASTY for part in ("--labels", label)]),
    ):
        run("new", tmp_path / name, *options)
        assert settings_of(open_project(tmp_path / name)).labels == NASTY
    assert "quote a label with commas" in run("new", tmp_path / "x", "--labels", '"a,b', code=2).stderr
    mapped = write(tmp_path / "a.csv", ["text,label", "one,p=q", "two,r", "three,s"])
    maps = ["--map", "p=q=x=1", "--map", '{"r": "two\\nlines", "s": "a,b"}']
    run("import", tmp_path / "many", mapped, *maps)
    assert [label for _, label in contents(open_project(tmp_path / "many"))] == ["x=1", "two\nlines", "a,b"]
    for wrong in ("pos", "=a,b", "{", '{"a": 1}'):
        assert "--map" in run("import", tmp_path / "many", mapped, "--map", wrong, code=2).stderr


def test_a_pair_that_can_be_several_must_be_written_as_json(tmp_path: Path) -> None:
    run("new", tmp_path / "p", "--labels", "b=c", "--labels", "c")
    path = write(tmp_path / "a.csv", ["text,label", "one,a", "two,c"])
    refused = run("import", tmp_path / "p", path, "--map", "a=b=c", code=2).stderr
    assert '--map \'{"a": "b=c"}\'' in refused
    run("import", tmp_path / "p", path, "--map", '{"a": "b=c"}')
    assert [label for _, label in contents(open_project(tmp_path / "p"))] == ["b=c", "c"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250"])
def test_guidelines_are_read_in_their_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "guidelines.txt"
    path.write_bytes("Świetny = positive\r\nsecond line\n".encode(encoding))
    said = ["--encoding", encoding] if encoding == "cp1250" else []
    run("new", tmp_path / "p", "--labels", "a,b", "--guidelines", path, *said)
    assert settings_of(open_project(tmp_path / "p")).guidelines == "Świetny = positive\nsecond line"
    run("settings", tmp_path / "p", "--guidelines", path, *said)
    if said:
        for command in (["new", tmp_path / "q", "--labels", "a,b"], ["settings", tmp_path / "p"]):
            refused = run(*command, "--guidelines", path, code=1).stderr
            assert "Świetny" in refused
            assert "--encoding" in refused
        assert not (tmp_path / "q").exists()
        assert "--guidelines" in run("settings", tmp_path / "p", *said, code=2).stderr


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (b"text,label\nfine,positive\n", None),
        (b"text\tlabel\nfine\tpositive\n", "tsv"),
        (b'{"text": "fine", "label": "positive"}\n', None),
        (b'[{"text": "fine", "label": "positive"}]', ".json"),
        (gzip.compress(b"text;label\nfine;positive\n", mtime=0), None),
    ],
)
def test_standard_input_is_read_and_standard_output_written(empty: Project, data: bytes, format: str | None) -> None:
    command = ["import", str(empty.folder), "-", *(["--format", format] if format else [])]
    done = CliRunner().invoke(main, command, input=data)
    assert done.exit_code == 0, done.output
    assert contents(empty) == [("fine", "positive")]
    for suffix in ("csv", "jsonl.gz", "parquet", "json"):
        written = CliRunner().invoke(main, ["export", str(empty.folder), "-", "--format", suffix])
        assert written.exit_code == 0, written.output
        assert "1 text written" in written.stderr
        assert read(Upload(f"a.{suffix}", written.stdout_bytes)).rows[0][1] == "fine"
    refused = CliRunner().invoke(main, ["export", str(empty.folder), "-", "--format", "doc"])
    assert (refused.exit_code, refused.stdout) == (1, "")
