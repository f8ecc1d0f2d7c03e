"""Features against the models themselves, run one text at a time or through their own head."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from tiny_models import POSITIONS, save_model
from torch import Tensor, nn

from inffeed_core.errors import ModelError
from inffeed_core.models.classifiers import find_head
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL

TEXTS = [
    "Good.",
    "not bad at all",
    "The kettle whistles long after it has boiled, which my dog considers a personal insult.",
    "I sent it back twice; third time lucky, I suppose!",
    "why",
]
ODD_TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "🙂🙃 👩‍👩‍👧",
    "word " * 10_000,
    "x" * 50_000,
    "half a pair: \ud83d",
    "[CLS] [SEP] [PAD]",
    "٣ مرات",
]


@pytest.fixture(scope="module")
def default() -> Encoder:
    return Encoder(resolve(DEFAULT_MODEL), max_tokens=256)


def one_by_one(texts: list[str]) -> Tensor:
    """The default model's features as its card describes them: mean over tokens, then length 1."""
    folder = resolve(DEFAULT_MODEL).folder
    model, tokenizer = (
        transformers.AutoModel.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    rows = []
    with torch.no_grad():
        for text in texts:
            encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            mean = model.eval()(**encoded).last_hidden_state[0].mean(0)
            rows.append(mean / mean.norm())
    return torch.stack(rows)


def test_default_equals_its_card_one_text_at_a_time(default: Encoder) -> None:
    texts = TEXTS + [text for text in ODD_TEXTS if "\ud83d" not in text]
    ours, expected = default.encode(default.tokenise(texts)), one_by_one(texts)
    assert torch.cosine_similarity(ours, expected).min() >= 0.9999
    assert torch.allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_neither_batch_nor_order_matters(default: Encoder, order: list[int]) -> None:
    tokens = default.tokenise(TEXTS)
    together = default.encode(tokens)
    alone = torch.cat([default.encode([t]) for t in tokens])
    shuffled = default.encode([tokens[i] for i in order])
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together[order], shuffled, atol=1e-5)


def test_odd_texts_have_features_of_length_one(default: Encoder) -> None:
    tokens = default.tokenise(ODD_TEXTS)
    assert max(map(len, tokens)) == 256
    features = default.encode(tokens)
    assert features.shape == (len(ODD_TEXTS), 384)
    assert features.dtype == torch.float32
    assert torch.allclose(features.norm(dim=1), torch.ones(len(ODD_TEXTS)), atol=1e-5)


CLASSIFIERS = [
    ("BertForSequenceClassification", {}),
    ("RobertaForSequenceClassification", {"pad_token_id": 0}),
    ("DistilBertForSequenceClassification", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}),
    ("ElectraForSequenceClassification", {"embedding_size": 32}),
    ("GPT2ForSequenceClassification", {"n_positions": POSITIONS}),
]


@pytest.mark.parametrize(("kind", "config"), CLASSIFIERS, ids=[kind for kind, _ in CLASSIFIERS])
def test_own_head_on_features_gives_the_models_logits(kind: str, config: dict[str, object], tmp_path: Path) -> None:
    folder = save_model(tmp_path, kind, id2label={0: "a", 1: "b", 2: "c"}, **config)
    encoder = Encoder(resolve(str(folder)), max_tokens=40)
    texts = TEXTS + ODD_TEXTS
    features = encoder.encode(encoder.tokenise(texts))

    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    readable = [text.encode("utf-8", "replace").decode() for text in texts]
    batch = tokenizer(readable, truncation=True, max_length=40, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits

    assert encoder.head is not None
    assert encoder.head.labels == ("a", "b", "c")
    assert expected.std() > 0.01
    if kind.startswith("GPT2"):  # its head runs over [text, token, feature], whose products round differently
        assert torch.allclose(encoder.head.logits(features), expected, atol=1e-5)
    else:
        assert torch.equal(encoder.head.logits(features), expected)


def test_regressors_give_features_without_a_head(tmp_path: Path) -> None:
    folder = save_model(tmp_path, "BertForSequenceClassification", num_labels=1)
    encoder = Encoder(resolve(str(folder)), max_tokens=40)
    assert encoder.head is None
    assert encoder.encode(encoder.tokenise(TEXTS)).shape == (len(TEXTS), 32)


@pytest.mark.parametrize(("kind", "positions"), [("BertModel", POSITIONS), ("RobertaModel", POSITIONS - 1)])
def test_long_texts_are_cut_to_the_models_positions(kind: str, positions: int, tmp_path: Path) -> None:
    encoder = Encoder(resolve(str(save_model(tmp_path, kind, pad_token_id=0))), max_tokens=512)
    tokens = encoder.tokenise(["x" * 50 + " good bad " * 100])
    assert len(tokens[0]) == positions
    assert encoder.encode(tokens).isfinite().all()


def test_pooling_by_the_first_token(copy_of_bert: Path) -> None:
    modules = [{"type": "models.Transformer", "path": ""}, {"type": "models.Pooling", "path": "1_Pooling"}]
    (copy_of_bert / "modules.json").write_text(json.dumps(modules))
    (copy_of_bert / "1_Pooling").mkdir()
    (copy_of_bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    encoder = Encoder(resolve(str(copy_of_bert)), max_tokens=40)
    model = transformers.AutoModel.from_pretrained(copy_of_bert).eval()
    tokens = encoder.tokenise(["not good"])
    with torch.no_grad():
        expected = model(input_ids=torch.tensor(tokens)).last_hidden_state[:, 0]
    assert torch.allclose(encoder.encode(tokens), expected, atol=1e-6)


def test_a_classifier_without_trained_head_is_refused(copy_of_bert: Path) -> None:
    config = json.loads((copy_of_bert / "config.json").read_text())
    (copy_of_bert / "config.json").write_text(json.dumps(config | {"architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(ModelError, match=r"lacks the weights classifier\."):
        Encoder(resolve(str(copy_of_bert)), max_tokens=40)


def test_weights_that_changed_after_the_check_are_not_loaded(copy_of_bert: Path) -> None:
    files = resolve(str(copy_of_bert))
    weights = copy_of_bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"evil")
    with pytest.raises(ModelError, match="changed while"):
        Encoder(files, max_tokens=40)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_damaged_files_are_model_errors(copy_of_bert: Path, name: str) -> None:
    (copy_of_bert / name).write_bytes(b"{}")
    with pytest.raises(ModelError, match="cannot be used"):
        Encoder(resolve(str(copy_of_bert)), max_tokens=40)


def test_unknown_architecture_is_a_model_error(copy_of_bert: Path) -> None:
    (copy_of_bert / "config.json").write_text('{"model_type": "from-the-future", "architectures": ["FutureModel"]}')
    with pytest.raises(ModelError, match="cannot be used"):
        Encoder(resolve(str(copy_of_bert)), max_tokens=40)


class Tempered(nn.Module):
    """Its logits are no linear layer's output."""

    config = SimpleNamespace(num_labels=3)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.layer(torch.ones(len(input_ids), 8)) / 2)


def test_logits_that_no_linear_layer_gives_are_refused() -> None:
    ids = torch.ones(1, 4, dtype=torch.long)
    with pytest.raises(ModelError, match="Tempered does not get its 3 logits directly from a linear layer"):
        find_head(Tempered(), ids, ids)
