"""The review page under AppTest: every state opens, and says what to do where there is nothing to review.

The card's script runs in the browser only (tests/browser); here, what the server sends it and how it answers.
"""

import json
import sqlite3
from dataclasses import dataclass, replace

import pytest
from page_parts import button, texts
from reviewing import Filling, history, make_reviewable

from inffeed_core import review, store
from inffeed_core.errors import ProjectError
from inffeed_core.flags import reasons
from inffeed_core.flags.policies import POLICIES as KNOWN
from inffeed_core.project.folder import Project, change_settings, create_project
from inffeed_core.records import Act, Decision
from inffeed_core.review import messages
from inffeed_core.review.messages import Receipt, Sent
from inffeed_core.review.progress import Sitting
from inffeed_core.settings import SENT, ProjectSettings
from inffeed_core.wording import filled
from pages.components.review_card import KEYS
from pages.components.review_card.exchange import Words, answer, greeting, item_json
from pages.languages.chinese import common
from pages.languages.english import review as english_review

POLICY = KNOWN[0]
ADA = Sitting("Ada")
ENGLISH = english_review.WORDS["review"]
POLICIES = english_review.WORDS["policies"]
WORDS = Words(policies=POLICIES, reasons=reasons.ENGLISH, labels=2)


@dataclass
class Option:
    """A set option of Streamlit's, as its configuration holds it."""

    value: object


def test_without_a_project_the_page_links_home(open_page):
    at = open_page("review")
    assert [s.value for s in at.subheader] == ["No project is open"]


def test_the_page_asks_for_a_name_first(open_page, reviewable_project):
    at = open_page("review", reviewable_project)
    at.text_input[0].input("  Ada ")
    button(at, ENGLISH["name_button"]).click().run()
    assert not at.exception
    assert at.session_state["annotator"] == "Ada"
    assert at.query_params["annotator"] == "Ada"


def test_an_empty_name_is_not_taken(open_page, reviewable_project):
    at = open_page("review", reviewable_project)
    at.text_input[0].input("   ")
    button(at, ENGLISH["name_button"]).click().run()
    assert ENGLISH["name_missing"] in texts(at)


def test_the_signed_in_user_is_the_annotator(open_page, reviewable_project):
    at = open_page("review", reviewable_project, annotator="Ada")
    at.user = {"is_logged_in": True, "name": "Ida", "email": "ida@example.org"}
    at.run()
    assert not at.exception
    assert filled(ENGLISH["held"], count=20, minutes=15) in texts(at)
    with store.reading(reviewable_project.db) as db:
        assert store.leased(db, "ida@example.org") == 20


def test_a_trusted_header_names_the_annotator(open_page, reviewable_project, monkeypatch):
    from streamlit import config

    at = open_page("review", reviewable_project)
    monkeypatch.setitem(config.get_config_options(), "server.trustedUserHeaders", Option({"X-User": "user"}))
    at.user = {"user": "Hedy"}
    at.run()
    assert not at.exception
    with store.reading(reviewable_project.db) as db:
        assert store.leased(db, "Hedy") == 20


def test_whoever_stops_gives_their_flags_back(open_page, reviewable_project):
    at = open_page("review", reviewable_project, annotator="Ada")
    button(at, ENGLISH["release"]).click().run()
    assert filled(ENGLISH["released_advice"], count=20) in texts(at)
    with store.reading(reviewable_project.db) as db:
        assert store.leased(db, "Ada") == 0
    button(at, ENGLISH["resume"]).click().run()
    assert filled(ENGLISH["held"], count=20, minutes=15) in texts(at)


def test_a_project_without_a_model_says_what_to_do(open_page, tmp_path):
    new = create_project(tmp_path / "new", ProjectSettings("New", ("a", "b")))
    assert "There is no model yet" in texts(open_page("review", new, annotator="Ada"))
    in_chinese = open_page("review", new, annotator="Ada", language="zh")
    assert common.WORDS["core"]["flags-no-model"] in texts(in_chinese)


def test_the_room_opens_with_every_order(open_page, reviewable_project):
    at = open_page("review", reviewable_project, annotator="Ada")
    assert at.selectbox[0].value == POLICY
    for policy in at.selectbox[0].options[1:]:
        at.selectbox[0].select(policy).run()
        assert not at.exception


