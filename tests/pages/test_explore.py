"""Explore: one instance at a time."""

import json
from dataclasses import asdict, replace

from page_parts import button, texts, version
from reviewing import Filling, make_reviewable

from inffeed_core import store
from inffeed_core.analysis.verifying import Refit, Verification
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import create_project
from inffeed_core.records import Act, Decision, Example, JobState, Split
from inffeed_core.settings import ProjectSettings, TrainSettings
from inffeed_core.store.analyses import ScoreRow
from inffeed_core.store.choosing import choose_texts, chosen_texts
from pages.components import explore_map

SCORE = ScoreRow("s003", "negative", "positive", 0.9, 2.3, 0.0, 0.0, "positive", 0.8, 0.01)
HOSTILE = '<img src=x onerror="alert(1)"> **bold** [x](http://evil.example)'


def test_it_opens_at_the_first_flag(open_page, reviewable_project):
    app = open_page("explore", reviewable_project)
    assert "silver text 0" in texts(app)
    assert "negative\nnegative\npositive (90%)\n2.300" in texts(app)  # imported, now, predicted, loss


def test_the_address_names_the_instance(open_page, reviewable_project):
    assert "validation text 3" in texts(open_page("explore", reviewable_project, id="v003"))


def test_an_unknown_instance_is_explained(open_page, reviewable_project):
    assert "No instance has the id 'nobody'" in texts(open_page("explore", reviewable_project, id="nobody"))


def test_a_search_goes_to_its_best_match(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="s003")
    app.text_input(key="explore_query").input("validation").run()
    assert "validation text" in texts(app)
    app.text_input(key="explore_query").input("nowhere").run()
    assert [s.value for s in app.subheader] == ["No text matches"]


def test_choosing_an_instance_shows_it_and_puts_it_into_the_address(open_page, reviewable_project):
    app = open_page("explore", reviewable_project)
    app.selectbox(key="explore_id").select("s005").run()
    assert "silver text 5" in texts(app)
    assert app.query_params["id"] in ("s005", ["s005"])


def test_influencers_stand_in_the_chart_and_in_the_table(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="s001")
    (chart,) = app.get("plotly_chart")
    bars = json.loads(chart.proto.spec)["data"][0]
    table = app.dataframe[0].value
    on_target = table[table["The text …"].isin(["helps the target", "harms the target"])]
    assert sorted(row[0] for row in bars["customdata"]) == sorted(on_target["Id"])
    assert set(on_target["Influence, nats"] > 0) == {True, False}
    assert (table["The text …"] == "is harmed by the target").sum() == 3


def test_influencers_that_are_not_stored_are_computed_when_asked(open_page, reviewable_project, started):
    app = open_page("explore", reviewable_project, id="v003")
    button(app, "Compute influencers").click().run()
    assert started == [("explain", {"ids": ["v003"]})]
    assert "Cancel" in {b.label for b in app.button}
    assert button(app, "Compute influencers").disabled


def test_the_map_holds_every_instance_of_the_analysis(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="s001", explore_view="Map")
    (chart,) = app.get("plotly_chart")
    traces = json.loads(chart.proto.spec)["data"]
    assert sum(len(t["customdata"]) for t in traces if "customdata" in t) == 60


def test_a_filter_lists_what_passes_it_beside_the_map(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="s001", explore_view="Map", with_suggested="positive")
    table = app.dataframe[0].value
    assert table["Id"].tolist() == [f"s{n:03}" for n in range(0, 40, 2)]
    (chart,) = app.get("plotly_chart")
    drawn = [row[0] for t in json.loads(chart.proto.spec)["data"] for row in t.get("customdata", [])]
    assert set(drawn) == {"s001", *table["Id"]}
    button(app, "Review these 20 texts").click().run()
    assert not app.exception
    with store.reading(reviewable_project.db) as db:
        (kept,) = db.query("SELECT ids FROM selection")
    assert json.loads(kept["ids"]) == table["Id"].tolist()


def test_a_map_by_umap_is_drawn_by_a_job_or_the_page_says_how_to_install_it(
    open_page, reviewable_project, started, monkeypatch
):
    def opened():
        app = open_page("explore", reviewable_project, id="s001", explore_view="Map")
        return app.selectbox(key="map_kind").select("umap").run()

    monkeypatch.setattr(explore_map, "find_spec", lambda name: None)
    assert 'pip install "inffeed[map]"' in texts(opened())
    monkeypatch.setattr(explore_map, "find_spec", lambda name: name)
    app = opened()
    assert not app.get("plotly_chart")
    button(app, "Draw the map").click().run()
    assert started == [("map", {})]


