"""Text → features with a loaded transformer. Imports transformers, so import it late.

A bare encoder's features are its token vectors, pooled over the attended tokens and scaled to length 1 as
in sentence-transformers; those of the last layer, or of the middle one beside it (`layers.joined`). A sequence
classifier's features are the input of its last linear layer, so that the layer's own weights are a head on them. Both
are computed without dropout or gradients, and in float32 unless another `precision` is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import transformers
from jaxtyping import Float
from torch import Tensor, nn

from inffeed_core.errors import MissingExtra, ModelError, OnlyLastLayer
from inffeed_core.models.classifiers import find_head, head_inputs
from inffeed_core.models.device import in_parts
from inffeed_core.models.heads import Head
from inffeed_core.models.int8 import Vectors, int8_vectors
from inffeed_core.models.layers import joined
from inffeed_core.models.passages import Inputs, Tokens, has_types, padded, tokenised, windowed
from inffeed_core.models.snapshot import Pooling, weights_digest
from inffeed_core.models.sound import load_tokenizer, require_rows, require_sound
from inffeed_core.models.sources import ModelFiles
from inffeed_core.records import Passage
from inffeed_core.settings import Precision

CPU = torch.device("cpu")
Read = Callable[[Inputs], Float[Tensor, "text layer feature"]]
_UNUSED = ("pooler.",)
"""Weights that a bare encoder may lack: its own pooler is never used."""


class Encoder:
    """One loaded model. Texts longer than `max_tokens` or the model's positions are cut, or read in windows."""

    def __init__(
        self,
        files: ModelFiles,
        max_tokens: int,
        precision: Precision = "float32",
        device: torch.device = CPU,
    ) -> None:
        """Load a model onto a device. Raises ModelError if its files changed since they were checked, or fail."""
        self.files = files
        self.device = device
        with explained(files), quietly():
            if weights_digest(files.weights) != files.weights_hash:
                raise ModelError(f"The weights in {files.folder} changed while they were being loaded; start again.")
            model, self._tokenizer = _load(files)
            model.to(device)
            self._types = has_types(model, self._tokenizer)
            self.max_tokens = min(max_tokens, self._tokenizer.model_max_length, positions(model))
            self.model = model
            self.head: Head | None = None
            """The classifier's own head; None for bare encoders and regressors."""
            self._read = self._classifier(model) if files.pooling is None else _bare(files, model, files.pooling)
            self._read_fast = self._read
            if precision == "bfloat16":
                self._read_fast = _mixed(self._read, device)
            elif precision == "int8":
                self._read_fast = _int8(files, model)
            self.dimension = self.apart(self.tokenise(["A text to try the model."])).shape[2]
            """Features of each layer."""

    def read(self, inputs: Inputs) -> Float[Tensor, "text feature"]:
        """Features of padded tokens; differentiable and in float32, unlike `encode`."""
        return joined(self._read(inputs).unbind(1))

    def tokenise(self, passages: Sequence[Passage]) -> list[Tokens]:
        """Tokens of each text or pair of texts, special ones included; never empty."""
        rows = tokenised(self._tokenizer, passages, max_tokens=self.max_tokens, types=self._types)
        require_rows(self.files, self.model, self._tokenizer, rows)
        return [tokens or [self._filler] for tokens in rows]

    def windows(self, passages: Sequence[Passage]) -> list[list[Tokens]]:
        """Windows of tokens that together hold the whole of each text or pair; see `passages.windowed`."""
        found = windowed(self._tokenizer, passages, max_tokens=self.max_tokens, types=self._types)
        require_rows(self.files, self.model, self._tokenizer, (row for rows in found for row in rows))
        return [[row or [self._filler] for row in rows] for rows in found]

    @torch.inference_mode()
    def encode_windows(self, windows: Sequence[Tokens], batch_tokens: int) -> Float[Tensor, "layer feature"]:
        """Features of one text, layer by layer, by its windows: their mean, each by its tokens, and of length 1 where
        others are."""
        size = max(1, batch_tokens // max(map(len, windows)))
        found = torch.cat([self.apart(windows[start : start + size]) for start in range(0, len(windows), size)])
        shares = torch.tensor([float(len(row)) for row in windows])
        mean = torch.einsum("w,wlf->lf", shares / shares.sum(), found)
        pooling = self.files.pooling
        return nn.functional.normalize(mean, dim=1) if pooling is not None and pooling.normalise else mean

    @torch.inference_mode()
    def apart(self, batch: Sequence[Tokens]) -> Float[Tensor, "text layer feature"]:
        """Features of each layer alone, the last one first; see `encode`. A batch too large for memory is halved."""
        return in_parts(lambda rows: self._read_fast(self.padded(rows)).float().cpu(), batch)

    def encode(self, batch: Sequence[Tokens]) -> Float[Tensor, "text feature"]:
        """Features of texts given as tokens, padded to the longest; float32 numbers on the CPU, in any precision."""
        return joined(self.apart(batch).unbind(1))

    def fidelity(self, batch: Sequence[Tokens]) -> float:
        """Mean cosine between what `encode` gives for these texts and their features in float32."""
        with torch.inference_mode():
            exact = self.read(self.padded(batch)).cpu()
        return float(nn.functional.cosine_similarity(self.encode(batch), exact).mean())

    def padded(self, batch: Sequence[Tokens]) -> Inputs:
        """What the model takes for these texts, on its device."""
        found = padded(batch, self._tokenizer.pad_token_id or 0)
        return found if self.device == CPU else {name: part.to(self.device) for name, part in found.items()}

    @property
    def _filler(self) -> int:
        """The token that stands for an empty text if the tokenizer adds no special tokens."""
        known = (self._tokenizer.eos_token_id, self._tokenizer.unk_token_id, self._tokenizer.pad_token_id)
        return next((token for token in known if token is not None), 0)

    @torch.inference_mode()
    def _classifier(self, model: nn.Module) -> Read:
        ids = torch.tensor(self.tokenise(["A text to try the model."]), device=self.device)
        layer = find_head(model, ids, torch.ones_like(ids))
        if self.files.labels is not None:
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().cpu()
            weight, about = layer.weight.detach().cpu(), {"model": self.files.name}
            self.head = Head(weight=weight, bias=bias, labels=self.files.labels, about=about)
        return lambda inputs: head_inputs(model, layer, inputs).unsqueeze(1)


def _bare(files: ModelFiles, model: nn.Module, pooling: Pooling) -> Read:
    def both(inputs: Inputs) -> list[Float[Tensor, "text token feature"]]:
        found = model(**inputs, output_hidden_states=True)
        return [found.last_hidden_state, _middle(files, found)]

    return _pooled(both if pooling.layers != "last" else lambda inputs: [model(**inputs).last_hidden_state], pooling)


def _middle(files: ModelFiles, found: transformers.utils.ModelOutput) -> Float[Tensor, "text token feature"]:
    """The token vectors after half of the layers; the embeddings count as layer 0."""
    states: tuple[Tensor, ...] = found.get("hidden_states") or ()
    middle = states[(len(states) - 1) // 2] if len(states) > 1 else None
    if middle is None or middle.shape != found.last_hidden_state.shape:
        raise OnlyLastLayer(
            f"{files.name!r} gives no vectors of a middle layer for the tokens of its last one. Choose the layers last."
        )
    return middle


def _mixed(read: Read, device: torch.device) -> Read:
    """Products in bfloat16, normalisations, softmax and sums in float32."""

    def mixed(inputs: Inputs) -> Float[Tensor, "text layer feature"]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            found = read(inputs)
        return found.float()

    return mixed


def _int8(files: ModelFiles, model: nn.Module) -> Read:
    if files.pooling is None:
        raise ModelError(
            f"{files.name!r} is a sequence classifier; int8 works only with bare encoders. "
            "Choose the precision float32, or a bare encoder."
        )
    if files.pooling.layers != "last":
        raise OnlyLastLayer(
            "int8 gives only the vectors of the last layer. Choose the layers last, or the precision float32."
        )
    return _pooled(int8_vectors(files, model), files.pooling)


def _pooled(vectors_of: Vectors, pooling: Pooling) -> Read:
    def one(vectors: Float[Tensor, "text token feature"], mask: Tensor) -> Float[Tensor, "text feature"]:
        if pooling.mode == "cls":
            pooled = vectors[:, 0]
        else:
            pooled = torch.einsum("xtf,xt->xf", vectors, mask.to(vectors)) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(pooled, dim=1) if pooling.normalise else pooled

    return lambda inputs: torch.stack([one(each, inputs["attention_mask"]) for each in vectors_of(inputs)], 1)


def _load(files: ModelFiles) -> tuple[nn.Module, transformers.PreTrainedTokenizerBase]:
    kind = transformers.AutoModelForSequenceClassification if files.pooling is None else transformers.AutoModel
    model, told = kind.from_pretrained(
        files.folder,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    missing = sorted(name for name in told["missing_keys"] if files.pooling is None or not name.startswith(_UNUSED))
    if missing:
        raise ModelError(f"{files.folder} lacks the weights {', '.join(missing[:5])}; fetch the model again.")
    tokenizer = load_tokenizer(files.folder)
    require_sound(files, model, tokenizer)
    return model.eval(), tokenizer


def positions(model: nn.Module) -> int:
    """How many tokens the model has positions for. RoBERTa-like models number them from after the padding index."""
    limit = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return 1 << 30
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding) and m.num_embeddings == limit]
    return limit - max((table.padding_idx + 1 for table in tables if table.padding_idx is not None), default=0)


@contextmanager
def explained(files: ModelFiles) -> Iterator[None]:
    """Turn whatever transformers raises over a model's files into a ModelError."""
    try:
        yield
    except (MissingExtra, ModelError):
        raise
    except Exception as error:  # its loaders raise KeyError, RuntimeError, SafetensorError and others for bad files
        raise ModelError(
            f"{files.name!r} ({files.found}) cannot be used: {type(error).__name__}: {str(error).strip()[:500]} "
            "Fetch it again, or choose another encoder or sequence classifier that transformers supports."
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the progress bars and advice that transformers prints while loading."""
    level, bars = transformers.logging.get_verbosity(), transformers.utils.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
