"""Long texts: read whole in windows, or counted and told where they are cut; and words that a tokenizer knows not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from quiet import quiet
from tiny_models import POSITIONS, save_model, save_tokenizer

from inffeed_core.errors import ModelError
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import features
from inffeed_core.models.lengths import Lengths, lengths, require_known
from inffeed_core.models.passages import TYPE_BIT
from inffeed_core.models.sources import resolve
from inffeed_core.records import Passage

LIMIT = 16
FILLING = "good " * 60
KINDS = ("BertModel", "RobertaModel", "BertForSequenceClassification", "GPT2ForSequenceClassification")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("bert"), "BertModel")


def encoded(model: Path, texts: list[Passage], cache: Path, *, windows: bool, batch_tokens: int = 64) -> torch.Tensor:
    return features(
        str(model), texts, cache, max_tokens=LIMIT, batch_tokens=batch_tokens, progress=quiet, windows=windows
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_late_counts_only_in_windows(kind: str, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", kind)
    texts: list[Passage] = [FILLING + "bad", FILLING + "not"]
    cut = encoded(model, texts, tmp_path / "cache", windows=False)
    whole = encoded(model, texts, tmp_path / "cache", windows=True)
    assert torch.equal(cut[0], cut[1])
    assert (whole[0] - whole[1]).abs().max() > 1e-3


def test_short_texts_are_the_same_with_windows_and_keep_their_old_cache(bert: Path, tmp_path: Path) -> None:
    texts: list[Passage] = ["good", "not bad", ("good", "bad")]
    cut = encoded(bert, texts, tmp_path, windows=False)
    before = {path.name for path in tmp_path.iterdir()}
    torch.testing.assert_close(encoded(bert, texts, tmp_path, windows=True), cut)
    assert len({path.name for path in tmp_path.iterdir()} - before) == 1


@pytest.mark.parametrize("batch_tokens", [1, 40, 4096])
def test_neither_batches_nor_order_matter_to_windows(bert: Path, tmp_path: Path, batch_tokens: int) -> None:
    texts: list[Passage] = [FILLING + "bad", "good", "not " * 30, ("bad", FILLING), ""]
    here = encoded(bert, texts, tmp_path / "a", windows=True)
    there = encoded(bert, texts[::-1], tmp_path / "b", windows=True, batch_tokens=batch_tokens)
    torch.testing.assert_close(there.flip(0), here, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(here.norm(dim=1), torch.ones(len(texts)))


def test_windows_hold_every_token_once(bert: Path) -> None:
    encoder = Encoder(resolve(str(bert)), LIMIT)
    whole = encoder._tokenizer(FILLING + "bad", add_special_tokens=False)["input_ids"]
    windows = encoder.windows([FILLING + "bad"])[0]
    assert [token for window in windows for token in window[1:-1]] == whole
    assert all(len(window) <= LIMIT and (window[0], window[-1]) == (2, 3) for window in windows)


@pytest.mark.parametrize("pair", [("bad", FILLING + "not"), (FILLING + "not", "bad"), (FILLING, "bad " * 40)])
def test_windows_of_a_pair_hold_every_token_of_both(bert: Path, pair: tuple[str, str]) -> None:
    encoder = Encoder(resolve(str(bert)), LIMIT)
    windows = encoder.windows([pair])[0]
    assert all(len(window) <= LIMIT for window in windows)
    held = [token & (1 << TYPE_BIT) - 1 for row in windows for token in row]
    wanted = [t for text in pair for t in encoder._tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert all(held.count(token) >= wanted.count(token) for token in set(wanted))


def counted(model: Path, texts: list[Passage], cache: Path) -> Lengths:
    return lengths(str(model), texts, cache, quiet)


def test_lengths_are_those_of_the_tokenizer_and_kept(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[Passage] = [FILLING, "good bad", ("good", "bad not"), "", "good bad"]
    found = counted(bert, texts, tmp_path)
    assert found.tokens.tolist() == [62, 4, 6, 2, 4]
    assert found.most == POSITIONS
    assert found.unknown_share == 0
    monkeypatch.setattr("inffeed_core.models.sound.load_tokenizer", None)  # which a second time needs not
    again = counted(bert, texts[::-1], tmp_path)
    assert np.array_equal(again.tokens, found.tokens[::-1])


@pytest.mark.parametrize(("kind", "most"), [("BertModel", POSITIONS), ("RobertaModel", POSITIONS - 1)])
def test_the_models_own_maximum_is_told_without_its_weights(kind: str, most: int, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", kind)
    assert counted(model, ["good"], tmp_path / "cache").most == most == Encoder(resolve(str(model)), 999).max_tokens


@pytest.mark.parametrize(
    "texts", [["это хорошо"], ["很好 不好"], ["यह अच्छा है"], ["🙂 🙃"]], ids=["russian", "chinese", "hindi", "emoji"]
)
def test_texts_of_another_script_are_refused_with_the_share(bert: Path, texts: list[Passage], tmp_path: Path) -> None:
    found = counted(bert, texts, tmp_path)
    assert found.unknown_share > 0.9
    with pytest.raises(ModelError, match=r"does not know \d+% of the tokens of your texts, such as in .*at most 20%"):
        require_known(str(bert), found, texts)


def test_a_few_unknown_words_are_told_and_not_refused(bert: Path, tmp_path: Path) -> None:
    texts: list[Passage] = ["good " * 18 + "хорошо"]
    found = counted(bert, texts, tmp_path)
    assert 0 < found.unknown_share < 0.2
    require_known(str(bert), found, texts)


def test_words_in_a_case_that_the_vocabulary_lacks_are_refused(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "BertModel")
    told = (model / "tokenizer.json").read_text().replace('"lowercase": true', '"lowercase": false')
    assert '"lowercase": false' in told
    (model / "tokenizer.json").write_text(told)
    texts: list[Passage] = ["GOOD BAD NOT"]
    found = counted(model, texts, tmp_path / "cache")
    with pytest.raises(ModelError, match="words in another case"):
        require_known(str(model), found, texts)
    assert save_tokenizer(tmp_path / "whole") > 80


def test_words_that_vanish_count_as_unknown(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    model = save_model(tmp_path / "model", "GPT2Model", vocab_size=5)
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "c": 2, "<e>": 3, "<p>": 4}, []))  # without a token for others
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<e>", pad_token="<p>").save_pretrained(model)
    found = counted(model, ["x y z", "a b"], tmp_path / "cache")
    assert found.unknown.tolist() == [3, 0]
    with pytest.raises(ModelError, match="does not know 60%"):
        require_known(str(model), found, ["x y z", "a b"])