def test_the_worst_slices_stand_in_a_table_and_one_opens_its_texts(open_page, tmp_path):
    project = make_reviewable(tmp_path / "sliced", Filling(validation=40))
    with store.writing(project.db) as db:
        db.conn.execute("""UPDATE instance SET metadata = json_object('half', CAST(substr(id, 2) AS INT) < 20)""")
    app = open_page("explore", project, id="s001", explore_view="Errors")
    rows = app.dataframe[0].value
    assert rows["Macro-F1"].tolist() == sorted(rows["Macro-F1"])
    assert set(rows["Part"]) >= {"half = 0", "half = 1"}
    app.selectbox(key="slice_picked").select_index(0).run()
    assert "silver labels are expected to be wrong" in texts(app)
    assert len(app.dataframe) == 2
    few = open_page("explore", make_reviewable(tmp_path / "few"), id="s001", explore_view="Errors")
    assert "No part has enough validation texts" in texts(few)


def test_every_policy_has_its_rank(open_page, reviewable_project):
    table = open_page("explore", reviewable_project, id="s004", explore_view="Rankings").dataframe[0].value
    assert table["Rank"].tolist() == [5] * len(POLICIES)


def test_scores_are_checked_by_refits_when_asked(open_page, reviewable_project, started):
    app = open_page("explore", reviewable_project, id="s003", explore_view="Rankings")
    app.number_input(key="refits").set_value(7)
    button(app, "Check by refitting").click().run()
    assert started == [("verify", {"refits": 7})]
    assert "A check is under way" in texts(app)
    refits = [Refit("s000", 0.1, 0.2), Refit("s001", 0.3, 0.4)]
    with store.writing(reviewable_project.db) as db:
        store.end_job(db, "job1", JobState.DONE, result=asdict(Verification(1, [], refits, 0.25)))
    app.run()
    assert "With the suggested label: 2 texts, correlation 1.00, slope 1.00" in texts(app)
    assert "25% are among the 10" in texts(app)
    assert "Without the text" not in texts(app)  # an analysis through the whole model has no refits of it


def test_the_trail_shows_undone_decisions_too(open_page, reviewable_project):
    with store.writing(reviewable_project.db) as db:
        store.record_decision(db, Decision("k", "s003", "anna", Act.KEEP, "positive", note="clear"))
        store.undo_last(db, "anna", "u")
    table = open_page("explore", reviewable_project, id="s003", explore_view="Decisions").dataframe[0].value
    assert table["Act"].tolist() == ["undo", "keep"]
    assert table["Undone"].tolist() == [False, True]


def test_texts_are_shown_as_they_are(open_page, tmp_path):
    project = make_reviewable(tmp_path / "p", Filling(labels=(HOSTILE, "b"), texts={"s000": HOSTILE}))
    app = open_page("explore", project)
    assert texts(app).count(HOSTILE) >= 3  # the text and its two labels
    rendered = [*app.markdown, *app.caption, *app.metric, *app.subheader]
    assert not any("evil" in str(element.proto) for element in rendered)


def test_without_an_analysis_each_tab_leads_to_models(open_page, tmp_path):
    project = create_project(tmp_path / "p", ProjectSettings("New", ("a", "b")))
    with store.writing(project.db) as db:
        store.add_examples(db, [Example("x", "words", "a", Split.SILVER)])
    for view in ("Influence", "Map", "Rankings"):
        app = open_page("explore", project, id="x", explore_view=view)
        assert [s.value for s in app.subheader] == ["There is no analysis yet"]
    assert [s.value for s in open_page("explore", project).subheader] == ["Nothing is flagged yet"]


def test_two_analyses_stand_side_by_side_with_their_rank_correlation(open_page, reviewable_project):
    silver = [f"s{n:03}" for n in range(40)]
    with store.writing(reviewable_project.db) as db:
        second = store.begin_analysis(db, "v1", 0, {"scope": "all"})
        store.put_scores(db, second, [SCORE], {"negative-influence": [(id, n / 10) for n, id in enumerate(silver)]})
        store.put_evidence(db, second, "s003", {"supporter": [("t001", 0.5)], "opposer": [("t002", -0.25)]})
    app = open_page("explore", reviewable_project, id="s003")
    assert len(app.get("plotly_chart")) == 1
    assert "Whole model" in app.selectbox(key="explore_analysis").options[0]
    app.selectbox(key="explore_beside").select_index(0).run()
    assert not app.exception
    assert "an opposite order of harm (rank correlation -1.00)" in texts(app)
    assert ["Whole model" in s.value for s in app.subheader] == [True, False]
    whole, head = (json.loads(chart.proto.spec)["data"][0]["customdata"] for chart in app.get("plotly_chart"))
    assert [row[0] for row in whole] == ["t001", "t002"]
    assert len(head) == 10


def test_beyond_the_head_one_text_can_be_solved_exactly(open_page, reviewable_project, started):
    assert "Solve exactly" not in {b.label for b in open_page("explore", reviewable_project, id="s003").button}
    with store.writing(reviewable_project.db) as db:
        second = store.begin_analysis(db, "v1", 0, {"scope": "all"})
        store.put_scores(db, second, [SCORE], {"negative-influence": [("s003", 0.5)]})
        store.put_evidence(db, second, "s003", {"supporter": [("t001", 0.5)], "opposer": [("t002", -0.25)]})
    button(open_page("explore", reviewable_project, id="s003"), "Solve exactly").click().run()
    assert started == [("explain", {"ids": ["s003"], "exact": True})]


