"""The card of an exported model, as a Markdown parser reads it: words of users are words."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from inffeed_core.data.markdown import code_span, literal
from inffeed_core.learning.model_card import card
from inffeed_core.models.exporting import LOADED_PLAINLY, _quoted
from inffeed_core.records import Interval, Metrics, ModelVersion
from inffeed_core.settings import ProjectSettings

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](http://evil.example)",
    "![a](http://evil.example/x.png)",
    "http://evil.example",
    "www.evil.example",
    "eve@evil.example",
    "**bold** _slanted_ ~~gone~~",
    "`code` `` more ``",
    "```\nfence\n```",
    "`",
    "``",
    "``` x",
    "x\n\n# Heading",
    "x\n---\ny",
    "a | b | c",
    "<!-- comment",
    "&lt;b&gt; &amp; &#35;",
    "\\",
    "\\`",
    "- item",
    "1. item",
    "> quote",
    "$x^2$ :smile: @someone #1",
    "[ref]: http://evil.example",
    "[^1]",
    "\u202eright to left\x00\x1b[31m",
    "a.\u2028b\u0085c",
]
LIVE = {"link_open", "image", "html_inline", "html_block", "em_open", "strong_open", "s_open", "blockquote_open"}


def tokens(markdown: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [*found, *(child for token in found for child in token.children or [])]


def written(name: str, labels: tuple[str, str], base: str = "org/encoder") -> str:
    interval = Interval(0.5, 0.4, 0.6)
    scores = Metrics(10, interval, dict.fromkeys(labels, interval), 0.5, 0.7)
    version = ModelVersion("v1", None, "2026-01-01", base, "h", "", 0, {}, 0, {"gold": 3}, scores, None)
    return card(version, ProjectSettings(name, labels), LOADED_PLAINLY.replace("{folder}", _quoted(name)))


def test_labels_without_gold_are_named_beside_the_scores():
    interval = Interval(0.5, 0.4, 0.6)
    scores = Metrics(10, interval, {"a": interval}, 0.5, 0.7, ("`b`", "c"))
    version = ModelVersion("v1", None, "2026-01-01", "org/e", "h", "", 0, {}, 0, {"gold": 3}, scores, scores)
    told = card(version, ProjectSettings("p", ("a", "`b`", "c")), "")
    assert "No validation text is labelled `` `b` ``, `c`: macro-F1 there is the mean of the other labels." in told
    assert "No test text is labelled" in told


def body(markdown: str) -> str:
    front, body = markdown.removeprefix("---\n").split("\n---\n", 1)
    assert all(
        line.split(": ")[0] in ("pipeline_tag", "library_name", "base_model", "license") for line in front.split("\n")
    )
    return body


def flat(words: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


@pytest.mark.parametrize("words", HOSTILE)
def test_no_words_of_a_user_come_alive(words):
    plainly = [token.type for token in tokens(body(written("Reviews", ("no", "yes"))))]
    found = tokens(body(written(words, (words, f"other {words}"), f"{words}/x")))
    assert not LIVE & {token.type for token in found}
    assert [t.content for t in found if t.type == "code_inline"][:4] == [
        flat(words),
        flat(words),
        flat(f"other {words}"),
        flat(f"{words}/x"),
    ]
    blocks = [t for t in plainly if t.endswith(("_open", "_close", "fence"))]
    assert [t.type for t in found if t.type.endswith(("_open", "_close", "fence"))] == blocks


def test_plain_names_stay_plain():
    assert "# Sample: product reviews, v1\n" in written("Sample: product reviews", ("no", "yes"))
    assert literal("Café, Übung-2") == "Café, Übung-2"
    assert literal("产品评论") == "产品评论"
    assert literal("") == "`–`"


@given(st.text(max_size=60))
def test_a_code_span_holds_the_words(words):
    for markdown in (code_span(words), f"# {code_span(words)}", f"a {code_span(words)} b"):
        spans = [token.content for token in tokens(markdown) if token.type == "code_inline"]
        assert spans == [flat(words) or "–"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_the_name_of_the_folder_is_a_string_in_the_lines_that_load_it(name):
    assert ast.literal_eval(_quoted(name)) == name
    assert "`" not in _quoted(name)
    assert len(_quoted(name).splitlines()) >= 1
    assert "\n" not in _quoted(name)


@pytest.mark.parametrize("base", ["a/b\nlicense: x", "../x", "~/x", "/abs/x", "a/b/c", "a b/c", "a/b: c", "a/#b"])
def test_what_is_no_id_of_a_hub_stays_out_of_the_front_matter(base):
    assert "base_model" not in written("Reviews", ("no", "yes"), base).split("\n---\n")[0]
