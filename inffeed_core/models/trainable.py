"""An outside model as a trainable classifier, with its tokenizer."""

from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import nn

from inffeed_core.models.encoder import positions
from inffeed_core.models.sound import load_tokenizer, require_sound
from inffeed_core.models.sources import ModelFiles


def classifier(base: ModelFiles, labels: Sequence[str]) -> tuple[nn.Module, list[str]]:
    """(`base` as a sequence classifier for these labels, names of its modules whose weights are new and random)."""
    model, told = transformers.AutoModelForSequenceClassification.from_pretrained(
        base.folder,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: c for c, label in enumerate(labels)},
        problem_type="single_label_classification",
        ignore_mismatched_sizes=True,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    names = [*told["missing_keys"], *(key[0] for key in told.get("mismatched_keys", ()))]
    return model, sorted({name.rpartition(".")[0] for name in names})


def tokenizer_of(base: ModelFiles, model: nn.Module, max_tokens: int) -> Any:
    """The model's tokenizer, which cuts texts at the same length as `Encoder`."""
    tokenizer = load_tokenizer(base.folder)
    require_sound(base, model, tokenizer)
    tokenizer.model_max_length = min(max_tokens, tokenizer.model_max_length, positions(model))
    config: Any = model.config
    if config.pad_token_id is None:  # without it, decoders cannot tell where a text in a batch ends
        config.pad_token_id = tokenizer.pad_token_id or 0
    return tokenizer
