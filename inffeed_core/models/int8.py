"""Token vectors of a bare encoder in 8-bit integers, by CTranslate2: 2 to 4 times as fast on a CPU, at little loss.

Each token's activations and each output of a layer have their own scale, which keeps the loss small: one
scale for a whole batch, as in PyTorch's dynamic quantisation, loses too much (docs/benchmarks.md). Only linear layers
and embeddings are quantised; softmax, normalisation and pooling stay in float32. There are no gradients.
"""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from inffeed_core.errors import ModelError, brought_by
from inffeed_core.models.passages import Inputs
from inffeed_core.models.sources import ModelFiles

Vectors = Callable[[Inputs], list[Float[Tensor, "text token feature"]]]
"""Padded tokens → a vector for each token, of each layer that is pooled; the last one comes first."""


def int8_vectors(files: ModelFiles, model: nn.Module) -> Vectors:
    """Quantise a bare encoder that was loaded from these files; it runs on as many threads as torch has now.

    Raises MissingExtra without CTranslate2, and ModelError for an architecture that it does not support; it supports
    the BERT, RoBERTa and DistilBERT families.
    """
    with brought_by("int8"):
        import ctranslate2

    source = copy.deepcopy(model)  # conversion changes its weights
    # transformers 5 has only absolute positions and no longer says so, but CTranslate2 asks
    vars(source.config).setdefault("position_embedding_type", "absolute")
    converter = ctranslate2.converters.TransformersConverter(str(files.folder))
    converter.load_model = lambda *_, **__: source  # already hash-checked; avoids reading the files again
    with tempfile.TemporaryDirectory() as scratch:
        converted = str(Path(scratch) / "int8")
        try:
            converter.convert(converted, quantization="int8")
            encoder = ctranslate2.Encoder(converted, compute_type="int8", intra_threads=torch.get_num_threads())
        except (
            Exception
        ) as error:  # ValueError, AttributeError, RuntimeError, …, depending on what the architecture lacks
            raise ModelError(
                f"{files.name!r} cannot be read in int8: {str(error)[:300]} Choose the precision float32 instead."
            ) from error

    def vectors(inputs: Inputs) -> list[Float[Tensor, "text token feature"]]:
        ids, lengths = inputs["input_ids"], inputs["attention_mask"].sum(1)
        tokens, counts = (ctranslate2.StorageView.from_array(x.numpy().astype(np.int32)) for x in (ids, lengths))
        types = inputs["token_type_ids"].tolist() if "token_type_ids" in inputs else None
        return [torch.from_numpy(np.array(encoder.forward_batch(tokens, counts, types).last_hidden_state))]

    return vectors
