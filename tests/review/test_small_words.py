"""Words that the card does not mark: scikit-learn's for English, the frequent ones for other languages."""

from pathlib import Path

from reviewing import Filling, make_reviewable

from inffeed_core.review.messages import welcome
from inffeed_core.review.progress import Sitting
from inffeed_core.review.small_words import ENGLISH, small_words_of

GERMAN = ["Das Gerät ist gut und die Farbe gefällt", "Die Lieferung war spät und das Paket ist kaputt"]
CHINESE = ["我们觉得这个产品很好", "他们没有收到这个包裹", "我们没有看到说明书"]


def test_the_english_list_is_that_of_scikit_learn():
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    assert ENGLISH == ENGLISH_STOP_WORDS


def test_english_texts_get_the_list_and_so_do_few_of_any_language():
    for texts in (
        ["It was good and I like the sound of it.", "The battery is not that of the photo."] * 20,
        [],
        GERMAN,
    ):
        assert set(small_words_of(texts)) == ENGLISH


def test_other_languages_get_what_is_frequent():
    varied = [f"{text} Wort{n}" for n, text in enumerate(GERMAN * 20)]
    found = small_words_of(varied)
    assert {"das", "ist", "und", "die"} <= set(found)
    assert "wort7" not in found


def test_scripts_without_spaces_are_read_in_pairs_of_signs():
    found = small_words_of([f"{text}。{n}号" for n, text in enumerate(CHINESE * 15)])
    assert {"我们", "没有", "这个"} <= set(found)
    assert not set(found) & ENGLISH


def test_the_card_is_told_once(tmp_path: Path):
    project = make_reviewable(tmp_path / "p", Filling(silver=5))
    assert welcome(project, Sitting("Ada")).small_words == sorted(ENGLISH)
