"""Feedback: what is proposed and why, what a click applies, and how it is undone."""

import pytest
from page_parts import button, texts
from reviewing import make_reviewable
from streamlit.testing.v1 import AppTest

from inffeed_core import feedback, store
from inffeed_core.flags.reasons import reason
from inffeed_core.project.folder import Project, create_project
from inffeed_core.records import Act, Decision, Interval
from inffeed_core.review.handing_out import queue
from inffeed_core.settings import FeedbackSettings, ProjectSettings
from inffeed_core.store.proposals import Trial

PROPOSED = [("t000", "positive"), ("s001", None), ("s002", "positive")]


def propose(project: Project, method: str = "influence-vote", proposed=PROPOSED) -> int:
    """A set of proposals as the job would have left it."""
    settings = FeedbackSettings(method=method).as_dict()
    with store.writing(project.db) as db:
        rows = [(id, store.instance(db, id).label, label, 0.5) for id, label in proposed]
        cast = {id: [("t001", "positive", -0.02, "negative", -0.02)] for id, *_ in rows}
        return store.add_proposals(db, "v1", store.last_decision_row(db), settings, rows, cast)


@pytest.fixture
def known(reviewable_project: Project) -> Project:
    """A project whose version learned from all texts that there are."""
    with store.writing(reviewable_project.db) as db:
        db.conn.execute('UPDATE version SET train_counts = \'{"gold": 12, "silver": 40}\'')
    return reviewable_project


@pytest.fixture
def proposed(known: Project) -> Project:
    propose(known)
    return known


def labels(project: Project) -> dict[str, str]:
    with store.reading(project.db) as db:
        return {i.id: i.label for i in store.instances(db)}


def ticks(app: AppTest) -> list[bool]:
    return [one.value for one in app.checkbox]


def test_without_a_model_it_leads_to_the_models(open_page, tmp_path):
    app = open_page("feedback", create_project(tmp_path / "p", ProjectSettings("Empty", ("a", "b"))))
    assert [s.value for s in app.subheader] == ["There is no model yet"]


def test_the_default_leaves_out_and_the_vote_carries_its_warning(open_page, known, started):
    app = open_page("feedback", known)
    assert "None yet." in texts(app)
    assert "It did best in our measurements" in texts(app)
    app.segmented_control(key="remedy").set_value("influence-vote").run()
    assert "on real data this lowered macro-F1" in texts(app)
    assert "validation refused every round" in texts(app)
    app.number_input(key="margin").set_value(0.4).run()
    app.number_input(key="cap").set_value(2.0).run()
    button(app, "Look for proposals").click().run()
    assert not app.exception
    wanted = FeedbackSettings(method="influence-vote", margin=0.4, cap=0.02)
    assert started == [("propose", {"feedback": wanted.as_dict()})]
    assert button(app, "Look for proposals").disabled


def test_where_texts_were_left_out_since_the_training_it_asks_to_retrain(open_page, proposed):
    with store.writing(proposed.db) as db:
        store.exclude(db, ["s009"], "twice")
    app = open_page("feedback", proposed, annotator="Ada")
    assert "Retrain before" in texts(app)
    assert button(app, "Look for proposals").disabled
    assert button(app, "Check and apply 3").disabled
    assert not button(app, "Send to review").disabled


def test_settings_that_cannot_work_are_refused_in_words(open_page, reviewable_project):
    app = open_page("feedback", reviewable_project)
    app.number_input(key="cap").set_value(0.0).run()
    assert "cap is 0.0" in texts(app)
    assert button(app, "Look for proposals").disabled


def test_each_proposal_shows_its_text_its_change_and_on_request_its_voters(open_page, proposed):
    app = open_page("feedback", proposed, annotator="Ada")
    said = texts(app)
    assert "Influence vote: 3 proposals for v1. 3 can be applied." in said
    assert "negative → positive" in said
    assert "positive → leave out" in said
    assert "silver text 1, told in a few plain words." in said
    app.toggle[0].set_value(True).run()
    (table,) = app.dataframe
    row = table.value.iloc[0].to_dict()
    assert (row["Influence, nats"], row["Vote"], row["Its label"]) == (-0.02, "against negative", "positive")


def test_a_proposal_without_stored_influencers_says_where_they_are_found(open_page, proposed):
    with store.writing(proposed.db) as db:
        db.conn.execute("DELETE FROM voter")
    app = open_page("feedback", proposed, annotator="Ada")
    app.toggle[0].set_value(True).run()
    assert not app.dataframe
    said = " ".join(one.value for one in app.caption)
    assert "most certain proposals only. Explore finds those of this text." in said


def test_a_check_is_a_job_about_what_is_ticked(open_page, proposed, started):
    app = open_page("feedback", proposed, annotator="Ada")
    assert ticks(app) == [True, True, True]
    app.checkbox[1].uncheck().run()
    button(app, "Tick none").click().run()
    assert ticks(app) == [False, False, False]
    assert button(app, "Check and apply 0").disabled
    button(app, "Tick all").click().run()
    app.checkbox[0].uncheck().run()
    app.number_input(key="rounds").set_value(2).run()
    button(app, "Check and apply 2").click().run()
    assert not app.exception
    assert started == [("feedback", {"set": 1, "ids": ["s001", "s002"], "by": "Ada", "rounds": 2})]


def test_nobody_applies_without_a_name(open_page, proposed):
    app = open_page("feedback", proposed)
    assert button(app, "Check and apply 3").disabled
    app.text_input[0].set_value("Ben").run()
    assert not button(app, "Check and apply 3").disabled


