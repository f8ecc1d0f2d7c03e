"""Assignments: a form that shares flags out, and the acts so far, each with its undo."""

import streamlit as st

from inffeed_core import store
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.project.names import LONGEST_NAME
from inffeed_core.project.roles import Right, team_in
from inffeed_core.records import FlagFilter
from inffeed_core.review.assigning import LARGEST_GOAL, Wish, assign, take_back
from inffeed_core.settings import MANY
from inffeed_core.store.assigning import Assignment, assigned_left, assignments
from pages.components.flag_filter import filter_fields
from pages.components.identity import known_name
from pages.components.notices import as_it_is, empty_state, success, try_to
from pages.components.rights import locked, refused
from pages.language import say, section

SHOWN_AT_MOST = 30


def assigning_view(project: Project) -> None:
    """The form for leads, then what is assigned; an annotator sees their own part."""
    if said := st.session_state.pop("assigned_said", None):
        success(said)
    st.text(say("team.assign_said"))
    off = locked(project, Right.TEAM)
    if not off:
        _form(project)
    with store.reading(project.db) as db:
        found, overlap = assignments(db), store.project_settings(db).overlap
        people = {person for one in found for person in one.texts}
        left = {person: assigned_left(db, person, overlap) for person in people}
    shown = [one for one in found if not off or known_name() in one.shares][:SHOWN_AT_MOST]
    st.header(say("team.assigned"), anchor=False)
    if not shown:
        empty_state(say("team.nothing_assigned"), say("team.nothing_assigned_advice"))
    for one in shown:
        _act(project, one, left, off)


def _form(project: Project) -> None:
    with store.reading(project.db) as db:
        known = list(dict.fromkeys([*team_in(db).roles, *store.answering(db)[0]]))
    with st.container(border=True):
        st.subheader(say("team.assign"), anchor=False)
        people = st.multiselect(
            say("team.whom"), known, key="assign_people", accept_new_options=True, placeholder=say("team.whom_choose")
        )
        cells = st.columns(4)
        weights = {
            person: cells[n % 4].number_input(
                say("team.share_of", name=as_it_is(person[:LONGEST_NAME])), 0.1, 100.0, 1.0, 0.5, key=f"share {person}"
            )
            for n, person in enumerate(people)
        }
        if len(people) > 1:
            st.caption(say("team.share_help"))
        left, middle, right = st.columns(3)
        policy = left.selectbox(
            say("review.policy"), POLICIES, format_func=lambda one: section("policies")[one][0], key="assign_policy"
        )
        count = middle.number_input(
            say("team.count"),
            0,
            MANY,
            None,
            key="assign_count",
            placeholder=say("team.count_all"),
            help=say("team.count_help"),
        )
        goal = right.number_input(
            say("team.goal"), 1, LARGEST_GOAL, None, key="assign_goal", placeholder=say("team.goal_none")
        )
        with st.expander(say("review.filter"), icon=":material/filter_list:"):
            only = filter_fields(project, "assign")
        if st.button(say("team.assign_go"), type="primary", key="assign", disabled=not people):
            by = known_name() or say("app.team")
            _assign(project, Wish(weights=weights, by=by, policy=policy, only=only, count=count, goal=goal))


def _assign(project: Project, wish: Wish) -> None:
    if refused(project, Right.TEAM):
        return

    def act() -> None:
        st.session_state["assigned_said"] = _whom(assign(project, wish))

    try_to(act)


def _whom(one: Assignment) -> str:
    return say("app.between").join(say("team.texts_of", name=p, count=one.texts.get(p, 0)) for p in one.shares)


def _act(project: Project, one: Assignment, left: dict[str, int], off: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        name = section("policies").get(one.policy, (one.policy,))[0]
        told_of = [say("team.act", at=one.at[:16].replace("T", " "), by=one.by, order=name), _whom(one)]
        if one.only != FlagFilter():
            told_of.append(say("team.filtered", filter=_filter(one.only)))
        if one.goal:
            told_of.append(say("team.goal_said", goal=one.goal))
        if not one.undone_at and one.texts:
            rest = [say("team.left_of", name=p, count=left.get(p, 0)) for p in one.texts]
            told_of.append(say("app.between").join(rest))
        st.text("\n".join(told_of))
        if one.undone_at:
            st.badge(say("feedback.undone"), color="gray")
        elif st.button(say("feedback.undo"), key=f"undo_assignment {one.n}", disabled=off):
            _undo(project, one.n)


def _filter(only: FlagFilter) -> str:
    parts = [*only.labels, *only.sources, *only.pairs, *(f"{key}: {value}" for key, value in only.metadata), only.words]
    parts += [say("team.suggested", label=label) for label in only.suggested]
    if only.confidence is not None:
        parts.append(say("team.confidence", least=only.confidence[0], most=only.confidence[1]))
    if only.disagreeing:
        parts.append(say("review.disagreeing"))
    return say("app.between").join(filter(None, parts))


def _undo(project: Project, n: int) -> None:
    if refused(project, Right.TEAM):
        return
    try_to(lambda: take_back(project, n, known_name() or say("app.team")))
