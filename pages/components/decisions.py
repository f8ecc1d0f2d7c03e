"""What was decided: a list that can be filtered, from which texts are opened again, relabelled or taken back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import streamlit as st

from inffeed_core import store
from inffeed_core.errors import InfFeedError
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, settings_of
from inffeed_core.project.roles import Right
from inffeed_core.records import UNDECIDED, Act, Instance
from inffeed_core.review.handing_out import AGAIN, AUDIT
from inffeed_core.review.revising import KINDS, MOST, Revision, foretell, last_act, reverse, revise
from inffeed_core.settings import SENT
from inffeed_core.store import Answered, AnswerFilter, Viewer
from pages.components.choices import choice, page_asked, page_number
from pages.components.chosen_texts import ADDRESS, choose, forget_choice
from pages.components.flag_filter import look_again
from pages.components.notices import as_it_is, empty_state, problem
from pages.components.rights import shut_button, why_not
from pages.components.shown_text import begun
from pages.language import counted, label_name, say, section

ROWS = 20
SHOWN_IN_PREVIEW = 10
DAYS = {"any": None, "today": 0, "week": 7, "month": 30}
CHANGED = {"both": None, "changed_yes": True, "kept": False}
LAST = dict(zip(KINDS, ("decisions.last_relabel", "decisions.last_take-back", "decisions.last_several"), strict=True))
_ACTS = tuple(act for act in Act if act is not Act.UNDO)


def decisions(project: Project, annotator: str) -> None:
    """The list, latest first, with what can be done with it."""
    st.title(say("decisions.title"), anchor=False)
    _undecided(project, annotator)
    _last(project, annotator)
    wanted = _asked(project, annotator)
    overlap = settings_of(project).overlap
    with store.reading(project.db) as db:
        total = store.count_answered(db, wanted, annotator, overlap)
        pages = max(1, -(-total // ROWS))
        number = min(page_asked("decisions_page", wanted), pages)
        found = store.answered(db, wanted, annotator, overlap, ROWS, ROWS * (number - 1))
    if not total:
        empty_state(say("decisions.none"), say("decisions.none_advice"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page_number(say("data.page_of", pages=pages), pages, name="decisions_page", of=wanted)
        st.text(counted("decisions.found", total))
        everything = st.checkbox(say("decisions.all", count=total), key=_key("all", wanted)) if total > 1 else False
    actions = st.container()
    chosen = [one for one in found if _row(one, everything)]
    if everything:
        with store.reading(project.db) as db:
            chosen = store.answered(db, wanted, annotator, overlap, MOST + 1)
    with actions:
        _actions(project, annotator, chosen)


def _undecided(project: Project, annotator: str) -> None:
    """What was skipped, left unsure or marked, each brought back by a click."""
    with store.reading(project.db) as db:
        found = store.undecided_counts(db, Viewer(annotator, store.project_settings(db).overlap))
    acts = [act for act in UNDECIDED if found.get(act)]
    with st.container(horizontal=True):
        shut = shut_button(project, Right.SEE_ALL)
        st.button(say("agreement.open"), key="agreement", icon=":material/handshake:", on_click=_compare, **shut)
        for act in acts:
            label = say("decisions.review_now", undecided=say(f"standing.{act}", count=found[act]))
            st.button(label, key=f"again {act}", icon=":material/replay:", on_click=_look, args=(act,))


def _compare() -> None:
    st.query_params["view"] = "agreement"


def _look(act: Act) -> None:
    look_again(act)
    back_to_flags()


def back_to_flags() -> None:
    """Leave the list, and whatever was opened from it."""
    st.query_params.pop("view", None)
    forget_choice()


def _last(project: Project, annotator: str) -> None:
    """The last act about several texts, until something else is decided."""
    last = last_act(project, annotator)
    if last is None:
        return
    told = counted(LAST[last.kind], last.count, label=last.label or "")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.text(told)
        if st.button(say("decisions.reverse"), key="reverse", icon=":material/undo:"):
            try:
                reverse(project, annotator, last.token, uuid4().hex)
            except InfFeedError as error:
                problem(str(error))
                return
            _chosen_anew()
            st.rerun()


def _asked(project: Project, annotator: str) -> AnswerFilter:
    with store.reading(project.db) as db:
        names, orders = store.answering(db)
    all_seen = why_not(project, Right.SEE_ALL) is None
    everybody = ["", *dict.fromkeys([annotator, *names])] if all_seen else [annotator]
    first, second, third, fourth = st.columns(4)
    who = choice(
        say("decisions.whose"),
        everybody,
        name="decisions_whose",
        default=annotator,
        place=first,
        format_func=lambda name: name or say("decisions.everybody"),
    )
    acts = second.multiselect(
        say("columns.act"),
        _ACTS,
        format_func=lambda act: section("acts")[act],
        key="decisions_acts",
        placeholder=say("data.all"),
        **_KEPT,
    )
    labels = third.multiselect(
        say("columns.label"), settings_of(project).labels, key="decisions_labels", placeholder=say("data.all"), **_KEPT
    )
    changed = fourth.selectbox(say("decisions.changed"), list(CHANGED), format_func=_phrase, key="decisions_changed")
    note = first.text_input(say("decisions.note"), key="decisions_note", placeholder=say("decisions.note_any"))
    when = second.selectbox(say("columns.when"), list(DAYS), format_func=_phrase, key="decisions_when")
    policies = third.multiselect(
        say("review.policy"), orders, format_func=_order, key="decisions_policies", placeholder=say("data.all"), **_KEPT
    )
    return AnswerFilter(
        annotators=(who,) if who else () if all_seen else (annotator,),
        acts=tuple(acts),
        labels=tuple(labels),
        changed=CHANGED[changed or "both"],
        note=(note or "").strip(),
        since=_since(when or "any"),
        policies=tuple(policies),
    )


def _phrase(code: str) -> str:
    return say(f"decisions.{code}")


_KEPT: dict[str, Any] = {"persist_state": "session"}


def _order(policy: str) -> str:
    """The name of what handed a text out."""
    if policy in (*POLICIES, SENT):
        return str(section("policies")[policy][0])
    return say({AUDIT: "decisions.by_audit", AGAIN: "decisions.by_again"}.get(policy, "decisions.by_nobody"))


def _since(when: str) -> str:
    days = DAYS[when]
    if days is None:
        return ""
    start = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return start.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(one: Answered, everything: bool) -> bool:
    """The text with a box before it, and below it what was said; whether it is chosen."""
    decision = one.decision
    with st.container(gap=None):
        text = one.text if one.pair is None else f"{one.text} · {one.pair}"
        picked = st.checkbox(as_it_is(begun(text)), key=_key("pick", decision.token), disabled=everything)
        st.text(_said(one))
    return picked


def _said(one: Answered) -> str:
    decision, words = one.decision, section("card")
    what = words["past"][decision.act].format(label=decision.label or "")
    told = [words["other_answer"].format(annotator=decision.annotator, what=what)]
    told.append(say("decisions.came_with", label=label_name(one.original)))
    told += [_order(decision.policy or ""), decision.at[:16].replace("T", " ")]
    return say("review.outlook_between").join(told) + (f": {decision.note}" if decision.note else "")


def _key(name: str, of: object) -> str:
    """Of a box; after an act all are empty again."""
    return f"{name} {st.session_state.get('decisions_round', 0)} {of}"


def _chosen_anew() -> None:
    st.session_state["decisions_round"] = st.session_state.get("decisions_round", 0) + 1
    st.session_state.pop("decisions_wish", None)


def _actions(project: Project, annotator: str, chosen: Sequence[Answered]) -> None:
    """What to do with the chosen answers; an act is previewed before it is carried out."""
    if not chosen:
        st.caption(say("decisions.choose"))
        st.session_state.pop("decisions_wish", None)
        return
    own = all(one.decision.annotator == annotator for one in chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ids = tuple(dict.fromkeys(one.decision.instance_id for one in chosen))
        opens = say("decisions.open", count=len(ids))
        st.button(opens, key="open", icon=":material/style:", on_click=_open, args=(project, ids))
        new = choice(
            say("decisions.new_label"),
            settings_of(project).offered,
            name="decisions_new_label",
            placeholder=say("review.settle_choose"),
            width=220,
        )
        change = st.button(say("decisions.change", count=len(ids)), key="change", disabled=new is None)
        help = None if own else say("decisions.only_own")
        back = st.button(say("decisions.take_back", count=len(chosen)), key="take_back", disabled=not own, help=help)
    tokens = tuple(one.decision.token for one in chosen)
    if change or back:
        label = new if change else None
        st.session_state["decisions_wish"] = Revision(
            tokens=tokens, annotator=annotator, token=uuid4().hex, label=label
        )
    wish = st.session_state.get("decisions_wish")
    if wish is not None and wish.tokens == tokens and wish.annotator == annotator:
        _preview(project, wish)


def _open(project: Project, ids: tuple[str, ...]) -> None:
    st.query_params[ADDRESS] = choose(project, ids)
    st.query_params.pop("view", None)


def _preview(project: Project, wish: Revision) -> None:
    """What the act would do to each text, and the button that does it."""
    try:
        found = foretell(project, wish)
    except InfFeedError as error:
        problem(str(error))
        return
    with st.container(border=True):
        st.subheader(counted("decisions.preview", len(found)), anchor=False)
        for one in found[:SHOWN_IN_PREVIEW]:
            before, after = _now(one.before), _now(one.after)
            st.text(say("decisions.becomes", before=before, after=after, text=begun(one.after.text)))
        if len(found) > SHOWN_IN_PREVIEW:
            st.text(counted("decisions.more", len(found) - SHOWN_IN_PREVIEW))
        with st.container(horizontal=True):
            name = say("decisions.do_back" if wish.label is None else "decisions.do_change", count=len(found))
            if st.button(name, key="do", type="primary"):
                try:
                    revise(project, wish)
                except InfFeedError as error:
                    problem(str(error))
                    return
                _chosen_anew()
                st.rerun()
            if st.button(say("decisions.cancel"), key="cancel"):
                _chosen_anew()
                st.rerun()


def _now(instance: Instance) -> str:
    name = label_name(instance.label)
    return name if instance.confirmed else say("decisions.unconfirmed", label=name)
