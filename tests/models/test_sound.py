"""A model without its own tokenizer, or with weights that are no numbers, is refused when it is loaded, in words."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_models import save_model

from inffeed_core.errors import ModelError
from inffeed_core.models.encoder import Encoder
from inffeed_core.models.encoding import features
from inffeed_core.models.sources import resolve
from inffeed_core.models.trainable import classifier, tokenizer_of
from inffeed_core.project.encoded import encode
from inffeed_core.project.folder import Project, change_settings
from inffeed_core.settings import TrainSettings

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
FAMILIES = {
    "BertModel": "vocab.txt",
    "DistilBertModel": "vocab.txt",
    "ElectraModel": "vocab.txt",
    "MPNetModel": "vocab.txt",
    "RobertaModel": "vocab.json and merges.txt",
    "GPT2Model": "vocab.json and merges.txt",
    "AlbertModel": "spiece.model",
    "XLMRobertaModel": "sentencepiece.bpe.model",
    "DebertaV2Model": "spm.model",
    "T5EncoderModel": "spiece.model",
}


def bare(folder: Path, kind: str) -> Path:
    """A model of this kind without any file of a tokenizer."""
    if kind == "T5EncoderModel":
        sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 120}
        transformers.T5EncoderModel(transformers.T5Config(**sizes)).save_pretrained(folder)
    else:
        save_model(folder, kind)
    for name in TOKENIZER:
        (folder / name).unlink(missing_ok=True)
    return folder


def loaded(folder: Path) -> Encoder:
    return Encoder(resolve(str(folder)), max_tokens=16)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_folder_without_a_tokenizer_is_refused_before_anything_is_loaded(kind: str, tmp_path: Path) -> None:
    folder = bare(tmp_path / "model", kind)
    with pytest.raises(ModelError, match=r"has no tokenizer: it holds .*expected tokenizer.json") as told:
        resolve(str(folder))
    assert "config.json" in str(told.value)


@pytest.mark.parametrize(
    "kind", [kind for kind, named in FAMILIES.items() if named not in ("vocab.json and merges.txt", "spiece.model")]
)
def test_files_of_another_family_are_no_tokenizer(kind: str, tmp_path: Path) -> None:
    folder = bare(tmp_path / "model", kind)
    (folder / "vocab.json").write_text('{"good": 0, "bad": 1}')
    with pytest.raises(ModelError) as told:
        loaded(folder)
    assert str(folder) in str(told.value)
    assert "expected tokenizer.json" in str(told.value) or "has not the files" in str(told.value)


def test_half_of_a_tokenizer_is_named(tmp_path: Path) -> None:
    folder = bare(tmp_path / "model", "RobertaModel")
    (folder / "vocab.json").write_text(json.dumps({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4}))
    with pytest.raises(ModelError, match=r"The tokenizer in .* cannot be used .* vocab.json and merges.txt"):
        loaded(folder)


def test_a_vocabulary_of_special_tokens_alone_is_none(tmp_path: Path) -> None:
    folder = bare(tmp_path / "model", "BertModel")
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(folder)  # what it made up
    assert (folder / "tokenizer.json").is_file()
    with pytest.raises(ModelError, match="knows no words, only 5 special tokens"):
        loaded(folder)


@pytest.mark.parametrize("rows", [40, 2000])
def test_a_tokenizer_of_another_model_is_refused(rows: int, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "BertModel", vocab_size=rows)
    with pytest.raises(ModelError, match=rf"that of another model: it knows .* and the model has vectors for {rows:,}"):
        loaded(folder)
    files = resolve(str(folder))
    with pytest.raises(ModelError, match="that of another model"):
        tokenizer_of(files, classifier(files, ["a", "b"])[0], 16)


def test_rows_that_round_a_vocabulary_up_are_fine(tmp_path: Path) -> None:
    assert loaded(save_model(tmp_path / "model", "BertModel", vocab_size=128)).dimension == 32


def test_a_token_that_was_added_later_is_named_where_a_text_has_it(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "BertModel")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["brandnew"])
    tokenizer.save_pretrained(folder)
    encoder = loaded(folder)
    assert encoder.tokenise(["good"])
    with pytest.raises(ModelError, match=r"token 'brandnew' with the number .*resize_token_embeddings"):
        encoder.tokenise(["good", "a brandnew text"])


def test_a_filler_without_a_vector_is_named(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "BertModel")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "<filler>"})
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="token '<filler>'"):
        loaded(folder)


def with_weights(folder: Path, value: float) -> str:
    """The name of a weight that now holds this value."""
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "layer.1.output.dense.weight" in name)
    weights[name] = weights[name].clone()
    weights[name][3, 2] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return name


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", ["BertModel", "BertForSequenceClassification"])
def test_weights_that_are_no_numbers_are_named(kind: str, value: float, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", kind)
    with_weights(folder, value)
    with pytest.raises(ModelError, match=r"infinite or no numbers \(.*layer.1.output.dense.weight"):
        loaded(folder)
    files = resolve(str(folder))
    with pytest.raises(ModelError, match="infinite or no numbers"):
        tokenizer_of(files, classifier(files, ["a", "b"])[0], 16)


def test_features_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "BertModel")
    weights = {name: weight * 1e30 for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for _ in range(2):
        with pytest.raises(ModelError, match="numbers that are infinite or none"):
            features(str(folder), ["good"], tmp_path / "c", max_tokens=16, batch_tokens=64, progress=lambda *_: None)


def test_a_version_of_an_older_release_with_a_hollow_tokenizer_is_named(tmp_path: Path) -> None:
    whole = save_model(tmp_path / "whole", "BertForSequenceClassification")
    hollow = Path(shutil.copytree(whole, tmp_path / "hollow"))
    for name in TOKENIZER:
        (hollow / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="has no tokenizer"):
        resolve(str(hollow))
    assert torch.isfinite(loaded(whole).encode(loaded(whole).tokenise(["good"]))).all()


def test_features_of_an_old_cache_that_are_no_numbers_are_named(project: Project, base: Path) -> None:
    change_settings(project, model=str(base))
    encode(project, str(base), TrainSettings(max_tokens=32), 0, lambda *_: None)
    kept = next(project.features.glob("*/features.f32"))
    values = np.fromfile(kept, dtype="<f4")
    values[5] = np.nan
    values.tofile(kept)
    with pytest.raises(ModelError, match=r"features of 'train-0' .* Delete the project's folder features"):
        encode(project, str(base), TrainSettings(max_tokens=32), 0, lambda *_: None)
