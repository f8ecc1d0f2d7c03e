"""The report of a retrain tells what lies in SQLite, and holds any text inert in one file."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from quiet import quiet
from small import active

from inffeed_core import store
from inffeed_core.cli import main
from inffeed_core.cli.languages import CODES
from inffeed_core.errors import NotReady
from inffeed_core.learning.report_words import ENGLISH
from inffeed_core.learning.retrain_page import retrain_page
from inffeed_core.learning.retrain_report import retrain_report
from inffeed_core.learning.training import retrain, train
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, Split
from inffeed_core.settings import AnalysisSettings, TrainSettings
from pages.languages import LANGUAGES

PLAIN = TrainSettings(max_tokens=32, recipe="plain", l2=1e-2)
ANALYSIS = AnalysisSettings(influencers=3, harmed=2, folds=2, neighbours=3)
HOSTILE = "<script>alert(1)</script>&\"'\u202e\x00[x](http://evil.example)"


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {f"{name}={value}" if name in ("src", "href") else name for name, value in attrs}

    def handle_data(self, data):
        self.text += data


def decide(project: Project, token: str, id: str, label: str | None, who: str = "Ada", **more: object) -> None:
    act = Act.RELABEL if label else Act.SKIP
    with store.writing(project.db) as db:
        store.record_decision(db, Decision(token, id, who, act=act, label=label, **more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def retrained(analysed_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """v3 was trained from v2 after a correction, a confirmation, one that was undone, and one that says nothing."""
    analysed = Project(shutil.copytree(analysed_once.folder, tmp_path_factory.mktemp("retrained") / "project"))
    train(analysed, PLAIN, quiet, ANALYSIS)
    with store.writing(analysed.db) as db:
        store.promote(db, "v2", "test")
        labels = {id: store.instance(db, id).label for id in ("silver-3", "silver-5", "silver-7")}
    other = {"negative": "positive", "positive": "negative"}
    decide(analysed, "a", "silver-3", other[labels["silver-3"]], HOSTILE.replace("\x00", ""), note=HOSTILE)
    decide(analysed, "b", "silver-5", labels["silver-5"])
    decide(analysed, "c", "silver-7", other[labels["silver-7"]])
    with store.writing(analysed.db) as db:
        store.undo_token(db, "c", "Ada", "undo c")
    decide(analysed, "d", "silver-9", None)
    change_settings(analysed, name=HOSTILE.replace("\x00", ""))
    retrain(analysed, PLAIN, ANALYSIS, quiet)
    decide(analysed, "later", "silver-1", "positive")
    return analysed


def test_the_report_tells_what_was_corrected_gained_and_foretold(retrained: Project):
    with store.reading(retrained.db) as db:
        version = store.versions(db)[-1]
    found = retrain_report(retrained, version.id)
    assert (found.parent.id, found.version.id) == ("v2", "v3")
    assert [(one.id, one.moved) for one in found.corrections] == [("silver-3", True), ("silver-5", False)]
    assert [one.token for one in found.corrections[0].decisions] == ["a"]
    assert (found.decisions, found.people["Ada"]) == (3, 2)
    assert found.comparison.test is not None
    assert found.foretold is not None
    assert found.explained
    known = version.report["foretold"]["behind"]  # type: ignore[index]
    assert {one for pairs in known.values() for one, _ in pairs} == {"silver-3"}
    assert found.compared == {Split.TEST: True, Split.VALIDATION: True}
    assert all(one.flip.id in known for one in found.flips)


def test_the_gains_behind_a_text_add_up_to_what_was_foretold_of_it(retrained: Project):
    """Of the validation texts their mean is the change that the parent foretold of the whole of validation."""
    report = active(retrained).report["foretold"]
    with store.reading(retrained.db) as db:
        validation = {one.id for one in store.instances(db, [Split.VALIDATION])}
    behind = {id: pairs for id, pairs in report["behind"].items() if id in validation}  # type: ignore[index]
    assert behind.keys() == validation
    mean = sum(gain for pairs in behind.values() for _, gain in pairs) / len(validation)
    assert -mean == pytest.approx(report["predicted"], rel=0.35)  # type: ignore[index] # which also has the new weights


@pytest.mark.parametrize("code", ["en", "zh"])
def test_the_page_stands_alone_and_holds_hostile_words_inert(retrained: Project, code: str):
    words = LANGUAGES[code].words["report"]
    page = retrain_page(retrain_report(retrained, "v3"), words).decode()
    seen = Tags(page)
    assert not seen.names & {"script", "a", "img", "link", "iframe", "object", "form", "input"}
    assert not any(name.startswith(("on", "src=", "href=")) for name in seen.attributes)
    assert "url(" not in page
    assert "default-src 'none'" in page
    assert "@media print" in page
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", page)
    assert seen.text.count("<script>alert(1)</script>&\"'\u202e") >= 3
    assert f'<html lang="{code}">' in page
    assert words["corrected"] in seen.text
    assert set(words) == set(ENGLISH)


def test_the_first_version_and_an_unknown_one_have_no_report(analysed: Project):
    with pytest.raises(NotReady, match="first version"):
        retrain_report(analysed, "v1")
    with pytest.raises(NotReady):
        retrain_report(analysed, "v9")


def test_the_command_writes_the_file_and_replaces_nothing(retrained: Project, tmp_path: Path):
    def run(*more: str, ok: bool = True) -> str:
        result = CliRunner().invoke(main, ["report", str(retrained.folder), *more])
        assert (result.exit_code == 0) is ok, result.output
        return result.output

    to = tmp_path / "report.html"
    assert "Wrote the report of v3" in run("--to", str(to))
    assert to.read_bytes() == retrain_page(retrain_report(retrained, "v3"))
    assert "there already" in run("--version", "v3", "--to", str(to), ok=False)
    run("--version", "v2", "--to", str(to), "--force")
    assert "cannot be written" in run("--to", str(tmp_path / "no" / "r.html"), ok=False)
    chinese = tmp_path / "zh.html"
    run("--version", "v3", "--to", str(chinese), "--language", "zh")
    words = LANGUAGES["zh"].words
    seen = Tags(chinese.read_text(encoding="utf-8")).text
    assert all(
        name in seen for name in (words["report"]["corrected"], words["splits"]["test"], words["acts"]["relabel"])
    )
    assert "macro-F1 on test" not in seen  # sentences of the core, too
    assert set(CODES) == set(LANGUAGES)
    assert "v9" in run("--version", "v9", "--to", str(tmp_path / "x.html"), ok=False)
    assert not (tmp_path / "x.html").exists()
