"""Fine-tune a transformer to classify: `transformers.Trainer` with soft labels, weights and early stopping.

    tuned = fine_tune(resolve(model), lessons, validation, FineTuning(labels, settings, …), progress)

The result is a `save_pretrained` folder, which `AutoModelForSequenceClassification` and a `pipeline` load.
A bare encoder gets the classification head of its architecture (for BERT: the first token's vector, a tanh layer and
a new linear layer), because no standard architecture pools BERT's tokens by their mean.

Checkpoints hold weights, optimiser, schedule, random state and patience, so a killed run resumes as if
nothing had happened: on the CPU the same data, seed and number of threads give the same weights either way. A GPU is
used if torch finds one; its kernels may not be bit-reproducible.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from jaxtyping import Float
from torch import Tensor, nn

from inffeed_core.errors import NotReady, require
from inffeed_core.models.checkpoints import KEPT, last_checkpoint, require_room, room_needed
from inffeed_core.models.encoder import explained, quietly
from inffeed_core.models.lessons import FineTuned, FineTuning, Lessons
from inffeed_core.models.metrics import macro_f1
from inffeed_core.models.passages import has_types, padded, tokenised
from inffeed_core.models.sound import require_rows
from inffeed_core.models.sources import ModelFiles
from inffeed_core.models.trainable import classifier, tokenizer_of
from inffeed_core.records import CurvePoint, Progress

STAGE = "Fine-tuning"
WARM_UP = 0.1
WEIGHT_DECAY = 0.01
LEARNING_RATES = {False: 5e-5, True: 1e-3}
"""The defaults, by whether it is LoRA."""
PROBED = 6
"""Batches that a probe times, after one that is not counted. Long and short batches come in random order."""
SCORING = 1.15
"""The rough factor by which scoring validation and writing checkpoints lengthen training."""
Item = dict[str, Any]


def fine_tune(
    base: ModelFiles, lessons: Lessons, validation: Lessons, about: FineTuning, progress: Progress
) -> FineTuned:
    """Fine-tune `base`, keeping the state that scored best on validation.

    Validation weights are not used. Raises ModelError if the model cannot be used, NotReady if there is nothing
    to learn from or to score on or too little disk space, and whatever `progress` raises; checkpoints written before
    are then kept in `about.work`.
    """
    if (finished := _finished(about.work)) is not None:
        return finished
    learned = lessons.counted()
    if not learned.texts or not validation.texts:
        raise NotReady("Fine-tuning needs texts to learn from and validation gold; import more data.")
    model, tokenizer = _prepared(base, about, progress)
    require_room(about.work, room_needed(model, lora=about.lora))
    progress("Tokenising", 0, 0)
    data = [_items(model, tokenizer, learned), _items(model, tokenizer, validation)]
    require_rows(base, model, tokenizer, (one["input_ids"] for items in data for one in items))
    reports = _Reports(progress)
    trainer = _trainer(model, tokenizer, data, about, reports)
    began = time.monotonic()
    with quietly():
        trainer.train(resume_from_checkpoint=last_checkpoint(about.work))
    seconds, done = time.monotonic() - began, trainer.state.global_step - (reports.first or 0)
    _keep(trainer, tokenizer, about.work, seconds, done * about.settings.batch_size)
    finished = _finished(about.work)
    assert finished is not None
    return finished


def seconds_per_text(base: ModelFiles, lessons: Lessons, about: FineTuning, progress: Progress) -> float:
    """Wall seconds per text and epoch that `fine_tune` would take, timed on a few batches; nothing is saved.

    Raises ModelError if the model cannot be used, NotReady if there is nothing to learn from.
    """
    learned = lessons.counted()
    if not learned.texts:
        raise NotReady("Fine-tuning needs texts to learn from; import some first.")
    model, tokenizer = _prepared(base, about, progress)
    items = _items(model, tokenizer, learned)
    trainer = _trainer(model, tokenizer, [items, items[:1]], about, _Reports(progress))
    trainer.create_optimizer()
    seconds, texts = [], about.settings.batch_size
    for number, batch in zip(range(PROBED + 1), trainer.get_train_dataloader(), strict=False):
        progress("Timing a few batches", number, PROBED + 1)
        began = time.monotonic()
        trainer.compute_loss(model.train(), batch).backward()
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        seconds.append(time.monotonic() - began)
    return SCORING * float(np.mean(seconds[1:] or seconds)) / min(texts, len(items))


def _prepared(base: ModelFiles, about: FineTuning, progress: Progress) -> tuple[Any, Any]:
    """(model, tokenizer), ready to be trained; deterministic for the seed."""
    require("finetune", "accelerate", "peft")
    progress("Loading the model", 0, 0)
    transformers.set_seed(about.seed)
    with explained(base), quietly():
        model, fresh = classifier(base, about.labels)
        tokenizer = tokenizer_of(base, model, about.max_tokens)
        if about.lora:
            from inffeed_core.models.adapters import with_adapters  # peft takes 2 s

            model = with_adapters(model, about.settings.lora_rank, fresh)
    return model, tokenizer


def _items(model: nn.Module, tokenizer: Any, lessons: Lessons) -> list[Item]:
    types = has_types(model, tokenizer)
    tokens = tokenised(tokenizer, lessons.texts, max_tokens=tokenizer.model_max_length, types=types)
    empty = [tokenizer.eos_token_id or tokenizer.pad_token_id or 0]
    rows = zip(tokens, lessons.targets, lessons.weights, strict=True)
    return [{"input_ids": t or empty, "labels": target, "weights": weight} for t, target, weight in rows]


class _Trainer(transformers.Trainer):  # type: ignore[misc]
    """A trainer with probabilities as labels, and weights of texts and classes; evaluation is unweighted."""

    class_weights: Float[Tensor, " class"]
    loss_is_scaled_for_ga = False

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        targets, weights = inputs.pop("labels"), inputs.pop("weights")
        outputs = model(**inputs)
        surprise = -targets * torch.log_softmax(outputs.logits.float(), 1)
        if model.training:
            surprise = surprise * weights.unsqueeze(1) * self.class_weights.to(surprise)
        loss = surprise.sum(1).mean()
        return (loss, outputs) if return_outputs else loss


class _Reports(transformers.TrainerCallback):  # type: ignore[misc]
    """Passes progress on; whatever that raises ends the training."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.first: int | None = None
        """The step at which this process started; above 0 if it resumed."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._say(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._say(state)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._say(state)

    def _say(self, state: Any) -> None:
        if self.first is None:
            self.first = state.global_step
        self.progress(STAGE, state.global_step, state.max_steps)


def _trainer(model: nn.Module, tokenizer: Any, data: list[list[Item]], about: FineTuning, reports: _Reports) -> Any:
    learned, validation = data
    settings = about.settings
    trainer = _Trainer(
        model=model,
        args=_arguments(about, len(learned)),
        train_dataset=learned,
        eval_dataset=validation,
        processing_class=tokenizer,
        data_collator=lambda items: _collated(items, tokenizer.pad_token_id or 0),
        compute_metrics=lambda found: {"macro_f1": _macro_f1(found)},
        callbacks=[reports, transformers.EarlyStoppingCallback(settings.patience)],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # it prints into the command's answer
    trainer.class_weights = _class_weights(learned, settings.class_weights)
    return trainer


def _arguments(about: FineTuning, texts: int) -> Any:
    """The trainer's arguments for this many texts to learn from."""
    settings = about.settings
    per_epoch = -(-texts // settings.batch_size)
    every = max(1, per_epoch // settings.scorings)
    return transformers.TrainingArguments(
        output_dir=str(about.work),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate or LEARNING_RATES[about.lora],
        warmup_steps=WARM_UP,
        weight_decay=WEIGHT_DECAY,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=4 * settings.batch_size,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=KEPT,
        logging_strategy="steps",
        logging_steps=every,
        load_best_model_at_end=True,
        metric_for_best_model="eval_macro_f1" if settings.stop_on == "macro-f1" else "eval_loss",
        greater_is_better=settings.stop_on == "macro-f1",
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=about.seed,
        report_to="none",
        disable_tqdm=True,
    )


def _class_weights(learned: list[Item], balanced: bool) -> Float[Tensor, " class"]:
    """1 for each class; if balanced, the inverse of its total weight (0 for a class that does not occur)."""
    total = torch.stack([one["labels"] * one["weights"] for one in learned]).sum(0)
    if not balanced:
        return torch.ones_like(total)
    present = total > 0
    return torch.where(present, total.sum() / (present.sum() * total.clamp_min(1e-9)), 0.0)


def _collated(items: Sequence[Mapping[str, Any]], filler: int) -> dict[str, Tensor]:
    return padded([one["input_ids"] for one in items], filler) | {
        "labels": torch.stack([one["labels"] for one in items]),
        "weights": torch.stack([one["weights"] for one in items]),
    }


def _macro_f1(found: Any) -> float:
    logits = found.predictions[0] if isinstance(found.predictions, tuple) else found.predictions
    gold = np.asarray(found.label_ids).argmax(1)
    return macro_f1(np.asarray(logits).argmax(1), gold, logits.shape[1])


def _keep(trainer: Any, tokenizer: Any, work: Path, seconds: float, texts: int) -> None:
    """Write the best state to `work/result`, whole or not at all, and delete the checkpoints; `texts` were learned."""
    facts = {
        "curve": [asdict(point) for point in _curve(trainer.state.log_history)],
        "best_step": trainer.state.best_global_step,
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 3),
        "seconds_per_text": seconds / texts if texts else None,
        "device": trainer.args.device.type,
    }
    unfinished = work / "result.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with quietly():
        trainer.model.to("cpu").eval().save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    (unfinished / "training.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    unfinished.rename(work / "result")
    for checkpoint in work.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _finished(work: Path) -> FineTuned | None:
    """The result that a finished run left, or None."""
    folder = work / "result"
    if not folder.is_dir():
        return None
    told = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return FineTuned(folder, **told | {"curve": tuple(CurvePoint(**point) for point in told["curve"])})


def _curve(history: Sequence[Mapping[str, Any]]) -> list[CurvePoint]:
    losses = {entry["step"]: entry["loss"] for entry in history if "loss" in entry}
    return [
        CurvePoint(
            step=e["step"],
            epoch=round(e["epoch"], 3),
            training_loss=losses.get(e["step"]),
            loss=e["eval_loss"],
            macro_f1=e["eval_macro_f1"],
        )
        for e in history
        if "eval_loss" in e
    ]