def test_influencers_through_a_training_tell_their_cost_first_and_whose_they_are(
    open_page, reviewable_project, started
):
    told = {"best_step": 100, "seconds_per_text": 0.01, "course": 2, "parameters": 10_000_000}
    tuned = replace(
        version("v9", "v1", None), settings=TrainSettings(method="fine-tune").as_dict(), report={"fine_tuning": told}
    )
    sides = {"supporter": [("t001", 0.5)], "opposer": [("t002", -0.25)]}
    with store.writing(reviewable_project.db) as db:
        store.add_version(db, tuned)
        store.promote(db, "v9", "test")
        through = store.begin_analysis(db, "v9", 0, {"scope": "training"})
        store.put_scores(db, through, [SCORE], {"negative-influence": [("s003", 0.5)]})
        store.put_evidence(db, through, "s003", sides)
    app = open_page("explore", reviewable_project, id="s003")
    assert any("are the head’s" in one.value for one in app.caption)
    assert "Through the training this takes about" in texts(app)
    button(app, "Find influencers through the training").click().run()
    assert started == [("explain", {"ids": ["s003"], "exact": True})]
    with store.writing(reviewable_project.db) as db:
        store.put_evidence(db, through, "s003", sides, solved=True)
    app = open_page("explore", reviewable_project, id="s003")
    assert any("come through the training" in one.value for one in app.caption)
    assert "Find influencers through the training" not in {one.label for one in app.button}
    app.selectbox(key="explore_beside").select_index(0).run()
    assert "both analyses name" in texts(app)


def test_influencers_are_computed_for_the_newest_analysis_alone(open_page, reviewable_project):
    with store.writing(reviewable_project.db) as db:
        second = store.begin_analysis(db, "v1", 0, {"scope": "all"})
        store.put_scores(db, second, [SCORE], {})
    app = open_page("explore", reviewable_project, id="v003")
    assert button(app, "Compute influencers")
    app.selectbox(key="explore_analysis").select_index(1).run()
    assert "for the newest analysis" in texts(app)
    assert "Compute influencers" not in {b.label for b in app.button}


def decided(project, id):
    with store.reading(project.db) as db:
        return [(d.act, d.label, d.note, d.annotator) for d in store.decisions_about(db, id)]


def test_a_silver_text_is_relabelled_discussed_and_taken_back_in_place(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="s003", annotator="Ada")
    assert button(app, "Relabel").disabled
    app.selectbox(key="explore_label s003").select("negative")
    app.text_input(key="explore_note s003").input("plain").run()
    button(app, "Relabel").click().run()
    assert decided(reviewable_project, "s003") == [(Act.RELABEL, "negative", "plain", "Ada")]
    app.selectbox(key="explore_label s003").select("negative").run()
    assert button(app, "Confirm the label")
    button(app, "Undo").click().run()
    assert decided(reviewable_project, "s003")[-1][0] is Act.UNDO
    assert "Undo" not in {one.label for one in app.button}
    button(app, "Discuss").click().run()
    assert decided(reviewable_project, "s003")[-1][0] is Act.FLAG
    assert not app.exception


def test_gold_is_left_alone_in_words_and_nobody_decides_without_a_name(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="t003", annotator="Ada")
    assert any("This is gold" in one.value for one in app.caption)
    assert not {"Relabel", "Discuss", "Send to review"} & {one.label for one in app.button}
    app = open_page("explore", reviewable_project, id="s003")
    assert "Relabel" not in {one.label for one in app.button}
    app.text_input(key="asked_name").input("Bo").run()
    assert button(app, "Discuss")


def test_the_way_back_stands_in_the_address(open_page, reviewable_project):
    app = open_page("explore", reviewable_project, id="v003", walked=["s001", "nobody", "t004"])
    way = [one.label for one in app.button if one.label.endswith("→")]
    assert ["silver" in way[0], "train" in way[1], len(way)] == [True, True, 2]
    next(one for one in app.button if one.label == way[1]).click().run()
    assert "train text 4" in texts(app)
    assert app.query_params["walked"] == ["s001", "nobody"]
    app.selectbox(key="explore_id").select_index(1).run()
    assert "walked" not in app.query_params


def test_a_sent_text_is_a_queue_that_its_address_keeps(reviewable_project):
    with store.writing(reviewable_project.db) as db:
        chosen = choose_texts(db, "one", ["s003", "s001", "s003"])
    with store.reading(reviewable_project.db) as db:
        assert chosen_texts(db, "one") == chosen
        assert chosen_texts(db, "another") is None
    assert (chosen.ids, chosen.since) == (("s003", "s001"), 0)
