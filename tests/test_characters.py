"""What nobody can see is no text, no label, and no difference between two."""

import unicodedata
from pathlib import Path

import pytest

from inffeed_core import store
from inffeed_core.characters import as_label, is_blank, known_label, label_key, visible
from inffeed_core.data.options import ImportOptions
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import ImportRefused, SettingsError
from inffeed_core.models.labels import label_mapping
from inffeed_core.project import decision_rows
from inffeed_core.project.folder import Project, create_project, settings_of
from inffeed_core.project.importing import commit, preview
from inffeed_core.records import Act, Decision, Example, FlagFilter, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store.flags import wanted
from inffeed_core.store.instances import text_hash

INVISIBLE = [
    "\u200b",
    "\u3164",
    "\u2800",
    "\u00ad",
    "\u0301\u0308",
    "\u200d\ufe0f",
    "\U000e0041",
    "\u2060\ufeff",
    "\uffa0",
]
SPACES = ["\u00a0", "\u3000", "\u2028", "\u180e", "\u1680", " \u2003"]
NFC, NFD = "n\u00e9gatif", "ne\u0301gatif"
OPTIONS = ImportOptions("text", "label", split=Split.TRAIN)


@pytest.fixture
def french(tmp_path: Path) -> Project:
    return create_project(tmp_path / "p", ProjectSettings("French", (NFC, "positif")))


def file(*rows: tuple[str, str]) -> Upload:
    return Upload("some.tsv", "\n".join(["text\tlabel", *("\t".join(row) for row in rows)]).encode())


@pytest.mark.parametrize("text", [*INVISIBLE, *SPACES, "", "\u200b \u3164\u00ad"])
def test_a_text_that_nobody_sees_is_missing(french: Project, text: str) -> None:
    assert is_blank(text)
    with pytest.raises(ImportRefused, match=r"Row 2: The text .* is missing"):
        commit(french, file(("gut", NFC), (text or " ", NFC)), OPTIONS)
    with store.reading(french.db) as db:
        assert store.count_instances(db) == 0


@pytest.mark.parametrize("text", ["a", "\u0915\u093f", "\u2764\ufe0f", ".", "\ufffc", "\u0e01\u0e33", "0"])
def test_what_somebody_sees_is_a_text(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize("between", [*INVISIBLE[:4], "\u200e", "\u2066", "\ufeff"])
def test_no_duplicate_and_no_leak_hides_behind_it(french: Project, between: str) -> None:
    plain, hidden = "tout va bien ici", f"tout va{between} bien ici{between}"
    assert text_hash(plain) == text_hash(hidden)
    assert text_hash(plain) != text_hash(plain.replace("bien", "mal"))
    commit(french, file((plain, NFC), (hidden, NFC)), OPTIONS)
    with store.writing(french.db) as db:
        assert [len(group) for group in store.duplicates(db)] == [2]
        store.add_examples(db, [Example("v", f"{between}{plain}", NFC, Split.VALIDATION)])
        assert len(store.leaks(db)) == 2
        assert next(iter(store.instances(db, [Split.VALIDATION]))).text == f"{between}{plain}"  # stored as it came


@pytest.mark.parametrize("given", [NFD, f"\u200b{NFC}", f"{NFC}\u00a0", f" {NFD}\ufeff", "n\u00e9ga\u00adtif"])
def test_a_label_is_known_however_it_is_encoded(french: Project, given: str) -> None:
    assert preview(french, file(("a", given), ("b", "positif"))).problems == ()
    commit(
        french,
        file(("a", given), ("b", "foreign")),
        ImportOptions("text", "label", split=Split.SILVER, label_names={"foreign": given}),
    )
    with store.writing(french.db) as db:
        assert {one.label for one in store.instances(db)} == {NFC}
        store.record_decision(db, Decision("t", "silver-000001", "Ada", Act.KEEP, given))
        assert store.instance(db, "silver-000001").label == NFC
        condition, values = wanted(db, FlagFilter(labels=(given,)))
        sql = f"SELECT r.instance FROM (SELECT id AS instance FROM instance) r WHERE {condition}"
        assert len(list(db.query(sql, values))) == 2


def test_labels_of_sources_and_of_decisions_are_known_too(french: Project) -> None:
    table = Upload("s.csv", f"id,text,silver:a,silver:b\ns1,un,{NFD},{NFC}\u200b\ns2,deux,\u200b,positif\n".encode())
    commit(french, table, preview(french, table).options)
    with store.reading(french.db) as db:
        said = {(one.instance_id, one.source, one.label) for one in store.silver_labels(db)}
    assert said == {("s1", "a", NFC), ("s1", "b", NFC), ("s2", "b", "positif")}
    decided = Upload("d.csv", f"id,annotator,act,label,decided_at\ns1,Ada,keep,{NFD},2026-03-01T12:00:00Z\n".encode())
    decision_rows.commit_decisions(french, read(decided))
    with store.reading(french.db) as db:
        assert store.instance(db, "s1").label == NFC


def test_labels_are_stored_in_one_form_and_told_apart(tmp_path: Path) -> None:
    made = create_project(tmp_path / "p", ProjectSettings("p", (f"{NFD}\u200b", "positif")))
    assert settings_of(made).labels == (NFC, "positif")
    for labels in ((NFC, NFD), ("a", "a\u200b"), ("a b", "a\u00a0b"), ("a", "\u200b")):
        with pytest.raises(SettingsError, match="look the same|can be seen"):
            create_project(tmp_path / "q", ProjectSettings("q", labels))
    assert not (tmp_path / "q").exists()


def test_a_project_with_labels_in_another_form_keeps_them(french: Project) -> None:
    with store.writing(french.db) as db:
        store.save_project_settings(db, ProjectSettings("old", (NFD, "positif")))
    commit(french, file(("a", NFC)), OPTIONS)
    with store.reading(french.db) as db:
        assert [one.label for one in store.instances(db)] == [NFD]


def test_labels_that_are_different_stay_different() -> None:
    assert known_label("Positif", ["positif"]) is None
    assert known_label("a\u0301", ["a", "\u00e1"]) == "\u00e1"
    assert known_label("a b", ["ab"]) is None
    assert as_label(" \u2764\ufe0f ") == "\u2764\ufe0f"
    assert label_key("a\nb") != label_key("ab")
    assert visible(" a\u3000\u3164b ") == "a b"


def test_a_model_s_labels_are_matched_in_any_form() -> None:
    found = label_mapping([NFD.upper(), "positif\u200b"], [NFC, "positif"])
    assert set(found.mapping.values()) == {NFC, "positif"}
    assert unicodedata.is_normalized("NFC", next(iter(found.mapping.values())))
