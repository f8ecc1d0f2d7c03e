"""Search in every script: whole words, beginnings, one character, two, and what no keyboard shows."""

from pathlib import Path

import pytest
from sqlite_utils import Database

from inffeed_core.project.folder import Project
from inffeed_core.records import Example, FlagFilter, Split
from inffeed_core.settings import ProjectSettings
from inffeed_core.store import Viewer, add_examples, migrate, reading, save_project_settings, search, writing
from inffeed_core.store.flags import wanted
from inffeed_core.store.migrations import migrations
from inffeed_core.store.searching import indexed, words
from inffeed_core.store.twins import twins, words_of

TEXTS = {
    "zh": "我要退款，客服一直不回复。iPhone手机坏了",
    "ja": "返金をお願いします。とてもがっかりしましたﾃｽﾄ",
    "th": "ต้องการเงินคืนเพราะสินค้าชำรุด",
    "hi": "मुझे पैसे वापस चाहिए, हिन्दी में लिखिए",
    "ar": "أريد استرداد المبلغ، الكِتَابُ تالف وللمدرسة",
    "de": "Größere Straße: die Mehrwertsteuer war falsch",
    "ko": "전액환불을 요청합니다 ㅋㅋㅋ",
    "km": "ខ្ញុំចង់បានប្រាក់មកវិញ",
    "he": "הַסֵּפֶר הגיע קרוע",
    "ru": "Ещё один зелёный чайник",
    "en": "I want my money back :-( and caf\u00ad\u00e9 cre\u0301me",
    "emoji": "so good 👍🏽 ❤️",
}


@pytest.fixture
def texts(project: Project) -> Project:
    with writing(project.db) as db:
        add_examples(db, [Example(id, text, "negative", Split.SILVER) for id, text in TEXTS.items()])
    return project


@pytest.mark.parametrize(
    ("query", "id"),
    [
        *[(query, "zh") for query in ("退款", "退", "客服", "不回复", "iphone手机", "手机坏", "款 机")],
        *[(query, "ja") for query in ("返金", "金", "がっかり", "お願い", "テスト", "ﾃｽ", "か\u3099っ")],
        *[(query, "th") for query in ("เงินคืน", "คืน", "สินค้า", "ชำรุด")],
        *[(query, "hi") for query in ("पैसे", "पै", "प", "हिन्दी", "हिन्द", "वापस चाहिए")],
        *[(query, "ar") for query in ("استرداد", "المبلغ", "مبلغ", "كتاب", "الكتاب", "اريد", "مدرسة", "م")],
        *[(query, "de") for query in ("strasse", "STRASSE", "größ", "grossere", "steuer", "mehrwert", "gr")],
        *[(query, "ko") for query in ("환불", "환", "환불을", "전액환불", "ㅋㅋ")],
        *[(query, "km") for query in ("ប្រាក់", "ចង់")],
        *[(query, "he") for query in ("הספר", "ספר", "קרוע")],
        *[(query, "ru") for query in ("еще", "ЗЕЛЁН", "зеленый")],
        *[(query, "en") for query in (":-(", "cafe", "creme", "money :-(", "mon\u200bey")],
        *[(query, "emoji") for query in ("👍", "❤", "good ❤️")],
    ],
)
def test_a_word_of_any_script_is_found_whole_and_in_part(texts: Project, query: str, id: str) -> None:
    with reading(texts.db) as db:
        assert [one.id for one in search(db, query)] == [id]
        condition, values = wanted(db, FlagFilter(words=query))
        sql = f"SELECT r.instance FROM (SELECT id AS instance FROM instance) r WHERE {condition}"
        assert [row["instance"] for row in db.query(sql, values)] == [id]


@pytest.mark.parametrize("query", ["款退", "退货", "金返", "환전", "คืนเงิน", "पैसा", "كتب", "qqq", ";-)", "👎"])
def test_what_stands_nowhere_is_not_found(texts: Project, query: str) -> None:
    with reading(texts.db) as db:
        assert search(db, query) == []


def test_a_word_within_words_is_looked_for_where_none_begins_so(texts: Project) -> None:
    with reading(texts.db) as db:
        assert [one.id for one in search(db, "the")] == []
    with writing(texts.db) as db:
        add_examples(db, [Example("more", "Steuer ist Steuer", "negative", Split.TRAIN)])
    with reading(texts.db) as db:
        assert [one.id for one in search(db, "steuer")] == ["more"]


@pytest.mark.parametrize("text", [*TEXTS.values(), "a_b c-d 100%", "e\u0301 \u00e9 \ufb01"])
def test_the_index_holds_the_words_that_are_asked_for(texts: Project, text: str) -> None:
    with reading(texts.db) as db:
        db.conn.execute(
            'CREATE VIRTUAL TABLE temp.f USING fts5(text, tokenize="unicode61 remove_diacritics 0 '
            "categories 'L* M* N* Co Cn So'\")"
        )
        db.conn.execute("INSERT INTO temp.f VALUES (?)", [indexed(text)])
        db.conn.execute("CREATE VIRTUAL TABLE temp.v USING fts5vocab(temp, f, row)")
        assert set(words(text)) <= {row["term"] for row in db.query("SELECT term FROM temp.v")}


HINDI = "मुझे यह किताब बहुत पसंद आई और कहानी अच्छी थी"
CHINESE = "这个手机的电池很快就没电了，我很失望，再也不买了"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (HINDI, HINDI.replace("कहानी", "कहानियाँ"), True),
        (HINDI, "मैं यह कताब नहीं खरीदूँगा और कोई भी न खरीदे", False),
        (CHINESE, CHINESE.replace("失望", "绝望"), True),
        (CHINESE, "".join(sorted(CHINESE)), False),
        ("我很喜欢", "我不喜欢", False),
    ],
)
def test_twins_have_the_same_words_in_every_script(project: Project, one: str, other: str, alike: bool) -> None:
    with writing(project.db) as db:
        add_examples(db, [Example("x1", one, "negative", Split.SILVER), Example("x2", other, "negative", Split.SILVER)])
    with reading(project.db) as db:
        assert twins(db, "x1", one, Viewer()) == (["x2"] if alike else [])


def test_marks_are_part_of_a_word() -> None:
    assert words_of("हिन्दी किताब") == {"हिन्दी", "किताब"}
    assert words_of("退款 a 好") == {"退 款", "a", "好"}


def test_a_project_of_an_earlier_release_is_indexed_anew_and_loses_hidden_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    db = Database(path)
    migrations.apply(db, stop_before="m012_every_script")
    save_project_settings(db, ProjectSettings("old", ("negative", "positive")))
    add_examples(db, [Example(id, text, "negative", Split.SILVER) for id, text in TEXTS.items()])
    db.conn.execute("UPDATE instance SET text_hash = 'as before' WHERE id = 'en'")
    lots = list(db.query("SELECT id, lot FROM instance"))
    db.conn.commit()
    db.conn.close()
    migrate(path)
    with reading(path) as db:
        assert [one.id for one in search(db, "退款")] == ["zh"]
        assert list(db.query("SELECT id, lot FROM instance")) == lots
        assert not list(db.query("SELECT 1 FROM instance WHERE text_hash = 'as before'"))
