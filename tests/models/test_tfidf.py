"""TF-IDF beside an encoder: one vectorizer for the same texts, and its files."""

import json
from pathlib import Path

import pytest
import torch

from inffeed_core.errors import ModelError
from inffeed_core.models import tfidf
from inffeed_core.models.tfidf import Vectorizer, beside, cached_features, fit, fitted, load_vectorizer

TEXTS = [f"the {thing} was {word}" for thing in ("film", "play", "book") for word in ("good", "bad", "dull", "fine")]


def waiting() -> None:
    pass


@pytest.fixture
def made() -> Vectorizer:
    found = fit(TEXTS, 5)
    assert found is not None
    return found


def test_order_and_repeated_texts_change_nothing(made: Vectorizer) -> None:
    again = fit([*reversed(TEXTS), *TEXTS[:3]], 5)
    assert again is not None
    assert (again.terms, again.texts) == (made.terms, 12)
    torch.testing.assert_close(again.features(TEXTS), made.features(TEXTS))


def test_rows_have_length_1_or_0_where_no_term_is_known(made: Vectorizer) -> None:
    rows = made.features([TEXTS[0], "was", "nothing known", ""])
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows.norm(dim=1), torch.tensor([1.0, 1.0, 0.0, 0.0]))


def test_words_of_both_texts_of_a_pair_count(made: Vectorizer) -> None:
    both, alone = made.features([("the film", "was good"), "the film was good"])
    assert float(both @ alone) > 0.9
    assert float(both @ made.features(["the film"])[0]) < 0.99


def test_there_are_no_more_dimensions_than_texts_and_terms_allow() -> None:
    many = fit(TEXTS, 300)
    assert many is not None
    assert many.dimension == len(TEXTS) - 1
    assert fit(["one text", "another thing"], 300) is None
    assert fit(["...", "!!!"], 300) is None


def test_of_many_texts_as_many_are_drawn_whatever_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "MOST_FITTED", 6)
    some, others = fit(TEXTS, 3), fit(TEXTS[::-1], 3)
    assert some is not None
    assert others is not None
    assert (some.texts, some.terms) == (6, others.terms)


def test_it_is_read_as_it_was_saved(made: Vectorizer, tmp_path: Path) -> None:
    made.save(tmp_path / "v")
    again = load_vectorizer(tmp_path / "v")
    assert again.fingerprint == made.fingerprint
    assert torch.equal(again.features(TEXTS), made.features(TEXTS))


@pytest.mark.parametrize("damage", ["cut", "gone", "newer", "empty"])
def test_a_damaged_one_is_refused_in_words(made: Vectorizer, tmp_path: Path, damage: str) -> None:
    made.save(tmp_path / "v")
    tensors, told = tmp_path / "v" / "tfidf.safetensors", tmp_path / "v" / "tfidf.json"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-4])
    elif damage == "gone":
        tensors.unlink()
    elif damage == "newer":
        told.write_text(json.dumps(json.loads(told.read_text()) | {"format": 9}))
    else:
        told.write_text("")
    with pytest.raises(ModelError, match="restore that folder from a backup, or train again"):
        load_vectorizer(tmp_path / "v")


def test_texts_are_counted_once_and_the_fit_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fitted(TEXTS, 5, tmp_path, waiting)
    assert made is not None
    first = cached_features(made, [*TEXTS, TEXTS[0]], tmp_path, waiting)
    torch.testing.assert_close(first, made.features([*TEXTS, TEXTS[0]]))
    monkeypatch.setattr(tfidf, "fit", lambda *_: pytest.fail("fitted again"))
    monkeypatch.setattr(Vectorizer, "features", lambda *_: pytest.fail("counted again"))
    again = fitted(TEXTS[::-1], 5, tmp_path, waiting)
    assert again is not None
    assert torch.equal(cached_features(again, TEXTS, tmp_path, waiting), first[:-1])


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    made = fitted(TEXTS, 5, tmp_path, waiting)
    assert made is not None
    [kept] = tmp_path.glob("tfidf-fit-*/kept/tfidf.json")
    kept.write_text("{")
    again = fitted(TEXTS, 5, tmp_path, waiting)
    assert again is not None
    assert again.terms == made.terms
    assert json.loads(kept.read_text())["texts"] == 12


def test_beside_an_encoder_it_has_that_ones_length(made: Vectorizer) -> None:
    encoded = torch.nn.functional.normalize(torch.randn(12, 4)) * 3
    both = beside(encoded, made.features(TEXTS))
    assert both.shape == (12, 9)
    torch.testing.assert_close(both.norm(dim=1), torch.full((12,), 3.0))