def test_every_policy_has_a_name_and_a_meaning():
    from inffeed_core.flags.policies import POLICIES as KNOWN

    assert {*KNOWN, SENT} == set(POLICIES)
    assert all(name and meaning for name, meaning in POLICIES.values())


def test_a_project_that_blurs_folds_the_texts_of_its_discussion(open_page, reviewable_project):
    review.decide(reviewable_project, Decision("a", "s000", "Bob", Act.FLAG))
    assert not open_page("review", reviewable_project, annotator="Ada", view="discussion").expander
    change_settings(reviewable_project, blur=True)
    (folded,) = open_page("review", reviewable_project, annotator="Ada", view="discussion").expander
    assert not folded.proto.expanded
    assert "silver text 0" in folded.text[0].value


def test_no_key_is_one_of_streamlits_own():
    assert not {"c", "r"} & set(KEYS)


def test_every_key_has_a_meaning_in_the_order_of_the_sheet():
    assert list(KEYS.values()) == list(english_review.WORDS["card"]["key_names"])


def sent(token: str, id: str, act: str = "relabel", label: str | None = "positive", **more) -> dict:
    return {"token": token, "id": id, "act": act, "label": label, "note": "", "undoes": None, "analysis": 1} | more


def receive(project: Project, annotator: str, decisions: list[dict]) -> Receipt:
    named = [{"analysis_id" if key == "analysis" else key: value for key, value in d.items()} for d in decisions]
    return messages.receive(project, Sitting(annotator), [Sent(**one) for one in named])


def test_the_greeting_is_json_with_the_first_flags(reviewable_project):
    told = json.loads(json.dumps(greeting(reviewable_project, ADA, WORDS)))
    assert [i["id"] for i in told["items"]] == [f"s{n:03}" for n in range(20)]
    assert told["exhausted"] is False
    assert told["progress"] == {"done": 0, "open": 40, "today": 0, "goal": None, "assigned": 0}


def test_the_greeting_tells_the_way_here_latest_first(reviewable_project):
    receive(reviewable_project, "Ada", [sent("a", "s000"), sent("b", "t000", label="positive")])
    receive(reviewable_project, "Bob", [sent("c", "s001")])
    told = greeting(reviewable_project, ADA, WORDS)
    assert [(d["token"], d["inPlace"]) for d in told["history"]] == [("b", True), ("a", False)]
    assert told["history_complete"] is True


def test_an_answer_acknowledges_stores_and_refills(reviewable_project):
    message = {"seq": 7, "decisions": [sent("a", "s000")], "have": ["s001", "s003"], "want": 2, "analysis": 1}
    told = answer(reviewable_project, ADA, message, WORDS)
    assert (told["seq"], told["acknowledged"]) == (7, ["a"])
    assert [i["id"] for i in told["items"]] == ["s002", "s004"]
    assert told["labels"] == {"s000": "positive"}
    assert told["progress"]["done"] == 1
    again = answer(reviewable_project, ADA, message | {"want": 0}, WORDS)
    assert again["acknowledged"] == ["a"]
    assert len(history(reviewable_project)) == 1


def test_one_refused_decision_does_not_hold_up_the_rest(reviewable_project):
    decisions = [
        sent("a", "nowhere"),
        sent("b", "s000", label="strange"),
        sent("c", "s000", act="dance"),
        sent("d", "s001"),
    ]
    receipt = receive(reviewable_project, "Ada", decisions)
    assert receipt.acknowledged == ["d"]
    assert set(receipt.refused) == {"a", "b", "c"}


def test_an_unknown_analysis_is_refused_not_sent_for_ever(reviewable_project):
    receipt = receive(reviewable_project, "Ada", [sent("a", "s000", analysis=99)])
    assert set(receipt.refused) == {"a"}


