"""The pages as Streamlit runs them, in a project of one's choice."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from page_parts import metrics, version
from reviewing import Filling, examples
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from inffeed_core import jobs, store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.project.opened import opened_by_hand
from inffeed_core.records import Job, Split
from inffeed_core.store.analyses import ScoreRow

APP = Path(__file__).parents[2] / "app.py"

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True, scope="session")
def packages_scanned_once() -> Iterator[None]:
    """Each `AppTest` looks for components in every package that is installed: most of what opening a page cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where new projects are made."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INFFEED_HOME", str(folder))
    monkeypatch.delenv("INFFEED_PROJECT", raising=False)
    return folder


@pytest.fixture
def open_page(home: Path) -> OpenPage:
    """`open_page("data", project, view="Texts")`: the page after its first run, as the address would open it."""

    def open_(name: str, project: Project | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30)
        if project is not None:
            opened_by_hand(project.folder)
            query["project"] = str(project.folder)
        for key, value in query.items():
            app.query_params[key] = value
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, app.exception
        return app

    return open_


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, object]]]:
    """(kind, settings) of the jobs that pages start: queued as always, but without a process."""
    asked: list[tuple[str, Mapping[str, object]]] = []

    def start(project: Project, kind: str, settings: Mapping[str, object]) -> Job:
        asked.append((kind, settings))
        with store.writing(project.db) as db:
            store.enqueue(db, f"job{len(asked)}", kind, settings)
            found = store.job(db, f"job{len(asked)}")
        assert found is not None
        return found

    monkeypatch.setattr(jobs, "start", start)
    return asked


@pytest.fixture
def project_with_two_versions(reviewable_project: Project) -> Project:
    """v1 and its child v2, which is active; v2 has more right of the validation texts."""
    project = reviewable_project
    with store.writing(project.db) as db:
        store.add_version(db, version("v2", "v1", metrics(0.81)))
        store.add_version(db, version("v3", "v2", metrics(0.85)))
        store.promote(db, "v2", "test")
        analysis = store.begin_analysis(db, "v2", 0, {})
        rows = [ScoreRow(e.id, e.label, e.label, 0.7, 0.3, 0.1, 0.2) for e in examples(Filling())]
        silver = [e.id for e in examples(Filling()) if e.split is Split.SILVER]
        store.put_scores(db, analysis, rows, {POLICIES[0]: [(id, 0.5) for id in silver]})
    return project
