"""Every language says the same things, and pages say nothing of their own."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from page_parts import button, texts
from sources import tree

from inffeed_core import wording
from inffeed_core.wording import Sentence, filled, reworded
from pages.components import navigation
from pages.languages import LANGUAGES

PAGES = Path(__file__).parents[2] / "pages"
SOURCES = sorted(path for path in PAGES.rglob("*.py") if "languages" not in path.parts)
ENGLISH = LANGUAGES["en"].words
OTHERS = sorted(set(LANGUAGES) - {"en"})
WORDS = re.compile(r"^[A-Z][a-z]+\b|[A-Za-z]{2,},? [a-z]{2,}")
"""A capitalised word at the start, or two words in a row."""
SAYING = ("say", "counted")


def phrases(words: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every phrase with its place in the table."""
    if isinstance(words, str):
        yield path, words
    else:
        pairs = words.items() if isinstance(words, dict) else enumerate(words)
        for key, inner in pairs:
            yield from phrases(inner, f"{path}.{key}")


def places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_each_language_has_every_phrase_with_the_same_places(code):
    english, other = dict(phrases(ENGLISH)), dict(phrases(LANGUAGES[code].words))
    assert set(english) == set(other)
    assert {key for key in english if places(english[key]) != places(other[key])} == set()
    assert all(other.values())


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_was_left_untranslated(code):
    same_everywhere = re.compile(
        r"^[^a-z]*$|^\{|InfFeed|Parquet|Enter|Esc|nats|\bId\b|UTC|^inffeed |^http|^\W*\w+\.\w+\W*$"
    )
    english = dict(phrases(ENGLISH))
    left = [key for key, said in phrases(LANGUAGES[code].words) if said == english[key]]
    assert [key for key in left if not same_everywhere.search(english[key])] == []


def literals(program: ast.AST) -> Iterator[ast.Constant]:
    """Strings of the source that are neither documentation nor part of a key."""
    documentation = {
        id(node.value)
        for node in ast.walk(program)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(program):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PAGES)))
def test_no_page_carries_a_literal(source):
    assert [(n.lineno, n.value) for n in literals(tree(source)) if WORDS.search(n.value)] == []


@pytest.mark.parametrize("source", sorted(PAGES.rglob("*.js")), ids=lambda path: path.name)
def test_no_script_carries_a_literal(source):
    code = re.sub(r"(?m)//.*$|/\*.*?\*/", "", source.read_text(encoding="utf-8"))
    assert re.findall(r'"[A-Z][a-z]+,? [a-z][^"]*"', code) == []


def test_no_box_is_left_the_placeholder_of_streamlit():
    """Which it says in English where nothing is chosen."""
    calls = [(path, call) for path in sorted(PAGES.rglob("*.py")) for call in ast.walk(tree(path)) if is_box(call)]
    assert len(calls) > 10
    lacking = [
        f"{path.name}:{call.lineno}" for path, call in calls if "placeholder" not in {one.arg for one in call.keywords}
    ]
    assert lacking == []


def is_box(call: ast.AST) -> bool:
    """Whether it is a select box in which nothing may be chosen."""
    if not isinstance(call, ast.Call):
        return False
    name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    given = {one.arg: one.value for one in call.keywords}
    empty = isinstance(index := given.get("index"), ast.Constant) and index.value is None
    return name == "multiselect" or (name == "selectbox" and empty) or (name == "choice" and "default" not in given)


