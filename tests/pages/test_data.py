"""Data: in, over, and out."""

import csv
import importlib.metadata
import io
import json

import openpyxl
import pytest
from page_parts import button, texts

from inffeed_core import store
from inffeed_core.data.encodings import ENCODINGS
from inffeed_core.data.formats.known import SUFFIXES
from inffeed_core.data.neighbours.known import NEIGHBOURS
from inffeed_core.project.downloads import FORMS
from inffeed_core.project.exporting import export_bytes
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Example, SilverLabel, Source, Split
from inffeed_core.settings import ProjectSettings
from pages.languages import LANGUAGES


@pytest.fixture
def empty_project(tmp_path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("Empty", ("negative", "positive")))


def csv_of(*rows: tuple[str, ...]) -> tuple[str, bytes, str]:
    lines = io.StringIO()
    csv.writer(lines).writerows([("review", "stars", "shop"), *rows])
    return "train.csv", lines.getvalue().encode(), "text/csv"


def upload(app, *rows: tuple[str, ...]):
    app.file_uploader[0].set_value(csv_of(*rows)).run()
    assert not app.exception
    return app


def counts(project: Project) -> dict[Split, dict[str, int]]:
    with store.reading(project.db) as db:
        return store.count_by_split(db)


def test_an_empty_project_opens_at_the_import(open_page, empty_project):
    app = open_page("data", empty_project)
    assert len(app.file_uploader) == 1
    assert "negative, positive" in texts(app)


@pytest.mark.parametrize(
    ("view", "said"), [("Overview", "no data"), ("Texts", "no data"), ("Export", "nothing to export")]
)
def test_the_other_tabs_of_an_empty_project_say_what_to_do(open_page, empty_project, view, said):
    app = open_page("data", empty_project, view=view)
    assert any(said in s.value for s in app.subheader)


def test_a_file_is_previewed_and_then_imported(open_page, empty_project):
    app = upload(open_page("data", empty_project), ("fine", "positive", "x"), ("poor", "negative", "y"))
    assert "train: 1 positive, 1 negative" in texts(app)
    assert counts(empty_project)[Split.TRAIN] == {}
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    assert counts(empty_project)[Split.TRAIN] == {"negative": 1, "positive": 1}
    assert "train.csv: 2 train." in texts(app)
    with store.reading(empty_project.db) as db:
        assert {i.metadata["shop"] for i in store.instances(db)} == {"x", "y"}


