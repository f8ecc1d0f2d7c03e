"""The page on silver labels of language models: its goals, its kept rows, and that it is what these rows give."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rows_of_runs import review

from inffeed_core.errors import NotReady
from inffeed_core.studies.evidence import kept, language_models, statistics
from inffeed_core.studies.evidence.language_models import ALL, CLEANED, CLEANING, ERRING, GOLD, LARGER, NOTHING, ONE
from inffeed_core.studies.evidence.tables import OURS, precision_table, unreviewed
from inffeed_core.studies.repair.audit import AUDIT
from inffeed_core.studies.repair.review import GOLD_ONLY
from inffeed_core.studies.repair.runs import RepairSettings, Row

DOCS = Path(__file__).parents[2] / "docs"
LEVELS = {unreviewed("plain"): 0.5, unreviewed(GOLD_ONLY): 0.6, NOTHING: 0.695, GOLD: 0.7}


def rows(settings: RepairSettings, ours: float = 0.69, **other: object) -> Iterator[Row]:
    """Of two sets and one draw: checking first finds 92 % wrong labels in the first 1 %, and 86 % in the first 5 %."""
    about = {"settings": settings.fingerprint(), **other}
    for name in ("a", "b"):
        for contender, f1 in LEVELS.items():
            yield review(name, contender, f1, budget=0.0, **about)
        for budget, precision in ((0.01, 0.92), (0.05, 0.86)):
            for contender, f1 in ((OURS, ours), (CLEANED, 0.68)):
                yield review(name, contender, f1, budget, **about, precision=precision)
        yield review(name, AUDIT, 0.0, budget=0.0, **about)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 200)


@pytest.mark.usefixtures("few_draws")
def test_a_goal_is_met_or_missed_by_what_was_measured():
    found = language_models.found_in([*rows(ONE), *rows(ALL, ours=0.698, sources=3)])
    met = {goal.claim: goal.met for goal in language_models.goals(found)}
    assert list(met.values()) == [True, True, True, False, False, False, True, True]
    assert [claim for claim in met if claim.startswith("all sources: 0.93 of the first 1% wrong")]
    table = language_models.goals_table(found)
    assert "| 0.920 (0.920 to 0.920) | met |" in table
    assert "| -0.010 (" in table
    assert table.count("**missed**") == 3


@pytest.mark.usefixtures("few_draws")
def test_a_set_with_one_source_counts_as_it_is_where_all_are_heard():
    several = [row for row in rows(ALL, sources=3) if row["set"] == "a"]
    found = language_models.found_in([*rows(ONE), *several])
    assert found.every.sets == ["a", "b"]
    assert "a (3), b (1)" in language_models.page([*rows(ONE), *several])


@pytest.mark.usefixtures("few_draws")
def test_an_annotator_who_errs_and_a_larger_encoder_stand_beside_the_same_draws():
    tired = [row for settings in ERRING for row in rows(settings, ours=0.682, noise=settings.noise)]
    page = language_models.page([*rows(ONE), *rows(ALL, sources=3), *tired, *rows(LARGER, ours=0.75)])
    assert "| class-influence, in rounds, auto | 0.690 → 0.682 |" in page
    assert "| 20% | class-influence, in rounds, auto | 5% | -0.01" in page
    assert "| a | all-mpnet-base-v2 | 0.500 / 0.520 |" in page
    assert "| class-influence, in rounds, auto, 5% | +0.0600 |" in page
    assert "--model all-mpnet-base-v2 --results runs.jsonl`" in page
    assert "--noise-rate 0.2 --layers last --results" in page


def test_kept_rows_hold_figures_and_no_more_than_pages_show(tmp_path: Path):
    made = [*rows(ONE), *rows(ERRING[0], noise=0.1)]
    path = tmp_path / "rows.jsonl.gz"
    with pytest.raises(NotReady, match="is not there"):
        kept.read(path)
    kept.write(made, path)
    first, found = path.read_bytes(), kept.read(path)
    kept.write([*found[::-1]], path)
    assert sorted(map(str, kept.read(path))) == sorted(map(str, found))
    kept.write(found, path)
    assert path.read_bytes() == first
    assert {row["policy"] for row in found} == {"none", OURS[0], CLEANING}
    assert {tuple(row["decided"]) for row in found if "decided" in row} == {("macro-f1",)}
    assert len(kept.of(found, ONE)) == len(found) / 2


def test_the_page_is_what_its_rows_give():
    """All but what the bootstrap over test texts takes long to compute."""
    page = (DOCS / "evidence_language_models.md").read_text(encoding="utf-8")
    found = language_models.found_in(kept.read(DOCS / "evidence" / "language_models.jsonl.gz"))
    for each in found.heard.values():
        assert language_models.sets_table(each) in page
        assert precision_table(each) in page
