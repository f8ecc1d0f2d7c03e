"""Second texts in the review: shown with every text, filtered by, and compared where texts are."""

from pathlib import Path

import pytest
from commands import answer, run
from reviewing import Filling, make_reviewable, take

from inffeed_core import review, store
from inffeed_core.charts.analyses import feature_map, influence_bars
from inffeed_core.project.browsing import browse, targets
from inffeed_core.project.folder import Project
from inffeed_core.records import Act, Decision, FlagFilter, Split
from inffeed_core.review.progress import Sitting

LONG = "the council wants to build more of them along the coast"
OTHER = "the council wants to build many of them along the coast"
TEXTS = {
    "s000": LONG,
    "s001": LONG.upper(),
    "s002": OTHER,
    "s003": LONG,
    "s004": LONG,
    "s005": "short",
    "s006": "short",
}
PAIRS = {f"{split}{n:03}": ("Wind farms", "Night buses")[n % 2] for split in "tv" for n in range(12)}
PAIRS |= {
    "s000": "Wind farms",
    "s001": "wind  farms",
    "s002": "Wind farms",
    "s003": "Night buses",
    "s010": "Wind farms",
}
PAIRS |= {"s005": "we asked whether the town should pay", "s006": "We asked: whether the town should PAY?"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_reviewable(tmp_path / "p", Filling(silver=12, texts=TEXTS, pairs=PAIRS))


def test_twins_have_second_texts_that_are_twins_too(project: Project) -> None:
    def twins_of(id: str) -> list[str]:
        return [one.id for one in review.twins(project, [id], "Ada")[id]]

    assert twins_of("s000") == ["s001", "s002"]
    assert twins_of("s003") == []
    assert twins_of("s004") == []


def test_flags_and_their_evidence_tell_second_texts(project: Project) -> None:
    items = take(project, Sitting("Ada"), 5).items
    assert [one.flag.pair for one in items] == [*(PAIRS[f"s00{n}"] for n in range(4)), None]
    for one in items:
        shown = [*one.evidence.supporters, *one.evidence.opposers, *one.evidence.harmed]
        assert [i.pair for i in shown] == [PAIRS[i.id] for i in shown]
        assert one.most_incompatible is not None
        assert one.most_incompatible.pair == PAIRS[one.most_incompatible.id]


def test_a_blind_flag_has_its_second_text(project: Project) -> None:
    review.decide(project, Decision("a", "s000", "Ada", Act.UNSURE))
    with store.writing(project.db) as db:
        db.conn.execute("DELETE FROM ranking WHERE instance = 's000'")
        only = FlagFilter(answered=(Act.UNSURE,), since=store.last_decision_row(db))
    [item] = take(project, Sitting("Ada", only=only), 5).items
    assert (item.blind, item.flag.pair) == (True, "Wind farms")


def test_flags_are_filtered_by_second_text(project: Project) -> None:
    only = FlagFilter(pairs=("Wind farms",))
    assert [i.flag.id for i in review.queue(project, only=only)] == ["s000", "s002", "s010"]
    assert review.progress(project, Sitting("Ada", only=only)).open == 3
    both = FlagFilter(pairs=("Wind farms", "Night buses"), labels=("positive",))
    assert [i.flag.id for i in review.queue(project, only=both)] == ["s003"]
    found = answer("flags", project.folder, "--pair", "Night buses")
    assert [(one["id"], one["pair"]) for one in found] == [("s003", "Night buses")]
    assert f"{LONG} | Night buses" in run("flags", project.folder, "--pair", "Night buses").stdout


def test_texts_are_listed_by_second_text_where_there_are_few_different_ones(project: Project) -> None:
    assert targets(project)[:2] == ["Wind farms", "Night buses"]
    page = browse(project, list(Split), ("negative", "positive"), pairs=["Wind farms"], size=4, page=1)
    assert (page.total, len(page.rows)) == (13, 4)
    assert {one.pair for one in page.rows} == {"Wind farms"}
    found = browse(project, [Split.SILVER], ("negative",), pairs=["Wind farms"], query="council")
    assert [one.id for one in found.rows] == ["s000", "s002"]
    with store.reading(project.db) as db:
        assert store.second_texts(db, most=4) == []


def test_an_explanation_in_words_tells_both(project: Project) -> None:
    shown = run("influencers", project.folder, "s000").stdout
    assert "Second text: Wind farms" in shown
    assert "words. | Night buses" in shown


def test_charts_tell_second_texts_as_plain_text(project: Project) -> None:
    with store.writing(project.db) as db:
        db.conn.execute("UPDATE instance SET pair = '<b>x</b> & y' WHERE id LIKE 't%'")
    with store.reading(project.db) as db:
        [analysis] = store.analyses(db)
        evidence = store.evidence_for(db, analysis.id, ["s000"])["s000"]
        points = store.map_points(db, analysis.id, "expected-gain", flags=3, limit=100)
    [bars] = influence_bars(evidence).data
    assert any("<b>Second text:</b> &lt;b&gt;x&lt;/b&gt; &amp; y<br>" in hover for hover in bars.hovertext)
    hovers = [
        hover
        for trace in feature_map(points, ("negative", "positive"), "s000", None).data
        for hover in trace.hovertext or ()
    ]
    assert any("<b>Second text:</b> Wind farms<br>" in hover for hover in hovers)
    assert any("Second text" not in hover for hover in hovers)
