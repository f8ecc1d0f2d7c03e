"""The repair experiment with the transformer fine-tuned again: which texts should be checked before a whole retrain?

One set and one draw. A pretrained transformer is fine-tuned on gold and on silver as it is. An *order* ranks the
silver; the first share of it gets its gold labels, and the same fine-tuning (start, seed, batches, steps) runs once
more. Orders are the product's policies, through the head on the fine-tuned features or through the training itself
(`influence.replay`), for which the first training is differentiated once.

All trainings run for the same number of epochs and keep their last state: with early stopping two of them would also
differ by where they end. The recipe is `plain`, so a text whose silver label is right teaches the same once it is
checked, and two orders that correct the same labels share a training.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from inffeed_core.analysis.replay_cost import spacing
from inffeed_core.analysis.training_tier import seen_through
from inffeed_core.flags.policies import POLICIES, RANKINGS, Floats, Ints, order
from inffeed_core.influence.adamw import AdamW, State
from inffeed_core.influence.kept_states import KeptStates
from inffeed_core.influence.linear_layers import evaluating
from inffeed_core.influence.replay import Derivatives, replay
from inffeed_core.models.course import Course, course_of, labelled, tokens_of
from inffeed_core.models.courses import course_today
from inffeed_core.models.deciding import fit_rules
from inffeed_core.models.lessons import FineTuning, Lessons
from inffeed_core.models.sources import resolve
from inffeed_core.records import Progress
from inffeed_core.settings import DEFAULT_MODEL, FineTuneSettings, Method, Scope, TrainSettings
from inffeed_core.studies.draws import RepairSet, drawn, encoded, labelled_anew
from inffeed_core.studies.repair.review import DECIDING, Study, answers, f1_of, wrong
from inffeed_core.studies.repair.runs import Row, packed

ORDERS: Mapping[str, tuple[Scope, str]] = {
    "negative-influence, training": ("training", "negative-influence"),
    "class-influence, training": ("training", "class-influence"),
    "channel-gain, training": ("training", "channel-gain"),
    f"{POLICIES[0]}, head": ("head", POLICIES[0]),
    "gold-loss": ("head", "gold-loss"),
    "confident-learning": ("head", "confident-learning"),
    "random": ("head", "random"),
}
"""What each order ranks by: the scope that its policy's signals come from, and the policy. First those through the
training, then the product's default, then rivals."""
SCORED_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainSettings:
    """What is trained, on how much of a set. Texts are counted after the draw."""

    model: str = DEFAULT_MODEL
    method: Method = "fine-tune"
    gold: int
    silver: int
    validation: int
    test: int
    epochs: int
    given_course: int | None = None
    """A key of `inffeed_core.models.courses.EPSILONS`: another way to fine-tune than today's."""

    @property
    def course(self) -> int:
        """The course that its trainings take."""
        return course_today(lora=self.method == "lora") if self.given_course is None else self.given_course

    def fingerprint(self) -> str:
        """Hash of these settings."""
        given = asdict(self) | {"course": self.course}
        del given["given_course"]
        if self.course == 2:  # as before there was another
            del given["course"]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]


def part_of(data: RepairSet, settings: AgainSettings, seed: int) -> RepairSet:
    """A draw of the set, cut down to the settings' numbers of texts."""
    draw = drawn(data, seed)
    gold = range(min(settings.gold, draw.seed_rows))
    silver = range(min(settings.silver, len(draw.silver)))
    rows = torch.tensor([*gold, *(draw.seed_rows + i for i in silver)])
    validation, test = slice(settings.validation), slice(settings.test)
    return labelled_anew(
        replace(
            draw,
            texts=[draw.texts[i] for i in rows.tolist()],
            features=draw.features[rows],
            gold=draw.gold[rows],
            seed_rows=len(gold),
            silver=draw.silver[: len(silver)],
            said=None if draw.said is None else draw.said.where(rows),
            steering=None
            if draw.steering is None
            else draw.steering.where(range(len(draw.validation_texts))[validation]),
            validation=(draw.validation[0][validation], draw.validation[1][validation]),
            validation_texts=draw.validation_texts[validation],
            test=(draw.test[0][test], draw.test[1][test]),
            test_texts=draw.test_texts[test],
        )
    )


