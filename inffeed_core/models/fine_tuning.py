"""Fine-tune a transformer to classify: the course of `models/course.py`, with early stopping and checkpoints.

    tuned = fine_tune(resolve(model), lessons, validation, FineTuning(labels, settings, …), progress)

The result is a `save_pretrained` folder, which `AutoModelForSequenceClassification` and a `pipeline` load.
A bare encoder gets the classification head of its architecture (for BERT: the first token's vector, a tanh layer and
a new linear layer), because no standard architecture pools BERT's tokens by their mean.

Every step is a pure function of the state before it, and a checkpoint holds that state, so a killed run resumes as if
nothing had happened: on the CPU the same data, seed and number of threads give the same weights either way. A GPU is
used if torch finds one; its kernels may not be bit-reproducible. Under `accelerate launch` several processes share
every batch (`several.py`).
"""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from inffeed_core.errors import NotReady, require
from inffeed_core.influence.adamw import State
from inffeed_core.influence.linear_layers import evaluating
from inffeed_core.influence.parts import by_halves, is_full, of_rows
from inffeed_core.influence.training_run import TrainingRun, parameters
from inffeed_core.models import several
from inffeed_core.models.checkpoints import (
    Passed,
    last_checkpoint,
    load_passed,
    load_state,
    require_room,
    room_needed,
    save_checkpoint,
)
from inffeed_core.models.course import Course, TokenBatches, course_of, tokens_of
from inffeed_core.models.encoder import explained, quietly
from inffeed_core.models.lessons import FineTuned, FineTuning, Lessons
from inffeed_core.models.metrics import macro_f1
from inffeed_core.models.passages import Inputs
from inffeed_core.models.sound import require_rows
from inffeed_core.models.sources import ModelFiles
from inffeed_core.models.trainable import classifier, tokenizer_of
from inffeed_core.records import CurvePoint, Progress

STAGE = "Fine-tuning"
PROBED = 6
"""Batches that a probe times, after one that is not counted. Long and short batches come in random order."""
SCORING = 1.15
"""The rough factor by which scoring validation and writing checkpoints lengthen training."""
SCORED_AT_ONCE = 4
"""Batches of training that one batch of scoring holds."""


def fine_tune(
    base: ModelFiles, lessons: Lessons, validation: Lessons, about: FineTuning, progress: Progress
) -> FineTuned:
    """Fine-tune `base`, keeping the state that scored best on validation.

    Validation weights are not used. Raises ModelError if the model cannot be used, NotReady if there is nothing
    to learn from or to score on, too little disk space, or the training diverges, and whatever `progress` raises;
    checkpoints written before are then kept in `about.work`.
    """
    if (finished := _finished(about.work)) is not None:
        return finished
    learned = lessons.counted()
    if not learned.texts or not validation.texts:
        raise NotReady("Fine-tuning needs texts to learn from and validation gold; import more data.")
    model, tokenizer = prepared(base, about, progress)
    require_room(about.work, room_needed(model, lora=about.lora))
    progress("Tokenising", 0, 0)
    course, judge = _begun((model, tokenizer), learned, validation, about)
    require_rows(base, model, tokenizer, [*course.tokens, *judge.tokens])
    began, folder = time.monotonic(), last_checkpoint(about.work)
    before = (course.start, Passed()) if folder is None else (load_state(folder), load_passed(folder))
    several.hand_out((base, learned, validation, about, before))
    passed, done = _pass_through(course, judge, about, before, progress, lambda *now: save_checkpoint(about.work, *now))
    _keep((model, tokenizer), course.run, passed, about, (time.monotonic() - began, done))
    finished = _finished(about.work)
    assert finished is not None
    return finished