def test_every_phrase_that_a_page_says_is_there_with_its_values():
    for source in SOURCES:
        for call in ast.walk(tree(source)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in SAYING:
                check(call, source)


def check(call: ast.Call, source: Path) -> None:
    key, given = call.args[0], {word.arg for word in call.keywords}
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
        return  # a key that is put together is said in some test of its page
    section, _, name = key.value.partition(".")
    for ending in ("_one", "_many") if call.func.id == "counted" else ("",):
        wanted = places(ENGLISH[section][name + ending]) - ({"count"} if ending else set())
        assert given >= wanted or None in given, (source.name, key.value, wanted - given)


def test_every_sentence_of_the_core_survives_a_copy_and_a_translation():
    from copy import deepcopy

    said = Sentence("order-and-overlap", order=Sentence("order-same", silver=3, correlation=1.0), **OVERLAP)
    assert deepcopy(said) == said
    assert reworded(said, wording.ENGLISH) == said
    chinese = reworded(deepcopy(said), LANGUAGES["zh"].words["core"])
    assert "几乎相同" in chinese
    assert "90%" in chinese
    assert reworded("A message of its own", {}) == "A message of its own"


OVERLAP = {"top": 10, "share": 0.9, "targets": 40}


@pytest.mark.parametrize("page", [Path(file).stem for file, *_ in navigation.PAGES])
def test_every_page_opens_in_chinese(open_page, reviewable_project, page):
    app = open_page(page, reviewable_project, language="zh")
    shown = re.sub(r"silver text.*", "", texts(app)) + "".join(one.label for one in app.button)
    assert re.search(r"[\u4e00-\u9fff]", shown + app.title[0].value)
    assert not re.search(r"[A-Za-z]{3,} [a-z]{3,} [a-z]{3,}", shown)


def test_the_language_can_be_chosen_and_stays_in_the_address(open_page, reviewable_project):
    app = open_page("home", reviewable_project)
    app.segmented_control(key="language").set_value("zh").run()
    assert app.query_params["language"] in ("zh", ["zh"])
    assert "打开示例项目" in {b.label for b in app.button}
    app.switch_page("pages/models.py").run()
    assert app.title[0].value == "模型"


@pytest.mark.parametrize(
    ("page", "tab", "sign"), [("data", {"view": "Texts"}, "文本"), ("explore", {"explore_view": "Map"}, "分布图")]
)
def test_the_open_tab_stays_open_in_another_language(open_page, reviewable_project, page, tab, sign):
    app = open_page(page, reviewable_project, **tab)
    fields = {field.key for field in (*app.text_input, *app.multiselect, *app.number_input)}
    app.segmented_control(key="language").set_value("zh").run()
    assert not app.exception
    assert {field.key for field in (*app.text_input, *app.multiselect, *app.number_input)} == fields


def test_an_unknown_language_falls_back_to_english(open_page, reviewable_project):
    assert button(open_page("home", reviewable_project, language="tlh"), "Open the sample project")


COUNTS = ("count", "texts", "decisions", "silver", "examples", "checked", "left", "targets", "total", "shown", "steps")
COUNTS += ("changed", "wrong", "undecided", "minutes", "relabel", "keep", "of")
MANY = re.compile(r"\b1 (?:[a-z]+ )?(?!less|was\b|is\b|as\b)[a-z]{3,}s\b(?! (?:that was|is))|these 1\b|\b1 are\b")
SINGULAR = ("1 text ", "1 strongest")


@pytest.mark.parametrize("place", [place for place, said in phrases(ENGLISH) if places(said) & set(COUNTS)])
def test_one_of_a_thing_is_not_many(place):
    said = dict(phrases(ENGLISH))[place]
    if place.endswith(("_many", "-many")):
        return
    values = {name: 1 if name in COUNTS else Anything() for name in places(said)}
    shown = filled(said, **values)
    assert [one for one in MANY.findall(shown) if not one.startswith(SINGULAR)] == []
    if place.endswith("_one"):
        return
    many = filled(said, **{name: 2 if name in COUNTS else Anything() for name in places(said)})
    assert "2 text " not in many
    assert "|" not in shown + many


class Anything:
    """Fills a place that is no count."""

    def __format__(self, spec: str) -> str:
        return "…"


def test_scripts_count_as_the_core_does():
    """`fill` of the card reads the same places as `wording.filled`."""
    source = (PAGES / "components/review_card/elements.js").read_text(encoding="utf-8")
    body = re.search(r"function fill\(phrase, values\) \{.*?\n\}", source, re.S)
    phrase = "{count} open {count:text has|texts have} it, {what}"
    program = f"{body.group()}; for (const n of [1, 3]) console.log(fill({phrase!r}, {{count: n, what: 'so'}}))"
    node = shutil.which("node")
    if node is None:
        assert r"(?::([^|{}]*)\|([^{}]*))?" in body.group()
        return
    out = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out == [filled(phrase, count=n, what="so") for n in (1, 3)]


OTHER_WORDS = re.compile(r"\b(instances?|examples?)\b", re.I)


def test_a_text_is_called_a_text_and_nothing_else():
    shown = {place: re.sub(r"\{[^}]*\}", "", said) for place, said in phrases(ENGLISH)}
    assert {place: said for place, said in shown.items() if OTHER_WORDS.search(said)} == {}
    chinese = dict(phrases(LANGUAGES["zh"].words))
    assert {place: said for place, said in chinese.items() if "样本" in said.replace("影响样本", "")} == {}
