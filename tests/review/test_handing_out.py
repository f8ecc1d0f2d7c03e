"""Several annotators at once: who is given which flag, for how long, and what each is told of the others."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from reviewing import Filling, held, leave, make_reviewable, take, texts

from inffeed_core import review, store
from inffeed_core.errors import InvalidDecision
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.records import Act, Decision, FlagFilter
from inffeed_core.review import messages
from inffeed_core.review.handing_out import Handed
from inffeed_core.review.messages import Sent
from inffeed_core.review.progress import Sitting

POLICY = POLICIES[0]


def given(project: Project, annotator: str, limit: int = 3, have: tuple[str, ...] = ()) -> list[str]:
    return [i.flag.id for i in take(project, Sitting(annotator), limit, have).items]


def keep(project: Project, annotator: str, id: str, label: str = "negative", **more) -> None:
    review.decide(project, Decision(f"{annotator}-{id}-{label}", id, annotator, Act.RELABEL, label, **more))


def label_of(project: Project, id: str) -> str:
    return texts(project, [id])[id].label


def end_all_leases(project: Project) -> None:
    with store.writing(project.db) as db:
        db.conn.execute("UPDATE lease SET until = '2020-01-01T00:00:00.000Z'")


def test_no_two_annotators_are_given_the_same_flag(reviewable_project):
    assert given(reviewable_project, "Ada") == ["s000", "s001", "s002"]
    assert given(reviewable_project, "Bob") == ["s003", "s004", "s005"]
    assert given(reviewable_project, "Ada") == ["s000", "s001", "s002"]


def test_a_lease_that_ran_out_frees_the_flag_and_is_told(reviewable_project):
    given(reviewable_project, "Ada")
    end_all_leases(reviewable_project)
    assert given(reviewable_project, "Bob") == ["s000", "s001", "s002"]
    assert take(reviewable_project, Sitting("Ada"), 1, ["s000", "s001"]).lost == ["s000", "s001"]


def test_whoever_has_a_flag_keeps_it_by_saying_so(reviewable_project):
    given(reviewable_project, "Ada")
    end_all_leases(reviewable_project)
    assert take(reviewable_project, Sitting("Ada"), 0, ["s000", "s001"]).lost == []
    assert given(reviewable_project, "Bob") == ["s002", "s003", "s004"]


def test_released_flags_go_to_others(reviewable_project):
    given(reviewable_project, "Ada")
    assert leave(reviewable_project, "Ada") == 3
    assert held(reviewable_project, "Ada") == 0
    assert given(reviewable_project, "Bob")[0] == "s000"


def test_what_is_taken_back_is_kept_for_whoever_took_it_back(reviewable_project):
    given(reviewable_project, "Ada", limit=1)
    keep(reviewable_project, "Ada", "s000")
    review.undo(reviewable_project, "Ada", "u")
    assert given(reviewable_project, "Bob", limit=1) == ["s001"]


def test_where_several_review_each_holds_fewer(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=200))
    ahead = {}
    for n in range(6):
        handed = take(project, Sitting(f"a{n}"), 20, ahead=20)
        ahead[n] = (len(handed.items), handed.ahead, handed.short)
    assert ahead == dict(enumerate([(20, 20, False), (10, 10, False), (6, 6, False), *[(5, 5, False)] * 3]))


def test_what_one_holds_beyond_ones_share_goes_to_others_once_it_is_given_back(reviewable_project):
    have = [i.flag.id for i in take(reviewable_project, Sitting("Ada"), 20, ahead=20).items]
    assert given(reviewable_project, "Bob") == ["s020", "s021", "s022"]
    again = take(reviewable_project, Sitting("Ada"), 0, have, ahead=20)
    assert (list(again.lost), again.ahead) == ([], 10)
    assert given(reviewable_project, "Bob", have=("s020",)) == ["s021", "s022", "s023"]
    take(reviewable_project, Sitting("Ada"), 0, have[:10], ahead=20, back=have[10:])
    assert given(reviewable_project, "Bob", have=("s020",)) == ["s010", "s011", "s012"]


def be_quiet(project: Project) -> None:
    """As if nobody had been heard of for a minute."""

    def earlier(time: str) -> str:
        moved = datetime.fromisoformat(time) - timedelta(minutes=1)
        return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    with store.writing(project.db) as db:
        for row in list(db.query("SELECT * FROM lease")):
            sql = "UPDATE lease SET until = ? WHERE instance = ? AND annotator = ?"
            db.conn.execute(sql, [earlier(row["until"]), row["instance"], row["annotator"]])
        for row in list(db.query("SELECT * FROM reviewer")):
            sql = "UPDATE reviewer SET heard = ? WHERE annotator = ?"
            db.conn.execute(sql, [earlier(row["heard"]), row["annotator"]])


def told(project: Project, annotator: str, have: Sequence[str] = (), **asked: Any) -> Handed:
    """What a browser is told that has room for many more than these."""
    return take(project, Sitting(annotator), 20, have, ahead=20, **asked)


def given_ahead(project: Project, annotator: str, have: Sequence[str] = (), **asked: Any) -> list[str]:
    return [i.flag.id for i in told(project, annotator, have, **asked).items]


def waiting(project: Project) -> list[str]:
    with store.reading(project.db) as db:
        return [r["annotator"] for r in db.query("SELECT annotator FROM reviewer WHERE waits")]


def test_as_flags_run_short_each_holds_fewer(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=24))
    for name in ("Ada", "Bob", "Cem"):
        take(project, Sitting(name), 1, ahead=20)
    ahead = []
    for n in range(23):
        keep(project, "Ada", f"s{n:03}")
        ahead.append(take(project, Sitting("Ada"), 0, [f"s{n + 1:03}"], ahead=20).ahead)
    assert ahead == [*[6] * 6, *[5] * 3, *[4] * 3, *[3] * 3, *[2] * 3, *[1] * 5]


def test_who_waits_is_given_what_others_hold_ahead_as_soon_as_they_are_heard_of(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=6))
    hers = given_ahead(project, "Ada")
    assert len(hers) == 6
    assert given_ahead(project, "Bob") == []  # the next of Ada's may come on her screen before she hears of it
    answer = told(project, "Ada", hers)
    assert (answer.ahead, list(answer.lost)) == (1, [])
    told(project, "Ada", hers[:2], back=hers[2:])  # she went on before she heard
    assert given_ahead(project, "Bob") == ["s002", "s003", "s004"]
    assert told(project, "Ada", hers[:2]).ahead == 3


def test_nobody_gives_back_for_whoever_could_not_answer_it(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=8))
    change_settings(project, overlap=2)
    for id in ("s002", "s003"):
        keep(project, "Bob", id)
    take(project, Sitting("Ada"), 8)
    take(project, Sitting("Cem"), 6)
    be_quiet_of = ["s006", "s007"]
    with store.writing(project.db) as db:
        for id in be_quiet_of:
            store.exclude(db, [id], "left out")
    assert given_ahead(project, "Bob") == []
    assert waiting(project) == ["Bob"]
    with store.writing(project.db) as db:
        for id in ("s001", "s004", "s005"):
            store.exclude(db, [id], "left out")
    assert given_ahead(project, "Bob") == []  # what he could answer is on two screens
    assert waiting(project) == []


def test_what_is_on_screen_stays_with_whoever_is_silent_whatever_its_rank(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=4))
    assert len(given_ahead(project, "Ada")) == 4
    take(project, Sitting("Ada", "cluster"), 0, ["s003", "s000", "s001", "s002"], ahead=20)
    be_quiet(project)
    assert given_ahead(project, "Bob") == ["s000", "s001", "s002"]
    assert list(told(project, "Ada", ["s003", "s000", "s001", "s002"]).lost) == ["s000", "s001", "s002"]


def test_whoever_does_nothing_for_as_long_as_a_lease_lasts_keeps_and_is_given_nothing(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=4))
    hers = given_ahead(project, "Ada")
    end_all_leases(project)
    be_quiet(project)
    answer = told(project, "Ada", hers, idle=15 * 60)
    assert (list(answer.items), list(answer.lost), held(project, "Ada")) == ([], [], 0)
    idle = told(project, "Ada", idle=15 * 60)
    assert (list(idle.items), idle.short) == ([], True)
    assert given_ahead(project, "Bob") == hers
    assert list(told(project, "Ada", hers).lost) == hers


def test_who_may_each_answer_every_flag_take_nothing_from_one_another(tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(silver=6))
    change_settings(project, overlap=2)
    assert [told(project, name).ahead for name in ("Ada", "Bob", "Cem")] == [20, 20, 2]


def test_who_comes_again_goes_on_with_what_they_held(reviewable_project):
    given(reviewable_project, "Ada")
    assert given(reviewable_project, "Bob") == ["s003", "s004", "s005"]
    leave(reviewable_project, "Ada")
    handed = take(reviewable_project, Sitting("Bob"), 5, fresh=True, again=True)
    assert [i.flag.id for i in handed.items] == ["s003", "s004", "s005", "s000", "s001"]
    handed = take(reviewable_project, Sitting("Bob"), 5, fresh=True)
    assert [i.flag.id for i in handed.items] == ["s000", "s001", "s002", "s003", "s004"]


def test_at_overlap_two_a_flag_stays_open_until_two_have_answered(reviewable_project):
    change_settings(reviewable_project, overlap=2)
    assert given(reviewable_project, "Ada") == given(reviewable_project, "Bob") == ["s000", "s001", "s002"]
    assert given(reviewable_project, "Cem") == ["s003", "s004", "s005"]
    keep(reviewable_project, "Ada", "s000")
    assert given(reviewable_project, "Ada")[0] == "s001"
    assert [i.flag.id for i in review.queue(reviewable_project, POLICY, 1)] == ["s000"]
    assert (
        review.progress(reviewable_project, Sitting("Ada")).done,
        review.progress(reviewable_project, Sitting("Bob")).done,
    ) == (1, 0)
    keep(reviewable_project, "Bob", "s000")
    assert [i.flag.id for i in review.queue(reviewable_project, POLICY, 1)] == ["s001"]
    assert review.progress(reviewable_project, Sitting("Cem")).done == 1


def test_others_answers_are_told_once_ones_own_is_in(reviewable_project):
    change_settings(reviewable_project, overlap=2)
    keep(reviewable_project, "Bob", "s000", "positive")
    assert review.answers(reviewable_project, ["s000"], "Ada") == {}
    keep(reviewable_project, "Ada", "s000")
    told = review.answers(reviewable_project, ["s000"], "Ada")
    assert [(d.annotator, d.label) for d in told["s000"]] == [("Bob", "positive")]


def test_the_majority_gives_the_label_and_a_tie_none(reviewable_project):
    keep(reviewable_project, "Ada", "s000", "negative")
    keep(reviewable_project, "Bob", "s000", "positive")
    tied = texts(reviewable_project, ["s000"])["s000"]
    assert (tied.label, tied.confirmed, tied.disputed) == ("negative", False, True)
    keep(reviewable_project, "Cem", "s000", "negative")
    keep(reviewable_project, "Dee", "s000", "negative")
    keep(reviewable_project, "Eve", "s000", "positive")
    assert label_of(reviewable_project, "s000") == "negative"


def test_each_annotator_has_one_vote(reviewable_project):
    keep(reviewable_project, "Ada", "s000", "negative")
    keep(reviewable_project, "Bob", "s000", "positive")
    for n in range(3):
        review.decide(reviewable_project, Decision(f"again{n}", "s000", "Ada", Act.RELABEL, "negative"))
    keep(reviewable_project, "Cem", "s000", "positive")
    assert label_of(reviewable_project, "s000") == "positive"


def test_a_settlement_ends_the_vote_until_it_is_undone(reviewable_project):
    keep(reviewable_project, "Ada", "s000", "negative")
    keep(reviewable_project, "Bob", "s000", "negative")
    keep(reviewable_project, "Cem", "s000", "positive", settles=True)
    assert label_of(reviewable_project, "s000") == "positive"
    review.undo(reviewable_project, "Cem", "u")
    assert label_of(reviewable_project, "s000") == "negative"


def test_a_settlement_names_a_label(reviewable_project):
    with pytest.raises(InvalidDecision, match="settle a discussion with a label"):
        review.decide(reviewable_project, Decision("t", "s000", "Ada", Act.SKIP, settles=True))


def annotate(project: Project, name: str, most: int) -> None:
    """As a card does: some flags ahead, refilled before they run out; until nothing is open or enough is done."""
    done, queue = 0, given(project, name, limit=5)
    while done < most and (queue or review.progress(project, Sitting(name)).open):
        if queue:
            keep(project, name, queue.pop(0))
            done += 1
        if len(queue) < 3:
            queue += given(project, name, 4, tuple(queue))
    leave(project, name)


@pytest.mark.parametrize(("overlap", "silver", "most"), [(1, 140, 20), (3, 40, 40)])
def test_six_annotators_at_once_share_the_flags_out(tmp_path, overlap, silver, most):
    project = make_reviewable(tmp_path / "p", Filling(silver=silver))
    change_settings(project, overlap=overlap)
    with ThreadPoolExecutor(6) as pool:
        for ended in [pool.submit(annotate, project, f"a{n}", most) for n in range(6)]:
            ended.result()  # raises what went wrong, such as "database is locked"
    with store.reading(project.db) as db:
        rows = db.query("SELECT count(*) AS n, count(DISTINCT annotator) AS who FROM standing GROUP BY instance")
        counts = [(row["n"], row["who"]) for row in rows]
    assert counts == [(overlap, overlap)] * (120 // overlap)


def send(project: Project, annotator: str, **sent: Any) -> messages.Receipt:
    one = {"act": "relabel", "label": "positive", "analysis_id": 1, "token": f"{annotator}-sent"}
    return messages.receive(project, Sitting(annotator), [Sent(**one | sent)])


def answered(project: Project, id: str) -> list[str]:
    with store.reading(project.db) as db:
        return [d.annotator for d in store.answers(db, [id]).get(id, [])]


@pytest.mark.parametrize("overlap", [1, 2])
def test_an_answer_whose_place_went_to_another_is_told_of_and_not_stored(reviewable_project, overlap):
    change_settings(reviewable_project, overlap=overlap)
    for name in ("Cem", "Dee")[: overlap - 1]:
        keep(reviewable_project, name, "s000")
    told(reviewable_project, "Ada")
    end_all_leases(reviewable_project)
    told(reviewable_project, "Bob")
    receipt = send(reviewable_project, "Ada", id="s000")
    assert (receipt.acknowledged, receipt.passed_on, receipt.refused) == (["Ada-sent"], {"Ada-sent": ["s000"]}, {})
    assert send(reviewable_project, "Bob", id="s000").passed_on == {}
    assert answered(reviewable_project, "s000") == [*("Cem", "Dee")[: overlap - 1], "Bob"]
    assert send(reviewable_project, "Bob", id="s000").passed_on == {}  # the same message again
    assert send(reviewable_project, "Bob", id="s000", label="negative", token="b").passed_on == {}  # another mind
    assert send(reviewable_project, "Ada", id="s000", token="a").passed_on == {"a": ["s000"]}


def test_an_answer_after_the_lease_counts_where_nobody_took_its_place(reviewable_project):
    told(reviewable_project, "Ada")
    end_all_leases(reviewable_project)
    assert send(reviewable_project, "Ada", id="s000").passed_on == {}
    assert answered(reviewable_project, "s000") == ["Ada"]


def test_twins_that_others_have_answered_keep_their_answer(reviewable_project):
    told(reviewable_project, "Ada")
    keep(reviewable_project, "Bob", "s030")
    receipt = send(reviewable_project, "Ada", id="s000", also=["s030", "s031"])
    assert receipt.passed_on == {"Ada-sent": ["s030"]}
    assert [answered(reviewable_project, id) for id in ("s000", "s030", "s031")] == [["Ada"], ["Bob"], ["Ada"]]


def test_what_nobody_was_handed_can_be_corrected_in_place_whoever_holds_it(reviewable_project):
    told(reviewable_project, "Bob")
    assert send(reviewable_project, "Ada", id="s000", in_place=True).passed_on == {}
    assert answered(reviewable_project, "s000") == ["Ada"]
    assert send(reviewable_project, "Bob", id="s000").passed_on == {"Bob-sent": ["s000"]}


def test_of_two_who_look_again_one_settles_it(reviewable_project):
    review.decide(reviewable_project, Decision("c", "s000", "Cem", Act.UNSURE))
    again = FlagFilter(answered=(Act.UNSURE,))
    for name in ("Ada", "Bob"):
        take(reviewable_project, Sitting(name, only=again), 1)
        assert held(reviewable_project, name) == (name == "Ada")
    end_all_leases(reviewable_project)
    take(reviewable_project, Sitting("Bob", only=again), 1)
    assert take(reviewable_project, Sitting("Ada", only=again), 0, ["s000"]).lost == ["s000"]
    assert send(reviewable_project, "Ada", id="s000", again=True).passed_on == {"Ada-sent": ["s000"]}
    assert send(reviewable_project, "Bob", id="s000", again=True).passed_on == {}