def test_what_is_applied_without_the_check_is_one_act_that_is_undone_as_one(open_page, proposed):
    before = labels(proposed)
    app = open_page("feedback", proposed, annotator="Ada")
    app.checkbox[2].uncheck().run()
    app.button(key="apply_unchecked").click().run()
    assert not app.exception
    assert labels(proposed) == {k: v for k, v in before.items() if k != "s001"} | {"t000": "positive"}
    assert "1 relabelled, 1 left out (set 1)" in texts(app)
    assert "1 can be applied." in texts(app)
    (act,) = feedback.acts(proposed)
    foreign = open_page("feedback", proposed, annotator="Ben")
    assert foreign.button(key=f"undo {act.token}").disabled
    app.button(key=f"undo {act.token}").click().run()
    assert not app.exception
    assert labels(proposed) == before
    assert "as if these changes had never been applied" in texts(app)


def test_what_is_sent_comes_before_annotators_in_its_own_order(open_page, proposed):
    app = open_page("feedback", proposed, annotator="Ada")
    app.checkbox[0].uncheck().run()
    button(app, "Send to review").click().run()
    assert "2 texts were sent to review." in texts(app)
    with store.reading(proposed.db) as db:
        analysis = store.latest_analysis(db)
        assert analysis is not None
        assert [r.row.instance for r in store.flagged(db, analysis.id, "feedback")] == ["s001", "s002"]
    items = queue(proposed, "feedback")
    said = "Feedback on the training labels proposes to leave it out: {}."
    assert [(i.flag.rank, i.flag.of, i.flag.proposed, reason(i.flag, i.evidence, 2)) for i in items] == [
        (1, 2, None, said.format("without it the validation loss should fall by 0.5 nats")),
        (2, 2, "positive", "Feedback on the training labels proposes “positive”."),
    ]
    room = open_page("review", proposed, annotator="Ada", order="feedback")
    assert room.selectbox[0].value == "feedback"
    assert any(option.startswith("Sent from feedback") for option in room.selectbox[0].options)


def test_a_set_that_labels_have_overtaken_says_so(open_page, proposed):
    with store.writing(proposed.db) as db:
        store.record_decision(db, Decision("t", "s002", "Ben", Act.KEEP, "negative"))
    app = open_page("feedback", proposed, annotator="Ada")
    assert "1 label has changed" in texts(app)
    assert [box.disabled for box in app.checkbox] == [False, False, True]
    assert "2 can be applied." in texts(app)


def test_it_says_what_validation_said(open_page, proposed):
    with store.writing(proposed.db) as db:
        store.add_trial(db, Trial(1, 3, Interval(-0.02, -0.05, 0.01), 100, "", None))
    app = open_page("feedback", proposed, annotator="Ada")
    assert "Validation did not confirm 3 changes, and they were not applied: macro-F1 -0.020" in texts(app)


def test_an_earlier_set_can_be_looked_at(open_page, proposed):
    propose(proposed, "discard", [("s005", None)])
    app = open_page("feedback", proposed, annotator="Ada")
    assert "Leave out: 1 proposal for v1. 1 can be applied." in texts(app)
    app.selectbox(key="sets 2").set_value(1).run()
    assert "Influence vote: 3 proposals" in texts(app)


def test_a_set_of_nothing_says_so(open_page, proposed):
    propose(proposed, "discard", [])
    app = open_page("feedback", proposed, annotator="Ada")
    assert [s.value for s in app.subheader] == ["Nothing is proposed"]


def test_what_somebody_has_decided_is_marked_and_not_ticked(open_page, known, started):
    with store.writing(known.db) as db:
        store.record_decision(db, Decision("t", "s001", "Ben *B*", Act.KEEP, "positive", at="2026-11-02T10:00:00.000Z"))
        store.record_decision(db, Decision("u", "s002", "Eve", Act.KEEP, "negative"))
        store.record_decision(db, Decision("w", "s002", "Eve", Act.UNSURE))
    propose(known)
    app = open_page("feedback", known, annotator="Ada")
    assert ticks(app) == [True, False, True]
    assert not app.checkbox[1].disabled
    marks = [badge.value for badge in app.markdown if "decided by" in badge.value]
    assert len(marks) == 1
    assert r"decided by Ben \*B\* on 2026-11-02" in marks[0]
    button(app, "Tick none").click().run()
    button(app, "Tick all").click().run()
    assert ticks(app) == [True, False, True]
    app.checkbox[1].check().run()
    button(app, "Check and apply 3").click().run()
    assert started[0][1]["ids"] == ["t000", "s001", "s002"]


def test_the_ticks_of_one_project_are_not_those_of_another(open_page, proposed, tmp_path):
    app = open_page("feedback", proposed, annotator="Ada")
    app.checkbox[0].uncheck().run()
    other = make_reviewable(tmp_path / "other")
    with store.writing(other.db) as db:
        db.conn.execute('UPDATE version SET train_counts = \'{"gold": 12, "silver": 40}\'')
    propose(other)
    app.session_state["project"] = other
    app.run()
    assert ticks(app) == [True, True, True]
    app.session_state["project"] = proposed
    app.run()
    assert ticks(app) == [False, True, True]


def test_small_work_beside_it_does_not_stop_an_act_and_a_training_does_with_its_reason(open_page, proposed):
    with store.writing(proposed.db) as db:
        store.enqueue(db, "small", "refresh", {})
    app = open_page("feedback", proposed, annotator="Ada")
    assert not button(app, "Check and apply 3").disabled
    assert not button(app, "Look for proposals").disabled
    assert any("will start when that job ends" in one.value for one in app.caption)
    with store.writing(proposed.db) as db:
        store.enqueue(db, "long", "retrain", {})
    app = open_page("feedback", proposed, annotator="Ada")
    assert button(app, "Check and apply 3").disabled
    assert button(app, "Look for proposals").disabled
    assert any("You can make and apply proposals when it ends" in one.value for one in app.caption)
