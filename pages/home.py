"""Home: the projects, where each stands, and what it needs next."""

import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from inffeed_core.errors import InfFeedError
from inffeed_core.records import Split
from inffeed_core.settings import DEFAULT_MODEL, AnalysisSettings, ProjectSettings, TrainSettings
from inffeed_core.workflow.projects import (
    Project,
    ProjectSummary,
    create_project,
    default_home,
    open_sample,
    projects_in,
)
from inffeed_core.workflow.status import Status, Step, status
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import problem
from pages.components.session import choose_project, current_project

STEPS = {
    Step.IMPORT_TRAIN: ("Import data", "pages/data.py"),
    Step.IMPORT_VALIDATION: ("Import data", "pages/data.py"),
    Step.IMPORT_SILVER: ("Import data", "pages/data.py"),
    Step.WAIT: ("See progress", "pages/models.py"),
    Step.TRAIN: ("Train", "pages/models.py"),
    Step.ANALYSE: ("Analyse", "pages/models.py"),
    Step.REVIEW: ("Review", "pages/review.py"),
    Step.RETRAIN: ("Retrain", "pages/models.py"),
    Step.EXPORT: ("Export", "pages/data.py"),
}


def page() -> None:
    """The open project first, then ways to begin, then all projects."""
    st.title("InfFeed", anchor=False)
    st.caption("Finds the silver labels that harm your classifier, shows why, and lets you repair them.")
    project = current_project()
    with st.container():  # always there, so that the rest keeps its place while the page is redrawn
        if project is not None:
            _open_project(project)
    _begin(project)
    _projects(project)


def _open_project(project: Project) -> None:
    now = status(project)
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        with left:
            st.caption("Open project")
            st.text(now.settings.name)
            st.text(now.next_step.sentence)
        with right:
            label, target = STEPS[now.next_step.step]
            if now.next_step.step is not Step.WAIT and st.button(
                label, type="primary", key="next_step", width="stretch"
            ):
                st.switch_page(target)
        _numbers(now)
    job_panel(project)


def _numbers(now: Status) -> None:
    gold = sum(sum(now.counts[s].values()) for s in (Split.TRAIN, Split.VALIDATION, Split.TEST))
    cells = st.columns(4)
    cells[0].metric("Gold", f"{gold:,}")
    cells[1].metric("Silver", f"{sum(now.counts[Split.SILVER].values()):,}")
    cells[2].metric("Decisions", f"{sum(now.decisions.values()):,}")
    measured = None if now.version is None else now.version.validation
    cells[3].metric("Macro-F1, validation", "–" if measured is None else f"{measured.macro_f1.value:.3f}")


def _begin(open_now: Project | None) -> None:
    sample, new, other = st.columns(3)
    with sample, st.container(border=True, height="stretch"):
        st.subheader("Try it", anchor=False)
        st.text("Short product reviews with labels from a lexicon. Ready to review in under a minute.")
        st.space("stretch")
        kind = "primary" if open_now is None else "secondary"
        if st.button("Open the sample project", type=kind, icon=":material/science:", width="stretch"):
            _open_sample()
    with new, st.container(border=True, height="stretch"):
        st.subheader("Your own data", anchor=False)
        st.text("A small gold seed and a pile of silver labels, in CSV, JSON lines, Parquet or Excel.")
        st.space("stretch")
        if st.button("New project", icon=":material/add:", width="stretch"):
            st.session_state["making_project"] = True
    if st.session_state.get("making_project"):
        _new_project()
    with other, st.container(border=True, height="stretch"):
        st.subheader("A project elsewhere", anchor=False)
        st.text("A project is a folder; it can be copied and moved.")
        st.space("stretch")
        with st.popover("Open a folder", icon=":material/folder_open:", width="stretch"):
            folder = st.text_input("Folder", key="folder", placeholder="/home/me/projects/reviews")
            if st.button("Open", key="open_folder") and folder.strip():
                _try_to(lambda: choose_project(Path(folder.strip()).expanduser()))


def _try_to(act: Callable[[], object]) -> None:
    """Act and draw the page anew, or say why it did not work."""
    try:
        act()
    except InfFeedError as error:
        problem(str(error))
        return
    st.rerun()


def _open_sample() -> None:
    bar = st.progress(0.0, text="Importing the sample")

    def progress(stage: str, done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, text=stage)

    try:
        project = choose_project(open_sample(default_home() / "sample", progress).folder)
    except InfFeedError as error:
        problem(str(error))
        return
    now = status(project)
    if now.version is None and not now.jobs:
        start_job(project, "retrain", {"train": TrainSettings().as_dict(), "analysis": AnalysisSettings().as_dict()})
    st.rerun()


def _stop_making() -> None:
    st.session_state["making_project"] = False


@st.dialog("New project", width="medium", on_dismiss=_stop_making)
def _new_project() -> None:
    with st.form("new_project", border=False):
        name = st.text_input("Name", key="new_name", placeholder="Reviews of my shop")
        labels = st.text_input(
            "Labels", key="new_labels", placeholder="negative, positive", help="Two or more, separated by commas."
        )
        model = st.text_input(
            "Encoder",
            DEFAULT_MODEL,
            help="A Hugging Face id or a local folder with safetensors. The default is small, fast and works offline.",
        )
        guidelines = st.text_area(
            "Guidelines for annotators", placeholder="What counts as positive, and what does not?"
        )
        if st.form_submit_button("Create", type="primary"):
            _create(name, labels, model, guidelines)


def _create(name: str, labels: str, model: str, guidelines: str) -> None:
    try:
        wanted = tuple(label.strip() for label in labels.split(",") if label.strip())
        settings = ProjectSettings(name.strip(), wanted, model.strip(), guidelines.strip())
        project = create_project(default_home() / _folder_name(name), settings)
    except InfFeedError as error:
        problem(str(error))
        return
    _stop_making()
    choose_project(project.folder)
    st.switch_page("pages/data.py")


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "project"


def _projects(open_now: Project | None) -> None:
    st.header("Projects", anchor=False)
    found = projects_in(default_home())
    if not found:
        st.text(f"None yet. New projects are kept in {default_home()}.")
    for summary in found:
        _line(summary, open_now)


def _line(summary: ProjectSummary, open_now: Project | None) -> None:
    with st.container(border=True):
        name, numbers, todo, act = st.columns([3, 3, 4, 2], vertical_alignment="center")
        changed = summary.changed[:16].replace("T", " ")
        name.text(f"{summary.name}\n{summary.folder.name}/")
        if summary.problem:
            todo.text(summary.problem)
            return
        project = Project(summary.folder)
        numbers.text(f"{summary.instances:,} texts, {summary.decisions:,} decisions\n{changed} UTC")
        next_step = status(project).next_step
        todo.text(next_step.sentence)
        label, target = STEPS[next_step.step]
        if act.button(label, key=f"go {summary.folder}", width="stretch"):
            choose_project(project.folder)
            st.switch_page(target)


page()