def test_the_last_import_that_was_missing_stays_at_the_import_and_says_what_came(open_page, empty_project):
    with store.writing(empty_project.db) as db:
        for n, split in enumerate((Split.TRAIN, Split.VALIDATION) * 2):
            store.add_examples(db, [Example(f"{n}", f"Text {n}", ("positive", "negative")[n // 2], split)])
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("s.jsonl", b'{"text": "fine", "label": "positive"}', "text/plain")).run()
    app.segmented_control[0].set_value(Split.SILVER).run()
    button(app, "Import 1 row").click().run()
    assert not app.exception
    assert counts(empty_project)[Split.SILVER] == {"positive": 1}
    assert "s.jsonl: 1 silver." in texts(app)
    assert len(app.file_uploader) == 1


def test_foreign_label_names_are_mapped(open_page, empty_project):
    app = upload(open_page("data", empty_project), ("fine", "5", "x"), ("poor", "1", "y"))
    for role, column in (("text", "review"), ("label", "stars")):
        app.selectbox(key=next(s.key for s in app.selectbox if s.key.startswith(f"{role} "))).select(column)
    app.run()
    names = [s for s in app.selectbox if s.key.startswith("name ")]
    assert len(names) == 2
    assert button(app, "Import 2 rows").disabled
    for n, label in enumerate(("positive", "negative")):
        [s for s in app.selectbox if s.key.startswith(f"name {n} ")][0].select(label).run()
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    with store.reading(empty_project.db) as db:
        assert {i.text: i.label for i in store.instances(db)} == {"fine": "positive", "poor": "negative"}


def test_problems_are_shown_with_their_rows_and_nothing_can_be_imported(open_page, empty_project):
    app = upload(open_page("data", empty_project), ("fine", "positive", "x"), ("", "negative", "y"))
    assert "1 problem. " in texts(app)
    assert 2 in app.dataframe[0].value["Row"].tolist()
    assert button(app, "Import 2 rows").disabled


def test_a_file_that_is_no_table_is_refused_in_words(open_page, empty_project):
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("train.csv", b"", "text/csv")).run()
    assert "The file is empty." in texts(app)


def test_leaks_of_a_file_are_left_out_unless_one_insists(open_page, empty_project):
    with store.writing(empty_project.db) as db:
        store.add_examples(db, [Example("v", "Fine", "positive", Split.VALIDATION)])
    app = upload(open_page("data", empty_project, view="Import"), ("fine", "positive", "x"), ("poor", "negative", "y"))
    assert "1 train or silver text is also in validation" in texts(app)
    assert app.checkbox(key="leave_out_leakage").value is True
    button(app, "Import 2 rows").click().run()
    assert counts(empty_project)[Split.TRAIN] == {"negative": 1}


def test_leaks_and_duplicates_of_the_project_are_fixed_with_one_click(open_page, empty_project):
    examples = [("a", Split.TRAIN), ("b", Split.TRAIN), ("c", Split.VALIDATION)]
    with store.writing(empty_project.db) as db:
        store.add_examples(db, [Example(id, "same words", "positive", split) for id, split in examples])
    app = open_page("data", empty_project, view="Overview")
    app.get_by_key("fix_duplicates").click().run()
    assert counts(empty_project)[Split.TRAIN] == {"positive": 1}
    app.get_by_key("fix_leaks").click().run()
    assert counts(empty_project)[Split.TRAIN] == {}
    assert "No split contains a text twice" in texts(app)


def test_the_overview_counts_current_labels(open_page, reviewable_project):
    with store.writing(reviewable_project.db) as db:
        store.record_decision(db, Decision("t", "s000", "anna", Act.RELABEL, "positive"))
    table = open_page("data", reviewable_project, view="Overview").dataframe[0].value
    assert table.set_index("Label")["silver"].to_dict() == {"Total": 40, "negative": 19, "positive": 21}
    assert table["Total"].tolist() == [60, 29, 31]


def test_a_label_that_is_called_total_has_a_row_of_its_own(open_page, tmp_path):
    project = create_project(tmp_path / "p", ProjectSettings("Odd", ("Total", "(Total)", "Split", "train")))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example("a", "A text.", "Split", Split.TRAIN), Example("b", "b", "Total", Split.TRAIN)])
    rows = open_page("data", project, view="Overview").dataframe[0].value.to_numpy().tolist()
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("((Total))", 2, 2),
        ("Total", 1, 1),
        ("(Total)", 0, 0),
        ("Split", 1, 1),
        ("train", 0, 0),
    ]


def test_texts_are_searched_and_filtered(open_page, reviewable_project):
    app = open_page("data", reviewable_project, view="Texts")
    assert len(app.dataframe[0].value) == 60
    app.text_input(key="texts_query").input("validation").run()
    assert set(app.dataframe[0].value["Split"]) == {"validation"}
    app.multiselect(key="texts_labels").select("negative").run()
    assert set(app.dataframe[0].value["Label now"]) == {"negative"}
    app.text_input(key="texts_query").input("nowhere").run()
    assert any("No text matches" in s.value for s in app.subheader)


def test_texts_are_paged(open_page, empty_project):
    with store.writing(empty_project.db) as db:
        store.add_examples(db, [Example(f"i{n:03}", f"text {n}", "positive", Split.SILVER) for n in range(250)])
    app = open_page("data", empty_project, view="Texts")
    assert app.dataframe[0].value["Id"].tolist()[0] == "i000"
    app.number_input(key="texts_page").set_value(3).run()
    assert app.dataframe[0].value["Id"].tolist() == [f"i{n:03}" for n in range(200, 250)]
    app.text_input(key="texts_query").input("text").run()
    app.text_input(key="texts_query").input("i007").run()
    assert app.dataframe[0].value["Id"].tolist() == ["i007"]


def test_the_export_says_what_is_in_it(open_page, reviewable_project):
    app = open_page("data", reviewable_project, view="Export")
    assert "60 texts (12 train, 8 validation, 40 silver)" in texts(app)
    app.multiselect(key="export_splits").select(Split.SILVER).run()
    assert "40 texts (40 silver)" in texts(app)


def test_each_form_says_what_it_cannot_hold_before_its_file_is_there(open_page, reviewable_project):
    app = open_page("data", reviewable_project, view="Export")
    for form in FORMS:
        app.selectbox(key="export_form").set_value(form).run()
        assert not app.exception
        assert LANGUAGES["en"].words["data"][f"form_{form}"] in texts(app)
        [file] = app.get("download_button")
        assert not file.proto.disabled
    app.selectbox(key="export_form").set_value("cleanlab").run()
    assert f"cannot hold {NEIGHBOURS['cleanlab'].loses}" in texts(app)
    assert app.selectbox(key="export_form").options[1] == "Label Studio"