class Again:
    """One draw of one set: its first training, what follows from it, and trainings on corrected labels."""

    def __init__(
        self,
        draw: RepairSet,
        settings: AgainSettings,
        seed: int,
        work: Path,
        progress: Progress,
        tune: FineTuneSettings | None = None,
    ) -> None:
        """`work` holds what took long, from which a killed run goes on. `tune` is how to train, but for the epochs."""
        self.draw, self._settings, self._seed, self._work, self._progress = draw, settings, seed, work, progress
        self._tune = replace(tune or FineTuneSettings(), epochs=settings.epochs)
        work.mkdir(parents=True, exist_ok=True)
        self.errors = wrong(draw)
        self.silver_as_it_is = torch.cat([draw.gold[: draw.seed_rows], draw.silver])

    @cached_property
    def _about(self) -> FineTuning:
        return FineTuning(
            labels=self.draw.labels,
            settings=self._tune,
            lora=self._settings.method == "lora",
            max_tokens=TrainSettings().max_tokens,
            seed=self._seed,
            work=self._work,
            given_course=self._settings.course,
        )

    def _made(self) -> tuple[Any, Any]:
        """(the pretrained model, tokenizer)."""
        from inffeed_core.models.fine_tuning import prepared  # imports transformers, 3 s

        return prepared(resolve(self._settings.model), self._about, self._progress)

    @cached_property
    def _opened(self) -> tuple[Course, Sequence[Any], Sequence[Any]]:
        """(the training; tokens of the validation and the test texts)."""
        made, draw = self._made(), self.draw
        course = course_of(*made, self._lessons(self.silver_as_it_is).counted(), self._about)
        parts = [
            tokens_of(*made, Lessons.of_labels(texts, gold, len(draw.labels)))
            for texts, gold in ((draw.validation_texts, draw.validation[1]), (draw.test_texts, draw.test[1]))
        ]
        return course, parts[0], parts[1]

    def _lessons(self, labels: Int[Tensor, " n"]) -> Lessons:
        return Lessons.of_labels(self.draw.texts, labels, len(self.draw.labels))

    def trained(self, labels: Int[Tensor, " n"], optimiser: AdamW | None = None) -> State:
        """The state after the training on these labels, perhaps by another optimiser than the product's."""
        course = self._opened[0]
        run = course.run if optimiser is None else replace(course.run, optimiser=optimiser)
        state, taught = course.start, replace(course, lessons=self._lessons(labels).counted()).taught
        for number in range(len(run)):
            self._progress("Fine-tuning", number, len(run))
            state, _ = run.advance(state, number, taught)
        return state

    def scored(self, state: State) -> Row:
        """Mean losses, macro-F1 on test and what was decided there, by decision rule."""
        course, *tokens = self._opened
        gold = (self.draw.validation[1], self.draw.test[1])
        validation, test = (_logits(course, state, *pair) for pair in zip(tokens, gold, strict=True))
        rules = fit_rules(validation.numpy(), gold[0].numpy())
        decided = {rule: rules[rule].rule.decide(test.numpy()) for rule in DECIDING}
        losses = (torch.nn.functional.cross_entropy(*pair) for pair in zip((validation, test), gold, strict=True))
        return {
            **dict(zip(("validation_loss", "test_loss"), map(_short, losses), strict=True)),
            "macro_f1": {rule: round(f1_of(classes, self.draw), 6) for rule, classes in decided.items()},
            "decided": {rule: packed(classes) for rule, classes in decided.items()},
        }

    def first(self) -> Row:
        """The row of the training on silver as it is; its transformer is kept for `scores`."""
        from inffeed_core.models.fine_tuning import save

        state = self.trained(self.silver_as_it_is)
        shutil.rmtree(self._model, ignore_errors=True)
        if not self._about.lora:
            save(self._made(), state[0], self._model)
        else:
            from inffeed_core.models.adapters import merge  # peft takes 2 s

            save(self._made(), state[0], self._work / "adapters")
            merge(resolve(self._settings.model), self._work / "adapters", self.draw.labels, self._model)
        return self.scored(state)

    @property
    def _model(self) -> Path:
        return self._work / "model"

    @cached_property
    def replayed(self) -> Derivatives:
        """Derivatives of the validation loss of each class by what each text taught in the first training."""
        path = self._work / "derivatives.safetensors"
        if not path.is_file():
            course, tokens, _ = self._opened
            labels = self.draw.validation[1]
            rows = [(labels == c).nonzero().squeeze(1) for c in self._classes]
            found = replay(
                course.run,
                course.start,
                course.taught,
                [labelled(course, [tokens[i] for i in part], labels[part], SCORED_AT_ONCE) for part in rows],
                every=spacing(len(course.run), course.start.shape[1]),
                kept=KeptStates(self._work / "states"),
                progress=self._progress,
            )
            save_file({"by_taught": found.by_taught.cpu().contiguous(), "losses": found.losses}, path)
        return Derivatives(**load_file(path))

    @property
    def _classes(self) -> list[int]:
        return sorted(set(self.draw.validation[1].tolist()))

    @property
    def _shares(self) -> Float[Tensor, " target"]:
        counts = torch.tensor([(self.draw.validation[1] == c).sum() for c in self._classes], dtype=torch.float64)
        return counts / counts.sum()

    @property
    def _gains(self) -> Float[Tensor, "target silver class"]:
        """Predicted fall of each class's validation loss with another label, nats."""
        silver = torch.nn.functional.one_hot(self.draw.silver, len(self.draw.labels)).double()
        return self._of_silver().relabel_gains(torch.ones_like(silver), silver)

    def _of_silver(self) -> Derivatives:
        return Derivatives(self.replayed.losses, self.replayed.by_taught[:, self.draw.seed_rows :].double())

    def foretold(self, checked: Ints) -> float:
        """By how much the validation loss should fall with gold for these silver texts, nats."""
        gains = torch.einsum("t,tnc->nc", self._shares, self._gains)
        truth = self.draw.gold[self.draw.seed_rows :]
        return float(gains[checked, truth[checked]].sum())

    @cached_property
    def scores(self) -> Mapping[str, Floats]:
        """The number that each order gives each silver text."""
        draw = encoded(self.draw, str(self._model), self._work / "features", self._progress, layers="last")
        draw = replace(draw, silver=self.draw.silver)  # that of a seed model is not made again
        study = Study(draw, answers(draw, 0.0, self._seed))
        head = study.signals({policy for _, policy in ORDERS.values()}, self._seed)
        silver = torch.nn.functional.one_hot(draw.silver, len(draw.labels)).double()
        influence = self._of_silver().influence(silver)
        through = seen_through(head, influence, self._gains, self._classes, self._shares)
        return {
            name: RANKINGS[policy](through if scope == "training" else head) for name, (scope, policy) in ORDERS.items()
        }

    def checked(self, name: str, budget: float) -> Ints:
        """The silver texts that an order checks first."""
        ranking = order(self.scores[name])
        return ranking[: max(1, round(budget * len(ranking)))]

    def corrected(self, checked: Ints) -> Int[Tensor, " n"]:
        """All labels, with gold for these silver texts."""
        labels, rows = self.silver_as_it_is.clone(), self.draw.seed_rows + torch.from_numpy(checked.copy())
        labels[rows] = self.draw.gold[rows]
        return labels


def _logits(course: Course, state: State, tokens: Sequence[Any], gold: Int[Tensor, " t"]) -> Float[Tensor, "t c"]:
    """Logits without dropout, on the CPU; texts of similar length go through together."""
    rows = torch.tensor(sorted(range(len(tokens)), key=lambda i: -len(tokens[i])))
    batches = labelled(course, [tokens[i] for i in rows], gold[rows], SCORED_AT_ONCE)
    with evaluating(course.run.network), torch.no_grad():
        found = torch.cat([course.run.logits(state[0], inputs).float().cpu() for inputs, _ in batches])
    return found[torch.argsort(rows)]


def _short(value: Tensor) -> float:
    return round(float(value), 7)
