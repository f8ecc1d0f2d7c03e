"""Model folders made to hold up, fill or mislead whoever loads them: refused before transformers sees them."""

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from inffeed_core.errors import ModelError
from inffeed_core.models.snapshot import recipe_digest
from inffeed_core.models.sources import resolve

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "model.safetensors", "extra.txt")


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 30


def edit(path: Path, **values: object) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | values))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        resolve(str(folder))
    return str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_pipes_devices_and_links_out_are_refused(copy_of_bert: Path, tmp_path: Path, name: str) -> None:
    path, outside = copy_of_bert / name, tmp_path / "outside"
    outside.write_text("{}")
    for make in (
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to(outside),
        lambda: path.symlink_to(tmp_path / "nowhere"),
        lambda: path.symlink_to(path),
    ):
        path.unlink(missing_ok=True)
        make()
        assert str(path) in refusal(copy_of_bert)


def test_links_of_the_hubs_cache_are_followed(copy_of_bert: Path, tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "0", tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for file in copy_of_bert.iterdir():
        file.rename(blobs / file.name)
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert resolve(str(snapshot)).pooling is not None


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "modules.json", "tokenizer.json"])
@pytest.mark.parametrize(
    "content",
    [
        '"text"',
        "7",
        "[1]",
        '["a"]',
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"a": ' + "9" * 10_000 + "}",
        "{",
        "\xff",
        " " * 300_000_000,
    ],
    ids=["text", "number", "list", "list of texts", "lists", "objects", "long number", "cut", "latin", "long"],
)
def test_json_of_other_types_depth_and_size_is_one_clear_error(copy_of_bert: Path, name: str, content: str) -> None:
    (copy_of_bert / name).write_text(content, encoding="latin-1")
    assert name in refusal(copy_of_bert)


@pytest.mark.parametrize(
    "modules",
    [
        [{"type": "Transformer"}],
        [{"path": ""}],
        [{"type": 7, "path": ""}],
        [{"type": "Transformer", "path": None}],
        [{"type": "Transformer", "path": "a\0b"}],
        {"type": "Transformer", "path": ""},
    ],
)
def test_modules_of_odd_form_are_one_clear_error(copy_of_bert: Path, modules: object) -> None:
    (copy_of_bert / "modules.json").write_text(json.dumps(modules))
    assert "modules.json" in refusal(copy_of_bert)


@pytest.mark.parametrize("mode", [["mean"], {"a": 1}, 7, [[]]])
def test_poolings_of_odd_form_are_one_clear_error(copy_of_bert: Path, mode: object) -> None:
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"))
    (copy_of_bert / "modules.json").write_text(json.dumps([{"type": f"s.{k}", "path": p} for k, p in kinds]))
    (copy_of_bert / "1_Pooling").mkdir()
    edit(copy_of_bert / "1_Pooling" / "config.json", pooling_mode=mode)
    assert "pools token vectors by" in refusal(copy_of_bert)