def test_a_form_whose_package_is_missing_says_how_to_install_it(open_page, reviewable_project, monkeypatch):
    here = importlib.metadata.version

    def version(name: str) -> str:
        if name == "spacy":
            raise importlib.metadata.PackageNotFoundError(name)
        return here(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    app = open_page("data", reviewable_project, view="Export")
    app.selectbox(key="export_form").set_value("spacy").run()
    assert 'pip install "inffeed[spacy]"' in texts(app)
    assert not app.get("download_button")


def test_an_export_comes_back_with_its_decisions(open_page, reviewable_project, empty_project):
    with store.writing(reviewable_project.db) as db:
        store.record_decision(db, Decision("t", "s000", "anna", Act.RELABEL, "positive"))
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("export.csv", export_bytes(reviewable_project, "csv"), "text/csv")).run()
    assert "1 decision in the export will be restored." in texts(app)
    button(app, "Import 60 rows").click().run()
    assert not app.exception
    with store.reading(empty_project.db) as db:
        restored = store.instance(db, "s000")
    assert (restored.original_label, restored.label, restored.annotator) == ("negative", "positive", "anna")


def test_the_uploader_offers_what_the_core_reads(open_page, empty_project):
    offered = {kind.lstrip(".") for kind in open_page("data", empty_project).file_uploader[0].proto.type}
    assert offered == {*SUFFIXES, "gz"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_encoding_has_its_words(language):
    assert set(LANGUAGES[language].words["encodings"]) == set(ENCODINGS)


@pytest.fixture
def of_sources(tmp_path) -> Project:
    """Two silver texts and one gold, with labels of two sources; they disagree on the first."""
    made = create_project(tmp_path / "s", ProjectSettings("Sources", ("negative", "positive")))
    with store.writing(made.db) as db:
        store.add_examples(db, [Example(id, f"text {id}", "", Split.SILVER) for id in "ab"])
        store.add_examples(db, [Example("g", "gold", "positive", Split.TRAIN)])
        for name in ("gpt-4o", "vader"):
            store.add_source(db, Source(name))
        said = [("gpt-4o", "a", "positive"), ("vader", "a", "negative"), ("gpt-4o", "b", "negative")]
        told = [SilverLabel(source, id, label, 0.9) for source, id, label in [*said, ("vader", "g", "negative")]]
        store.record_silver_labels(db, told)
    return made


def test_the_sources_are_told_and_one_is_chosen(open_page, of_sources):
    app = open_page("data", of_sources, view="Overview")
    frame = next(table.value for table in app.dataframe if "Kind" in table.value)
    assert list(frame["Source"]) == ["gpt-4o", "vader"]
    assert list(frame["Agrees, train"]) == ["", "0.0% of 1"]
    app.selectbox(key="source_to_use").select("vader").run()
    app.button(key="use_source").click().run()
    assert not app.exception
    assert "2 silver texts have another label now" in texts(app)
    assert "1 silver text has no label yet" in texts(app)
    assert counts(of_sources)[Split.SILVER] == {"negative": 1, "": 1}


@pytest.mark.parametrize(
    ("weighed", "said"),
    [
        ({"way": "stack", "known": 1500, "error": 0.0123, "labels": 3000}, "learned from 1,500 gold texts"),
        ({"way": "channel", "known": 1500, "error": 0.0123, "labels": 3000}, "off by 1.2% on average"),
        ({"way": "channel", "known": 1, "error": None, "labels": 0}, "1 gold text carries silver labels, and 100 are"),
    ],
)
def test_the_sources_tell_how_far_what_is_likely_wrong_can_be_trusted(open_page, reviewable_project, weighed, said):
    with store.writing(reviewable_project.db) as db:
        told = json.dumps({**weighed, "enough": 100})
        db.conn.execute("UPDATE version SET report = json_set(report, '$.posterior', json(?))", [told])
        store.add_source(db, Source("judge"))
    app = open_page("data", reviewable_project, view="Overview")
    assert any(said in caption.value for caption in app.caption)


def test_columns_of_sources_are_recognised_in_an_upload(open_page, empty_project):
    lines = "text,silver:gpt-4o,confidence:gpt-4o,silver:vader\nfine,positive,0.9,negative\npoor,negative,,\nodd,,,\n"
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("silver.csv", lines.encode(), "text/csv")).run()
    assert not app.exception
    assert "Labels by source: 2 gpt-4o, 1 vader" in texts(app)
    assert "1 no label yet" in texts(app)
    button(app, "Import 3 rows").click().run()
    assert counts(empty_project)[Split.SILVER] == {"positive": 1, "negative": 1, "": 1}


