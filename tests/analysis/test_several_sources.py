"""What sources say of gold decides what their word on silver is worth, in flags, suggestions and version reports."""

import pytest
from click.testing import CliRunner
from quiet import quiet

from inffeed_core import store
from inffeed_core.analysis.analysing import analyse
from inffeed_core.cli import main
from inffeed_core.learning.training import train
from inffeed_core.project.folder import Project
from inffeed_core.project.sources import sources_of
from inffeed_core.records import SilverLabel, Source, SourceKind, Split
from inffeed_core.settings import AnalysisSettings, TrainSettings

DOUBTED = 12


@pytest.fixture
def judged(trained: Project) -> tuple[Project, dict[str, str]]:
    """The sample with a judge who is right about all gold and disputes some silver labels; what it says of these."""
    with store.writing(trained.db) as db:
        labels = store.project_settings(db).labels
        gold = list(store.instances(db, [Split.TRAIN, Split.VALIDATION]))
        silver = list(store.instances(db, [Split.SILVER]))
        other = {one.id: next(x for x in labels if x != one.label) for one in silver[:: len(silver) // DOUBTED]}
        store.add_source(db, Source("judge", SourceKind.LLM))
        store.choose_silver(db, next(one.name for one in store.sources(db) if one.name != "judge"), "Ada")
        said = [SilverLabel("judge", one.id, other.get(one.id, one.label)) for one in (*gold, *silver)]
        store.record_silver_labels(db, said)
    return trained, other


def test_what_a_proven_source_disputes_is_likely_wrong(judged: tuple[Project, dict[str, str]]):
    project, disputed = judged
    analysis = analyse(project, AnalysisSettings(), quiet)
    with store.reading(project.db) as db:
        first = store.flagged(db, analysis.id, "likely-wrong", limit=len(disputed))
        last = store.flagged(db, analysis.id, "likely-wrong", limit=100_000)[-1]
    assert {one.row.instance for one in first} == set(disputed)
    assert all(one.row.suggested == disputed[one.row.instance] for one in first)
    assert all(one.row.suggested_probability > 0.5 for one in first)
    assert all(one.score > 0.5 for one in first)
    assert 0 <= last.score < 0.1


def test_a_version_tells_how_labels_were_weighed(judged: tuple[Project, dict[str, str]]):
    project, _ = judged
    version = train(project, TrainSettings(recipe="noise-aware", trust=1.0), quiet)
    found = version.report["posterior"]
    assert isinstance(found, dict)
    assert found["way"] == "stack"
    assert found["known"] >= 100
    assert found["losses"]["stack"] < found["losses"]["channel"]
    assert 0 <= found["error"] < 0.1
    weighing = sources_of(project).weighing
    assert weighing is not None
    assert (weighing.learned, weighing.known, weighing.error) == (True, found["known"], found["error"])
    told = CliRunner().invoke(main, ["sources", str(project.folder)])
    assert f"is learned from {found['known']} gold texts that carry silver labels" in told.output
    assert f"off by {found['error']:.1%} on average" in told.output


def test_a_version_of_one_label_each_tells_nothing_of_it(trained: Project):
    with store.reading(trained.db) as db:
        version = store.active_version(db)
    assert version is not None
    assert version.report["posterior"] is None
    assert sources_of(trained).weighing is None