def test_a_busy_database_acknowledges_nothing(reviewable_project, monkeypatch):
    monkeypatch.setattr(store.connection, "BUSY_SECONDS", 0.05)
    with store.writing(reviewable_project.db):
        receipt = receive(reviewable_project, "Ada", [sent("a", "s000")])
    assert receipt.acknowledged == []
    assert receipt.refused == {}
    assert "locked" in receipt.problem


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.DatabaseError("disk image is malformed"),
        ProjectError("the folder went away"),
        OSError("no space"),
    ],
)
def test_what_can_be_stored_later_is_never_refused(reviewable_project, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(messages, "answer", fail)
    told = answer(reviewable_project, ADA, {"seq": 3, "decisions": [sent("a", "s000")], "want": 5}, WORDS)
    assert (told["seq"], told["acknowledged"], told["refused"], told["problem"]) == (3, [], {}, str(error))
    assert told["items"] == []


def test_what_was_stored_is_told_where_no_more_can_be_read(reviewable_project, monkeypatch):
    def fail(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(messages, "hand_out", fail)
    told = answer(reviewable_project, ADA, {"seq": 3, "decisions": [sent("a", "s000")], "want": 5}, WORDS)
    assert (told["acknowledged"], told["problem"], told["unread"]) == (["a"], "", "database or disk is full")
    assert len(history(reviewable_project)) == 1


def test_a_page_that_cannot_read_its_project_says_so(open_page, reviewable_project, monkeypatch):
    def fail(*_, **__):
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(messages, "hand_out", fail)
        at = open_page("review", reviewable_project, annotator="Ada")
    assert not at.exception
    assert "disk I/O error" in texts(at)
    at.run()
    assert filled(ENGLISH["held"], count=20, minutes=15) in texts(at)


def test_an_undo_that_names_nothing_undoes_the_last_and_tells_which(reviewable_project):
    receive(reviewable_project, "Ada", [sent("a", "s000")])
    undo = sent("u", "", act="undo", label=None)
    told = answer(reviewable_project, ADA, {"seq": 1, "decisions": [undo], "analysis": 1}, WORDS)
    assert [(d["token"], d["by"]) for d in told["undone"]] == [("a", "u")]
    assert told["labels"] == {"s000": "negative"}
    assert told["progress"]["done"] == 0


def test_an_item_that_is_no_flag_is_told_as_missing(reviewable_project):
    told = answer(reviewable_project, ADA, {"seq": 1, "look": ["s005", "t000", "nowhere"]}, WORDS)
    assert [i["id"] for i in told["looked"]] == ["s005"]
    assert told["missing"] == ["t000", "nowhere"]


def test_after_a_retrain_the_queue_is_sent_anew(reviewable_project):
    message = {"seq": 1, "have": ["s000", "s001"], "want": 2, "analysis": 0}
    told = answer(reviewable_project, ADA, message, WORDS)
    assert [i["id"] for i in told["items"]][:2] == ["s001", "s002"]
    assert len(told["items"]) == 20


def test_long_influencers_are_cut_but_never_the_flagged_text(tmp_path):
    long = {"s000": "a" * 50_000, "t000": "b" * 50_000}
    project = make_reviewable(tmp_path / "p", Filling(texts=long, train=4))
    first = greeting(project, ADA, WORDS)["items"][0]
    assert len(first["text"]) == 50_000
    assert max(len(row["text"]) for row in first["supporters"]) == 1501


def test_a_correction_is_told_to_wait_for_a_retrain(open_page, reviewable_project):
    review.decide(reviewable_project, Decision("a", "s000", "Ada", Act.RELABEL, "positive"))
    assert greeting(reviewable_project, ADA, WORDS)["changes"] == {"corrected": 1, "confirmed": 0, "withdrawn": 0}
    open_page("review", reviewable_project, annotator="Ada")


def test_a_link_carries_order_and_filter(open_page, reviewable_project):
    link = {"order": "cluster", "with_label": "positive", "with_words": "text 1"}
    at = open_page("review", reviewable_project, annotator="Ada", **link)
    assert at.selectbox(key="review_policy").value == "cluster"
    assert at.multiselect(key="with_label").value == ["positive"]
    with store.reading(reviewable_project.db) as db:
        held = sorted(r["instance"] for r in db.query("SELECT instance FROM lease"))
    assert held == ["s001", "s011", "s013", "s015", "s017", "s019"]


def test_a_discussion_is_settled_on_the_page(open_page, reviewable_project):
    flag = Decision("a", "s000", "Bob", Act.FLAG, note="sarcasm?")
    review.decide(reviewable_project, flag)
    at = open_page("review", reviewable_project, annotator="Ada")
    button(at, filled(ENGLISH["to_discussion"], count=1)).click().run()
    assert "Bob: Marked for discussion: sarcasm?" in texts(at)
    assert "Silver label: negative · Suggested: positive (80%)" in texts(at)
    assert at.selectbox(key="label s000").value is None
    button(at, ENGLISH["settle"]).click().run()
    assert ENGLISH["settle_missing"] in texts(at)
    assert history(reviewable_project, "Ada") == []
    at.selectbox(key="label s000").select("positive")
    at.text_input(key="note s000").input("it is")
    button(at, ENGLISH["settle"]).click().run()
    assert not at.exception
    assert ENGLISH["no_topics_advice"] in texts(at)
    (settled,) = history(reviewable_project, "Ada")
    assert (settled.instance_id, settled.label, settled.note, settled.settles) == ("s000", "positive", "it is", True)
    button(at, ENGLISH["to_flags"]).click().run()
    assert not at.exception


def test_a_discussion_shows_every_answer_and_what_each_annotator_says_now(open_page, reviewable_project):
    for token, who, act, label in (("a", "Bob", Act.KEEP, "negative"), ("b", "Cem", Act.RELABEL, "positive")):
        review.decide(reviewable_project, Decision(token, "s000", who, act, label, f"{who} thinks so"))
    shown = texts(open_page("review", reviewable_project, annotator="Ada", view="discussion"))
    assert "Bob: Kept negative: Bob thinks so" in shown
    assert "Cem: Relabelled positive: Cem thinks so" in shown
    assert "Silver label: negative · Suggested: positive (80%) · Label now: disputed" in shown
    review.decide(reviewable_project, Decision("c", "s000", "Bob", Act.FLAG, None, "irony?"))
    shown = texts(open_page("review", reviewable_project, annotator="Ada", view="discussion"))
    assert "Bob: Kept negative (before): Bob thinks so" in shown
    assert "Bob: Marked for discussion: irony?" in shown
    assert "Silver label: negative · Suggested: positive (80%) · Label now: positive" in shown


def test_the_card_gets_second_texts_and_pinned_metadata(tmp_path):
    pairs = {"s000": "Wind farms", "s001": "x" * 4000} | {
        f"{split}{n:03}": f"about {n}" for split in "tv" for n in range(12)
    }
    project = make_reviewable(tmp_path / "p", Filling(texts={"s001": "the same"}, pairs=pairs))
    with store.writing(project.db) as db:
        db.conn.execute("""UPDATE instance SET metadata = '{"thread": "<b>7</b>", "n": 7.0}' WHERE id = 's000'""")
    words = replace(WORDS, context=("n", "thread", "nowhere"))
    first, second, third = (item_json(review.item(project, f"s00{n}"), words) for n in range(3))
    assert (first["pair"], first["context"]) == ("Wind farms", [["n", "7"], ["thread", "<b>7</b>"]])
    assert (len(second["pair"]), second["context"], third["pair"]) == (4000, [], None)
    assert all(row["pair"].startswith("about") for row in (*first["supporters"], first["most_incompatible"]))


def test_metadata_that_texts_have_can_be_pinned(open_page, reviewable_project):
    with store.writing(reviewable_project.db) as db:
        db.conn.execute("""UPDATE instance SET metadata = '{"thread": "a", "inffeed:model_version": "v9"}'""")
    at = open_page("review", reviewable_project, annotator="Ada")
    at.button(key="care").click().run()
    [pinned] = [one for one in at.multiselect if one.label == english_review.WORDS["care"]["context"]]
    assert not at.exception
    assert (pinned.options, pinned.value) == (["thread"], [])


def test_the_scripts_of_the_card_come_once_and_not_with_each_answer(open_page, reviewable_project):
    """110 KB at each decision, where a line is slow, are what an annotator waits for."""
    at = open_page("review", reviewable_project, annotator="Ada")
    scripts, card = (one.proto for one in at.get("bidi_component"))
    assert "class Card" in scripts.js_content
    assert len(card.js_content) < 1000
    assert not card.css_content