def test_a_second_upload_adds_labels_to_the_texts(open_page, of_sources):
    app = open_page("data", of_sources, view="Import")
    app.file_uploader[0].set_value(("more.csv", b"id,silver:new\na,negative\ng,positive\n", "text/csv")).run()
    assert not app.exception
    assert "2 texts of the project will get labels" in texts(app)
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    assert "2 texts that were there got silver labels" in texts(app)
    assert counts(of_sources)[Split.SILVER] == {"negative": 2}


def test_rows_of_decisions_are_imported_as_such(open_page, of_sources):
    lines = "id,annotator,act,label,decided_at\na,Ana,relabel,negative,2026-03-01T12:00:00Z\n"
    app = open_page("data", of_sources, view="Import")
    app.file_uploader[0].set_value(("said.csv", lines.encode(), "text/csv")).run()
    assert "1 new decision: 1 Ana" in texts(app)
    button(app, "Import 1 decision").click().run()
    assert not app.exception
    with store.reading(of_sources.db) as db:
        assert store.find(db, ["a"])["a"].annotator == "Ana"


def chosen(app, start: str):
    return next(one for kind in (app.selectbox, app.number_input) for one in kind if one.key.startswith(start))


def test_a_stray_quote_is_shown_in_both_readings_and_chosen(open_page, empty_project):
    app = open_page("data", empty_project)
    data = b'review\tstars\n"fine\tpositive\npoor"\tnegative\nbad\tnegative\n'
    app.file_uploader[0].set_value(("train.tsv", data, "text/plain")).run()
    assert "belong to the texts: 3 rows" in texts(app)
    assert "enclose cells: RFC 4180 quoting: 2 rows" in texts(app)
    assert not [b for b in app.button if b.label.startswith("Import ")]
    chosen(app, "layout quotes").select("none").run()
    button(app, "Import 3 rows").click().run()
    assert not app.exception
    assert counts(empty_project)[Split.TRAIN] == {"negative": 2, "positive": 1}


def test_a_file_without_a_header_is_asked_about(open_page, empty_project):
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("train.csv", b"fine,positive\npoor,negative\n", "text/csv")).run()
    assert "The first row may be column names or data" in texts(app)
    assert "is a label of the project" in texts(app)
    chosen(app, "layout header ").select("no").run()
    button(app, "Import 2 rows").click().run()
    assert not app.exception
    assert counts(empty_project)[Split.TRAIN] == {"negative": 1, "positive": 1}


def test_a_header_row_can_be_named(open_page, empty_project):
    app = open_page("data", empty_project)
    data = b"made by,me\n,\ntext,label\nfine,positive\n"
    app.file_uploader[0].set_value(("train.csv", data, "text/csv")).run()
    assert "The column names may be in a later row" in texts(app)
    chosen(app, "layout header_row").set_value(3).run()
    assert "train: 1 positive" in texts(app)
    assert button(app, "Import 1 row")


def test_a_sheet_is_chosen_though_the_first_cannot_be_read(open_page, empty_project):
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["#N/A", "positive"]):
        book.active.append(row)
    good = book.create_sheet("good")
    for row in (["text", "label"], ["fine", "positive"]):
        good.append(row)
    file = io.BytesIO()
    book.save(file)
    app = open_page("data", empty_project)
    app.file_uploader[0].set_value(("train.xlsx", file.getvalue(), "")).run()
    assert "Cell A2 holds #N/A" in texts(app)
    next(one for one in app.text_input if one.key.startswith("layout sheet")).set_value("good").run()
    assert "train: 1 positive" in texts(app)
    assert chosen(app, "layout sheet ").value == "good"
    app.run()
    assert "train: 1 positive" in texts(app)
    button(app, "Import 1 row").click().run()
    assert counts(empty_project)[Split.TRAIN] == {"positive": 1}


def test_equal_texts_with_different_labels_are_told(open_page, empty_project):
    app = upload(open_page("data", empty_project), ("fine", "positive", "x"), ("Fine", "negative", "y"))
    assert "1 text has another label than an equal text of the same split" in texts(app)
