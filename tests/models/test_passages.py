"""A pair is read by the model's own tokenizer as one sequence, everywhere in the same way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from models.test_fine_tuning import SETTINGS, about
from quiet import quiet
from tiny_models import save_model

from inffeed_core.models.cache import text_hashes
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import features
from inffeed_core.models.fine_tuning import fine_tune
from inffeed_core.models.heads import Head
from inffeed_core.models.lessons import Lessons
from inffeed_core.models.network import TextBatches, VersionNetwork
from inffeed_core.models.passages import TYPE_BIT
from inffeed_core.models.sources import resolve
from inffeed_core.records import Passage
from inffeed_core.settings import DEFAULT_MODEL

PASSAGES: list[Passage] = [
    ("not bad", "wind farms"),
    "not bad",
    ("wind farms", "not bad"),
    ("", "wind farms"),
    ("good " * 60, "bad"),
    ("bad", "good " * 60),
    ("half \ud83d", "[SEP] bad [SEP]"),
    "wind farms",
]
KINDS = [
    ("BertForSequenceClassification", {}, True),
    ("RobertaForSequenceClassification", {"pad_token_id": 0, "type_vocab_size": 1}, False),
    ("DistilBertForSequenceClassification", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}, False),
    ("GPT2ForSequenceClassification", {"n_positions": 64}, False),
]


@pytest.mark.parametrize(("kind", "config", "types"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_a_classifier_gives_its_own_logits_for_pairs(kind: str, config: dict, types: bool, tmp_path: Path) -> None:
    folder = save_model(tmp_path, kind, id2label={0: "a", 1: "b", 2: "c"}, **config)
    if types:
        told = json.loads((folder / "tokenizer_config.json").read_text())
        names = ["input_ids", "token_type_ids", "attention_mask"]
        (folder / "tokenizer_config.json").write_text(json.dumps(told | {"model_input_names": names}))
    encoder = Encoder(resolve(str(folder)), max_tokens=40)
    tokens = encoder.tokenise(PASSAGES)
    assert max(map(len, tokens)) == 40
    assert ("token_type_ids" in encoder.padded(tokens)) is types
    assert "token_type_ids" not in encoder.padded([tokens[1], tokens[7]])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for passage, row in zip(PASSAGES, encoder.encode(tokens), strict=True):
        texts = [t.encode("utf-8", "replace").decode() for t in ([passage] if isinstance(passage, str) else passage)]
        batch = tokenizer(*texts, truncation=True, max_length=40, return_tensors="pt")
        with torch.no_grad():
            expected = model(**batch).logits
        assert encoder.head is not None
        assert torch.allclose(encoder.head.logits(row[None]), expected, atol=1e-5)


@pytest.fixture(scope="module")
def default() -> Encoder:
    return Encoder(resolve(DEFAULT_MODEL), max_tokens=64)


def test_the_default_model_tells_the_two_texts_apart(default: Encoder) -> None:
    one, other, joined = default.encode(default.tokenise([("a dog", "a cat"), ("a cat", "a dog"), "a dog [SEP] a cat"]))
    assert min(float((one - each).abs().max()) for each in (other, joined)) > 0.005
    tokenizer = transformers.AutoTokenizer.from_pretrained(resolve(DEFAULT_MODEL).folder)
    model = transformers.AutoModel.from_pretrained(resolve(DEFAULT_MODEL).folder).eval()
    with torch.no_grad():
        mean = model(**tokenizer("a dog", "a cat", return_tensors="pt")).last_hidden_state[0].mean(0)
    assert torch.allclose(one, mean / mean.norm(), atol=1e-5)


def test_the_longer_text_is_cut_first(default: Encoder) -> None:
    for passage in (("word " * 500, "wind farms"), ("wind farms", "word " * 500)):
        [tokens] = default.tokenise([passage])
        kept = {token & (1 << TYPE_BIT) - 1 for token in tokens}
        assert len(tokens) == 64
        assert kept >= {t & (1 << TYPE_BIT) - 1 for t in default.tokenise(["wind farms"])[0]}


def test_features_of_a_pair_are_kept_apart_from_those_of_texts(bert: Path, tmp_path: Path) -> None:
    def read(passages: list[Passage]) -> torch.Tensor:
        return features(str(bert), passages, tmp_path, max_tokens=40, batch_tokens=256, progress=quiet)

    apart: list[Passage] = [("a b", "c"), ("a", "b c"), "a b c", ("a b c", ""), "a b\0c", ("c", "a b"), ("a b", "d")]
    assert len(set(text_hashes(apart).tolist())) == len(apart)
    together, again = read(apart), read(apart[::-1])
    assert torch.equal(together, again.flip(0))
    alone = torch.cat(
        [Encoder(resolve(str(bert)), 40).encode(Encoder(resolve(str(bert)), 40).tokenise([p])) for p in apart]
    )
    assert torch.allclose(together, alone, atol=1e-5)


def test_int8_reads_pairs_too() -> None:
    pytest.importorskip("ctranslate2")
    quick, exact = Encoder(resolve(DEFAULT_MODEL), 64, "int8"), Encoder(resolve(DEFAULT_MODEL), 64)
    tokens = exact.tokenise(PASSAGES)
    assert torch.cosine_similarity(quick.encode(tokens), exact.encode(tokens)).min() >= 0.98


def test_the_network_of_a_version_reads_pairs_and_texts_in_one_batch(default: Encoder) -> None:
    head = Head(weight=torch.randn(3, 384), bias=torch.randn(3), labels=("a", "b", "c"), about={})
    batches = TextBatches.of(default, PASSAGES, torch.arange(len(PASSAGES)) % 3, batch_tokens=4096)
    network = VersionNetwork(default, head)
    with torch.no_grad():
        found = batches.in_order(torch.cat([network(**batch) for batch, _ in batches]), axis=0)
    expected = head.logits(default.encode(default.tokenise(PASSAGES)))
    assert torch.allclose(found, expected.float(), atol=1e-4)


def test_fine_tuning_learns_from_the_second_text(tmp_path: Path) -> None:
    """The label depends on nothing else: a model that reads the first text alone is right half of the time."""
    seconds = ["good", "bad"]
    passages: list[Passage] = [("we spoke", seconds[k % 2]) for k in range(40)]
    taught = Lessons.of_labels(passages, torch.arange(40) % 2, 2)
    work = about(tmp_path / "w", settings=replace(SETTINGS, epochs=6))
    base = save_model(tmp_path / "base", "BertModel", initializer_range=0.1)
    found = fine_tune(resolve(str(base)), taught, taught, work, quiet)
    classify = transformers.pipeline("text-classification", model=str(found.folder), device="cpu")
    answers = classify([{"text": "we spoke", "text_pair": pair} for pair in seconds], truncation=True)
    assert [one["label"] for one in answers] == list(work.labels)