@pytest.mark.parametrize("index", [[], "a", {"weight_map": []}, {"weight_map": {"a": 1}}, {"weight_map": {"a": ["b"]}}])
def test_indexes_of_odd_form_are_one_clear_error(copy_of_bert: Path, index: object) -> None:
    (copy_of_bert / "model.safetensors").unlink()
    (copy_of_bert / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model.safetensors.index.json" in refusal(copy_of_bert)


@pytest.mark.parametrize(
    "changes",
    [
        {"architectures": "BertForSequenceClassification"},
        {"architectures": [7]},
        {"architectures": {"a": 1}},
        {"architectures": ["BertForSequenceClassification"], "id2label": ["a", "b"]},
        {"architectures": ["BertForSequenceClassification"], "id2label": {"a": "b"}},
        {"architectures": ["BertForSequenceClassification"], "id2label": 7},
        {"num_hidden_layers": 10**6},
        {"num_hidden_layers": 900},
        {"num_hidden_layers": 1e300},
        {"text_config": {"num_hidden_layers": 10**6}},
        {"num_experts": 10**6},
        {"hidden_size": 10**9},
        {"vocab_size": 10**9},
        {"intermediate_size": 10**8},
        {"max_position_embeddings": 10**9},
        {"type_vocab_size": 10**9},
        {"transformers_weights": "other.safetensors"},
    ],
)
def test_configurations_that_ask_for_what_cannot_be_are_refused(copy_of_bert: Path, changes: dict[str, object]) -> None:
    edit(copy_of_bert / "config.json", **changes)
    assert "config.json" in refusal(copy_of_bert)


@pytest.mark.parametrize("data", [b"", b"x" * 7, (2**60).to_bytes(8, "little"), (5).to_bytes(8, "little") + b"[1,2]"])
def test_weights_that_are_none_are_refused(copy_of_bert: Path, data: bytes) -> None:
    (copy_of_bert / "model.safetensors").write_bytes(data)
    assert "not a valid safetensors" in refusal(copy_of_bert)


def replace(pattern: dict[str, str], content: str) -> dict[str, object]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def charsmap(text: str) -> dict[str, object]:
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(b"\0" * 4 + text.encode() + b"\0").decode()}


@pytest.mark.parametrize(
    "normaliser",
    [
        replace({"String": "a"}, "a" * 1000),
        replace({"Regex": ""}, "a" * 1000),
        {"type": "Sequence", "normalizers": [replace({"String": "a"}, "aa")] * 40},
        {
            "type": "Sequence",
            "normalizers": [{"type": "Sequence", "normalizers": [replace({"Regex": "x*"}, "ab")]}] * 9,
        },
        {"type": "Sequence", "normalizers": [{"type": "Lowercase"}] * 10_000},
        charsmap("a" * 10_000),
        ["a"],
        7,
    ],
    ids=["text", "pattern", "doubling", "nested", "many", "charsmap", "list", "number"],
)
def test_normalisers_that_grow_texts_are_refused(copy_of_bert: Path, normaliser: object) -> None:
    edit(copy_of_bert / "tokenizer.json", normalizer=normaliser)
    assert "has a normalizer that" in refusal(copy_of_bert)


@pytest.mark.parametrize(
    "normaliser",
    [
        None,
        {"type": "BertNormalizer", "clean_text": True},
        {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                replace({"String": " "}, "▁"),
                replace({"String": "``"}, '"'),
                replace({"Regex": " {2,}"}, " "),
                charsmap("صلى الله عليه وسلم"),
            ],
        },
    ],
)
def test_usual_normalisers_pass(copy_of_bert: Path, normaliser: object) -> None:
    edit(copy_of_bert / "tokenizer.json", normalizer=normaliser)
    assert resolve(str(copy_of_bert)).labels is None


def test_adapters_are_refused_and_are_part_of_the_identity(copy_of_bert: Path) -> None:
    digests = {recipe_digest(copy_of_bert, copy_of_bert)}
    for content in (b"one", b"another"):
        (copy_of_bert / "adapter_config.json").write_text("{}")
        (copy_of_bert / "adapter_model.safetensors").write_bytes(content)
        message = refusal(copy_of_bert)
        assert "holds adapters (adapter_config.json, adapter_model.safetensors)" in message
        assert "merge_and_unload" in message
        digests.add(recipe_digest(copy_of_bert, copy_of_bert))
    assert len(digests) == 3


def test_of_two_sets_of_weights_those_that_are_loaded_are_hashed(copy_of_bert: Path) -> None:
    before = resolve(str(copy_of_bert))
    with safe_open(copy_of_bert / "model.safetensors", framework="pt") as whole:
        other = {key: whole.get_tensor(key) + 1 for key in whole.keys()}  # noqa: SIM118
    save_file(other, copy_of_bert / "shard.safetensors", metadata={"format": "pt"})
    edit(
        copy_of_bert / "model.safetensors.index.json", metadata={}, weight_map=dict.fromkeys(other, "shard.safetensors")
    )
    after = resolve(str(copy_of_bert))
    assert (after.weights, after.weights_hash) == (before.weights, before.weights_hash)
