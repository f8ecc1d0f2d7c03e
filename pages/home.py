"""Home: the projects, their state, and the next step of each."""

import re
from collections.abc import Callable
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from inffeed_core.data.formats.known import FORMATS, upload_types
from inffeed_core.data.found_labels import labels_in
from inffeed_core.data.label_list import listed_labels
from inffeed_core.data.reading import Upload, read
from inffeed_core.errors import InfFeedError, ProjectError
from inffeed_core.project.folder import Project, ProjectSummary, create_project, default_home, projects_in
from inffeed_core.project.gold_coverage import unmeasured
from inffeed_core.project.names import LONGEST_NAME
from inffeed_core.project.opened import may_open
from inffeed_core.project.sample import open_sample
from inffeed_core.project.status import NextStep, Status, Step, status
from inffeed_core.records import Split
from inffeed_core.review.audit import audit, in_words
from inffeed_core.settings import DEFAULT_MODEL, AnalysisSettings, ProjectSettings, TrainSettings
from pages.components.identity import given_name, known_name, remember_name
from pages.components.job_panel import job_panel, start_job
from pages.components.notices import problem, try_to
from pages.components.putting_away import away_view, more_button
from pages.components.session import choose_by_hand, choose_project, current_project, may_type_paths
from pages.components.standing import changes_said, undecided_said
from pages.language import any_of, language_choice, say, stage, told

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
WHERE = {
    Step.IMPORT_TRAIN: "pages/data.py",
    Step.IMPORT_VALIDATION: "pages/data.py",
    Step.IMPORT_SILVER: "pages/data.py",
    Step.WAIT: "pages/models.py",
    Step.TRAIN: "pages/models.py",
    Step.ANALYSE: "pages/models.py",
    Step.REVIEW: "pages/review.py",
    Step.RETRAIN: "pages/models.py",
    Step.EXPORT: "pages/data.py",
}


def page() -> None:
    """The open project first, then ways to start, then all projects."""
    st.title(say("app.name"), anchor=False)
    st.caption(say("app.claim"))
    project = current_project()
    language_choice()
    with st.container():  # always there, so that the rest keeps its place while the page is redrawn
        if project is not None:
            _open_project_or_why_not(project)
    _begin(project)
    _projects(project)


def _open_project_or_why_not(project: Project) -> None:
    """Show it; if it was damaged or its disk lost since it was opened, other and new projects still work."""
    try:
        _open_project(project)
    except ProjectError as error:
        problem(told(error.args[0]), say("app.project_unreadable"))


def _open_project(project: Project) -> None:
    now = status(project)
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        with left:
            st.caption(say("home.open"))
            st.text(now.settings.name)  # a heading would turn an address in it into a link, escaped or not
            st.text(told(now.next_step.sentence))
        with right:
            step = now.next_step.step
            if step is not Step.WAIT and st.button(
                say(f"steps.{step}"), type="primary", key="next_step", width="stretch"
            ):
                st.switch_page(WHERE[step])
        _numbers(now)
        _standing(now)
        _audit(project)
    job_panel(project)


def _numbers(now: Status) -> None:
    gold = sum(sum(now.counts[s].values()) for s in (Split.TRAIN, Split.VALIDATION, Split.TEST))
    cells = st.columns(4)
    cells[0].metric(say("home.gold"), f"{gold:,}")
    cells[1].metric(say("home.silver"), f"{sum(now.counts[Split.SILVER].values()):,}")
    cells[2].metric(say("home.decisions"), f"{sum(now.decisions.values()):,}")
    measured = None if now.version is None else now.version.validation
    cells[3].metric(say("home.macro_f1"), "–" if measured is None else f"{measured.macro_f1.value:.3f}")
    for left_out in [] if now.version is None else unmeasured(now.version):
        st.text(told(left_out))


def _standing(now: Status) -> None:
    """The decisions so far, the texts that wait for one, and what the next retrain will learn."""
    told = []
    if now.analysis is not None:
        left = undecided_said(now.undecided)
        told.append(say("standing.flags", open=now.open_flags) + (say("standing.between") + left if left else ""))
    if now.decisions:
        acts = [f"{say(f'acts.{act}')} {n:,}" for act, n in now.decisions.items()]
        told.append(say("standing.answers", answers=say("standing.between").join(acts)))
    if now.version is not None and now.changes.total:
        told.append(say("standing.waiting", changes=changes_said(now.changes)))
    if told:
        st.caption(" · ".join(told))
    if now.unlabelled:
        st.caption(say("data.unlabelled", count=now.unlabelled))


def _audit(project: Project) -> None:
    """The outcome of the random audit, in small print, once it has begun."""
    counts = audit(project)
    if counts.checked:
        st.caption(" ".join(told(sentence) for sentence in in_words(counts)))


def _begin(open_now: Project | None) -> None:
    sample, new, other = st.columns(3)
    with sample, st.container(border=True, height="stretch"):
        st.subheader(say("home.try"), anchor=False)
        st.text(say("home.try_advice"))
        st.space("stretch")
        kind: Literal["primary", "secondary"] = "primary" if open_now is None else "secondary"
        if st.button(say("home.sample"), type=kind, icon=":material/science:", width="stretch"):
            _open_sample()
    with new, st.container(border=True, height="stretch"):
        st.subheader(say("home.own"), anchor=False)
        st.text(say("home.own_advice", formats=any_of([one.name for one in FORMATS])))
        st.space("stretch")
        if st.button(say("home.new"), icon=":material/add:", width="stretch"):
            st.session_state["making_project"] = True
    if st.session_state.get("making_project"):
        _new_project()
    with other, st.container(border=True, height="stretch"):
        st.subheader(say("home.elsewhere"), anchor=False)
        st.text(say("home.elsewhere_advice"))
        st.space("stretch")
        if not may_type_paths():
            st.text(say("home.elsewhere_by_hand"))
            return
        with st.popover(say("home.open_folder"), icon=":material/folder_open:", width="stretch"):
            folder = st.text_input(say("home.folder"), key="folder", placeholder="/home/me/projects/reviews")
            if st.button(say("home.open_it"), key="open_folder") and folder.strip():
                try_to(lambda: choose_by_hand(folder.strip()))


