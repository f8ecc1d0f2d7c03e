"""The part of the Models page that shows how a version decides, and lets one change that without training."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from inffeed_core import store
from inffeed_core.learning.rules_said import rule_said, shift_said
from inffeed_core.project.folder import Project
from inffeed_core.project.roles import Right
from inffeed_core.records import Metrics, ModelVersion
from inffeed_core.store import RuleOfVersion
from pages.components.choices import choice
from pages.components.identity import known_name
from pages.components.rights import refused, why_not
from pages.language import say, told


def warn_of_shift(active: ModelVersion) -> None:
    """Warn where the version in use predicts other labels for silver than for validation."""
    rule = _used(active)
    if rule is not None and (warning := shift_said(rule)) is not None:
        with st.container(border=True):
            st.badge(say("rules.shift"), icon=":material/warning:", color="orange")
            st.text(told(warning))


def decision_rule(project: Project, versions: list[ModelVersion], active: ModelVersion) -> None:
    """A button that opens the rules of a version, what each scores, and a choice among them."""
    with st.popover(say("rules.open"), icon=":material/gavel:"):
        by_id = {v.id: v for v in versions}
        chosen = by_id[choice(say("models.version"), list(by_id), name="ruled_version", default=active.id) or active.id]
        rules, used = store.rules_of(chosen), _used(chosen)
        if used is None:
            st.text(say("rules.none", id=chosen.id))
            return
        st.text(say("rules.said"))
        _table(list(rules.values()), chosen)
        st.text(told(rule_said(used)))
        _history(project, chosen)
        kind = choice(say("rules.rule"), list(rules), name=f"rule_of_{chosen.id}", default=used.kind, format_func=_name)
        if kind is None or kind == used.kind:
            return
        if (reason := why_not(project, Right.VERSION)) is not None:
            st.text(reason)
        off, key = reason is not None, f"rule {chosen.id} {kind}"
        if st.button(say("rules.use", rule=_name(kind), id=chosen.id), type="primary", key=key, disabled=off):
            if refused(project, Right.VERSION):
                return
            with store.writing(project.db) as db:
                store.use_rule(db, chosen.id, kind, known_name() or "models-page")
            st.rerun()


def _used(version: ModelVersion) -> RuleOfVersion | None:
    return next((rule for kind, rule in store.rules_of(version).items() if kind == version.rule), None)


def _name(kind: str) -> str:
    return say(f"rules.{kind}")


def _table(rules: list[RuleOfVersion], version: ModelVersion) -> None:
    rows = [
        {
            "rule": say("models.marked_in_use", id=_name(r.kind)) if r.kind == version.rule else _name(r.kind),
            "validation": _f1(r.validation),
            "test": _f1(r.test),
            "loss": None if r.validation is None else r.validation.loss,
        }
        for r in rules
    ]
    columns: dict[str, ColumnConfig | str] = {
        "rule": say("rules.rule"),
        "validation": st.column_config.TextColumn(say("models.column_validation"), help=say("rules.validation_help")),
        "test": st.column_config.TextColumn(say("models.column_test"), help=say("models.column_test_help")),
        "loss": st.column_config.NumberColumn(say("rules.loss"), help=say("rules.loss_help"), format="%.3f"),
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns, key=f"rules {version.id}")


def _history(project: Project, version: ModelVersion) -> None:
    with store.reading(project.db) as db:
        choices = store.rule_choices(db, version.id)
    if choices:
        last = choices[0]
        st.caption(say("rules.chosen", rule=_name(last.rule), by=last.by, at=last.at[:16].replace("T", " ")))


def _f1(metrics: Metrics | None) -> str:
    if metrics is None:
        return "–"
    f1 = metrics.macro_f1
    return f"{f1.value:.3f} ({f1.low:.3f}–{f1.high:.3f})"
