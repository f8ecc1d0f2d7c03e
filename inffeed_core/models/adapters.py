"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: versions of some hundred kilobytes beside a shared base."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inffeed_core.errors import brought_by
from inffeed_core.models.encoder import explained, quietly
from inffeed_core.models.sound import load_tokenizer
from inffeed_core.models.sources import ModelFiles
from inffeed_core.models.trainable import classifier

with brought_by("finetune"):
    import peft

SCALE = 2
"""Alpha over rank."""
DROPOUT = 0.1
HEADS = ("classifier", "score")
"""Modules that peft itself saves whole, and that break it if their parts are named again."""


def with_adapters(model: nn.Module, rank: int, fresh: Sequence[str]) -> Any:
    """`model` frozen except for adapters on every linear layer and the modules `fresh`, trained and saved whole.

    A module that the base lacks must be saved: it could not be restored from the base alone.
    """
    config = peft.LoraConfig(
        task_type=peft.TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=SCALE * rank,
        lora_dropout=DROPOUT,
        target_modules="all-linear",
        modules_to_save=[name for name in fresh if name.partition(".")[0] not in HEADS],
    )
    return peft.get_peft_model(model, config)


def merge(base: ModelFiles, adapters: Path, labels: Sequence[str], folder: Path) -> None:
    """Write `base` with these adapters folded into its weights to `folder`, whole or not at all.

    Raises ModelError if either cannot be read.
    """
    unfinished = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    try:
        with explained(base), quietly():
            tuned = peft.PeftModel.from_pretrained(classifier(base, labels)[0], str(adapters), torch_device="cpu")
            with torch.no_grad():
                merged = tuned.merge_and_unload()
            tokenizer = load_tokenizer(adapters)
        merged.save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