def _open_sample() -> None:
    bar = st.progress(0.0, text=say("home.importing_sample"))

    def progress(doing: str, done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, text=stage(doing))

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


def _new_project() -> None:
    st.dialog(say("home.new"), width="medium", on_dismiss=_stop_making)(_project_form)()


def _project_form() -> None:
    with st.form("new_project", border=False):
        name = st.text_input(say("home.field_name"), key="new_name", placeholder=say("home.field_name_example"))
        labels = st.text_input(
            say("home.field_labels"),
            key="new_labels",
            placeholder=say("home.field_labels_example"),
            help=say("home.field_labels_help"),
        )
        file = st.file_uploader(
            say("home.labels_from"), upload_types(), key="new_labels_from", help=say("home.labels_from_help")
        )
        model = st.text_input(
            say("home.field_encoder"), DEFAULT_MODEL, key="new_model", help=say("home.field_encoder_help")
        )
        guidelines = st.text_area(
            say("home.field_guidelines"), key="new_guidelines", placeholder=say("home.field_guidelines_example")
        )
        lead = st.text_input(
            say("home.field_lead"),
            known_name(),
            key="new_lead",
            max_chars=LONGEST_NAME,
            disabled=bool(given_name()),
            help=say("home.field_lead_help"),
        )
        if st.form_submit_button(say("home.create"), type="primary"):
            _create(name, lambda: _wanted(labels, file), model, guidelines, given_name() or lead.strip())


def _wanted(labels: str, file: UploadedFile | None) -> tuple[str, ...]:
    """The labels that were written, else those of the file. Raises SettingsError and ImportRefused."""
    written = tuple(filter(None, listed_labels(labels)))
    return written if written or file is None else labels_in(read(Upload(file.name, file.getvalue())))


def _create(name: str, labels: Callable[[], tuple[str, ...]], model: str, guidelines: str, lead: str) -> None:
    if not may_type_paths() and not HUB_ID.fullmatch(model.strip()):
        problem(say("home.encoder_by_hand"))
        return
    try:
        settings = ProjectSettings(
            name=name.strip(), labels=labels(), model=model.strip(), guidelines=guidelines.strip()
        )
        project = create_project(default_home() / _folder_name(name), settings, lead)
    except InfFeedError as error:
        problem(str(error))
        return
    _stop_making()
    if lead:
        remember_name(lead)
    choose_project(project.folder)
    st.switch_page("pages/data.py")


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.strip().lower()).strip("-.") or "project"


def _projects(open_now: Project | None) -> None:
    st.header(say("home.projects"), anchor=False)
    try:
        found = projects_in(default_home())
    except ProjectError as error:
        problem(str(error))
        return
    st.text(say("home.where" if found else "home.no_projects", folder=default_home()))
    for summary in found:
        _line(summary, open_now)
    away_view()


def _line(summary: ProjectSummary, open_now: Project | None) -> None:
    if summary.problem:
        _unreadable(summary)
        return
    with st.container(border=True):
        name, numbers, todo, act, more = st.columns([6, 6, 6, 4, 3], vertical_alignment="center")
        changed = summary.changed[:16].replace("T", " ")
        name.text(f"{summary.name}\n{summary.folder.name}/")
        if not may_open(summary.folder):  # a link out of the home folder
            todo.text(say("home.elsewhere_by_hand"))
            return
        if summary.folder.parent == default_home():
            with more:
                more_button(summary)
        project = Project(summary.folder)
        counts = say("home.project_numbers", texts=summary.instances, decisions=summary.decisions)
        numbers.text(f"{counts}\n{say('home.changed', time=changed)}")
        next_step = _next_step(project)
        if isinstance(next_step, str):
            todo.text(told(next_step))
            return
        todo.text(told(next_step.sentence))
        if act.button(say(f"steps.{next_step.step}"), key=f"go {summary.folder}", width="stretch"):
            _go(project, next_step.step)


def _unreadable(summary: ProjectSummary) -> None:
    with st.container(border=True):
        name, why, more = st.columns([3, 8, 1.5], vertical_alignment="center")
        name.text(f"{summary.folder.name}/")
        why.badge(say("app.project_unreadable"), icon=":material/error:", color="red")
        why.text(told(summary.problem))
        if summary.folder.parent == default_home():
            with more:
                more_button(summary)


def _next_step(project: Project) -> NextStep | str:
    """The next step, or why it is unknown: a fault in one project must not stop the page for the others."""
    try:
        return status(project).next_step
    except InfFeedError as error:
        return str(error) if not error.args else error.args[0]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _go(project: Project, step: Step) -> None:
    try:
        choose_project(project.folder)
    except ProjectError as error:
        problem(told(error.args[0]), say("app.project_unreadable"))
        return
    st.switch_page(WHERE[step])


page()