def follow() -> None:
    """Take part in every fine-tuning that the first of several processes hands out, until there is no other.

    Raises JobError where another process ends before, and what `fine_tune` raises for a model.
    """
    while (handed := several.taken()) is not None:
        base, learned, validation, about, before = handed
        made = prepared(base, about, lambda *_: None)
        course, judge = _begun(made, learned, validation, about)
        try:
            _pass_through(course, judge, about, before, lambda *_: None, lambda *_: None)
        except RuntimeError as error:
            raise error if is_full(error) else several.ended() from error


def _begun(made: tuple[Any, Any], learned: Lessons, validation: Lessons, about: FineTuning) -> tuple[Course, "_Judge"]:
    """`made` are model and tokenizer."""
    course = course_of(*made, learned, about)
    course = replace(course, run=replace(course.run, sharing=several.sharing()))
    return course, _Judge(*made, validation, about)


def seconds_per_text(base: ModelFiles, lessons: Lessons, about: FineTuning, progress: Progress) -> float:
    """Wall seconds per text and epoch that `fine_tune` would take, timed on a few batches; nothing is saved.

    Raises ModelError if the model cannot be used, NotReady if there is nothing to learn from.
    """
    learned = lessons.counted()
    if not learned.texts:
        raise NotReady("Fine-tuning needs texts to learn from; import some first.")
    course = course_of(*prepared(base, about, progress), learned, about)
    state, taught, seconds = course.start, course.taught, []
    for number in range(min(PROBED + 1, len(course.run))):
        progress("Timing a few batches", number, PROBED + 1)
        began = time.monotonic()
        state, _ = course.run.advance(state, number, taught)
        seconds.append(time.monotonic() - began)
    return SCORING * float(np.mean(seconds[1:] or seconds)) / min(about.settings.batch_size, len(learned.texts))


def prepared(base: ModelFiles, about: FineTuning, progress: Progress) -> tuple[Any, Any]:
    """(model, tokenizer), ready to be trained; deterministic for the seed."""
    if about.lora:
        require("finetune", "peft")
    progress("Loading the model", 0, 0)
    transformers.set_seed(about.seed)
    with explained(base), quietly():
        model, fresh = classifier(base, about.labels)
        tokenizer = tokenizer_of(base, model, about.max_tokens)
        if about.lora:
            from inffeed_core.models.adapters import with_adapters  # peft takes 2 s

            model = with_adapters(model, about.settings.lora_rank, fresh)
    return model, tokenizer


class _Judge:
    """Validation, by which the state to keep is chosen."""

    def __init__(self, model: nn.Module, tokenizer: Any, validation: Lessons, about: FineTuning) -> None:
        self.tokens = tokens_of(model, tokenizer, validation)
        self._model, self._targets, self._filler = model, validation.targets, tokenizer.pad_token_id or 0
        order = np.argsort([-len(one) for one in self.tokens], kind="stable")
        size = SCORED_AT_ONCE * about.settings.batch_size
        self._plan = [order[first : first + size] for first in range(0, len(order), size)]
        self._by_loss = about.settings.stop_on == "loss"

    def scored(self, run: TrainingRun, state: State, said: Callable[[], None]) -> dict[str, Any]:
        """Scores of `CurvePoint` under this state; `said` is called after every batch."""
        logits, mine = torch.zeros_like(self._targets), self._plan[run.sharing.number :: run.sharing.of]
        batches = TokenBatches(tokens=self.tokens, plan=mine, filler=self._filler, device=state.device)
        with evaluating(self._model), torch.no_grad():
            for inputs, rows in batches:
                logits[rows.cpu()] = _logits(run, state, inputs, len(rows))
                said()
        logits = run.sharing.added(logits.to(state.device)).cpu()
        losses, gold = -(self._targets * logits.log_softmax(1)).sum(1), self._targets.argmax(1)
        parts = [losses[gold == c] for c in range(logits.shape[1])]
        return {
            "loss": float(losses.mean()),
            "macro_f1": macro_f1(logits.argmax(1).numpy(), gold.numpy(), logits.shape[1]),
            "by_class": tuple(float(part.mean()) if len(part) else None for part in parts),
        }

    def better(self, point: CurvePoint, best: CurvePoint | None) -> bool:
        """Whether a scoring beats the best so far."""
        if not np.isfinite(point.loss):
            return False
        if best is None:
            return True
        return point.loss < best.loss if self._by_loss else point.macro_f1 > best.macro_f1


def _logits(run: TrainingRun, state: State, inputs: Inputs, size: int) -> Tensor:
    """Of a batch, on the CPU."""
    parts = by_halves(lambda rows: run.logits(state[0], of_rows(inputs, rows)).float().cpu(), range(size))
    return torch.cat(list(parts))


def _pass_through(
    course: Course,
    judge: _Judge,
    about: FineTuning,
    before: tuple[State, Passed],
    progress: Progress,
    keep: Callable[[State, Passed], None],
) -> tuple[Passed, int]:
    """Train on until the end or until validation no longer improves: (what was passed, steps done by this process)."""
    run, taught = course.run, course.taught
    every = max(1, -(-len(course.lessons.texts) // about.settings.batch_size) // about.settings.scorings)
    state, passed = before[0].to(course.start), before[1]
    first = passed.step
    progress(STAGE, first, len(run))
    while passed.step < len(run) and passed.since_best < about.settings.patience:
        state, loss = run.advance(state, passed.step, taught)
        passed = passed.stepped(loss)
        progress(STAGE, passed.step, len(run))
        if passed.step % every == 0 or passed.step == len(run):
            scores = judge.scored(run, state, lambda: progress(STAGE, passed.step, len(run)))  # noqa: B023
            passed = passed.scored(scores, about.settings.epochs * passed.step / len(run), judge.better)
            keep(state, passed)
    if passed.best is None:
        raise NotReady(
            "The training diverged: its validation loss was never a number. Choose a lower learning rate; "
            f"it was {max(run.rates):g}."
        )
    return passed, passed.step - first


def _keep(made: tuple[Any, Any], run: TrainingRun, passed: Passed, about: FineTuning, spent: tuple[float, int]) -> None:
    """Write the best state to `work/result`, whole or not at all, and delete the checkpoints.

    `made` are model and tokenizer, `spent` seconds and steps.
    """
    (seconds, steps), work, best = spent, about.work, passed.best
    assert best is not None
    texts = steps * about.settings.batch_size
    facts = {
        "curve": [asdict(point) for point in passed.curve],
        "best_step": best.step,
        "steps": passed.step,
        "seconds": round(seconds, 3),
        "seconds_per_text": seconds / texts if texts else None,
        "device": next(made[0].parameters()).device.type,
        "course": about.course,
        "parameters": run.optimiser.decay.numel(),
        "processes": run.sharing.of,
    }
    unfinished = work / "result.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    save(made, load_state(work / f"checkpoint-{best.step}")[0], unfinished)
    (unfinished / "training.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    unfinished.rename(work / "result")
    for checkpoint in work.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def save(made: tuple[Any, Any], theta: Tensor, folder: Path) -> None:
    """Write model and tokenizer, with these values of what is trained, as `from_pretrained` reads them."""
    model, tokenizer = made
    _fill(model, theta)
    with quietly():
        model.to("cpu").eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _fill(model: nn.Module, theta: Tensor) -> None:
    """Give the model's trained parameters these values."""
    trained: Sequence[nn.Parameter] = list(parameters(model).values())
    with torch.no_grad():
        for one, values in zip(trained, theta.split_with_sizes([one.numel() for one in trained]), strict=True):
            one.copy_(values.view(one.shape))


def _finished(work: Path) -> FineTuned | None:
    """The result that a finished run left, or None."""
    folder = work / "result"
    if not folder.is_dir():
        return None
    told = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return FineTuned(folder, **told | {"curve": tuple(CurvePoint(**point) for point in told["curve"])})
